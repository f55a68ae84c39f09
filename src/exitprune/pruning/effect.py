"""Whether the choices of a recipe reach each other: one that nobody asks would be without effect, and nothing would say so.

What asks what is told by the variants themselves: in their docstrings, or by trying them. A new file is in no list.
"""

from __future__ import annotations

import math

import torch

from exitprune.config.about import about
from exitprune.config.choice import made, make
from exitprune.config.prune import Prune
from exitprune.pruning.criteria import Criterion
from exitprune.pruning.ranking import without_lowest
from exitprune.pruning.scopes import Scope
from exitprune.training.endings import Ending
from exitprune.variants import names_of


def without_effect(recipe: Prune) -> str | None:
    """Why something chosen in a recipe would have no effect, as a sentence that says what would; None: all has one."""
    criterion: Criterion = made("criteria", recipe.criterion)
    told = about("criteria", recipe.criterion.name)
    if told.compares_layers and not compares_layers(made("scopes", recipe.scope)):
        able = [name for name in names_of("scopes") if compares_layers(make("scopes", name, {}))]
        return (
            f"criterion: {recipe.criterion.name} weighs layers against each other, and scope: {recipe.scope.name} compares "
            f"scores of the same layer only; scope allowed with it: {', '.join(able)}"
        )
    if told.own_scope and not is_one_ranking(made("scopes", recipe.scope)):
        able = [name for name in names_of("scopes") if is_one_ranking(make("scopes", name, {}))]
        return (
            f"scope: {recipe.scope} says how much of each layer stays, and criterion: {recipe.criterion.name} decides that "
            f"by itself; scope allowed with it: {', '.join(able)}, without settings"
        )
    if told.own_scope and recipe.granularity.settings:
        return (
            f"granularity: {recipe.granularity} says how many go at a time, and criterion: {recipe.criterion.name} decides that "
            f"by itself; granularity allowed with it: {recipe.granularity.name}, without settings"
        )
    if criterion.trains_first and not criterion.first(recipe.finetune).epochs:
        return (
            f"criterion: {recipe.criterion.name} learns in a training of its own, which has no epochs; give its setting "
            "epochs, or finetune.epochs"
        )
    if criterion.grows_back and about("starts", recipe.start.name).asks_scores:
        patient = [name for name in names_of("starts") if not about("starts", name).asks_scores]
        return (
            f"criterion: {recipe.criterion.name} looks at the weights with which pruning began, and start: {recipe.start.name} "
            f"asks it before that; start allowed with it: {', '.join(patient)}"
        )
    ending: Ending = made("endings", recipe.ending)
    rounds = made("orders", recipe.order).rounds(recipe.rounds)
    epochs = [recipe.of_round(one.train).epochs for one in rounds]
    if acts(ending) and not any(epochs):
        idle = [name for name in names_of("endings") if not acts(make("endings", name, {}))]
        return (
            f"ending: {recipe.ending.name} ends the training of rounds, which has no epochs; give finetune.epochs, or ending: "
            f"{' or '.join(idle)}"
        )
    if math.isfinite(ending.soonest()) and math.ceil(max(epochs)) <= ending.soonest():
        others = [name for name in names_of("endings") if math.isinf(make("endings", name, {}).soonest())]
        return (
            f"ending: {recipe.ending} ends a round after {ending.soonest():g} epochs at the soonest, and the longest has "
            f"{max(epochs):g}; give more of these, less patience, or ending: {' or '.join(others)}"
        )
    return None


def sets_densities(scope: Scope) -> bool:
    """Whether as many units of each layer stay, whatever their scores are."""
    flat = {"first": torch.arange(1.0, 109).reshape(4, 3, 3, 3), "second": torch.arange(1.0, 33).reshape(8, 4)}
    there = {name: torch.ones_like(score, dtype=torch.bool) for name, score in flat.items()}
    kept = []
    for steep in flat:  # one layer after the other has few scores that stand out, and all larger ones
        scores = {name: score**6 if name == steep else score for name, score in flat.items()}
        kept.append({name: int(mask.sum()) for name, mask in scope.choose(scores, there, 70).items()})
    return kept[0] == kept[1]


def compares_layers(scope: Scope) -> bool:
    """Whether it matters if all scores of a layer are larger by the same factor."""
    scores = {"first": torch.arange(1.0, 109).reshape(4, 3, 3, 3), "second": torch.arange(1.0, 33).reshape(8, 4)}
    there = {name: torch.ones_like(score, dtype=torch.bool) for name, score in scores.items()}
    some, others = (
        scope.choose({**scores, "second": scores["second"] * factor}, there, 70) for factor in (1.0, 1000.0)
    )
    return any(not torch.equal(some[name], others[name]) for name in scores)


def is_one_ranking(scope: Scope) -> bool:
    """Whether the lowest scores go, in whichever layer and group of layers they are."""
    scores = {"first": torch.arange(1.0, 109).reshape(4, 3, 3, 3), "exit0": torch.arange(150.0, 182).reshape(8, 4)}
    there = {name: torch.ones_like(score, dtype=torch.bool) for name, score in scores.items()}
    chosen, lowest = scope.choose(scores, there, 130), without_lowest(scores, there, 130)
    return all(torch.equal(chosen[name], lowest[name]) for name in scores)


def ranks_whole_layers(scope: Scope) -> bool:
    """Whether scores decide what goes where each layer is one unit."""
    scores = {name: torch.tensor([number + 1.0]) for number, name in enumerate("abcdefg")}
    there = {name: torch.tensor([True]) for name in scores}
    turned = {name: 8 - score for name, score in scores.items()}
    some, others = (scope.choose(one, there, 3) for one in (scores, turned))
    return any(not torch.equal(some[name], others[name]) for name in scores)


def free_scopes() -> str:
    """The names of scopes that leave it to scores how much of each layer stays."""
    return ", ".join(name for name in names_of("scopes") if not sets_densities(make("scopes", name, {})))


def acts(ending: Ending) -> bool:
    """Whether it does anything."""
    return type(ending).after_epoch is not Ending.after_epoch or type(ending).finish_ is not Ending.finish_
