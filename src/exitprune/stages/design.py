"""The picture of docs/design.md, drawn from the folders as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import matplotlib
from typer import Option

from exitprune.reporting.design import draw


def main(out: Annotated[Path, Option()]) -> None:
    """Draw it.

    Args:
        out: SVG file to write; its letters are text, so that it can be searched.
    """
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "design"}):
        draw().savefig(out, metadata={"Date": None})
