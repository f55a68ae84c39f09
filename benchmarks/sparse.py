"""Sparse kernels against dense onnxruntime on ResNet-56, and how near the processor's peak: docs/sparse-times.md.

Weights are random, as times do not depend on them; masks are those of one global ranking by magnitude, and as many weights in
each layer as a study kept. Every row in turn, several times; medians count. `make bench-inference` times trained networks.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from benchmarks.inference.clock import machine
from exitprune.deployment.extras import onnxruntime_session
from exitprune.deployment.folding import fold
from exitprune.deployment.onnx_export import build_model
from exitprune.deployment.sparse.code import Code, Value
from exitprune.deployment.sparse.from_network import steps_of
from exitprune.deployment.sparse.machine import compiled, runner, this_processor
from exitprune.deployment.sparse.model import Answers, SparseNetwork, call_of
from exitprune.deployment.sparse.program import Program
from exitprune.deployment.sparse.saved import to_bytes
from exitprune.deployment.sparse.steps import Convolution, Exit, Network
from exitprune.deployment.sparse.table import OPERATION
from exitprune.deployment.sparse.workspace import Workspace
from exitprune.networks.cost import exit_costs
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.masks import Masks, apply_masks_, weights

TURNS = 9
BATCHES = {32: {64: 1, 1: 20}, 8: {64: 5, 1: 100}}
"""By side of the images, which are those of CIFAR-10 and of the digits: images at once, and how often in a turn."""
EXITS = (4, 8, 12, 16, 20, 24)
MEAN, STD = (0.49, 0.48, 0.45), (0.25, 0.24, 0.26)
KEPT_BY_STUDY = Path("results/cifar10-cpu/tables/layers.csv")
AIMS = {"80 % as the study, sparse": 2.2, "90 % by magnitude, sparse": 3.4}
"""Times dense onnxruntime at 32 x 32, batches of 64; set before anything was measured."""
KEPT = 0.95
"""Of what MACs promise, to be kept when images leave early."""
SHAPES = ((16, 32), (32, 16), (64, 8))
"""Channels and side of the maps of each stage."""
PAGE = Path(__file__).parents[1] / "docs" / "sparse-times.md"
Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Timed:
    """A network at a threshold, and the MACs of its weights that it promises, as a share of the last exit's."""

    run: Callable[[Pixels], object]
    promise: float = 1.0


def network(depth: int, exits: tuple[int, ...], side: int) -> EarlyExitNetwork:
    """Random weights."""
    torch.manual_seed(0)
    return EarlyExitNetwork(Spec("resnet", {"depth": depth}, 3, side, side, 10, exits, 4)).eval()


def by_magnitude(made: EarlyExitNetwork, sparsity: float) -> Masks:
    """One ranking of all weights."""
    size = torch.cat([weight.detach().abs().flatten() for weight in weights(made).values()])
    least = size.kthvalue(int(sparsity * len(size))).values
    return {name: weight.detach().abs() > least for name, weight in weights(made).items()}


def by_study(made: EarlyExitNetwork) -> Masks:
    """As many weights in each layer as the study kept in the end, wherever they are."""
    rows = pd.read_csv(KEPT_BY_STUDY).query("recipe == 'joint' and seed == 0")
    kept = rows[rows["level"] == rows["level"].max()].sort_values("position")["kept"]
    draw, masks = torch.Generator().manual_seed(0), {}
    for (name, weight), count in zip(weights(made).items(), kept, strict=True):
        mask = torch.zeros(weight.numel(), dtype=torch.bool)
        mask[torch.randperm(weight.numel(), generator=draw)[: int(count)]] = True
        masks[name] = mask.reshape(weight.shape)
    return masks


def dense(made: EarlyExitNetwork) -> Timed:
    """By onnxruntime."""
    session = onnxruntime_session(build_model(fold(made), MEAN, STD).SerializeToString(), 1)
    threshold = np.array(1.0, np.float32)
    return Timed(lambda pixels: session.run(None, {"pixels": pixels, "threshold": threshold}))


def subjects(pixels: Pixels) -> dict[str, Timed]:
    """What is timed, by name."""
    side = pixels.shape[-1]
    found = {"dense, onnxruntime": dense(network(56, EXITS, side))}
    masks: dict[str, Callable[[EarlyExitNetwork], Masks]] = {
        "80 % by magnitude": lambda made: by_magnitude(made, 0.8),
        "80 % as the study": by_study,
        "90 % by magnitude": lambda made: by_magnitude(made, 0.9),
        "95 % by magnitude": lambda made: by_magnitude(made, 0.95),
    }
    for name, choose in masks.items():
        made = network(56, EXITS, side)
        masks_ = choose(made)
        apply_masks_(made, masks_)
        if name.startswith("80 % by"):
            found[f"{name}, onnxruntime"] = dense(made)
        packed = SparseNetwork(steps_of(fold(made), MEAN, STD))
        found[f"{name}, sparse"] = Timed(lambda pixels, packed=packed: packed(pixels, 1.0))  # type: ignore[misc]
        if not name.endswith("study"):
            continue  # random networks leave together, or not at all, where one ranking has emptied their last layers
        macs = np.array([cost.macs for cost in exit_costs(made, masks_)])
        threshold = at_share(packed, pixels, macs, 0.7)
        promise = float((macs[packed(pixels, threshold).exit] / macs[-1]).mean())
        found[f"{name}, sparse, exits"] = Timed(lambda pixels, packed=packed, t=threshold: packed(pixels, t), promise)  # type: ignore[misc]
    for depth in (20, 32):
        found[f"plain ResNet-{depth}, onnxruntime"] = dense(network(depth, (), side))
    return found


def at_share(packed: SparseNetwork, pixels: Pixels, macs: npt.NDArray[np.int64], share: float) -> float:
    """A threshold at which these images need about a share of the MACs: random networks have no better one."""
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        spent = (macs[packed(pixels, middle).exit] / macs[-1]).mean()
        low, high = (middle, high) if spent < share else (low, middle)
    return high


def in_turn(runs: dict[str, Callable[[], object]], repeats: int) -> dict[str, tuple[float, float]]:
    """Seconds by the clock and of this thread alone: medians."""
    noted: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for turn in range(TURNS + 1):
        for name, run in runs.items():
            wall, busy = time.perf_counter(), time.thread_time()
            for _ in range(repeats):
                run()
            if turn:  # the first warms up
                noted[name].append(((time.perf_counter() - wall) / repeats, (time.thread_time() - busy) / repeats))
    return {
        name: (statistics.median(wall for wall, _ in times), statistics.median(busy for _, busy in times))
        for name, times in noted.items()
    }


def aims(medians: dict[str, tuple[float, float]], promise: float) -> list[str]:
    """What was aimed at, and whether it was met, as lines of Markdown."""
    exits = "80 % as the study, sparse, exits"
    found = {name: (medians["dense, onnxruntime"][1] / medians[name][1], aim) for name, aim in AIMS.items()}
    kept = promise * medians[exits.removesuffix(", exits")][1] / medians[exits][1]
    rows = [
        *((f"{name}: times dense onnxruntime", aim, got) for name, (got, aim) in found.items()),
        (f"{exits}: of what MACs promise", KEPT, kept),
    ]
    verdicts = [f"| {name} | {aim:g} | {got:.2f} | {'met' if got >= aim else 'missed'} |" for name, aim, got in rows]
    return ["| aim | at least | measured | |", "| --- | ---: | ---: | --- |", *verdicts, ""]


def networks(side: int) -> list[str]:
    """Lines of Markdown."""
    draw, batches = np.random.default_rng(0), BATCHES[side]
    pixels = draw.integers(0, 256, (max(batches), 3, side, side), np.uint8)
    timed, lines = subjects(pixels), []
    for batch, repeats in batches.items():
        runs: dict[str, Callable[[], object]] = {n: partial(one.run, pixels[:batch]) for n, one in timed.items()}
        # What a single image promises hangs on that image: exits are timed in the batch that they were chosen for.
        runs = {name: run for name, run in runs.items() if batch > 1 or timed[name].promise == 1}
        medians = in_turn(runs, repeats)
        base = medians["dense, onnxruntime"][1]
        lines += [
            f"## {side} x {side}, batches of {batch}",
            "",
            f"| ResNet-56, {side} x {side} | ms per image, of the thread | by the clock | times dense | of what MACs promise |",
            "| --- | ---: | ---: | ---: | ---: |",
        ]
        for name, (wall, busy) in medians.items():
            whole = medians.get(name.removesuffix(", exits"), (0.0, 0.0))[1]
            kept = f"{timed[name].promise * whole / busy:.2f}" if name.endswith(", exits") and busy else ""
            lines.append(
                f"| {name} | {1000 * busy / batch:.3f} | {1000 * wall / batch:.3f} | {base / busy:.2f} | {kept} |"
            )
        lines.append("")
        if (side, batch) == (32, 64):
            lines += aims(medians, timed["80 % as the study, sparse, exits"].promise)
    return lines


@dataclass(frozen=True)
class Peak:
    """Multiply-adds on registers alone: what no kernel can surpass."""

    sums: ClassVar[int] = 12
    """Independent of each other, more than are under way at once."""
    times: ClassVar[int] = 100_000

    def write(self, code: Code) -> None:
        """The kernel."""
        factor = code.splat(code.b.sitofp(code.operand("inputs"), code.float))

        def once(_: Value, sums: list[Value]) -> list[Value]:
            return [code.multiply_add(total, factor, factor) for total in sums]

        sums = code.count(code.number(self.times), once, [code.splat(code.real(float(n))) for n in range(self.sums)])
        total = sums[0]
        for other in sums[1:]:
            total = code.b.fadd(total, other)
        code.b.ret(code.b.fcmp_ordered(">", code.added_up(total), code.real(1.0)))

    @classmethod
    def flops(cls, lanes: int) -> int:
        """Of one run."""
        return 2 * lanes * cls.sums * cls.times


def peak() -> Callable[[], object]:
    """What runs it."""
    rows, run = np.zeros(1, OPERATION), runner(this_processor())
    rows["kernel"] = compiled(Peak(), this_processor()).address
    return lambda: run(rows.ctypes.data, 1, 0, rows.ctypes.data, 0, 1)


def kernels() -> list[str]:
    """Rates of the convolution's kernel alone, eight layers of one shape one after the other, as lines of Markdown."""
    draw, runs, work = np.random.default_rng(0), {}, {}
    for channels, side in SHAPES:
        for kept in (0.5, 0.2, 0.1):
            there = draw.random((channels, channels, 3, 3)) < kept
            weight = (draw.standard_normal(there.shape) * there).astype(np.float32)
            runs[channels, side, kept] = _layers(weight, side)
            work[channels, side, kept] = 8 * 2 * int(np.count_nonzero(weight)) * side * side
    named: dict[str, Callable[[], object]] = {str(key): run for key, run in runs.items()}
    medians = in_turn({**named, "peak": peak()}, 20)
    highest = Peak.flops(this_processor().lanes) / medians["peak"][1]
    lines = [
        f"Multiply-adds that touch no memory run at {highest / 1e9:.0f} GFLOP/s on this core: the peak.",
        "",
        "| channels | map | weights kept | GFLOP/s | of the peak |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    for (channels, side, kept), flops in work.items():
        rate = flops / medians[str((channels, side, kept))][1]
        lines.append(f"| {channels} | {side} x {side} | {kept:.0%} | {rate / 1e9:.0f} | {rate / highest:.0%} |")
    return lines


def loading() -> list[str]:
    """How long a saved network takes to be ready in a process of its own, as lines of Markdown."""
    made = network(56, EXITS, 32)
    masks = by_study(made)
    apply_masks_(made, masks)
    costs = [
        {"exit": cost.exit, "macs": cost.macs, "macs_executed": cost.macs_dense} for cost in exit_costs(made, masks)
    ]
    about = {"classes": [str(number) for number in range(10)], "exits": costs, "operating_points": []}
    content = to_bytes(steps_of(fold(made), MEAN, STD), about)
    with TemporaryDirectory() as folder:
        path = Path(folder, "model.sparse")
        path.write_bytes(content)
        code = "; ".join(
            [
                "import exitprune.sparse, time",
                "wall, busy = time.perf_counter(), time.process_time()",
                f"exitprune.sparse.load({str(path)!r})",
                "print(time.perf_counter() - wall, time.process_time() - busy)",
            ]
        )
        taken = [subprocess.check_output([sys.executable, "-c", code]).split() for _ in range(TURNS)]
    wall, busy = (statistics.median(map(float, times)) for times in zip(*taken, strict=True))
    return [
        f"ResNet-56, 80 % as the study: model.sparse has {len(content):,} bytes. In a new process it is ready, packed and",
        f"compiled, after {busy:.2f} s of the processor, {wall:.2f} s by the clock (medians of {TURNS}, imports not counted).",
    ]


def _layers(weight: npt.NDArray[np.float32], side: int) -> Callable[[], object]:
    channels = len(weight)
    bias, normal = np.zeros(channels, np.float32), np.ones(channels, np.float32)
    steps = [Convolution(number, number + 1, weight, bias) for number in range(8)]
    end = Exit(8, (1, 1), np.zeros((1, channels), np.float32), np.zeros(1, np.float32))
    program = Program(Network((channels, side, side), bias, normal, (*steps, end)), this_processor(), 1)
    space, pixels = Workspace(program), np.zeros((1, channels, side, side), np.uint8)
    call = call_of(pixels, 1.0, Answers.empty(1, 1))
    first = next(n for n, row in enumerate(program.rows) if "counts" in row.arrays)
    last = next(n for n, row in enumerate(program.rows) if n > first and not row.maps.get("target"))
    rows = space.tables[0, first:last]

    def run(_: Any = (space, call, program)) -> None:
        program.run(rows.ctypes.data, len(rows), 0, call.ctypes.data, 0, 1)

    return run


def main() -> None:
    """Measure on this machine, and write the page."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)
    lines = [
        "# Sparse kernels, measured on one machine in one run",
        "",
        "Written by `make bench-sparse`; [sparse.md](sparse.md) says what it means. float32, one thread, every row in turn,",
        f"medians of {TURNS} turns. Weights are random, since times do not depend on them. “By magnitude”: one ranking of all",
        "weights. “As the study”: as many weights in each layer as cifar10-cpu kept (joint, seed 0), at places of chance.",
        "“Exits”: at a threshold at which these images need 0.7 of the MACs.",
        "",
        f"{date.today()}, {machine()}, kernels for {this_processor().name}.",
        "",
        *(line for side in BATCHES for line in networks(side)),
        "## The kernel alone",
        "",
        *kernels(),
        "",
        "## Loading",
        "",
        *loading(),
    ]
    PAGE.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
