"""Parameters of the machine."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from exitprune.config.section import Section


class Compute(Section):
    """The machine; `threads` is part of a result, since sums depend on how they are split."""

    device: Literal["cpu", "cuda", "auto"]
    threads: int = Field(ge=1, le=512)
    """CPU threads of one job; jobs run side by side as cores allow."""
    precision: Literal["float32", "bfloat16"]
    """Of training; scores, masks and inference are float32 always, and so is the training of exits on kept maps."""
    compile: bool
    """Whether networks are compiled for training: on a CPU fewer passes over memory, after a minute or so of compiling; on a GPU
    kernels are recorded once and played back."""
