"""A runtime in which scattered zeros save time: what is zero is in no list, and lists are all that is computed.

Read in this order: `steps` (what is computed) and `shapes` (whether it fits), `from_network`, `from_piece`, `following`, `values`
and `weights` (how a network becomes that), `layout` (how maps lie in memory), `packing` (weights as lists), `table` (what a
kernel is told), `code` and `kernels` (one file each, in LLVM's language), `machine` (which processor, machine code), `buffers`,
`program` and `workspace` (memory, and the table of operations), `model` (images leave), `saved` and `loading` (the file).
docs/sparse.md draws the pictures. `exitprune.sparse` is the door.
"""
