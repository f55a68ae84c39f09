"""A study and its parameters: what is allowed passes, every mistake is a sentence of what, where and what is allowed."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from exitprune.config.choice import Choice
from exitprune.config.model import Model
from exitprune.config.params import Params
from exitprune.config.recipe import Recipe, overlay
from exitprune.config.section import Section
from exitprune.config.study import checked_name, resolve
from exitprune.errors import BadInput
from exitprune.variants import names_of, variant
from tests.synthetic import PARAMS

ROOT = Path(__file__).parents[2]

PRESET: dict[str, Any] = {
    "other_code": "same",
    "records": "anywhere",
    "rival_recipes": [],
    **{name: value for name, value in PARAMS.items() if name != "study"},
    "recipes": {"joint": None, "sequential": None},
    "data": {**PARAMS["data"], "limit": 300},
    "model": {"architecture": "resnet", "depth": 20, "exits": [2, 5], "pool": 4},
}


@pytest.fixture
def presets(tmp_path: Path) -> Path:
    """A folder with one study, `tiny`."""
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(PRESET))
    return tmp_path


def given_by(dotted: str, value: Any) -> dict[str, Any]:
    """What params.yaml holds if one value is set: `model.pool`, 2 becomes {study: tiny, model: {pool: 2}}."""
    nested: Any = value
    for key in reversed(dotted.split(".")):
        nested = {key: nested}
    return {"study": "tiny", **nested}


def value_of(params: Params, dotted: str) -> Any:
    found: Any = params
    for key in dotted.split("."):
        found = getattr(found, key)
    return found


def whole(values: dict[str, Any]) -> dict[str, Any]:
    """The recipes joint and sequential of a study that sets nothing of them."""
    shared = {name: values[name] for name in Recipe.model_fields if name in values}
    return {name: {**shared, "order": name} for name in ("joint", "sequential")}


def test_a_preset_alone_makes_a_study(presets: Path) -> None:
    assert resolve({"study": "tiny"}, presets).model_dump() == {"study": "tiny", **PRESET, "recipes": whole(PRESET)}


@pytest.mark.parametrize(
    ("dotted", "value"),
    [
        ("sparsity", 0.0),
        ("sparsity", 0),
        ("sparsity", 0.999),
        ("rounds", 1),
        ("seeds", [3]),
        ("data.limit", 12),
        ("data.augment.flip", True),
        ("model.exits", [1, 2, 3, 4, 5, 6, 7, 8]),
        ("model.pool", 1),
        ("heads.train", "joint"),
        ("recovery.epochs", 0),
        ("finetune.lr", 0.02),
        ("data.path", "somewhere"),
    ],
)
def test_a_value_given_goes_before_the_preset_and_touches_nothing_else(presets: Path, dotted: str, value: Any) -> None:
    params = resolve(given_by(dotted, value), presets)
    assert value_of(params, dotted) == value
    expected = copy.deepcopy(PRESET)
    *sections, key = dotted.split(".")
    inner = expected
    for section in sections:
        inner = inner[section]
    inner[key] = value
    assert params.model_dump() == {"study": "tiny", **expected, "recipes": whole(expected)}


@pytest.mark.parametrize("dotted", ["seeds", "model", "model.pool", "data.augment", "data.augment.pad", "sparsity"])
def test_null_lets_the_preset_through(presets: Path, dotted: str) -> None:
    assert resolve(given_by(dotted, None), presets) == resolve({"study": "tiny"}, presets)


def test_another_architecture_has_none_of_the_presets_settings(presets: Path) -> None:
    model = resolve({"study": "tiny", "model": {"architecture": "vgg", "depth": 11}}, presets).model
    assert (model.architecture, model.settings, model.exits) == ("vgg", {"depth": 11}, [2, 5])
    with pytest.raises(BadInput, match=r"model\.depth: Field required"):
        resolve({"study": "tiny", "model": {"architecture": "vgg"}}, presets)


@pytest.mark.parametrize(("dotted", "word"), [("model.pool", "none"), ("data.limit", "all")])
def test_a_word_says_nothing_where_null_would_let_the_preset_through(presets: Path, dotted: str, word: str) -> None:
    assert value_of(resolve({"study": "tiny"}, presets), dotted) is not None
    assert value_of(resolve(given_by(dotted, word), presets), dotted) is None


def allowed(family: str) -> str:
    return ", ".join(names_of(family))


NO_ORDER = (
    f"recipes.{{0}}.order: no recipe of the preset, and no order: there is no '{{0}}'; allowed: {allowed('orders')}"
)


MISTAKES = [
    ("sparsty", 0.5, "sparsty: unknown parameter (given: 0.5)"),
    ("model.growth", 3, "model.growth: unknown parameter (given: 3)"),
    ("model.width", 3, "model.width: unknown parameter (given: 3)"),
    ("model.architecture", "alexnet", "model.architecture: there is no 'alexnet'; allowed: "),
    ("data.augment.rotate", True, "data.augment.rotate: unknown parameter (given: True)"),
    ("grid.vary", {"data.limit": [10]}, "grid.vary: data.limit cannot be varied; allowed: model, base, heads, sparsity, "),
    ("grid.vary", {"finetune.lr": []}, "grid.vary: finetune.lr has no values to try"),
    ("grid.seeds", [0, 100], "grid: seeds: 0 is reported by the study; a seed that chose a setting is not, so name others"),
    ("rounds", "three", "rounds: Input should be a valid integer (given: 'three')"),
    ("rounds", "3", "rounds: Input should be a valid integer, not text: write 1e-3 as 0.001, and what stands in braces"),
    ("rounds", True, "rounds: Input should be a valid integer (given: True)"),
    ("rounds", 2.5, "rounds: Input should be a valid integer"),
    ("rounds", 0, "rounds: Input should be greater than or equal to 1 (given: 0)"),
    ("rounds", 1000, "rounds: Input should be less than or equal to 999 (given: 1000)"),
    ("base", 3, "base: Input should be a valid dictionary"),
    ("base.lr", "1e-3", "base.lr: Input should be a valid number, not text: write 1e-3 as 0.001, and what stands"),
    ("compute.compile", "false", "compute.compile: Input should be a valid boolean, not text: "),
    ("base.lr", 0, "base.lr: Input should be greater than 0 (given: 0)"),
    ("base.lr", float("inf"), "base.lr: Input should be a finite number (given: inf)"),
    ("base.lr_scheduler", "step", "base.lr_scheduler: Input should be 'one_cycle', 'cosine' or 'constant' (given: 'step')"),
    ("base.epochs", -1, "base.epochs: Input should be greater than or equal to 0 (given: -1)"),
    ("base.batch_size", 0, "base.batch_size: Input should be greater than or equal to 2 (given: 0)"),
    ("heads.train", "thawed", "heads.train: Input should be 'frozen' or 'joint' (given: 'thawed')"),
    ("finetune.momentum", 1.0, "finetune.momentum: Input should be less than 1 (given: 1.0)"),
    ("sparsity", 1.0, "sparsity: Input should be less than 1 (given: 1.0)"),
    ("sparsity", 80, "sparsity: Input should be less than 1, and 80 % is 0.8 (given: 80)"),
    ("sparsity", -0.1, "sparsity: Input should be greater than or equal to 0 (given: -0.1)"),
    ("sparsity", float("nan"), "sparsity: Input should be a finite number (given: nan)"),
    ("sparsity", "0.8", "sparsity: Input should be a valid number"),
    ("schedule", "rising", f"schedule: there is no 'rising'; allowed: {allowed('schedules')} (given: 'rising')"),
    ("criterion", "size", f"criterion: there is no 'size'; allowed: {allowed('criteria')}"),
    ("criterion", {"name": "taylor", "power": 2}, "criterion: taylor has no setting 'power'; its settings: none (given: "),
    ("criterion", {"round_to": 2}, "criterion: magnitude has no setting 'round_to'; its settings: none"),
    ("criterion", 3, "criterion: write a name, or {name: ..., and its settings}; allowed: "),
    ("scope", "channel", f"scope: there is no 'channel'; allowed: {allowed('scopes')}"),
    ("granularity", "row", f"granularity: there is no 'row'; allowed: {allowed('granularities')}"),
    ("granularity", {"name": "filter", "round_to": 0}, "granularity: filter: round_to: Input should be greater"),
    ("granularity", {"name": "filter", "round": 2}, "granularity: filter has no setting 'round'; its settings: round_to"),
    ("start", {"name": "epoch", "number": "x"}, "start: epoch: number: Input should be a valid integer"),
    ("rewind", "start", "rewind: allowed: none, initial, or the number of an epoch of base training (given: 'start')"),
    ("rewind", 0, "rewind: allowed: none, initial, or the number"),
    ("heads.when", "late", "heads.when: Input should be 'before' or 'after'"),
    ("classifier", "all", "classifier: Input should be 'base' or 'exits'"),
    ("recipes", ["joint", "reverse"], "recipes.reverse.order: no recipe of the preset, and no order: there is no 'reverse'"),
    ("recipes", ["joints"], f"{NO_ORDER.format('joints')}; did you mean joint? (given: 'joints')"),
    ("recipes", {"mine": {"criterion": "random"}}, f"{NO_ORDER.format('mine')}; a new recipe says its order (given: "),
    ("order", "both", "order: unknown parameter (given: 'both'); it is a recipe's: write recipes: {NAME: {order: ...}}"),
    ("recipes", {"joint": {"order": "reverse"}}, f"recipes.joint.order: there is no 'reverse'; allowed: {allowed('orders')}"),
    ("recipes", {"joint": {"sparsity": 2}}, "recipes.joint.sparsity: Input should be less than 1, and 2 % is 0.02 (given: 2)"),
    ("recipes", {"joint": {"seeds": [1]}}, "recipes.joint.seeds: unknown parameter (given: [1])"),
    ("recipes", {"a b": {"order": "joint"}}, "recipes: 'a b': a recipe is called by letters, digits, - and _"),
    ("recipes", ["joint", "joint"], "recipes: each may be named once (given: ['joint', 'joint'])"),
    ("recipes", [], "recipes: name one at least (given: [])"),
    ("recipes", "joint", "recipes: Input should be a valid dictionary (given: 'joint')"),
    ("rivals", [8, 15], "rivals: resnet has no depth 15: the depth of a ResNet is 6n + 2"),
    ("rivals", [8, 8], "rivals: each may be named once"),
    ("rival_recipes", ["late"], "rival_recipes: late: name recipes of the study in whose rounds plain networks have all"),
    ("rival_recipes", ["sequential"], "rival_recipes: sequential: name recipes of the study in whose rounds plain networks"),
    ("seeds", [0, 0], "seeds: each may be named once (given: [0, 0])"),
    ("seeds", [-1], "seeds: a seed is 0 or more, and at most 10^18 (given: [-1])"),
    ("grid.seeds", [100, 100], "grid.seeds: each may be named once (given: [100, 100])"),
    ("grid.seeds", [-1], "grid.seeds: a seed is 0 or more, and at most 10^18 (given: [-1])"),
    ("grid.vary", {"rewind": ["none", "none"]}, "grid.vary: each may be named once (given: "),
    ("grid.vary", {"model.pool": [2, None]}, "grid.vary: model.pool: null lets the preset's value through; write none where"),
    ("grid", 3, "grid: Input should be a valid dictionary or instance of Grid (given: 3)"),
    ("grid", [1], "grid: Input should be a valid dictionary or instance of Grid (given: [1])"),
    ("rival_recipes", ["joint", "joint"], "rival_recipes: each may be named once (given: "),
    ("seeds", [], "seeds: List should have at least 1 item"),
    ("seeds", 3, "seeds: Input should be a valid list (given: 3)"),
    ("data.source", "mnist", "data.source: there is no 'mnist'; allowed: "),
    ("data.validation", 1.0, "data.validation: Input should be less than 1 (given: 1.0)"),
    ("data.size", 0, "data.size: a size is one number of pixels, or [height, width], from 1 to 4096 (given: 0)"),
    ("data.size", [8, 8, 3], "data.size: a size is one number of pixels, or [height, width], from 1 to 4096 (given"),
    ("data.size", "large", "data.size: a size is one number of pixels"),
    ("data.size", True, "data.size: a size is one number of pixels"),
    ("data.limit", 0, "data.limit: Input should be greater than or equal to 1 (given: 0)"),
    ("data.limit", "some", "data.limit: Input should be a valid integer (given: 'some')"),
    ("data.augment.pad", -1, "data.augment.pad: Input should be greater than or equal to 0 (given: -1)"),
    ("data.augment.flip", "yes", "data.augment.flip: Input should be a valid boolean (given: 'yes')"),
    ("model.depth", 21, "model.depth: the depth of a ResNet is 6n + 2 with n of 1 or more: 8, 14, 20, ... 1202 (given: 21)"),
    ("model.pool", 0, "model.pool: Input should be greater than or equal to 1 (given: 0)"),
    ("model.exits", [2, 9], "model: an early exit follows a block from 1 to 8, each once and in order (ResNet-20 has 9 blocks"),
    ("model.exits", [0], "model: an early exit follows a block from 1 to 8"),
    ("model.exits", [5, 2], "model: an early exit follows a block from 1 to 8, each once and in order"),
    ("model.exits", [2, 2], "model: an early exit follows a block from 1 to 8, each once and in order"),
    ("model.exits", [], "model.exits: List should have at least 1 item"),
    ("evaluate.between", 0, "evaluate.between: Input should be greater than 0 (given: 0)"),
    ("evaluate.between", 1, "evaluate.between: one image, or all of them? write 1.0 for all, 2 or more for so many (given: 1)"),
    ("evaluate.between", 1.5, "evaluate.between: a whole number of images, or a share above 0 and up to 1.0 (given: 1.5)"),
    ("compute.device", "tpu", "compute.device: Input should be 'cpu', 'cuda' or 'auto' (given: 'tpu')"),
    ("compute.threads", 0, "compute.threads: Input should be greater than or equal to 1 (given: 0)"),
    ("compute.precision", "float16", "compute.precision: Input should be 'float32' or 'bfloat16' (given: 'float16')"),
]  # fmt: skip


@pytest.mark.parametrize(("dotted", "value", "sentence"), MISTAKES, ids=[f"{m[0]}={m[1]}" for m in MISTAKES])
def test_a_mistake_is_one_sentence_with_where_what_and_what_is_allowed(
    presets: Path, dotted: str, value: Any, sentence: str
) -> None:
    with pytest.raises(BadInput) as error:
        resolve(given_by(dotted, value), presets)
    assert str(error.value).startswith(f"params.yaml or presets/tiny.yaml: {sentence}")
    assert str(error.value).count("\n") == 0
    assert "(given: " in str(error.value)


def test_lists_are_understood_as_the_command_line_hands_them_over(presets: Path) -> None:
    assert resolve({"study": "tiny", "seeds": "[0,1, 7]"}, presets).seeds == [0, 1, 7]
    assert resolve({"study": "tiny", "seeds": ["0", "12"]}, presets).seeds == [0, 12]
    assert list(resolve({"study": "tiny", "recipes": "[joint]"}, presets).recipes) == ["joint"]
    with pytest.raises(BadInput, match="seeds: Input should be a valid list"):
        resolve({"study": "tiny", "seeds": "[0"}, presets)


def test_each_of_several_mistakes_is_told(presets: Path) -> None:
    with pytest.raises(BadInput) as error:
        resolve({"study": "tiny", "sparsity": 2, "rounds": 0, "extra": 1}, presets)
    told = [line.split(": ")[1] for line in str(error.value).splitlines()]
    assert sorted(told) == ["extra", "rounds", "sparsity"]


def test_a_value_that_neither_file_gives_is_missed(presets: Path) -> None:
    preset = {key: value for key, value in PRESET.items() if key != "finetune"}
    (presets / "tiny.yaml").write_text(yaml.safe_dump(preset))
    with pytest.raises(BadInput, match=r"presets/tiny\.yaml: finetune: Field required"):
        resolve({"study": "tiny"}, presets)


def test_a_preset_may_say_what_it_is_like_and_what_differs(presets: Path) -> None:
    (presets / "sparser.yaml").write_text("like: tiny\nsparsity: 0.9\nbase: {epochs: 7}\n")
    params, tiny = resolve({"study": "sparser"}, presets), resolve({"study": "tiny"}, presets)
    assert (params.sparsity, params.base.epochs) == (0.9, 7)
    assert [recipe.sparsity for recipe in params.recipes.values()] == [0.9, 0.9]
    changed = {"study": "tiny", "sparsity": 0.8, "base": tiny.base, "recipes": tiny.recipes}
    assert params.model_copy(update=changed) == tiny


def test_a_preset_like_one_that_does_not_exist_is_refused(presets: Path) -> None:
    (presets / "odd.yaml").write_text("like: huge\n")
    with pytest.raises(BadInput, match=r"odd\.yaml: like: there is no 'huge'; allowed: odd, tiny"):
        resolve({"study": "odd"}, presets)


HALF = {"name": "sequential", "budget": "half"}
IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"order": HALF}, "sequential with budget half needs an even number of rounds, not 3"),
    ({"order": "joint", "heads": {"when": "after"}}, "heads.when: after needs an order that prunes the base network first"),
    ({"order": "sequential", "heads": {"when": "after"}, "start": "initial"}, "heads.when: after needs start: trained"),
    ({"order": "joint", "start": "initial", "classifier": "exits"}, "classifier: exits needs start: trained"),
    ({"order": "joint", "rewind": 99}, "mine: rewind: base training has no epoch 99, only "),
]  # fmt: skip


@pytest.mark.parametrize(("own", "sentence"), IMPOSSIBLE, ids=[sentence for _, sentence in IMPOSSIBLE])
def test_settings_that_do_not_fit_together_are_refused(presets: Path, own: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadInput, match=re.escape(sentence)):
        resolve({"study": "tiny", "recipes": {"mine": own}}, presets)


def test_settings_of_a_variant_stay_with_it(presets: Path) -> None:
    (presets / "tiny.yaml").write_text(yaml.safe_dump({**PRESET, "granularity": {"name": "filter", "round_to": 16}}))
    for above, expected in [
        (None, "filter (round_to 16)"),
        ("weight", "weight"),
        ({"name": "weight"}, "weight"),
        ({"round_to": 4}, "filter (round_to 4)"),
        ({"name": "filter"}, "filter (round_to 16)"),
    ]:
        assert str(resolve({"study": "tiny", "granularity": above}, presets).granularity) == expected


def test_another_network_of_a_library_keeps_the_other_settings(presets: Path) -> None:
    model = {"architecture": "torchvision", "name": "mobilenet_v3_small", "exits": ["features.3"], "pool": 1}
    (presets / "tiny.yaml").write_text(yaml.safe_dump({**PRESET, "model": model, "rivals": []}))
    resolved = resolve({"study": "tiny", "model": {"name": "resnet18", "exits": ["layer1"]}}, presets).model
    assert resolved.model_dump() == {**model, "name": "resnet18", "exits": ["layer1"]}


def test_the_recipes_named_are_all_there_are_and_keep_what_the_preset_sets(presets: Path) -> None:
    own = {"odd": {"order": "joint", "finetune": {"lr": 0.7}}, "joint": None, "sequential": {"rounds": 5}}
    (presets / "tiny.yaml").write_text(yaml.safe_dump({**PRESET, "recipes": own}, sort_keys=False))
    assert list(resolve({"study": "tiny"}, presets).recipes) == ["odd", "joint", "sequential"]
    params = resolve({"study": "tiny", "recipes": ["joint", "odd"]}, presets)
    assert list(params.recipes) == ["joint", "odd"]
    assert (params.recipes["odd"].order.name, params.recipes["odd"].finetune.lr) == ("joint", 0.7)
    params = resolve({"study": "tiny", "recipes": {"odd": {"sparsity": 0.1}, "sequential": {}}}, presets)
    assert (params.recipes["odd"].sparsity, params.recipes["odd"].finetune.lr) == (0.1, 0.7)
    assert (params.recipes["sequential"].rounds, params.recipes["sequential"].sparsity) == (5, 0.8)


def test_a_recipe_sets_what_differs_and_the_study_all_else(presets: Path) -> None:
    recipes = {"joint": None, "rough": {"order": "joint", "criterion": "random", "recovery": {"epochs": 0}}}
    params = resolve({"study": "tiny", "sparsity": 0.4, "recipes": recipes}, presets)
    assert [recipe.sparsity for recipe in params.recipes.values()] == [0.4, 0.4]
    assert [recipe.criterion.name for recipe in params.recipes.values()] == ["magnitude", "random"]
    assert params.recipes["rough"].recovery == params.recovery.model_copy(update={"epochs": 0})


@pytest.mark.parametrize("study", ["cifar", None, ["tiny"], 3])
def test_a_study_without_a_preset_is_refused_with_those_there_are(presets: Path, study: Any) -> None:
    with pytest.raises(BadInput, match=rf"study: there is no {re.escape(repr(study))}; allowed: tiny \(files in "):
        resolve({"study": study}, presets)


def test_values_do_not_change_after_reading(presets: Path) -> None:
    params = resolve({"study": "tiny"}, presets)
    with pytest.raises(ValidationError, match="frozen"):
        params.sparsity = 0.5  # type: ignore[misc]


def test_a_section_survives_json_as_the_stages_get_it(presets: Path) -> None:
    params = resolve({"study": "tiny", "model": {"pool": "none"}}, presets)
    for section in (params, params.data, params.model, params.heads, params.recipes["joint"]):
        assert type(section).model_validate_json(section.model_dump_json()) == section


KEYS = st.sampled_from("abc")
TREES = st.recursive(
    st.none() | st.integers(0, 3), lambda inner: st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)


@given(below=st.dictionaries(KEYS, TREES, max_size=3), above=st.dictionaries(KEYS, TREES, max_size=3))
def test_overlay_takes_each_value_from_above_unless_it_is_null(below: dict[str, Any], above: dict[str, Any]) -> None:
    before = copy.deepcopy((below, above))
    merged = overlay(below, above)
    assert (below, above) == before
    assert merged.keys() == below.keys() | above.keys()
    for key, value in merged.items():
        if key not in above or (above[key] is None and key in below):
            assert value == below[key]
        elif isinstance(above[key], dict) and isinstance(below.get(key), dict):
            assert value == overlay(below[key], above[key])
        else:
            assert value == above[key]


# The files of this repository


@pytest.mark.parametrize("preset", sorted(path.stem for path in (ROOT / "presets").glob("*.yaml")))
def test_every_preset_of_the_repository_is_a_study(preset: str) -> None:
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    assert resolve({**values, "study": preset}, ROOT / "presets").study == preset


def test_params_yaml_lists_every_parameter_there_is_in_the_order_of_the_flow() -> None:
    listed = yaml.safe_load((ROOT / "params.yaml").read_text())

    def names(section: type[Section]) -> dict[str, Any]:
        inner = {name: field.annotation for name, field in section.model_fields.items()}
        whole = {n: a for n, a in inner.items() if isinstance(a, type) and issubclass(a, Section) and a is not Choice}
        return {n: names(whole[n]) if n in whole else None for n in inner}

    def keys(tree: dict[str, Any]) -> dict[str, Any]:
        return {key: keys(value) if isinstance(value, dict) else None for key, value in tree.items()}

    told = keys(listed)
    told["model"] = {name: None for name in told["model"] if name in Model.model_fields}
    assert told == names(Params)
    of_architectures = {
        n for name in names_of("architectures") for n in variant("architectures", name).Settings.model_fields
    }
    assert set(listed["model"]) - set(told["model"]) <= of_architectures
    assert list(listed) == list(Params.model_fields)


def test_the_default_is_the_digits_study_with_the_papers_network_rounds_and_sparsity() -> None:
    params = resolve(yaml.safe_load((ROOT / "params.yaml").read_text()), ROOT / "presets")
    assert (params.study, params.data.source, len(params.seeds)) == ("digits", "digits", 3)
    assert (params.model.architecture, params.model.settings) == ("resnet", {"depth": 56})
    assert (params.model.exits, params.model.pool) == ([4, 8, 12, 16, 20, 24], 4)
    assert (params.sparsity, params.rounds, list(params.recipes)) == (0.8, 20, ["joint", "sequential"])
    assert [str(choice) for choice in (params.criterion, params.scope, params.schedule)] == [
        "magnitude",
        "global",
        "linear",
    ]
    assert str(params.granularity) == "weight"
    assert not params.data.augment.flip


@pytest.mark.parametrize(
    "name",
    [
        "{v2}", "a b", " a", "50%", "a'b", 'a"b', "größe", "-n", "--all", "", ".", "..", ".hidden", "a/b", "../a", "a\\b", "a\nb",
        "a" * 65, "old.dvc", "dvc.lock", "a.tmp", "a.", "$HOME", "`id`", "a;b", "a*", "日本", "a:b", "#a", "~",
    ],
)  # fmt: skip
def test_a_name_that_cannot_be_part_of_paths_and_commands_is_refused_in_a_sentence(presets: Path, name: str) -> None:
    if name and "/" not in name and name not in (".", ".."):
        (presets / f"{name}.yaml").write_text(yaml.safe_dump(PRESET))
    with pytest.raises(BadInput, match=r"^study: .* rename its file in presets/$"):
        resolve({"study": name}, presets)


@pytest.mark.parametrize("name", ["digits", "cifar10-cpu", "a", "2024-11", "v1.2", "A_b", "a" * 64, "null", "con"])
def test_other_names_are_taken(name: str) -> None:
    assert checked_name(name) == name


def test_an_experiment_that_does_not_see_a_preset_says_that_git_must_know_it(
    presets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = presets / ".dvc/tmp/exps/tmp1"
    directory.mkdir(parents=True)
    monkeypatch.chdir(directory)
    with pytest.raises(BadInput, match=r"there is no 'mine'; .* git add presets/mine\.yaml first"):
        resolve({"study": "mine"}, presets)


def test_a_name_that_yaml_takes_for_a_number_wants_quotes(presets: Path) -> None:
    (presets / "2024.yaml").write_text(yaml.safe_dump(PRESET))
    with pytest.raises(BadInput, match="there is no 2024; as text that is no number: put it in quotes"):
        resolve({"study": 2024}, presets)
    assert resolve({"study": "2024"}, presets).study == "2024"


@pytest.mark.parametrize(("given", "size"), [(32, [32, 32]), ([24, 40], [24, 40]), ("none", None), (None, None)])
def test_a_size_is_one_side_or_two_or_none(presets: Path, given: Any, size: list[int] | None) -> None:
    assert resolve({"study": "tiny", "data": {"size": given}}, presets).data.size == size


def test_rounds_of_the_exits_alone_train_as_all_rounds_but_for_what_is_set(presets: Path) -> None:
    silent = {name: value for name, value in PRESET.items() if name != "finetune_exits"}
    (presets / "silent.yaml").write_text(yaml.safe_dump(silent))
    study = resolve({"study": "silent", "finetune_exits": {"epochs": 7, "lr": None}}, presets)
    assert study.recipes["joint"].finetune_exits.model_dump() == {**PRESET["finetune"], "epochs": 7, "augment": True}
    own = {"joint": {"finetune": {"lr": 0.5}, "finetune_exits": {"augment": False}}}
    recipe = resolve({"study": "silent", "recipes": own}, presets).recipes["joint"]
    assert (recipe.finetune_exits.lr, recipe.finetune_exits.augment) == (0.5, False)
