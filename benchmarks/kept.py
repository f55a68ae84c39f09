"""What is left at initialization, and what training then makes of it: `python -m benchmarks.kept digits-kept`.

For every network of a study that is there: cross-entropy and accuracy of each exit on the training images, as they are, and test
accuracy from the network's record, over the share of weights kept. Writes kept.csv, kept.svg and kept.png beside the records.

Source: Yang et al. 2023, arXiv:2301.00335, a theory: up to a share pruning leaves training loss and test error alone; beyond it
training loss still goes to zero at first, and test accuracy is that of guessing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import torch
from matplotlib.figure import Figure
from torch.nn.functional import cross_entropy
from typer import Argument, run

from exitprune.data.images import load_split
from exitprune.evaluation.guessing import chance
from exitprune.evaluation.logits import infer
from exitprune.evaluation.record_reading import read_about
from exitprune.networks.checkpoints import load_checkpoint
from exitprune.reporting.drawing import in_percent_of_all, new_figure, save, theme
from exitprune.reporting.looks import OTHERS

TITLE = "A coin tossed for each weight before training"
CAPTION = (
    "Over the share of weights that is kept, from all to few: cross-entropy on the training images, and test accuracy, after as "
    "many epochs everywhere; a line per exit, mean over seeds, and the range of seeds. Dotted: what guessing scores."
)

APART = 1.5
"""Shares closer than by this factor would write over each other on the axis: the larger one is named."""


def measured(runs: Path, records: Path) -> pd.DataFrame:
    """A row per network and exit, of those that have both a checkpoint and a record.

    Returns:
        seed, recipe, exit, kept (a fraction), train_loss, train_accuracy, test_accuracy.
    """
    images, rows = load_split(runs / "data.safetensors", "train"), []
    for folder in sorted(path.parent for path in records.glob("*/record.json")):
        about = read_about(folder)
        path = runs / f"seed{about.seed}" / about.recipe / "recovered.safetensors"
        if not path.exists():
            continue
        level, logits = about.levels[-1], infer(load_checkpoint(path).network, images)
        for place, answers in enumerate(logits):
            row = {"seed": about.seed, "recipe": about.recipe, "exit": place, "kept": 1 - level.sparsity["all"]}
            row["train_loss"] = float(cross_entropy(answers, images.labels))
            row["train_accuracy"] = float((answers.argmax(1) == images.labels).float().mean())
            rows.append({**row, "test_accuracy": level.accuracy["test"][place]})
    return pd.DataFrame(rows)


def draw(table: pd.DataFrame, guessing: float) -> Figure:
    """Training loss beside test accuracy, a line per exit."""
    figure = new_figure(4)
    by_share = table.assign(kept=table.groupby("recipe")["kept"].transform("mean"))
    for axes, value in zip(figure.subplots(1, 2), ("train_loss", "test_accuracy"), strict=True):
        for (place, part), look in zip(by_share.groupby("exit"), OTHERS, strict=False):
            over = part.groupby("kept")[value].agg(["mean", "min", "max"]).sort_index()
            name = "classifier" if place == table["exit"].max() else f"exit {place}"
            axes.plot(over.index, over["mean"], color=look.colour, marker=look.marker, linestyle=look.line, label=name)
            axes.fill_between(over.index, over["min"], over["max"], color=look.colour, alpha=0.2, linewidth=0)
        axes.set_xscale("log")
        axes.invert_xaxis()
        ticks: list[float] = []
        for share in sorted(by_share["kept"].unique(), reverse=True):
            if not ticks or ticks[-1] > APART * share:
                ticks.append(float(share))
        axes.set_xticks(ticks, [f"{100 * tick:.0f}%" for tick in ticks])
        axes.minorticks_off()
        axes.set_xlabel("weights kept")
    left, right = figure.axes
    left.set_yscale("log")
    left.set_ylabel("training loss")
    right.set_ylabel("test accuracy")
    right.axhline(guessing, color="0.35", linestyle=":")
    in_percent_of_all(right)
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=8)
    return figure


def main(study: Annotated[str, Argument(help="Of runs/ and results/.")] = "digits-kept") -> None:
    """Measure, and draw."""
    torch.set_num_threads(1)
    results = Path("results", study)
    table = measured(Path("runs", study), results / "seeds")
    table.to_csv(results / "kept.csv", index=False, float_format="%.6g")
    about = read_about(next((results / "seeds").glob("*")))
    with theme("kept"):
        save(draw(table, chance(about.data)), results / "kept.svg", results / "kept.png", TITLE, CAPTION)


if __name__ == "__main__":
    run(main)
