from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exitprune.deployment.folding import fold
from exitprune.deployment.removal import remove_dead_channels
from exitprune.deployment.sparse.from_network import steps_of
from exitprune.deployment.sparse.saved import read, to_bytes
from exitprune.deployment.sparse.steps import Constant, Network
from exitprune.errors import BadInput
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from tests.as_if_trained import enliven_
from tests.conftest import make_network
from tests.deployment.test_onnx_export import empty_by_all_means_

ABOUT = {
    "classes": ["a", "b", "c", "d"],
    "exits": [{"exit": number, "macs": 3, "macs_executed": 4} for number in range(4)],
    "operating_points": [{"rule": "best", "threshold": 0.5}],
    "chosen": "best",
    "resized": False,
}


@pytest.fixture(scope="module")
def network() -> Network:
    """With all that removal makes."""
    trained = empty_by_all_means_(enliven_(make_network(depth=14, exits=(1, 3, 5))))
    return steps_of(remove_dead_channels(fold(trained)), [0.5], [0.25])


def assert_equal(one: Network, other: Network) -> None:
    assert len(one.steps) == len(other.steps)
    for first, second in zip(one.steps, other.steps, strict=True):
        assert type(first) is type(second)
        for name, value in vars(first).items():
            np.testing.assert_array_equal(value, getattr(second, name))


def test_what_was_written_is_read(network: Network, tmp_path: Path) -> None:
    (tmp_path / "model.sparse").write_bytes(to_bytes(network, ABOUT))
    found, about = read(tmp_path / "model.sparse")
    assert any(isinstance(step, Constant) for step in network.steps)
    assert_equal(found, network)
    assert (about.classes, about.chosen) == (ABOUT["classes"], "best")


def test_a_network_with_pooling_is_read(tmp_path: Path) -> None:
    trained = EarlyExitNetwork(Spec("vgg", {"depth": 11, "width": 0.1}, 1, 8, 8, 4, (1, 2, 3), 2))
    network = steps_of(fold(trained), [0.5], [0.25])
    (tmp_path / "model.sparse").write_bytes(to_bytes(network, ABOUT))
    assert_equal(read(tmp_path / "model.sparse")[0], network)


def test_zeros_take_a_bit_each(network: Network) -> None:
    kept = sum(
        int((values != 0).sum()) for step in network.steps for values in vars(step).values() if hasattr(values, "sum")
    )
    size = sum(values.size for step in network.steps for values in vars(step).values() if hasattr(values, "size"))
    assert len(to_bytes(network, ABOUT)) < 4 * kept + size / 8 + 20_000


def resealed(content: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """A file whose line of JSON is another, and whose digest says that this is right."""
    first, _, rest = content.split(b"\n", 2)
    header, _, numbers = rest.partition(b"\n")
    told = json.loads(header)
    change(told)
    rest = json.dumps(told).encode() + b"\n" + numbers
    return b"\n".join([first, sha256(rest).hexdigest().encode(), rest])


CHANGES: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda told: told["steps"][0].update(source=7), "a step takes a map that no step before it makes"),
    (lambda told: told["steps"][0].update(target=9), "where 1 is next"),
    (lambda told: told["steps"][0].update(shape=[16, 2, 3, 3]), "do not make a network"),
    (lambda told: told["steps"][0].update(shape=[10**6, 10**6, 3, 3]), "fewer numbers than steps need"),
    (lambda told: told["steps"][0].update(kept=0), "0 weights said and"),
    (lambda told: told["steps"][0].update(kind="Split"), "do not make a network"),
    (lambda told: told["steps"][0].update(kind="Flatten"), "steps.0.kind"),
    (lambda told: told["steps"][0].update(relu=None, source=None), "too little or too much"),
    (lambda told: told["steps"].pop(), "more numbers than steps have"),
    (lambda told: told.update(shape=[1, 10**5, 10**5]), "do not make a network"),
    (lambda told: told.update(shape=[1, 0, 8]), "do not make a network"),
    (lambda told: told.update(std=[0.0]), "deviations that are not above zero"),
    (lambda told: told.update(std=[1e39]), "that float32 does not hold"),
    (lambda told: told.update(mean=[-1e39]), "that float32 does not hold"),
    (lambda told: told["about"]["classes"].append("e"), "names 5 classes for 4"),
    (lambda told: told["about"]["exits"].pop(), "says 3 exits of itself and has 4"),
    (lambda told: told.pop("about"), "about: Field required"),
]


@pytest.mark.parametrize(("change", "said"), CHANGES)
def test_what_cannot_be_is_refused(
    network: Network, tmp_path: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    (tmp_path / "model.sparse").write_bytes(resealed(to_bytes(network, ABOUT), change))
    with pytest.raises(BadInput, match=said):
        read(tmp_path / "model.sparse")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a model that `exitprune export --sparse` wrote"),
        (b"\x08\x09 onnx", "not a model that `exitprune export --sparse` wrote"),
        (b"exitprune sparse 2\n", "of format '2', this version of exitprune reads 1; export the checkpoint again"),
        (b"exitprune sparse 1\nabc\n{}", "is damaged"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "model.sparse").write_bytes(content)
    with pytest.raises(BadInput, match=said):
        read(tmp_path / "model.sparse")


@given(place=st.floats(0, 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_found(
    network: Network, tmp_path_factory: pytest.TempPathFactory, place: float, bit: int
) -> None:
    content = bytearray(to_bytes(network, ABOUT))
    content[int(place * (len(content) - 1))] ^= 1 << bit
    path = tmp_path_factory.getbasetemp() / "flipped.sparse"
    path.write_bytes(content)
    with pytest.raises(BadInput):
        read(path)


def test_a_number_that_is_none_is_refused(network: Network, tmp_path: Path) -> None:
    first, *others = network.steps
    bias = np.full_like(vars(first)["bias"], np.nan)
    changed = replace(network, steps=(replace(first, bias=bias), *others))
    (tmp_path / "model.sparse").write_bytes(to_bytes(changed, ABOUT))
    with pytest.raises(BadInput, match="not finite"):
        read(tmp_path / "model.sparse")


def test_equal_networks_give_equal_bytes() -> None:
    first, second = (to_bytes(steps_of(fold(enliven_(make_network())), [0.5], [0.25]), ABOUT) for _ in range(2))
    assert first == second
