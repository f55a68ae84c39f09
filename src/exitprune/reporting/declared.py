"""Which tables there are: the files of `evaluation/tables/`, and the figures that bring one of their own. No other list.

The workflow reads it before any job, so nothing here imports a table or a figure.
"""

from __future__ import annotations

import ast

from exitprune.variants import folder_of, names_of


def table_names() -> list[str]:
    """Of the CSV files of a study, in alphabetical order.

    Raises:
        ValueError: if a figure's own table has the name of another one.
    """
    shared, own = names_of("tables"), figures_with_a_table()
    if twice := sorted(set(shared) & set(own)):
        raise ValueError(
            f"the figure {twice[0]} has a table of its own, and there is a file of this name in tables/: rename one"
        )
    return sorted([*shared, *own])


def figures_with_a_table() -> list[str]:
    """Figures whose file has a function `table(study)`: it makes the CSV file of the figure's name."""
    return [name for name in names_of("figures") if "table" in _functions(name)]


def _functions(figure: str) -> set[str]:
    source = (folder_of("figures") / f"{figure}.py").read_text(encoding="utf-8")
    return {node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
