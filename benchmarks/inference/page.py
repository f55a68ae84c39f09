"""Figures of docs/inference.md and the README, and the tables, from what was measured: `python -m benchmarks.inference.page`."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from benchmarks.inference.front import FAMILIES, aim_rows, equal_rows, front_rows, of_batch, pareto, pruned_rows
from benchmarks.inference.promised import TITLES, promised_rows
from benchmarks.pages import put
from exitprune.reporting.drawing import in_percent, new_figure, theme
from exitprune.reporting.looks import PALETTE

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "inference.md"
STUDIES = ("cifar10-16-sparse", "digits")
"""Those whose tables and panels stand on the page."""
BATCHES = (64, 1)
RUNTIMES = {"onnxruntime": "o", "sparse": "^", "int8": "s"}


def measured(study: str) -> pd.DataFrame:
    """What was timed of a study."""
    found = pd.read_csv(ROOT / "results" / study / "inference.csv")
    return found[found["runtime"].isin(RUNTIMES)]


def draw(studies: dict[str, pd.DataFrame]) -> Figure:
    """A row of panels per study, a panel per batch size."""
    figure = new_figure(4.2 * len(studies))
    panels = figure.subplots(len(studies), len(BATCHES), sharey="row", squeeze=False)
    for row, (study, rows) in zip(panels, studies.items(), strict=True):
        for axes, batch in zip(row, BATCHES, strict=True):
            points = of_batch(rows, batch)
            for (kind, runtime), part in points.groupby(["family", "runtime"], sort=False):
                axes.plot(
                    part["ms"],
                    part["accuracy"],
                    linestyle="none",
                    color=PALETTE[FAMILIES.index(str(kind))],
                    marker=RUNTIMES[str(runtime)],
                    markersize=5,
                    alpha=0.8,
                    label=f"{kind}: {runtime}",
                )
            front = pareto(points)
            axes.step(front["ms"], front["accuracy"], where="post", color="black", linewidth=1.2, label="Pareto front")
            axes.set(xscale="log", xlabel="milliseconds per image (log scale)", title=f"{study}, batches of {batch}")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
            in_percent(axes)
        row[0].set_ylabel("test accuracy")
    handles = {text: one for axes in figure.axes for one, text in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(list(handles.values()), list(handles), loc="outside upper center", ncols=4)
    return figure


def tables() -> dict[str, tuple[list[str], list[list[str]]]]:
    """By the name of their place on the page."""
    found = {}
    for study in STUDIES:
        rows = measured(study)
        for batch in BATCHES:
            titles = ["accuracy, %", "ms", "network", "runtime", "threshold"]
            found[f"front {study} {batch}"] = (titles, front_rows(rows, batch))
        titles = ["pruned, in sparse kernels", "nobody leaves, %", "ms", "one point lost, %", "ms"]
        found[f"pruned {study}"] = (titles, pruned_rows(rows, 64))
        found[f"promised {study}"] = (TITLES, promised_rows(ROOT / "results" / study))
        found[f"aims {study}"] = ([f"aim, {study}", "at least", "measured", ""], aim_rows(rows))
    titles = ["accuracy of at least, %", "by magnitude, ms", "per MAC, ms", "ratio"]
    found[f"equal {STUDIES[0]}"] = (titles, equal_rows(measured(STUDIES[0]), 64))
    return found


if __name__ == "__main__":
    for name, studies in {"inference": STUDIES, "front": STUDIES[:1]}.items():
        with theme(name):
            figure = draw({study: measured(study) for study in studies})
            figure.savefig(
                PAGE.with_name(f"{name}.svg"), metadata={"Date": None, "Title": "Accuracy against measured time"}
            )
    for name, (titles, rows) in tables().items():
        put(PAGE, name, titles, rows)
