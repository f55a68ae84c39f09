"""The rows as a CSV file, and the page made from it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path

from tests.torture import Row

DATA, PAGE = "reliability.csv", "reliability.md"
HEAD = """# What holds when things go wrong

Written by `make torture` from [reliability.csv](reliability.csv): a small study is killed at random moments, disks are
filled, bits are flipped, every case of `tests/cases` (foreign files, records, bad parameters, bad images) is given, and
the README's commands are run in random order. `SEED`, `MINUTES` and `KILLS` may be set: `make torture SEED=1 MINUTES=5
KILLS=10`.

"job" is one training or evaluation, "everything" the whole process group, as Ctrl-C in a terminal does it. After up to
thirty kills the study is finished with the plain command, `dvc repro` or `snakemake`; every checkpoint, every file of
logits and every table (but the one of times) must then be the same bytes as in a study that was left in peace.

| what | how | tried | held | must come out |
| --- | --- | ---: | ---: | --- |
"""


def write(rows: Iterable[Row], folder: Path) -> None:
    """Write both; what was not tried is left out."""
    tried = [row for row in rows if row.tried]
    with (folder / DATA).open("w", newline="") as file:
        writer = csv.DictWriter(file, [column.name for column in fields(Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(asdict, tried))
    (folder / PAGE).write_text(page(read(folder)))


def read(folder: Path) -> list[Row]:
    """The rows of the CSV file."""
    with (folder / DATA).open(newline="") as file:
        return [
            Row(row["what"], row["how"], int(row["tried"]), int(row["held"]), row["outcome"])
            for row in csv.DictReader(file)
        ]


def merged(before: Sequence[Row], rows: Sequence[Row], add: bool) -> list[Row]:
    """New rows, and those of before that are about something else; or, added up, all of them."""
    if not add:
        done = {row.what for row in rows}
        return [*rows, *(row for row in before if row.what not in done)]
    sums: dict[tuple[str, str, str], Row] = {}
    for row in (*before, *rows):
        of = row.what, row.how, row.outcome
        known = sums.get(of, replace(row, tried=0, held=0))
        sums[of] = replace(row, tried=known.tried + row.tried, held=known.held + row.held)
    return list(sums.values())


def page(rows: list[Row]) -> str:
    """Markdown, with the sums of kills and of what was refused."""
    lines = [f"| {row.what} | {row.how} | {row.tried} | {row.held} | {row.outcome} |" for row in rows]
    killed = [row for row in rows if row.how.startswith("SIG")]
    refused = [row for row in rows if row.outcome.startswith("refused")]
    sums = [
        f"{sum(row.held for row in some)} of {sum(row.tried for row in some)} {what}"
        for some, what in (
            (killed, "kills ended with the same bytes"),
            (refused, "damaged, foreign and bad inputs were refused in one sentence"),
        )
        if some
    ]
    return HEAD + "\n".join(lines) + "\n\n" + "; ".join(sums) + ".\n"
