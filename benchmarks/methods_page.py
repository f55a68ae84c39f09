"""Put what came of the studies of methods into docs/methods.md: `python -m benchmarks.methods_page`.

A place is `<!-- table: found digits-methods -->`: which table, of which folder of results/. What is there is read off the CSV
files that `snakemake -- methods_so_far` writes from records; where there are none, the place says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.acts import acts
from benchmarks.pages import Table, fill
from exitprune.evaluation.comparisons import deepest_exit
from exitprune.evaluation.methods import MEASURES, ORDERS, recovered_networks, told_of
from exitprune.evaluation.record_reading import read_about, read_record
from exitprune.evaluation.statistics import rank_correlation
from exitprune.reporting import method_orders, method_tables, methods_page
from exitprune.reporting.formatting import NOTHING, percent, points, share
from exitprune.reporting.method_tables import by_method, by_share, difference, gains_of
from exitprune.reporting.methods import NAMES, WHEN

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "methods.md"
NONE: Table = ["what"], [["no record yet"]]
STEPS = ("oneshot", "geometric")
"""Methods that differ in nothing but the number of steps."""
CONFIDENCE = 0.95
MANY = 10
"""From so many methods on a rank correlation is told."""
ROUNDING = 1e-9
"""Up to which a difference of two means is one of sums of rounded numbers."""
PUBLISHED = {0.0: 0.924, 0.5: 0.916, 0.8: 0.899, 0.9: 0.878}
"""Accuracy on CIFAR-10 of ResNet-20 by the share gone, random masks by ERK, 160 epochs: Liu et al. 2022, arXiv:2202.02643."""


def came(methods: Collection[str], folder: Path) -> Table:
    """Of these methods at every share: both orders' classifier, what joint gains there and at the early exits, MACs left."""
    if not (folder / "methods.csv").exists():
        return NONE
    means, differences = (pd.read_csv(folder / f"{name}.csv") for name in ("methods", "joint_minus_sequential"))
    means = means[means["method"].isin(methods)]
    titles = ["method", "to go, %", "joint, %", "sequential, %", "classifier, points", "early exits, points"]
    rows, when = [], differences.drop_duplicates("method").set_index("method")["when"].map(list(WHEN).index)
    for (name, gone), by_order in sorted(by_method(means).items(), key=lambda one: (when[one[0][0]], *one[0])):
        told = gains_of(differences, name, gone)
        cells = [percent(by_order[order]["classifier"]) for order in ORDERS]
        cells += [difference(told[measure]) for measure in MEASURES]
        cells += [_both(by_order, what) for what in ("reached", "sparsity_exits", "left")]
        cells.append(str(told[MEASURES[0]]["num_seeds"]))
        rows.append([name, share(gone), *cells])
    return [*titles, "reached, %", "of exits, %", "MACs left, %", "pairs"], rows


def found(folder: Path) -> Table:
    """For which methods which order is better, a row for the classifier and one for the early exits."""
    if not (folder / "joint_minus_sequential.csv").exists():
        return NONE
    differences = pd.read_csv(folder / "joint_minus_sequential.csv")
    titles = [
        "accuracy of",
        "comparisons",
        "joint is better with",
        "sequential is better with",
        "none told",
        "no interval",
    ]
    rows = []
    for measure in MEASURES:
        ours = differences[differences["measure"] == measure]
        better = [by_share(ours[ours["better"] == order]) or "none" for order in ORDERS]
        counts = [str((ours["better"] == verdict).sum()) for verdict in ("none told", "cannot tell")]
        rows.append([NAMES[measure], str(len(ours)), *better, *counts])
    return titles, rows


def answer(folder: Path) -> Table:
    """By share and accuracy: with how many methods which order is better, how many of these are left after correction."""
    if not (folder / "joint_minus_sequential.csv").exists():
        return NONE
    differences = pd.read_csv(folder / "joint_minus_sequential.csv")
    titles = ["to go, %", "accuracy of", "methods", "joint is better with", "left", "by, points"]
    rows = []
    for gone, part in differences.groupby("gone"):
        for measure in MEASURES:
            ours = part[part["measure"] == measure]
            joint, sequential = (ours[ours["better"] == order] for order in ORDERS)
            by = [points(joint["difference"].min()), points(joint["difference"].max())] if len(joint) else [NOTHING]
            counts = [len(ours), len(joint), joint["holds"].sum()]
            more = [len(sequential), sequential["holds"].sum()]
            rows.append([share(float(str(gone))), NAMES[measure], *map(str, counts), " to ".join(by), *map(str, more)])
    return [*titles, "sequential is better with", "left"], rows


def whens(folder: Path) -> Table:
    """By when a method prunes: in how many comparisons an order is ahead or better, and the median of the differences."""
    if not (folder / "joint_minus_sequential.csv").exists():
        return NONE
    differences = pd.read_csv(folder / "joint_minus_sequential.csv")
    titles = ["prunes", "accuracy of", "comparisons", "joint is ahead", "joint is better", "sequential is better"]
    rows = []
    for words, part in methods_page.by_when(differences).items():
        for measure in MEASURES:
            ours = part[part["measure"] == measure]
            better = [str((ours["better"] == order).sum()) for order in ORDERS]
            ahead = str((ours["difference"] > ROUNDING).sum())
            rows.append([words, NAMES[measure], str(len(ours)), ahead, *better, points(ours["difference"].median())])
    return [*titles, "median difference, points"], rows


def best(folder: Path) -> Table:
    """The most accurate recipes of those that lost what was to go, with the MACs that they left."""
    if not (folder / "methods.csv").exists():
        return NONE
    means = pd.read_csv(folder / "methods.csv")
    rows = [
        [share(gone), NAMES[measure], *method_tables.best(means, measure, gone)]
        for gone in sorted(means["gone"].unique())
        for measure in MEASURES
    ]
    return ["to go, %", "accuracy of", "most accurate, % (MACs left, %)", "second", "third"], rows


def whole(folder: Path) -> Table:
    """What the network has that nothing was taken from: before any round, and with as many epochs as those that are pruned."""
    if not (folder / "runs.csv").exists():
        return NONE
    runs = pd.read_csv(folder / "runs.csv", dtype={"final": str})
    told = method_tables.unpruned(runs)
    rows = [["before any round", *(percent(told[measure]) for measure in MEASURES), str(runs["seed"].nunique())]]
    dense = folder.with_name(folder.name.removesuffix("methods") + "dense")
    abouts = [read_about(path) for path in sorted(dense.glob("seeds/*-dense"))]
    if abouts:
        as_long = method_tables.accuracies(abouts)
        rows.append(["at as many epochs", *(percent(as_long[measure]) for measure in MEASURES), str(len(abouts))])
    return ["the network with nothing pruned", *(f"{NAMES[measure]}, %" for measure in MEASURES), "seeds"], rows


def steps(folder: Path) -> Table:
    """One shot less iterative (geometric), by share and order, paired by seed, over test images too."""
    there = [
        path.parent for name in STEPS for path in folder.parent.glob(f"{folder.name}*/seeds/*-{name}-*/record.json")
    ]
    networks = recovered_networks([read_record(path) for path in there])
    titles = ["to go, %", "order", "one shot, %", "geometric, %", "one shot less geometric, points", "pairs"]
    rows = []
    for gone in sorted({gone for gone, _ in networks}):
        one_shot, iterative = (networks.get((gone, name), {}) for name in STEPS)
        for order in ORDERS:
            seeds = [seed for of, seed in one_shot if of == order and (order, seed) in iterative]
            if not seeds:
                continue
            pairs = [deepest_exit(one_shot[order, seed], iterative[order, seed]) for seed in sorted(seeds)]
            gain = {**told_of([pair.differences for pair in pairs], CONFIDENCE), "holds": False}
            means = [
                np.mean([of[order, seed].test.correct[-1].mean() for seed in seeds]) for of in (one_shot, iterative)
            ]
            rows.append([share(gone), order, *map(percent, means), difference(gain), str(gain["num_seeds"])])
    return (titles, rows) if rows else NONE


def kept(folder: Path) -> Table:
    """What masks drawn by coins leave of training and test, by the share kept, mean over seeds: the last exit and the first."""
    if not (folder / "kept.csv").exists():
        return NONE
    table = pd.read_csv(folder / "kept.csv")
    ends = {"first exit": 0, "classifier": table["exit"].max()}
    titles = ["kept, %"]
    for name in ends:
        titles += [f"{name}: training loss", "training accuracy, %", "test accuracy, %"]
    rows = []
    for _, part in sorted(table.groupby("recipe"), key=lambda one: -one[1]["kept"].mean()):
        cells = [percent(part["kept"].mean())]
        for place in ends.values():
            mean = part[part["exit"] == place][["train_loss", "train_accuracy", "test_accuracy"]].mean()
            cells += [f"{mean['train_loss']:.3f}", percent(mean["train_accuracy"]), percent(mean["test_accuracy"])]
        rows.append([*cells, str(part["seed"].nunique())])
    return [*titles, "seeds"], rows


def drops(folder: Path) -> Table:
    """What random masks by ERK cost the classifier, beside what was published of the same network at other budgets."""
    abouts = [read_about(path.parent) for path in (folder / "seeds").glob("*/record.json")]
    if not abouts:
        return NONE
    ours = pd.DataFrame(
        {
            "gone": round(about.levels[-1].sparsity["all"], 3),
            "seed": about.seed,
            "accuracy": about.levels[-1].accuracy["test"][-1],
        }
        for about in abouts
    )
    mean = ours.groupby("gone")["accuracy"].mean()
    titles = ["gone, %", "published, %", "dropped by, points", "here, %", "dropped by, points", "seeds"]
    return titles, [
        [
            share(gone),
            *(percent(PUBLISHED[gone]), points(PUBLISHED[gone] - PUBLISHED[0.0])),
            *(percent(mean[gone]), points(mean[gone] - mean[0.0])),
            str((ours["gone"] == gone).sum()),
        ]
        for gone in mean.index
    ]


def keeps(folder: Path) -> Table:
    """What exits keep of their weights in either order and what joint gains there, of methods that take weights of exits.

    Below all: whether joint gains more where exits keep more, as a rank correlation of the methods at a share, if they are many.
    """
    if not (folder / "methods.csv").exists():
        return NONE
    means, differences = (pd.read_csv(folder / f"{name}.csv") for name in ("methods", "joint_minus_sequential"))
    kept = 1 - means.pivot(index=["method", "gone"], columns="order", values="sparsity_exits")
    kept = (
        kept[kept["sequential"] < 1].assign(more=kept["joint"] - kept["sequential"]).sort_values("more", kind="stable")
    )
    told = [gains_of(differences, *at)["early_exits"] for at in kept.index]
    rows = [
        [name, share(gone), *(percent(kept.loc[(name, gone), order]) for order in ORDERS), difference(gain)]
        for (name, gone), gain in zip(kept.index, told, strict=True)
    ]
    kept["gain"] = [gain["difference"] for gain in told]
    for gone, part in kept.groupby("gone"):
        for words, those in (
            ("all", part),
            ("those whose exits keep more jointly", part[part["more"] > method_orders.ALIKE]),
        ):
            if len(those) >= MANY:
                correlation = rank_correlation(those["more"].to_numpy(), those["gain"].to_numpy())
                shown = f"{correlation:.2f}".replace("-", "\N{MINUS SIGN}")
                rows.append(
                    [
                        f"rank correlation of gain and what exits keep more, {words}",
                        share(float(str(gone))),
                        *2 * [NOTHING],
                        shown,
                    ]
                )
    return ["method", "to go, %", "exits keep jointly, %", "exits keep sequentially, %", "early exits, points"], rows


def apart(folder: Path) -> Table:
    """In what the two orders differ beside the order, and with which methods."""
    if not (folder / "runs.csv").exists():
        return NONE
    rows = [list(told) for told in method_orders.apart(pd.read_csv(folder / "runs.csv", dtype={"final": str}))]
    return (["what", "with"], rows) if rows else NONE


def _both(by_order: Mapping[str, Mapping[str, float]], what: str) -> str:
    """Of both orders; once if they are alike as shown."""
    shown = [percent(by_order[order][what]) for order in ORDERS]
    return " and ".join(dict.fromkeys(one for one in shown if one != NOTHING)) or NOTHING


def methods_by_section() -> dict[str, list[str]]:
    """Methods by the section of the page that is about them, as its own table of names has it; some stand beside all."""
    names = PAGE.read_text(encoding="utf-8").partition("\n## Names\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in names.splitlines() if line.startswith("| `")]
    found: dict[str, list[str]] = {}
    for row in rows:
        section = row[-1].strip()
        found.setdefault("beside" if section == NOTHING else section, []).extend(re.findall("`(.*?)`", row[0]))
    return found


KINDS: dict[str, Callable[[Path], Table]] = {
    **{table.__name__: table for table in (answer, found, whens, best, whole, steps, kept, drops, keeps, acts, apart)},
    **{f"came-{section}": partial(came, methods) for section, methods in methods_by_section().items()},
}


def main() -> None:
    """Fill every place of the page."""
    fill(PAGE, KINDS, lambda study: ROOT / "results" / study)


if __name__ == "__main__":
    main()
