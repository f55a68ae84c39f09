"""Tables to one figure, as SVG and PNG."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from exitprune.config.evaluate import Evaluate
from exitprune.config.section import Section
from exitprune.errors import BadInput
from exitprune.reporting.figures._style import save, theme
from exitprune.variants import names_of, variant


class Settings(Section):
    """What figures depend on beside the tables."""

    evaluate: Evaluate


def main(
    settings: Annotated[str, Option()],
    name: Annotated[str, Option()],
    tables: Annotated[Path, Option()],
    svg: Annotated[Path, Option()],
    png: Annotated[Path, Option()],
) -> None:
    """Draw one figure.

    Args:
        settings: JSON, see `Settings`.
        name: a file of `figures/`.
        tables: folder with the CSV files.
        svg, png: files to write.

    Raises:
        BadInput: if there is no such figure.
    """
    wanted = Settings.model_validate_json(settings)
    if name not in names_of("figures"):
        raise BadInput(f"--name: there is no figure {name!r}; allowed: {', '.join(names_of('figures'))}")
    with theme(name):
        save(variant("figures", name).draw(tables, wanted.evaluate), svg, png)
