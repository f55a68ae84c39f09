"""What holds when things go wrong, counted: `make torture`, bounded in time, from a seed.

Each file here maltreats something and returns rows of what was tried and what held: kills of a running study, cases of
`tests/cases`, flipped bits, full disks, the README's commands in random order. `__main__` runs them and writes
docs/reliability.csv and .md.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: was maltreated.
        how: it was.
        tried: times.
        held: times it came out as it must.
        outcome: that it must come out with.
    """

    what: str
    how: str
    tried: int
    held: int
    outcome: str
