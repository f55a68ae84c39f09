"""Base networks. Contract of a file: a class with `stem`, `blocks` and `classify`; see resnet.py."""
