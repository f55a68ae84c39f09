"""What a machine lacks is said before any work."""

import sys
from collections.abc import Iterator

import pytest
import torch

from exitprune.config.compute import Compute
from exitprune.errors import BadInput
from exitprune.jobs import compute
from exitprune.jobs.compute import set_up

PLAIN = Compute(device="cpu", threads=1, precision="float32", compile=False)


@pytest.fixture(autouse=True)
def torch_as_it_was() -> Iterator[None]:
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)


def test_compiling_without_a_compiler_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute, "COMPILER", "no-such-compiler")
    assert not set_up(PLAIN).compile
    with pytest.raises(
        BadInput, match=r"compute\.compile: true needs a C\+\+ compiler and no-such-compiler was not found"
    ):
        set_up(PLAIN.model_copy(update={"compile": True}))


def test_compiling_from_a_path_with_a_space_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute, "COMPILER", sys.executable)  # something that is there
    monkeypatch.setattr(torch, "__file__", "/a path/torch/__init__.py")
    with pytest.raises(BadInput, match=r"torch lies in a path with a space, /a path/torch"):
        set_up(PLAIN.model_copy(update={"compile": True}))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_not_replaced() -> None:
    with pytest.raises(BadInput, match=r"compute\.device: cuda was asked for and torch sees no GPU"):
        set_up(PLAIN.model_copy(update={"device": "cuda"}))
