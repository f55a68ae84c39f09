"""A runtime in which scattered zeros save time: what is zero is in no list, and lists are all that is computed.

Read in this order: `steps` (what is computed), `from_network` and `weights` (how a network becomes that), `layout` (how maps
lie in memory), `packing` (weights as lists), `kernels` (one file each, in LLVM's language), `machine` (which processor, machine
code), `buffers` and `program` (memory, and the table of operations), `model` (images leave), `saved` and `loading` (the file).
docs/sparse.md draws the pictures. `exitprune.sparse` is the door.
"""
