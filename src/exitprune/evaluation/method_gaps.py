"""Which records of studies of methods are not there, in as few words as tell it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

NAMED = 6
"""So many recipes are told by name."""


def missing(wanted: Iterable[Path], found: Iterable[Path]) -> list[str]:
    """A sentence for each study that is not whole: which seeds of which recipes are not there.

    Args:
        wanted: folders of records, results/<study>/seeds/<seed>-<recipe>.
        found: those of them that are there.
    """
    there, by_study = set(found), defaultdict(list)
    for folder in wanted:
        by_study[folder.parts[-3]].append(folder)
    return [
        _of_study(study, folders, [one for one in folders if one not in there])
        for study, folders in by_study.items()
        if not there.issuperset(folders)
    ]


def _of_study(study: str, folders: list[Path], gone: list[Path]) -> str:
    if len(gone) == len(folders):
        return f"{study}: none of its {len(folders)} records is there"
    count = f"{study}: {len(gone)} of {len(folders)} records are missing"
    seeds_of, recipes = defaultdict(set), {_parts(folder)[1] for folder in folders}
    for folder in gone:
        seed, recipe = _parts(folder)
        seeds_of[recipe].add(seed)
    shared = set.intersection(*seeds_of.values()) if set(seeds_of) == recipes else set()
    told = [f"{_seeds(shared)} of every recipe"] if shared else []
    by_seeds = defaultdict(list)
    for recipe, seeds in seeds_of.items():
        if seeds - shared:
            by_seeds[tuple(sorted(seeds - shared))].append(recipe)
    told += [f"{_seeds(seeds)} of {_some(of)}" for seeds, of in sorted(by_seeds.items())]
    return f"{count}: " + "; ".join(told)


def _parts(folder: Path) -> tuple[int, str]:
    seed, _, recipe = folder.name.partition("-")
    return int(seed), recipe


def _some(recipes: list[str]) -> str:
    """All by name, or of many the first."""
    named = ", ".join(recipes[:NAMED])
    return named if len(recipes) <= NAMED else f"{named} and {len(recipes) - NAMED} more"


def _seeds(seeds: Iterable[int]) -> str:
    ranked = sorted(seeds)
    return f"seed{'s' * (len(ranked) > 1)} {', '.join(map(str, ranked))}"
