"""Who wins where: accuracy against measured time of everything that was timed, and the aims that were set beforehand.

On one thread times are those of the processor, which others on a shared machine do not lengthen.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from exitprune.deployment.measured_times import BASE, NOBODY, PLAIN, WITHIN, milliseconds

PLAIN_, PLAIN_PRUNED, EXITS, PRUNED = "plain", "plain, pruned", "with exits", "pruned, with exits"
PER_MAC = "per_mac"
"""In the names of recipes that rank by squared magnitude per MAC."""
FAMILIES = (PLAIN_, PLAIN_PRUNED, EXITS, PRUNED)


def of_batch(measured: pd.DataFrame, batch: int) -> pd.DataFrame:
    """Means over seeds on one thread: network, family, runtime, choice, accuracy, macs, ms."""
    there = measured[(measured["batch"] == batch) & (measured["threads"] == 1)]
    there = there.assign(ms=milliseconds(there), family=there["network"].map(family))
    means = there.groupby(["network", "family", "runtime", "choice"], sort=False)[["accuracy", "macs", "ms"]].mean()
    return means.reset_index()


def family(network: str) -> str:
    """Which kind of network it is, by its name."""
    if network.startswith((PLAIN, BASE)):
        return PLAIN_PRUNED if "pruned" in network else PLAIN_
    return PRUNED if "pruned" in network else EXITS


def pareto(points: pd.DataFrame) -> pd.DataFrame:
    """Those than which nothing is as fast and more accurate, fastest first."""
    rising = points.sort_values(["ms", "accuracy"], ascending=[True, False])
    best = rising["accuracy"].cummax().shift(fill_value=-1.0)
    return rising[rising["accuracy"] > best].reset_index(drop=True)


@dataclass(frozen=True)
class Lead:
    """Where one kind of network is faster than all of another at the same accuracy or more.

    Attributes:
        width: accuracy over which it is, a fraction.
        parts: from where to where.
    """

    width: float
    parts: tuple[tuple[float, float], ...]


def lead(ours: pd.DataFrame, theirs: pd.DataFrame) -> Lead:
    """Of `ours` over `theirs`, above the least accuracy that theirs has: below, whoever is fastest may be anything."""
    levels = np.unique(np.concatenate([ours["accuracy"], theirs["accuracy"]]))
    levels = levels[levels >= theirs["accuracy"].min()]
    parts: list[tuple[float, float]] = []
    for low, high in pairwise(levels):  # whoever reaches `high` has all that is wanted in between
        times = [points.loc[points["accuracy"] >= high, "ms"].min() for points in (ours, theirs)]
        if np.isnan(times[0]) or times[0] >= np.nan_to_num(times[1], nan=np.inf):
            continue
        if parts and parts[-1][1] == low:
            parts[-1] = (parts[-1][0], float(high))
        else:
            parts.append((float(low), float(high)))
    return Lead(sum(high - low for low, high in parts), tuple(parts))


def front_rows(measured: pd.DataFrame, batch: int) -> list[list[str]]:
    """The front of a batch size for a page."""
    return [
        [
            f"{100 * row['accuracy']:.1f}",
            f"{row['ms']:.4f}",
            str(row["network"]).removesuffix(", int8"),
            str(row["runtime"]),
            "" if row["family"] in (PLAIN_, PLAIN_PRUNED) else str(row["choice"]),
        ]
        for row in pareto(of_batch(measured, batch)).to_dict("records")
    ]


def pruned_rows(measured: pd.DataFrame, batch: int) -> list[list[str]]:
    """Every pruned network with exits in sparse kernels: accuracy and time when nobody leaves, and at a point lost."""
    points = of_batch(measured, batch).query("family == @PRUNED and runtime == 'sparse'")
    rows = []
    for network, part in points.groupby("network", sort=False):
        by_choice = {row["choice"]: row for row in part.to_dict("records")}
        cells = [
            (f"{100 * by_choice[choice]['accuracy']:.1f}", f"{by_choice[choice]['ms']:.4f}")
            if choice in by_choice
            else ("", "")
            for choice in (NOBODY, WITHIN)
        ]
        rows.append([str(network), *cells[0], *cells[1]])
    return rows


def equal_rows(measured: pd.DataFrame, batch: int) -> list[list[str]]:
    """At accuracies that both reach, the least time of networks pruned by magnitude alone and per MAC, in sparse kernels."""
    points = of_batch(measured, batch).query("family == @PRUNED and runtime == 'sparse'")
    per_mac = points["network"].str.contains(PER_MAC)
    both = points[~per_mac], points[per_mac]
    most = min(points_["accuracy"].max() for points_ in both)
    rows = []
    for level in np.arange(0.6, most, 0.02):
        by_magnitude, by_mac = (points_.loc[points_["accuracy"] >= level, "ms"].min() for points_ in both)
        numbers = (f"{by_magnitude:.4f}", f"{by_mac:.4f}", f"{by_mac / by_magnitude:.2f}")
        rows.append([f"{100 * level:.0f}", *numbers])
    return rows


def aim_rows(measured: pd.DataFrame) -> list[list[str]]:
    """Aim, what is wanted, what was measured, met or by how much missed; of batches of 64."""
    points = of_batch(measured, 64)
    rows = []
    base = _ms(points, BASE, "onnxruntime", NOBODY)
    pruned = points[(points["family"] == PRUNED) & (points["runtime"] == "sparse")]
    for network in pruned["network"].unique():
        share = float(str(network).split(" %")[0])
        wanted = {True: 3.4, False: 2.2}[share >= 90] if share >= 80 else None
        nobody, within = (_ms(points, network, "sparse", choice) for choice in (NOBODY, WITHIN))
        if wanted and "filters" not in network:
            rows.append(_aim(f"{network}, sparse: times dense onnxruntime", wanted, base / nobody))
        macs = pruned[pruned["network"] == network].set_index("choice")["macs"]
        if WITHIN in macs and "filters" not in network:
            kept = (nobody / within) / (macs[NOBODY] / macs[WITHIN])
            rows.append(_aim(f"{network}, sparse: of what MACs promise, kept by exits", 0.95, kept))
    has_rivals = (
        measured["network"].str.startswith(PLAIN).any()
    )  # held against the base network alone a lead says little
    for batch in (64, 1) if has_rivals else ():
        points = of_batch(measured, batch)
        ours, plain = points[points["family"] == PRUNED], points[points["family"].isin((PLAIN_, PLAIN_PRUNED))]
        found = lead(ours, plain)
        where = ", ".join(f"{100 * low:.1f} to {100 * high:.1f} %" for low, high in found.parts)
        aim = _aim(f"points of accuracy over which pruned with exits leads, batch {batch}", 3, 100 * found.width)
        rows.append([*aim[:3], f"{aim[3]}{'; from ' + where if where else ''}"])
    return rows


def _aim(name: str, wanted: float, got: float) -> list[str]:
    return [name, f"{wanted:g}", f"{got:.2f}", "met" if got >= wanted else f"missed by {wanted - got:.2f}"]


def _ms(points: pd.DataFrame, network: str, runtime: str, choice: str) -> float:
    wanted = (points["network"] == network) & (points["runtime"] == runtime) & (points["choice"] == choice)
    found = points.loc[wanted, "ms"]
    return float(found.iloc[0]) if len(found) else float("nan")
