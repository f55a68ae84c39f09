"""What a record is made of: what tells two apart, and what does not."""

from __future__ import annotations

import copy
import csv
from typing import Any

import pytest

from exitprune.config.params import Params
from exitprune.origin.ingredients import ANY, LATER_SETTINGS, SAME, difference, flat, ingredients
from tests.synthetic import PARAMS


def of(**changed: Any) -> dict[str, Any]:
    """The ingredients of a study with other values at the top level."""
    return ingredients(Params.model_validate({**copy.deepcopy(PARAMS), **changed}), "joint", None)


def test_a_record_of_the_same_study_is_the_same() -> None:
    assert difference(of(), of()) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("study", "other"),
        ("seeds", [7]),
        ("compute", {"device": "auto", "threads": 8, "precision": "bfloat16", "compile": False}),
        ("evaluate", {**PARAMS["evaluate"], "margin": 0.5, "confidence_level": 0.5}),
        ("rivals", [20]),
        ("rival_recipes", ["joint"]),
        ("recipes", {"joint": PARAMS["recipes"]["joint"]}),
        ("data", {**PARAMS["data"], "path": "elsewhere"}),
    ],
)
def test_what_no_record_depends_on_is_no_ingredient(key: str, value: Any) -> None:
    assert difference(of(), of(**{key: value})) is None


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"base": {**PARAMS["base"], "lr": 0.5}}, "base.lr is 0.1 there and 0.5 here"),
        ({"data": {**PARAMS["data"], "limit": 9}}, "data.limit is None there and 9 here"),
        ({"model": {**PARAMS["model"], "pool": 2}}, "model.pool is 4 there and 2 here"),
        ({"evaluate": {**PARAMS["evaluate"], "between": 0.5}}, "evaluate.between is 20 there and 0.5 here"),
        (
            {"recipes": {"joint": {**PARAMS["recipes"]["joint"], "rounds": 4}}},
            "rounds is 3 there and 4 here",
        ),
    ],
)
def test_the_first_setting_that_differs_is_named_with_both_values(changed: dict[str, Any], sentence: str) -> None:
    assert difference(of(), of(**changed)) == sentence


def test_other_images_of_a_folder_are_told() -> None:
    assert difference({**of(), "contents": "a"}, {**of(), "contents": "b"}) == "the images in data.path are others"


def test_code_is_named_by_file_and_may_be_welcome() -> None:
    theirs = of()
    theirs["code"] = {**theirs["code"], "training/loop.py": "0", "networks/masks.py": "0"}
    assert difference(theirs, of()) == "networks/masks.py was other code (and 1 more files)"
    assert difference(theirs, of(), ANY) is None


@pytest.mark.parametrize(
    ("place", "theirs", "ours", "sentence"),
    [
        ("criterion", "magnitude", {"name": "greg1", "ratio": 9}, "criterion is magnitude there and greg1 here"),
        (
            "granularity",
            {"name": "filter", "round_to": 9},
            "filter",
            "granularity.round_to is 9 there and not set here",
        ),
        ("model", {"depth": 8}, {"depth": 8, "width": 0.5}, "model.width is not set there and 0.5 here"),
        ("data", {"limit": 9}, {"limit": 9, "mean": [0.5]}, "data.mean is not set there and [0.5] here"),
    ],
)
def test_a_setting_that_may_be_left_out_is_another_where_it_is_whatever_the_code(
    place: str, theirs: Any, ours: Any, sentence: str
) -> None:
    for other_code in (SAME, ANY):
        there, here = ({"settings": {place: one}, "contents": None, "code": {}} for one in (theirs, ours))
        assert difference(there, here, other_code) == sentence


def test_a_setting_that_one_code_does_not_know_is_a_difference_of_code() -> None:
    theirs = copy.deepcopy(of())
    del theirs["settings"]["base"]["momentum"]
    assert difference(theirs, of()) == "base.momentum is known to one of the two codes alone (other code)"
    assert difference(theirs, of(), ANY) is None


def test_a_setting_that_came_later_is_no_difference_where_it_is_as_before() -> None:
    theirs, ours = copy.deepcopy(of()), of()
    del theirs["settings"]["data"]["division"]
    assert difference(theirs, ours) is None
    ours["settings"]["data"]["division"] = "makers"
    for other_code in (SAME, ANY):
        assert difference(theirs, ours, other_code) == "data.division is images there and makers here"


def test_settings_that_came_later_are_settings() -> None:
    with LATER_SETTINGS.open(encoding="utf-8") as file:
        assert {row["setting"] for row in csv.DictReader(file)} <= dict(flat(of()["settings"])).keys()


def test_the_code_watched_is_that_of_all_stages_and_of_the_variants_asked_for() -> None:
    code = of()["code"]
    assert {"training/loop.py", "networks/masks.py", "data/splits.py", "evaluation/calibration.py"} <= set(code)
    assert {"pruning/orders/joint.py", "pruning/criteria/magnitude.py", "data/datasets/digits.py"} <= set(code)
    assert not {"pruning/orders/sequential.py", "jobs/progress.py", "evaluation/claims.py", "config/params.py"} & set(
        code
    )
