"""Whatever stands in a header, sealed with a digest that fits: a sentence, or a whole network; never another error."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exitprune.errors import LONGEST, BadInput
from exitprune.networks.checkpoints import load_checkpoint, save_checkpoint
from exitprune.networks.masks import full_masks
from exitprune.storage import read_tensors, write_tensors
from tests.conftest import make_network

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def level(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with a header as stages write it."""
    path, network = tmp_path_factory.mktemp("foreign") / "level.safetensors", make_network()
    header = {"seed": 0, "recipe": "joint", "name": "level-01", "level": 1, "prune": "all", "train": "all", "key": "k"}
    header |= {"data": "0" * 64, "classes": ["a", "b", "c", "d"], "mean": [0.5], "std": [0.25]}
    save_checkpoint(path, network, full_masks(network), header)
    return path


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in nested JSON."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inside for place in places(one, (*path, key)))]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(data=st.data())
def test_any_entry_of_a_header_may_be_anything(level: Path, data: st.DataObject) -> None:
    tensors, whole = read_tensors(level)
    header = copy.deepcopy(whole)
    for place in data.draw(st.lists(st.sampled_from(places(whole)[1:]), min_size=1, max_size=2)):
        *path, last = place
        inside: Any = header
        try:
            for key in path:
                inside = inside[key]
            inside[last] = data.draw(VALUES)
        except (KeyError, IndexError, TypeError):  # the first change took the place away
            continue
    other = level.with_name("other.safetensors")
    write_tensors(other, tensors, header)
    sentence = ""
    try:
        assert torch.equal(load_checkpoint(other).network.base.conv.weight, tensors["base.conv.weight"])
    except BadInput as error:
        sentence = str(error)
    assert "\n" not in sentence
    assert len(sentence) <= LONGEST


@given(length=st.integers(0, 10**6))
def test_a_file_cut_anywhere_is_refused(level: Path, length: int) -> None:
    whole = level.read_bytes()
    other = level.with_name("cut.safetensors")
    other.write_bytes(whole[: length % len(whole)])
    with pytest.raises(BadInput, match="not a whole safetensors file"):
        load_checkpoint(other)
