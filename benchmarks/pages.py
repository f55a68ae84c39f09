"""Tables in pages of docs/: each stands between two marks, and whoever computes it puts it there.

`<!-- table: error rates -->`, the table, `<!-- end -->`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

Table = tuple[list[str], list[list[str]]]
"""Titles, and rows of cells."""


def fill(page: Path, kinds: Mapping[str, Callable[[Path], Table]], folder_of: Callable[[str], Path]) -> None:
    """Put every table of a page whose place is `<!-- table: KIND STUDY -->`.

    Args:
        page: to fill.
        kinds: what makes a table of a folder, by its name.
        folder_of: what a kind reads of a study.
    """
    for name in re.findall(r"<!-- table: (.*?) -->", page.read_text(encoding="utf-8")):
        kind, study = name.split()
        put(page, name, *kinds[kind](folder_of(study)))


def put(page: Path, name: str, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Replace a table of a page.

    Raises:
        ValueError: if the page has no such place.
    """
    table_of(page, name)
    text = page.read_text(encoding="utf-8")
    new = _place(name).sub(lambda found: f"{found[1]}\n{as_markdown(titles, rows)}\n{found[3]}", text)
    page.write_text(new, encoding="utf-8")


def as_markdown(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; columns whose first cell reads as a number are aligned to the right."""
    is_number = [bool(re.fullmatch(r"[-+\N{MINUS SIGN}]?\d[\d.,]*", cell)) for cell in (rows[0] if rows else titles)]
    lines = [titles, ["---:" if one else "---" for one in is_number], *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def table_of(page: Path, name: str) -> str:
    """What stands between the marks.

    Raises:
        ValueError: if the page has no such place.
    """
    found = _place(name).search(page.read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f"{page} has no place for a table {name!r}; write: <!-- table: {name} -->, <!-- end -->")
    return found[2].strip("\n") + "\n"


def _place(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- table: {re.escape(name)} -->\n)((?:(?!<!-- )[\s\S])*)(<!-- end -->)")
