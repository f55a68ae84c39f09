"""A sparse model from a file, ready to run; where it cannot run, one sentence, and onnxruntime runs the network instead."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from exitprune.deployment.exported_model import About, ExportedModel, Model, ending_within
from exitprune.deployment.sparse import saved
from exitprune.deployment.sparse.machine import CannotRun
from exitprune.deployment.sparse.model import Answers, SparseNetwork
from exitprune.documents import checked
from exitprune.errors import BadInput, plain

SUFFIX, DENSE = ".sparse", ".onnx"
CHECKPOINT = ".safetensors"


@dataclass(frozen=True)
class SparseModel:
    """A network, ready to run, and what its file says of it.

    Attributes:
        network: what runs.
        about: classes, costs of exits, operating points.
        path: where it comes from.
        seconds: the process ends if answering once takes longer; None: it may take as long as it takes.
    """

    network: SparseNetwork
    about: About
    path: Path
    seconds: float | None = None

    @property
    def channels(self) -> int:
        """C of the images."""
        return self.network.network.shape[0]

    @property
    def height(self) -> int:
        """H of the images."""
        return self.network.network.shape[1]

    @property
    def width(self) -> int:
        """W of the images."""
        return self.network.network.shape[2]

    def answer(self, pixels: npt.NDArray[np.uint8], threshold: float) -> Answers:
        """Class, confidence, exit and logits of (N, C, H, W) pixels."""
        with _within(self.seconds, self.path, "answered"):
            return self.network(pixels, threshold)

    def run(self, pixels: npt.NDArray[np.uint8], threshold: float) -> tuple[npt.NDArray[Any], ...]:
        """Class, confidence and exit, (N,) each, as `ExportedModel.run` gives them."""
        got = self.answer(pixels, threshold)
        return got.label, got.confidence, got.exit


def load(path: str | Path, threads: int = 1) -> Model:
    """A model from a file.

    Args:
        path: of model.sparse, which `exitprune export --sparse` wrote, or of a checkpoint, which needs torch.
        threads: images are dealt out to so many.

    Returns:
        A `SparseModel`; with a warning an `ExportedModel` of the same network, where sparse kernels cannot run it.

    Raises:
        BadInput: if the file is not one of these, threads are fewer than one, or what is needed is not installed.
    """
    model, instead = opened(Path(path), threads)
    if instead is not None:
        warnings.warn(instead, stacklevel=2)
    return model


def opened(path: Path, threads: int, seconds: float | None = None) -> tuple[Model, str | None]:
    """As `load`, and a sentence if onnxruntime runs the network instead.

    Args:
        path, threads: as for `load`.
        seconds: end the process if loading, or answering once, takes longer; None: it may take as long as it takes.
    """
    if threads < 1:
        raise BadInput(f"{threads} threads were given; give 1 or more")
    if path.suffix == CHECKPOINT:
        return _of_checkpoint(path, threads)
    network, about = saved.read(path)
    try:
        with _within(seconds, path, "loaded"):
            return SparseModel(SparseNetwork(network, threads), about, path, seconds), None
    except MemoryError:
        raise BadInput(f"{path}: needs more memory than there is; {saved.WANTED}") from None
    except CannotRun as error:
        dense = path.with_suffix(DENSE)
        model = ExportedModel(dense, threads) if seconds is None else ExportedModel(dense, threads, seconds)
        _check_same(path, about, model)
        return model, f"{error.reason}: onnxruntime runs {dense}"


def opened_beside(dense: Path, threads: int, seconds: float) -> tuple[Model, str | None]:
    """As `opened`, of the sparse file beside model.onnx.

    Raises:
        BadInput: also if the two files are not of one export.
    """
    sparse = dense.with_suffix(SUFFIX)
    model, instead = opened(sparse, threads, seconds)
    if instead is None and dense.exists():
        _check_same(sparse, model.about, ExportedModel(dense, threads, seconds))
    return model, instead


def _check_same(sparse: Path, about: About, dense: ExportedModel) -> None:
    if about != dense.about:
        raise BadInput(f"{sparse}: is of another export than {dense.path} beside it; {saved.WANTED}")


def _within(seconds: float | None, path: Path, done: str) -> AbstractContextManager[None]:
    return (
        nullcontext() if seconds is None else ending_within(seconds, f"{plain(path)}: not {done} within {seconds:g} s")
    )


def _of_checkpoint(path: Path, threads: int) -> tuple[Model, str | None]:
    from exitprune.deployment.filter_removal import smallest  # these need torch
    from exitprune.deployment.model_card import exit_table, metadata_of, with_normalisation
    from exitprune.deployment.onnx_export import build_model
    from exitprune.deployment.sparse.from_network import steps_of
    from exitprune.networks.checkpoints import load_checkpoint

    level = with_normalisation(path, load_checkpoint(path))
    network, mean, std = smallest(level.network), level.header["mean"], level.header["std"]
    about = metadata_of(level, exit_table(level, network, [1.0] * network.num_exits, None, None, {}), [], "")
    try:
        packed = SparseNetwork(steps_of(network, mean, std), threads)
        return SparseModel(packed, checked(About, about, path), path), None
    except CannotRun as error:
        content = build_model(network, mean, std, metadata=about).SerializeToString()
        return ExportedModel(path, threads, content=content), f"{error.reason}: onnxruntime runs it"
