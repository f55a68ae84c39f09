"""The kernels: each a function that writes one LLVM function for one kind of processor and, where it matters, one layout."""
