"""What all figures share: the theme, one look per recipe, how values of the paper are drawn, and how a figure is saved.

Recipes differ by line, marker and hatch as well as by colour, so that a figure can be read in greyscale.
"""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter, StrMethodFormatter
from PIL import Image

from exitprune.reporting.looks import LOOKS as LOOKS
from exitprune.reporting.looks import Look as Look
from exitprune.reporting.looks import looks as looks
from exitprune.reporting.looks import looks_together as looks_together

DPI = 150
WIDTH = 10.0
"""Inches, of every figure."""
LETTERS, BESIDE = 130, 8
"""Of a legend: letters that fit in the width of a figure, and as how many a mark with its space counts."""
UNPRUNED: dict[str, Any] = {"color": "0.35", "linestyle": ":", "linewidth": 1.6, "label": "unpruned"}
_DECIMALS = re.compile(r"(scale\([^)]*\))|(\d\.\d\d)\d+")
"""A hundredth of a point is finer than any screen, and further decimals of lengths are a third of a file; scales keep theirs."""
PAPER: dict[str, Any] = {"color": "black", "linestyle": "none", "markersize": 6, "markeredgewidth": 1.3, "zorder": 5}


class NothingToDraw(Exception):
    """A study has nothing that this figure could show; the message says what is missing."""


@contextmanager
def theme(name: str) -> Iterator[None]:
    """Draw within this: seaborn's theme, and identifiers in the SVG that depend on the figure's name alone."""
    look: dict[Any, Any] = {**sns.axes_style("whitegrid"), **sns.plotting_context("paper", font_scale=1.1)}
    ours: dict[Any, Any] = {
        "svg.hashsalt": name,
        "hatch.linewidth": 0.6,
        "axes.titleweight": "bold",
        "axes.titlesize": 10.5,
        "grid.color": "0.9",
        "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same shapes everywhere
    }
    with matplotlib.rc_context({**look, **ours}):
        yield


def new_figure(height: float) -> Figure:
    """An empty figure of the common width, laid out by itself."""
    return Figure(figsize=(WIDTH, height), layout="constrained")


def save(figure: Figure, svg: Path, png: Path, title: str, caption: str) -> None:
    """Write both files; the same figure gives the same bytes. The PNG says above and below what it shows, as it travels alone."""
    for path in (svg, png):
        path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(svg, dpi=DPI, metadata={"Date": None, "Title": title, "Description": caption})
    svg.write_text(_DECIMALS.sub(r"\1\2", svg.read_text(encoding="utf-8")), encoding="utf-8")
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=DPI)
    above = _strip(title, figure.get_figwidth(), fontsize=14, fontweight="bold")
    below = _strip(textwrap.fill(caption, 140), figure.get_figwidth(), fontsize=9.5, color="0.25", linespacing=1.35)
    parts = [Image.open(part).convert("RGB") for part in (above, drawn, below) if part is not None]
    whole = Image.new("RGB", (max(part.width for part in parts), sum(part.height for part in parts)), "white")
    top = 0
    for part in parts:
        whole.paste(part, (0, top))
        top += part.height
    whole.save(png, optimize=True)


def _strip(text: str, width: float, **look: Any) -> io.BytesIO | None:
    """Lines of text as a picture as wide as a figure, in inches; None without text."""
    if not text:
        return None
    height = (text.count("\n") + 1) * look["fontsize"] / 72 * 1.4 + 0.2
    strip = Figure(figsize=(width, height))
    strip.text(0.015, 0.5, text, ha="left", va="center", **look)
    drawn = io.BytesIO()
    strip.savefig(drawn, dpi=DPI)
    return drawn


def band(axes: Axes, table: pd.DataFrame, x: str, y: str, look: Look, label: str, markers: bool = False) -> None:
    """A mean curve and its band (none with one seed, or where the look has none)."""
    marker = look.marker if markers else ""
    axes.plot(table[x], table[y], color=look.colour, linestyle=look.line, marker=marker, markersize=5, label=label)
    if look.shade:
        axes.fill_between(table[x], table["low"], table["high"], color=look.colour, alpha=look.shade, linewidth=0)


def over(num_seeds: int, band: str = "") -> str:
    """What is averaged, and what its band is, as the last sentence of a caption."""
    if num_seeds < 2:
        return "One seed, so there is no band." if band else "One seed."
    return f"Mean over {num_seeds} seeds" + (f"; {band}." if band else ".")


def bands(table: pd.DataFrame, what: str = "bands") -> str:
    """Mean and band of a table's rows; the table says what a band is."""
    return over(int(table["num_seeds"].max()), f"{what}: {', '.join(table['band'].unique())}")


def bands_together(table: pd.DataFrame, drawn: Mapping[str, Look] | None = None) -> str:
    """The same of figures with all lines in one panel, a look each (None: recipes): which of a crowd have bands."""
    drawn = looks_together(list(table["recipe"].unique())) if drawn is None else drawn
    banded = [line for line, look in drawn.items() if look.shade]
    return bands(table, "bands" if len(banded) == len(drawn) else f"bands, of {' and '.join(banded)} alone")


def papers_values(tables: Path, quantity: str) -> pd.DataFrame:
    """The paper's values where they are comparable with ours, else no rows."""
    table = pd.read_csv(tables / "paper_comparison.csv")
    return table[(table["quantity"] == quantity) & table["comparable"].astype(bool)]


class Percent(PercentFormatter):
    """Ticks in per cent with no more decimals than they need: 85%, not 85.0%."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """The text of a tick."""
        return f"{100 * x:.6g}%"


def log_millions(axes: Axes) -> None:
    """Label an x axis of average MACs, given in millions, on a log scale."""
    axes.set_xscale("log")
    axes.set_xlabel("average MACs per image (millions, log scale)")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def in_percent(axes: Axes) -> None:
    """Label a y axis of fractions in per cent."""
    axes.yaxis.set_major_formatter(Percent(1))


def in_percent_of_all(axes: Axes) -> None:
    """The same, once all is drawn, of shares of images: the axis ends at 100 %, though a band around a mean may go on."""
    in_percent(axes)
    bottom, top = axes.get_ylim()
    axes.set_ylim(bottom, min(top, 1.005))


def legend_above(figure: FigureBase, handles: Sequence[Artist], labels: Sequence[str], most: int = 4) -> None:
    """A legend over the whole figure or part of it, in as many columns, `most` at most, as its width holds."""
    longest = max(map(len, labels), default=1)
    columns = min(most, max(1, LETTERS // (longest + BESIDE)))
    figure.legend(handles, labels, loc="outside upper center", ncols=columns)


def empty_figure(reason: str) -> Figure:
    """A figure that says why there is nothing to draw."""
    figure = new_figure(2)
    figure.text(0.5, 0.5, f"nothing to draw: {reason}", ha="center", va="center")
    return figure
