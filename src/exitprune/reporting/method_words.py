"""What a method is, for who knows none of them: from the files of the variants that its recipes name, and from its records."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exitprune.config.about import WHEN, about
from exitprune.config.families import FAMILIES
from exitprune.evaluation.methods import method_of, settings_of
from exitprune.evaluation.records import About

TOLD = ("criterion", "start", "schedule", "scope", "ending")
"""Parameters that may make a method what it is, the one that always does first."""

_SOURCE = re.compile(r"^(.*arXiv:[\d.]+\d).*$")
"""Up to its last number; what a file adds on the paper is left to the file."""


@dataclass(frozen=True)
class Method:
    """A method in words.

    Attributes:
        when: it prunes, one of `WHEN`.
        goes: weights, filters or blocks; per image, if no weight goes and gates look at each image.
        what: what it does.
        sources: authors, year and number of the papers; empty: ours.
        form: as published, in the spirit of it, or ours.
    """

    name: str
    when: str
    goes: str
    what: str
    sources: tuple[str, ...]
    form: str


def methods_of(abouts: Sequence[About]) -> dict[str, Method]:
    """Every method that there is a record of, those that prune first first.

    The criterion is always told; beside it what most of the others do not share: a trigger, a schedule, a scope, an ending.
    """
    chosen: dict[str, Mapping[str, str]] = {}
    per_image = set()
    for one in abouts:
        settings, name = settings_of(one), method_of(one)
        chosen.setdefault(
            name, {**{key: getattr(settings, key) for key in TOLD}, "granularity": settings.granularity.name}
        )
        if isinstance(one.levels[-1].macs[-1], float):
            per_image.add(name)
    usual = {key: Counter(of[key] for of in chosen.values()).most_common(1)[0][0] for key in TOLD}
    made = []
    for name, of in chosen.items():
        told = [about(FAMILIES[key], of[key]) for key in TOLD if key == "criterion" or of[key] != usual[key]]
        first, *more = told
        sourced = [first, *(one for one in more if one.source or not one.when)]
        when, (goes,) = about("starts", of["start"]).when[0], about("granularities", of["granularity"]).goes
        forms = {one.form for one in sourced}
        made.append(
            Method(
                name,
                when,
                f"{goes}, per image" if name in per_image else goes,
                "; ".join(one.what[:1].lower() + one.what[1:] for one in sourced),
                tuple(dict.fromkeys(_SOURCE.sub(r"\1", one.source) for one in sourced if one.source)),
                next(form for form in ("in the spirit of it", "as published", "ours") if form in forms),
            )
        )
    ranked = sorted(made, key=lambda one: (WHEN.index(one.when), one.goes != "weights", one.goes))
    return {one.name: one for one in ranked}
