"""What kernels are told: a row of the table of operations, and what is true of the whole call. The words of both sides.

Numpy writes by these names, and `code.Code` reads by them.
"""

from __future__ import annotations

import numpy as np

ADDRESSES = ("kernel", "source", "added", "target", "mask", "bias", "weights", "counts")
NUMBERS = ("inputs", "outputs", "area", "height", "width", "relu", "exit")
OPERATION = np.dtype([(name, "<i8") for name in (*ADDRESSES, *NUMBERS)])
"""A row of the table: addresses, and counts of channels, lanes or pixels."""
CALL_ADDRESSES = ("pixels", "class", "confidence", "exit", "logits")
CALL = np.dtype([(name, "<i8") for name in CALL_ADDRESSES] + [("threshold", "<f4"), ("_", "<f4")])
"""(N, C, H, W) uint8; what each image gets: int64, float32, int64, (N, K) float32; the threshold."""
