"""The default study from `make reproduce` after set-up: how long, and how much of it is not training or inference."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from exitprune.jobs.progress import TRACE

ROOT = Path(__file__).parents[1]


def measure() -> list[str]:
    """Lines of Markdown, from one run in a fresh clone of the last commit."""
    with tempfile.TemporaryDirectory() as folder:
        clone, trace = Path(folder, "clone"), Path(folder, "trace.jsonl")
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        start = time.time()
        snakemake = str(Path(sys.executable).with_name("snakemake"))
        # Records that are published would leave nothing to train.
        command = [snakemake, "--cores", "all", "--config", "records=here"]
        subprocess.run(command, cwd=clone, env={**os.environ, TRACE: str(trace)}, check=True)
        wall = time.time() - start
        spans = [json.loads(line) for line in trace.read_text().splitlines()]
    busy = union([(span["start"], span["end"]) for span in spans])
    work = sum(span["end"] - span["start"] for span in spans)
    cores = os.cpu_count() or 1
    return [
        "## (b), (d) The default study",
        "",
        f"{wall:.0f} s on {cores} cores. Training or inference was going on during {busy / wall:.1%} of that time, so"
        f" {1 - busy / wall:.1%} was something else; counted by core, {1 - work / (wall * cores):.1%} was something else or"
        " idle.",
    ]


def union(spans: list[tuple[float, float]]) -> float:
    """Seconds covered by at least one span."""
    covered, until = 0.0, 0.0
    for start, end in sorted(spans):
        covered += max(0.0, end - max(start, until))
        until = max(until, end)
    return covered
