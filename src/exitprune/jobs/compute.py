"""The machine: device, threads and precision of a job, set once before any work."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass

import torch

from exitprune.config.compute import Compute
from exitprune.errors import BadInput

COMPILER = os.environ.get("CXX", "g++")  # as torch.compile looks for it


@dataclass(frozen=True)
class Machine:
    """Where tensors live, and how networks are trained there."""

    device: torch.device
    precision: torch.dtype = torch.float32
    """Of the forward and backward pass; weights and their updates are float32."""
    compile: bool = False
    """Whether networks are compiled first."""

    @property
    def name(self) -> str:
        """Of the device, as its maker calls it."""
        return torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "CPU"


CPU = Machine(torch.device("cpu"))


def obstacle_to_compiling() -> str | None:
    """Why torch.compile cannot work here, as half a sentence; None: nothing is known against it."""
    if not shutil.which(COMPILER):
        return f"{COMPILER} was not found"
    if " " in torch.__file__:  # torch 2.12 hands its own folder to the compiler without quotes
        return f"torch lies in a path with a space, {torch.__file__}, which it cannot compile from"
    return None


def set_up(settings: Compute) -> Machine:
    """Obey the settings: threads, device and deterministic kernels.

    Raises:
        BadInput: if `cuda` is asked for and there is none, or compiling where that cannot work.
    """
    torch.set_num_threads(settings.threads)
    torch.set_flush_denormal(True)  # pruned networks are full of tiny numbers, which are slow and change nothing
    torch.backends.cudnn.allow_tf32 = False  # float32 is to mean float32 on a GPU too
    torch.set_deterministic_debug_mode("error" if settings.device == "cpu" else "warn")
    if settings.compile:  # says it to the compiler too, and takes a second to import that
        torch.use_deterministic_algorithms(True, warn_only=settings.device != "cpu")
    has_gpu = torch.cuda.is_available()
    if settings.device == "cuda" and not has_gpu:
        raise BadInput("compute.device: cuda was asked for and torch sees no GPU; allowed here: cpu, auto")
    name = "cuda" if settings.device != "cpu" and has_gpu else "cpu"
    if settings.compile and name == "cpu" and (obstacle := obstacle_to_compiling()):
        raise BadInput(f"compute.compile: true needs a C++ compiler and {obstacle}; mend that or set it to false")
    precision = {"float32": torch.float32, "bfloat16": torch.bfloat16}[settings.precision]
    return Machine(torch.device(name), precision, settings.compile)
