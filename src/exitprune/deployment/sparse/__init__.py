"""A runtime in which scattered zeros save time: what is zero is in no list, and lists are all that is computed.

Read in this order: `steps` (what is computed), `layout` (how maps lie in memory), `packing` (weights as lists), `kernels` (one
file each, as LLVM IR), `machine` (which processor, machine code), `program` (buffers and the table of operations), `model`
(images leave), `saved` (the file). docs/sparse.md draws the pictures. `exitprune.sparse` is the door.
"""
