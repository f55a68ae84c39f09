"""The picture of docs/design.md: the rooms in the order of the flow, and in each the families with the question each answers.

Nothing is typed in: rooms, families, questions and variants are the package's folders, docstrings and files.
"""

from __future__ import annotations

import ast
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from exitprune.config.families import FAMILIES
from exitprune.variants import PACKAGE, ROOMS, names_of

WIDTH, ROW, LINE = 10.0, 0.34, 0.19  # inches
FOUND_BY_NAME = (*FAMILIES.values(), "tables", "figures")
TEXT: dict[str, Any] = {"va": "top", "fontsize": 9}


@dataclass(frozen=True)
class Place:
    """A room or a family: its name, and the first sentence of its docstring."""

    name: str
    question: str


def place_of(folder: Path) -> Place:
    """What a package says of itself."""
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""
    return Place(folder.name, text.split("\n\n")[0].replace("\n", " ").partition(". ")[0].removesuffix("."))


def families(room: str) -> list[Place]:
    """The families of a room: its folders of files that are found by name."""
    folders = sorted((path.parent for path in (PACKAGE / room).glob("*/__init__.py")), key=_place_in_the_flow)
    return [place_of(folder) for folder in folders if folder.name in FOUND_BY_NAME]


def _place_in_the_flow(folder: Path) -> tuple[int, str]:
    """Families that a recipe chooses from stand as they do in its section of the parameters; others by name."""
    chosen = list(FAMILIES.values())
    return (chosen.index(folder.name) if folder.name in chosen else len(chosen), folder.name)


def draw() -> Figure:
    """Rooms from top to bottom, their families inside."""
    heights = [ROW + 0.08 + sum(map(_height, families(room))) for room in ROOMS]
    total = sum(heights) + 0.22 * len(ROOMS)
    figure = Figure(figsize=(WIDTH, total), layout=None)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(total, 0))
    axes.axis("off")
    top = 0.06
    for number, (room, height) in enumerate(zip(ROOMS, heights, strict=True)):
        _draw_room(axes, room, top, height)
        if number + 1 < len(ROOMS):
            arrow = {"arrowstyle": "-|>", "color": "0.35"}
            axes.annotate("", (WIDTH / 2, top + height + 0.22), (WIDTH / 2, top + height), arrowprops=arrow)
        top += height + 0.22
    return figure


def _variants(family: Place) -> list[str]:
    return textwrap.wrap(", ".join(names_of(family.name)), 78)


def _height(family: Place) -> float:
    return ROW + LINE * len(_variants(family)) + 0.08


def _draw_room(axes: Axes, room: str, top: float, height: float) -> None:
    place = place_of(PACKAGE / room)
    _box(axes, 0.1, top, WIDTH - 0.2, height, "#eef3f8")
    axes.text(0.25, top + 0.1, f"{place.name}/", fontweight="bold", **TEXT)
    axes.text(1.75, top + 0.1, place.question, **TEXT)
    top += ROW
    for family in families(room):
        _box(axes, 1.65, top, WIDTH - 1.95, _height(family) - 0.08, "white")
        axes.text(1.75, top + 0.08, f"{family.name}/", fontweight="bold", **TEXT)
        axes.text(3.25, top + 0.08, family.question, **TEXT)
        axes.text(3.25, top + 0.08 + LINE, "\n".join(_variants(family)), family="monospace", color="0.25", **TEXT)
        top += _height(family)


def _box(axes: Axes, left: float, top: float, width: float, height: float, colour: str) -> None:
    axes.add_patch(
        FancyBboxPatch((left, top), width, height, "round,pad=0,rounding_size=0.06", facecolor=colour, edgecolor="0.6")
    )
