"""The studies that compare methods: each method in both orders, all at as many epochs in all."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from exitprune.config.choice import made
from exitprune.config.params import Params
from exitprune.config.recipe import Recipe
from exitprune.config.study import resolve
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.pruning.possible import check_network
from exitprune.pruning.rounds import Chooser, plan
from exitprune.shapes_only import shapes_only
from tests.small_study import TRAINING, Study

ROOT = Path(__file__).parents[2]
STUDIES = sorted(path.stem for path in (ROOT / "presets").glob("*methods*.yaml"))


def params_of(name: str) -> Params:
    return resolve({**yaml.safe_load((ROOT / "params.yaml").read_text()), "study": name}, ROOT / "presets")


def network_of(params: Params) -> EarlyExitNetwork:
    model = params.model
    with shapes_only():
        return EarlyExitNetwork(Spec(model.architecture, model.settings, 1, 16, 16, 10, tuple(model.exits), model.pool))


def epochs_of(params: Params, recipe: Recipe, network: EarlyExitNetwork) -> float:
    """Of all that a recipe trains, the unpruned network's too if it begins there."""
    steps, criterion, chooser = plan(recipe), made("criteria", recipe.criterion), Chooser.of(recipe)
    each = {"base": params.base.epochs, "heads": recipe.heads.epochs, "finetune": recipe.finetune.epochs}
    total = sum(each[step.training] for step in steps) + recipe.recovery.epochs
    if not made("starts", recipe.start).watches:
        total += each["base"] + each["heads"]
    if criterion.trains_first:
        pruning = [step.prune for step in steps if step.prune and chooser.has_units(network, step.prune)]
        total += len(pruning) * criterion.first(recipe.finetune).epochs
    return total


@pytest.mark.parametrize("name", STUDIES)
def test_every_method_is_there_in_both_orders_at_as_many_epochs_and_can_be(name: str) -> None:
    params = params_of(name)
    network, methods = network_of(params), defaultdict(set)
    for called, recipe in params.recipes.items():
        method, _, order = called.rpartition("-")
        assert recipe.order.name == order
        methods[method].add(order)
        assert epochs_of(params, recipe, network) == pytest.approx(params.base.epochs + params.heads.epochs + 8)
        if order == "joint":  # the one group has something to go, so a rival that trains as long trains so long
            assert params.epochs(called) == pytest.approx(params.base.epochs + params.heads.epochs + 8)
    assert all(orders == {"joint", "sequential"} for orders in methods.values())
    assert {"magnitude", "random", "erk", "force", "earlycrop", "greg1", "bernoulli", "kstarts"} <= set(methods)
    check_network(params, (1, 16, 16), 10)


@pytest.mark.slow
@pytest.mark.parametrize("called", list(params_of("digits-methods").recipes))
def test_every_recipe_runs_to_its_end(called: str, study: Study) -> None:
    recipe = params_of("digits-methods").recipes[called].prune.model_dump()
    finetune = {**TRAINING, "epochs": min(0.5, recipe["finetune"]["epochs"])}
    assert study.run_recipe(called, **{**recipe, "heads": study.params["heads"], "finetune": finetune})
