"""Run the benchmarks named on the command line, or all, and write what they say to docs/bench.md."""

from __future__ import annotations

import os
import platform
from datetime import date
from pathlib import Path
from typing import Annotated

import torch
from typer import Argument, run

from benchmarks import coverage, study, sweep, training

BENCHMARKS = {
    "training": training.measure,
    "sweep": sweep.measure,
    "study": study.measure,
    "coverage": coverage.measure,
}
PAGE = Path(__file__).parents[1] / "docs" / "bench.md"


def main(names: Annotated[list[str] | None, Argument(help=f"Any of: {', '.join(BENCHMARKS)}.")] = None) -> None:
    """Measure on this machine."""
    lines = [
        "# Measured on one machine in one run",
        "",
        "Written by `make bench`; see [performance.md](performance.md) for what it means.",
        "",
        f"{date.today()}, {platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__},"
        f" {'a GPU: ' + torch.cuda.get_device_name() if torch.cuda.is_available() else 'no GPU'}.",
    ]
    for name in names or BENCHMARKS:
        print(f"benchmark: {name}", flush=True)
        lines += ["", *BENCHMARKS[name]()]
    text = "\n".join(lines) + "\n"
    print(text)
    if not names:
        PAGE.write_text(text)


run(main)
