"""A network with early exits as one ONNX file, and how long that takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from exitprune.deployment.filter_removal import smallest
from exitprune.deployment.latency import exit_milliseconds
from exitprune.deployment.model_card import exit_table, metadata_of
from exitprune.deployment.onnx_export import build_model
from exitprune.deployment.seal import sealed
from exitprune.errors import BadInput
from exitprune.jobs.cores import check_threads
from exitprune.library.given import checked
from exitprune.networks.checkpoint_header import CheckpointHeader
from exitprune.networks.checkpoints import Checkpoint
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import Masks


def onnx_file(network: EarlyExitNetwork, masks: Masks, told: Mapping[str, Any]) -> bytes:
    """The file's content.

    Args:
        network: whose answers it gives.
        masks: by layer.
        told: `mean`, `std` and `classes`, as far as they are known; else images are only scaled and classes numbered.

    Raises:
        BadInput: if onnx is not installed, there are not as many numbers or classes as the network has, a deviation is not
            above 0, or the network does what cannot be written as ONNX.
    """
    spec, ones = network.spec, [1.0] * network.num_exits
    for name, values in told.items():
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise BadInput(
                f"{name} is {values!r}; give a list, one for each {'class' if name == 'classes' else 'channel'}"
            )
    told = {"mean": [0] * spec.channels, "std": [1] * spec.channels, "classes": range(spec.num_classes), **told}
    mean, std = ([float(value) for value in told[name]] for name in ("mean", "std"))
    header = {"classes": [str(name) for name in told["classes"]]}
    checked(CheckpointHeader, {"network": spec.as_dict(), "mean": mean, "std": std, **header})
    smaller, checkpoint = smallest(network), Checkpoint(network, masks, header)
    metadata = metadata_of(checkpoint, exit_table(checkpoint, smaller, ones, None, None, {}), [], "none")
    return sealed(build_model(smaller, mean, std, ones, metadata).SerializeToString())


def milliseconds_of(network: EarlyExitNetwork, threads: int) -> list[float]:
    """Of one image that leaves at each exit of the file, in onnxruntime on this machine.

    Raises:
        BadInput: if onnx or onnxruntime is not installed, threads are more than cores, or the network does what cannot be
            written as ONNX.
    """
    check_threads(threads, "threads")
    spec = network.spec
    pixels = np.random.default_rng(0).integers(256, size=(1, spec.channels, spec.height, spec.width), dtype=np.uint8)
    # Scaled to zero mean and deviation one, about as images are that a network is trained on.
    return exit_milliseconds(smallest(network), [0.5] * spec.channels, [0.29] * spec.channels, pixels, threads)
