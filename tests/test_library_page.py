"""The page of the library tells what its study came to."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).parents[1]
ORDER = ("final", "recovered")


def test_the_study_of_real_images_has_the_numbers_of_its_results() -> None:
    summary = json.loads((ROOT / "results/cifar10-shufflenet/summary.json").read_text())
    told = (ROOT / "docs/library.md").read_text().partition("| CIFAR-10 at 64 x 64 ")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in told.splitlines()[2:]]
    assert [row[0] for row in rows] == ["unpruned", *(f"{o}, {s}" for o in ("joint", "sequential") for s in ORDER)]
    for name, *cells in rows:
        recipe, _, state = name.partition(", ")
        found = summary[recipe][state] if state else summary[recipe]
        shares = [100 * found[key] for key in ("early_exits_accuracy", "last_exit_accuracy", "cheapest_accuracy")]
        macs = [found[key] / 1e6 for key in ("last_exit_macs", "cheapest_macs")]
        early, last, cheapest = (f"{share:.1f}" for share in shares)
        assert cells == [early, last, f"{macs[0]:.2f}", cheapest, f"{macs[1]:.2f}"]
    joint, sequential = (summary[recipe]["recovered"] for recipe in ("joint", "sequential"))
    assert 0 < joint["early_exits_accuracy"] - sequential["early_exits_accuracy"] < 0.02
