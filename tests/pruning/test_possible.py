"""A network that has nothing to prune as asked is refused before any job."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from exitprune.config.choice import make
from exitprune.config.params import Params
from exitprune.config.study import resolve
from exitprune.errors import BadInput
from exitprune.pruning import possible
from exitprune.pruning.effect import sets_densities
from exitprune.pruning.possible import check_network
from exitprune.variants import names_of

ROOT = Path(__file__).parents[2]


def params(**values: object) -> Params:
    given = yaml.safe_load((ROOT / "params.yaml").read_text())
    return resolve({**given, "study": "smoke", **values}, ROOT / "presets")


@pytest.mark.parametrize("granularity", ["weight", "filter"])
def test_a_network_that_has_such_units_passes(granularity: str) -> None:
    check_network(params(granularity=granularity), (1, 8, 8), 10)


@pytest.mark.slow
def test_one_of_torchvision_has_filters_that_may_go() -> None:
    model = {"architecture": "torchvision", "name": "shufflenet_v2_x0_5", "exits": ["stage2", "stage3"], "pool": 1}
    check_network(params(granularity="filter", model=model), (3, 32, 32), 10)


def test_one_that_has_none_is_refused_with_the_recipe_and_the_exits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exitprune.pruning.filters.filters_of", lambda network: {})
    with pytest.raises(BadInput, match="recipe joint: granularity filter: ResNet-8 with exits after 1, 2 has nothing"):
        check_network(params(granularity="filter"), (1, 8, 8), 10)


VIT = {"architecture": "torchvision", "name": "vit_b_16", "exits": ["encoder.layers.encoder_layer_5"], "pool": 1}
MOBILE = {"architecture": "torchvision", "name": "mobilenet_v2", "exits": ["features.6"], "pool": 1}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "recipe", "said"),
    [
        (
            VIT,
            {"order": "sequential", "classifier": "exits"},
            "vit_b_16 has .* parameters of none of them .first: class_token",
        ),
        (
            MOBILE,
            {"order": "joint", "criterion": "polarization", "granularity": "filter"},
            "polarization looks at what stands",
        ),
        (
            MOBILE,
            {"order": "joint", "criterion": "taylor_bn", "granularity": "filter"},
            "taylor_bn looks at what stands",
        ),
    ],
)
def test_what_a_network_of_a_library_does_not_tell_is_not_asked(
    model: dict[str, object], recipe: dict[str, object], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        check_network(params(recipes={"mine": recipe}, model=model), (3, 224, 224), 10)


def test_weights_need_no_look_at_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(possible, "EarlyExitNetwork")
    check_network(params(granularity="weight"), (1, 8, 8), 10)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"criterion": "bernoulli", "start": "initial", "scope": "erk"},
            "scope: erk says how much of each layer stays, and criterion: bernoulli decides that by itself",
        ),
        ({"criterion": "polarization", "granularity": "filter", "scope": "layer"}, "scope: layer says how much"),
        (
            {"criterion": "snip_ratio", "start": "initial", "scope": "uniform_plus"},
            "criterion: only how much of each layer stays counts .* scope: uniform_plus .* allowed with it: global, group, std$",
        ),
        ({"criterion": "grasp_ratio", "start": "initial", "scope": "layer"}, "criterion: only how much"),
        (
            {"criterion": "force", "start": "epi"},
            "criterion: force looks at the weights .* start: epi asks .* allowed with it: .*trained",
        ),
        (
            {"ending": "patience", "finetune": {"epochs": 0}},
            "ending: patience ends .* finetune.epochs, or ending: last$",
        ),
        (
            {"ending": {"name": "patience", "epochs": 2}, "finetune": {"epochs": 3}},
            r"ending: patience \(epochs 2\) ends a round after 3 epochs .* longest has 3; give more .*: best or last$",
        ),
        (
            {"criterion": "magnitude_per_mac", "scope": "std"},
            "criterion: magnitude_per_mac weighs layers against each other, .* scope allowed with it: global, group$",
        ),
        (
            {"criterion": "k_starts_dissipating", "start": "initial", "rounds": 1},
            "criterion: k_starts_dissipating dissipates after the first round .* give more rounds",
        ),
        (
            {"criterion": "manidp", "granularity": "filter", "finetune": {"epochs": 0}},
            "criterion: manidp learns in a training of its own, which has no epochs; give its setting epochs",
        ),
        (
            {"criterion": {"name": "manidp", "epochs": 1}, "granularity": "filter"},
            "criterion: manidp raises what its gates hold back .* its training has 1; give its setting epochs more than 1",
        ),
    ],
)
def test_what_would_have_no_effect_is_refused_with_what_would(changed: dict[str, object], said: str) -> None:
    with pytest.raises(BadInput, match=f"recipe mine: {said}"):
        check_network(params(recipes={"mine": {"order": "joint", **changed}}), (1, 8, 8), 10)


@pytest.mark.parametrize(
    "changed",
    [
        {"criterion": "k_starts", "start": "initial", "scope": "erk"},  # it chooses as the scope has it, after a look
        {"criterion": "snip_ratio", "start": "initial", "scope": {"name": "global", "floor": 0.01}},
        {"criterion": "force", "start": "initial"},
        {"ending": "best", "finetune": {"epochs": 0}, "finetune_exits": {"epochs": 2}, "order": "sequential"},
        {
            "ending": {"name": "patience", "epochs": 1},
            "finetune": {"epochs": 1},
            "finetune_exits": {"epochs": 2.5},
            "order": "sequential",
        },
        {"criterion": {"name": "manidp", "epochs": 2}, "granularity": "filter", "finetune": {"epochs": 0}},
    ],
)
def test_what_has_an_effect_passes(changed: dict[str, object]) -> None:
    check_network(params(recipes={"mine": {"order": "joint", **changed}}), (1, 8, 8), 10)


@pytest.mark.parametrize("preset", sorted(path.stem for path in (ROOT / "presets").glob("*methods*.yaml")))
def test_every_published_method_passes(preset: str) -> None:
    check_network(params(study=preset, model={"exits": [1, 2]}), (3, 16, 16), 10)


@pytest.mark.parametrize("scope", names_of("scopes"))
def test_a_scope_sets_densities_if_scores_do_not_move_them(scope: str) -> None:
    assert sets_densities(make("scopes", scope, {})) == (scope in ("er", "erk", "layer", "uniform_plus"))


def test_an_exit_whose_map_would_be_read_the_wrong_way_round_is_refused() -> None:
    model = {"architecture": "vgg", "depth": 11, "width": 0.125, "exits": [4, 6], "pool": 1}
    with pytest.raises(
        BadInput, match=r"exit after block 6 has a map of 64 x 7 x 1, .* images of 100 x 6; name an exit"
    ):
        check_network(params(model=model), (1, 100, 6), 10)
    check_network(params(model={**model, "exits": [4]}), (1, 100, 6), 10)
