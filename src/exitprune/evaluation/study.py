"""A study as its records have it: what every table is made of.

Tables are tidy: one row is one observation, accuracy a fraction, MACs per image. Each is a file of `tables/`. Nothing here reads
or writes files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd
from pydantic import BaseModel

from exitprune.config.evaluate import Evaluate
from exitprune.config.model import Model
from exitprune.documents import checked
from exitprune.errors import BadInput
from exitprune.evaluation.exiting import Sweep, sweep_outcomes
from exitprune.evaluation.paper import is_papers_data, is_papers_network
from exitprune.evaluation.records import SWEPT, Level, Outcomes, Record, State, name_of
from exitprune.evaluation.tradeoff import Curve
from exitprune.variants import variant

Row = dict[str, Any]


class Pruned(BaseModel):
    """The settings of a record that tables look at."""

    model: Model
    granularity: str | dict[str, Any]


@dataclass(frozen=True)
class Swept:
    """One network that thresholds are tried on.

    Attributes:
        recipe, seed, state: which.
        level: its numbers.
        outcomes, sweeps: by split, validation and test.
    """

    recipe: str
    seed: int
    state: State
    level: Level
    outcomes: dict[str, Outcomes]
    sweeps: dict[str, Sweep]

    @property
    def run(self) -> Row:
        """The columns that tell it from others."""
        return {"recipe": self.recipe, "seed": self.seed, "state": self.state}


@dataclass(frozen=True, eq=False)
class Study:
    """All seeds of all recipes, and how they are summed up."""

    records: Sequence[Record]
    evaluate: Evaluate
    _made: dict[str, pd.DataFrame] = field(default_factory=dict)

    def table(self, name: str) -> pd.DataFrame:
        """A table by its name, which is that of a file of `tables/`; worked out once."""
        if name not in self._made:
            self._made[name] = variant("tables", name).table(self)
        return self._made[name]

    def levels(self) -> Iterator[tuple[Row, Level, Record]]:
        """Every level of every record in order, with the columns that tell it from others."""
        for record in self.records:
            run = {"recipe": record.about.recipe, "seed": record.about.seed}
            for level in record.about.levels:
                yield {**run, "level": level.level, "name": level.name, "state": level.state}, level, record

    @cached_property
    def swept(self) -> list[Swept]:
        """Every network whose images are there one by one, swept over all thresholds."""
        found = []
        for about, level, record in self.levels():
            if level.state in SWEPT:
                outcomes = dict(record.outcomes[level.state])
                sweeps = {split: sweep_outcomes(given) for split, given in outcomes.items()}
                found.append(Swept(about["recipe"], about["seed"], level.state, level, outcomes, sweeps))
        return found

    @property
    def curves(self) -> list[Curve]:
        """The trade-off of each on test images."""
        return [
            Curve(one.recipe, one.seed, one.state, one.sweeps["test"].average_macs, one.sweeps["test"].accuracy)
            for one in self.swept
        ]

    @property
    def is_papers_network(self) -> bool:
        """Whether layers and exits are the paper's, and weights were pruned as there."""
        settings = [record.about.made_of.settings for record in self.records]
        return all(is_papers_network(Model(**one["model"])) and one["granularity"] == "weight" for one in settings)

    @property
    def is_papers_data(self) -> bool:
        """Whether the images are the paper's, so that a difference means something."""
        return is_papers_data(self.records[0].about.data)


def study_of(records: Sequence[Record], evaluate: Evaluate) -> Study:
    """The study that records make together.

    Raises:
        BadInput: if two records are the same one, they are of different images or exits, or recipes have other seeds.
    """
    first = records[0].about
    names = [name_of(record.about.seed, record.about.recipe) for record in records]
    for name, record in zip(names, records, strict=True):
        checked(Pruned, record.about.made_of.settings, f"the record {name}: made_of.settings")
    for name, record in zip(names, records, strict=True):
        if names.count(name) > 1:
            raise BadInput(f"there are {names.count(name)} records of {name}: move all but one elsewhere")
        about = record.about
        if about.data["sha256"] != first.data["sha256"] or about.blocks != first.blocks:
            what = "images" if about.data["sha256"] != first.data["sha256"] else "exits"
            raise BadInput(
                f"the record {name} is of other {what} than {names[0]}, so no mean is taken over both:"
                " move the one that does not belong elsewhere and run again"
            )
    seeds: dict[str, list[int]] = {}
    for record in records:
        seeds[record.about.recipe] = sorted([*seeds.get(record.about.recipe, []), record.about.seed])
    for recipe, own in seeds.items():
        if own != seeds[first.recipe]:
            raise BadInput(
                f"{recipe} has the seeds {own}, {first.recipe} {seeds[first.recipe]}: give each recipe the same"
            )
    return Study(records, evaluate)


def of_every_seed(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Without what some seeds do not have, such as an operating point out of their reach: a mean would be over others."""
    return table[table.groupby(keys)["seed"].transform("nunique") == table["seed"].nunique()].reset_index(drop=True)


def long_rates(table: pd.DataFrame) -> pd.DataFrame:
    """One row per exit from lists of exit rates; the other columns that are results go."""
    keys = [name for name in ("recipe", "seed", "state", "choice", "threshold") if name in table]
    long = table[[*keys, "exit_rate"]].explode("exit_rate").astype({"exit_rate": float})
    long.insert(len(keys), "exit", long.groupby(level=0).cumcount())
    return long.reset_index(drop=True)
