"""`python -m tests.torture`: run everything, write the table, and fail if anything did not hold."""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

from exitprune.networks.early_exit import Spec
from tests.torture import Row, bits, disks, given, kills, table

DOCS = Path(__file__).parents[2] / "docs"
CHECKPOINT = Spec("resnet", {"depth": 8}, channels=1, height=8, width=8, num_classes=10, exits=(1, 2), pool=4)


def main() -> None:
    """See `--help`."""
    parser = argparse.ArgumentParser(prog="make torture", description=__doc__)
    parser.add_argument("--minutes", type=float, default=25, help="begin no further study after so long")
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--flips", type=int, default=300)
    parser.add_argument("--disks", type=int, default=2, help="of each kind")
    parser.add_argument("--seed", type=int, default=0, help="of every draw; moments depend on the machine as well")
    parser.add_argument("--docs", type=Path, default=DOCS, help="where reliability.csv and .md are written")
    wanted = parser.parse_args()
    draw, until = random.Random(wanted.seed), time.monotonic() + 60 * wanted.minutes
    rows: list[Row] = []
    for part in (
        given.run(),
        bits.run(draw, wanted.flips, CHECKPOINT),
        disks.run(draw, wanted.disks),
        kills.run(draw, wanted.kills, until),
    ):
        rows += part
        table.write(rows, wanted.docs)  # so that what was found out is kept if the rest is stopped
    print((wanted.docs / table.PAGE).read_text())
    sys.exit(any(row.held < row.tried for row in rows))


if __name__ == "__main__":
    main()
