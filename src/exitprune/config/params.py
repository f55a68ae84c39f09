"""A study's parameters, all of them, each with what is allowed. Where the values come from: `study`.

No stage that trains reads this, so a new parameter of another stage recomputes nothing that is trained.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, ValidationError, ValidationInfo, field_validator

from exitprune.config.choice import made
from exitprune.config.compute import Compute
from exitprune.config.data import Augment, DataSource
from exitprune.config.evaluate import Evaluate
from exitprune.config.grid import Grid
from exitprune.config.model import Model
from exitprune.config.prune import ExitHeads, Shared
from exitprune.config.recipe import NAME, Recipe
from exitprune.config.section import Section, Seeds, each_once
from exitprune.config.training import Training
from exitprune.documents import reason
from exitprune.errors import quoted


class Data(DataSource):
    """Images as training sees them, and where they lie."""

    path: str | None = None
    """The data set's folder; null: where downloads are kept (`$EXITPRUNE_DATA`, else the user's cache)."""
    augment: Augment

    @field_validator("path")
    @classmethod
    def _can_be_one(cls, path: str | None) -> str | None:
        if path is not None and (not path.strip() or "\0" in path):
            raise ValueError("name a folder, or leave it out")
        if path is not None and path.startswith("~"):
            try:
                Path(path).expanduser()
            except RuntimeError:  # nobody of that name, or nobody's home is known
                raise ValueError("~ leads to no home that this system knows; write the whole path") from None
        return path


class Unpruned(Section):
    """The images and the network before pruning, of all recipes alike."""

    study: str
    seeds: Seeds
    """One run of everything per seed; all recipes of a seed have the same unpruned network."""
    data: Data
    model: Model
    base: Training
    rivals: Annotated[list[int], AfterValidator(each_once)]
    """Depths of plain networks, trained like the base when asked for, that measured time is held against."""


class Params(Shared, Unpruned):
    """A whole study."""

    recovery: Training
    recipes: dict[str, Recipe]
    """What the study compares, by name."""
    rival_recipes: Annotated[list[str], AfterValidator(each_once)] = Field(default_factory=list)
    """By which rivals are pruned too; they are then also trained unpruned for as many epochs as the longest takes in all."""
    other_code: Literal["same", "any"] = "same"
    """Whether records count that were computed by other code than this."""
    records: Literal["anywhere", "here"] = "anywhere"
    """Which records count: `here` are those that this clone computed itself."""
    grid: Grid
    evaluate: Evaluate
    compute: Compute

    def epochs(self, recipe: str) -> float:
        """Of all trainings that lead to a recipe's recovered network; a round counts as if its group had units to go."""
        own = self.recipes[recipe]
        rounds = sum(epochs for _, epochs in self.rounds_of(own))
        return self.base.epochs + own.heads.epochs + rounds + own.recovery.epochs

    @staticmethod
    def rounds_of(recipe: Recipe) -> list[tuple[str, float]]:
        """The group that each round trains, and for how many epochs, those of the criterion's own training among them."""
        criterion = made("criteria", recipe.criterion)
        trainings = [
            (one.train, recipe.of_round(one.train)) for one in made("orders", recipe.order).rounds(recipe.rounds)
        ]
        return [
            (group, training.epochs + (criterion.first(training).epochs if criterion.trains_first else 0))
            for group, training in trainings
        ]

    @field_validator("rivals")
    @classmethod
    def _can_be_built(cls, depths: list[int], info: ValidationInfo) -> list[int]:
        model = info.data.get("model")
        if not isinstance(model, Model):  # refused already
            return depths
        for depth in depths:
            try:
                model.base.at_depth(depth)
            except ValidationError as error:
                why = reason(error.errors()[0])
                raise ValueError(f"{model.architecture} has no depth {depth}: {why}") from None
        return depths

    @field_validator("grid")
    @classmethod
    def _of_its_own(cls, grid: Grid, info: ValidationInfo) -> Grid:
        if reported := set(grid.seeds) & set(info.data.get("seeds", ())):
            raise ValueError(
                f"seeds: {', '.join(map(str, sorted(reported)))} is reported by the study; a seed that chose a setting is"
                " not, so name others"
            )
        return grid

    @field_validator("recipes", mode="before")
    @classmethod
    def _at_least_one(cls, recipes: Any) -> Any:
        if recipes in ([], {}):
            raise ValueError("name one at least")
        if isinstance(recipes, list):
            raise ValueError("each may be named once")
        return recipes

    @field_validator("recipes")
    @classmethod
    def _can_be(cls, recipes: dict[str, Recipe], info: ValidationInfo) -> dict[str, Recipe]:
        if len({name.lower() for name in recipes}) < len(recipes):
            raise ValueError("two names that differ in capitals alone are one folder on some disks; rename one")
        for name, recipe in recipes.items():
            if not re.fullmatch(NAME, name):
                raise ValueError(
                    f"{quoted(name)}: a recipe is called by letters, digits, - and _, a letter first, 64 at most"
                )
            base = info.data.get("base")
            if base and isinstance(recipe.rewind, int) and recipe.rewind > base.epochs:
                raise ValueError(f"{name}: rewind: base training has no epoch {recipe.rewind}, only {base.epochs:g}")
        return recipes

    @field_validator("rival_recipes", mode="before")
    @classmethod
    def _none_are_named(cls, names: Any) -> Any:
        return [] if names is None else names

    @field_validator("rival_recipes")
    @classmethod
    def _prune_plain_networks(cls, names: list[str], info: ValidationInfo) -> list[str]:
        recipes = info.data.get("recipes", {})  # empty: refused already
        fit = [name for name, own in recipes.items() if cls._fits_plain_networks(own)]
        if recipes and (unfit := sorted(set(names) - set(fit))):
            raise ValueError(
                f"{', '.join(unfit)}: name recipes of the study in whose rounds plain networks have all that they take: no"
                " exits that learn alone or come later, no training that goes on after the rounds, no epoch to rewind to;"
                f" allowed: {', '.join(fit) or 'none here'}"
            )
        return names

    @classmethod
    def _fits_plain_networks(cls, recipe: Recipe) -> bool:
        trains_exits = any(group == "exits" for group, _ in cls.rounds_of(recipe))
        goes_on = made("starts", recipe.start).watches
        return not trains_exits and not goes_on and recipe.heads.when == "before" and not isinstance(recipe.rewind, int)


class RecipeOutline(BaseModel):
    """What a recipe's outline has."""

    heads: ExitHeads


class Outline(BaseModel):
    """What can be said of a study without its network and its methods: where its levels lie, and how they are summed up."""

    study: str
    heads: ExitHeads
    evaluate: Evaluate
    recipes: dict[str, RecipeOutline]
