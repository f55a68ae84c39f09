"""Milliseconds of any exits at any threshold, from times of single exits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from exitprune.evaluation.subsets import Exits

Precision = Literal["float32", "int8"]
FLOAT32: Precision = "float32"
EIGHT_BITS: Precision = "int8"


@dataclass(frozen=True)
class Times:
    """What a network took on a clock, exit by exit.

    Attributes:
        runtime: `int8` is onnxruntime with the network in eight bits.
        batch, threads, machine: how it was timed.
        body: milliseconds per image up to each exit's map, no early head asked, rising; the classifier's head is in the last.
        heads: milliseconds of each early exit's head, what leaving or staying there takes besides.
    """

    runtime: str
    batch: int
    threads: int
    machine: str
    body: tuple[float, ...]
    heads: tuple[float, ...]

    @property
    def precision(self) -> Precision:
        """Of the network that was timed."""
        return EIGHT_BITS if self.runtime == EIGHT_BITS else FLOAT32

    @property
    def leaving(self) -> list[float]:
        """Milliseconds of leaving at each exit where all of them are asked."""
        return self.of(tuple(range(len(self.heads))))

    def of(self, kept: Exits) -> list[float]:
        """Milliseconds of leaving at each early exit that is kept, and at the classifier."""
        asked = np.cumsum([self.heads[exit_] for exit_ in kept]).tolist()
        return [
            self.body[row] + spent for row, spent in zip((*kept, -1), [*asked, *(asked[-1:] or [0.0])], strict=True)
        ]
