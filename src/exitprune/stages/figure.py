"""Tables to one figure, as SVG and PNG."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from typer import Option

from exitprune.config.evaluate import Evaluate
from exitprune.config.section import Section
from exitprune.errors import BadInput
from exitprune.reporting.drawing import NothingToDraw, empty_figure, save, theme
from exitprune.reporting.figure_points import points_of
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
    about: Annotated[Path, Option()],
) -> None:
    """Draw one figure, and say what it shows.

    Args:
        settings: JSON, see `Settings`.
        name: a file of `figures/`.
        tables: folder with the CSV files.
        svg, png: files to write.
        about: JSON to write for the report: title, caption, alt, place, tables, and points, where which value lies in the
            picture; of a figure that this study has nothing for, `nothing` says why and the picture says so too.

    Raises:
        BadInput: if there is no such figure.
    """
    wanted = Settings.model_validate_json(settings)
    if name not in names_of("figures"):
        raise BadInput(f"--name: there is no figure {name!r}; allowed: {', '.join(names_of('figures'))}")
    module = variant("figures", name)
    said = {"place": module.PLACE, "title": module.TITLE, "tables": module.TABLES}
    with theme(name):
        try:
            figure = module.draw(tables, wanted.evaluate)
            caption = f"{module.CAPTION} {module.note(tables, wanted.evaluate)}"
            said |= {"caption": caption, "alt": module.alt(tables, wanted.evaluate), "points": points_of(figure)}
        except NothingToDraw as reason:
            figure, caption = empty_figure(str(reason)), ""
            said |= {"nothing": str(reason)}
        save(figure, svg, png, f"{module.TITLE} (study {tables.parent.name})", caption)
    about.parent.mkdir(parents=True, exist_ok=True)
    about.write_text(json.dumps(said, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
