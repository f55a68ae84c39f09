"""List the methods of pruning that a recipe can name: when each prunes, what goes, whose idea it is, its settings."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic.fields import FieldInfo
from rich.console import Console
from rich.table import Table

from exitprune.config.about import about
from exitprune.config.families import FAMILIES
from exitprune.config.prune import Prune
from exitprune.errors import BadInput
from exitprune.variants import class_of, names_of

CHOICES = {parameter: family for parameter, family in FAMILIES.items() if parameter in Prune.model_fields}
"""What a recipe chooses, and the folder it is chosen from."""
COLUMNS = ("parameter", "name", "what it does", "when", "what goes", "source", "form", "settings")
BOUNDS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}


def main(
    wanted: Annotated[
        str | None,
        typer.Argument(help="Only what this parameter chooses from, such as criterion, or one name, such as greg1."),
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="As comma-separated values.")] = False,
) -> None:
    """List the methods of pruning that a recipe can name; all of it is read from their files."""
    shown = [row for row in rows(CHOICES) if wanted in (None, *row[:2])]
    if not shown:
        known = [*CHOICES, *dict.fromkeys(name for family in CHOICES.values() for name in names_of(family))]
        near = get_close_matches(str(wanted), known, n=1)
        raise BadInput(
            f"there is no {wanted!r}; allowed: {', '.join(CHOICES)}, or a name of what one of these chooses from"
            + (f"; did you mean {near[0]}?" if near else "")
        )
    if csv:
        import pandas as pd  # here, since it takes a second to import

        typer.echo(pd.DataFrame(shown, columns=COLUMNS).to_csv(index=False), nl=False)
        return
    table = Table(*COLUMNS, show_lines=True)
    for row in shown:
        table.add_row(*row)
    console = Console()
    console.width = max(console.width, 140)
    console.print(table)


def rows(chosen: dict[str, str]) -> Iterator[tuple[str, ...]]:
    """A row of `COLUMNS` per variant.

    Args:
        chosen: families by parameter.
    """
    for parameter, family in chosen.items():
        for name in names_of(family):
            told = about(family, name)
            conditions = {key: " only" * (key in told.conditions) for key in ("when", "goes")}
            yield (
                parameter,
                name,
                told.what,
                (" or ".join(told.when) or "any time") + conditions["when"],
                (" or ".join(told.goes) or "any") + conditions["goes"],
                told.source or "ours",
                told.form,
                ", ".join(setting(key, field) for key, field in class_of(family, name).model_fields.items()),
            )


def setting(name: str, field: FieldInfo) -> str:
    """A setting with its default and what is allowed: `round_to: 1 (>= 1)`."""
    if get_origin(field.annotation) is Literal:
        allowed: list[Any] = [" | ".join(map(str, get_args(field.annotation)))]
    else:
        limits = [(sign, getattr(limit, key, None)) for limit in field.metadata for key, sign in BOUNDS.items()]
        allowed = [f"{sign} {bound:g}" for sign, bound in limits if bound is not None]
    return f"{name}: {field.default}" + (f" ({', '.join(allowed)})" if allowed else "")
