"""`python -m tests.torture`: run everything, write the table, and fail if anything did not hold."""

from __future__ import annotations

import argparse
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.torture import Row, bits, disks, given, kills, orders, table

DOCS = Path(__file__).parents[2] / "docs"
PARTS = ("given", "bits", "kills", "methods", "disks", "orders")


def _undisturbed(name: str, is_wanted: bool) -> dict[str, bytes]:
    """What a study comes to in peace, if a part that is asked for needs it."""
    return kills.undisturbed(name) if is_wanted else {}


def main() -> None:
    """See `--help`."""
    parser = argparse.ArgumentParser(prog="make torture", description=__doc__)
    parser.add_argument("--minutes", type=float, default=25, help="kill no more after so long")
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--studies", type=int, default=2, help="at once")
    parser.add_argument("--flips", type=int, default=300, help="of each kind of file")
    parser.add_argument("--disks", type=int, default=2, help="of each kind")
    parser.add_argument("--orders", type=float, default=5, help="minutes of the README's commands in random order")
    parser.add_argument("--seed", type=int, default=0, help="of every draw; moments depend on the machine as well")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="the rows of the others are kept")
    parser.add_argument("--add", action="store_true", help="add to the numbers of the table")
    parser.add_argument("--docs", type=Path, default=DOCS, help="where reliability.csv and .md are written")
    options = parser.parse_args()
    draw = random.Random(options.seed)
    rows: list[Row] = []
    before = table.read(options.docs) if options.add or set(options.parts) < set(PARTS) else []
    with ThreadPoolExecutor(1) as beside:
        wanted = beside.submit(_undisturbed, kills.ORDERS, bool({"kills", "disks"} & set(options.parts)))
        methods = beside.submit(_undisturbed, kills.METHODS, "methods" in options.parts)
        parts = {
            "given": given.run(),
            "bits": bits.run(draw, options.flips),
            "kills": kills.run(draw, wanted, options.kills, options.minutes, options.studies),
            "methods": kills.run(
                draw, methods, options.kills // 3, options.minutes / 3, options.studies, kills.METHODS
            ),
            "disks": disks.run(draw, wanted, options.disks),
            "orders": orders.run(draw, options.orders),
        }
        for name in options.parts:
            rows += parts[name]
            table.write(table.merged(before, rows, options.add), options.docs)  # now, in case the rest is stopped
    print((options.docs / table.PAGE).read_text())
    sys.exit(any(row.held < row.tried for row in rows))


if __name__ == "__main__":
    main()
