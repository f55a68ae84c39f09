"""What calls are given, held against what they take before any work.

Letters: N images, C channels, K classes, H and W height and width.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from numbers import Real
from typing import Any, TypeGuard, get_args

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from exitprune.data.images import Images
from exitprune.deployment.options import check_threshold
from exitprune.documents import Schema, place, reason
from exitprune.errors import BadInput, quoted
from exitprune.networks.early_exit import EarlyExitNetwork, Group, Spec


def checked(section: type[Schema], values: Mapping[str, Any]) -> Schema:
    """Settings by name.

    Raises:
        BadInput: a sentence for each that is none, or not allowed.
    """
    try:
        return section.model_validate(dict(values))
    except ValidationError as error:
        raise BadInput(*(f"{place(one, 'settings')}: {reason(one)}" for one in error.errors())) from None


def normalised(spec: Spec, images: Tensor, labels: Tensor, device: torch.device) -> Images:
    """Images that are normalised already, (N, C, H, W), and their labels, (N,), on a device.

    Raises:
        BadInput: if they do not fit the network, are none, or hold what is no number.
    """
    for name, given in (("images", images), ("labels", labels)):
        if not isinstance(given, Tensor):
            raise BadInput(f"{name} are a {type(given).__name__}; give a tensor of torch")
    wanted = spec.channels, spec.height, spec.width
    if tuple(images.shape[1:]) != wanted or not len(images):
        raise BadInput(
            f"images are {tuple(images.shape)}; this network was wrapped for (N, {', '.join(map(str, wanted))}), N from 1 on"
        )
    if not images.is_floating_point() or not images.isfinite().all():
        raise BadInput(
            f"images are {images.dtype} or not all finite; give floats, normalised as the network wants them"
        )
    if (
        labels.shape != images.shape[:1]
        or labels.dtype != torch.int64
        or not 0 <= int(labels.min()) <= int(labels.max()) < spec.num_classes
    ):
        raise BadInput(
            f"labels are (N,) int64, from 0 to {spec.num_classes - 1}; these are {tuple(labels.shape)} {labels.dtype}, "
            f"{quoted(labels.unique().tolist())}"  # type: ignore[no-untyped-call]
        )
    one = torch.ones(spec.channels, 1, 1, device=device)
    return Images(images.to(device), labels.to(device), 0 * one, one / 255)


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a finite number; True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def is_share(value: object) -> TypeGuard[float]:
    """Whether it is a number from 0 to 1."""
    return is_number(value) and 0 <= value <= 1


def check_group(network: EarlyExitNetwork, group: Group) -> None:
    """Refuse a group that cannot be trained as a whole.

    Raises:
        BadInput: if there is no such group, it is empty, or something of it is frozen: training would not leave it so.
    """
    if group not in get_args(Group):
        raise BadInput(f"train={group!r} was given; give one of {', '.join(get_args(Group))}")
    learning = {id(one) for part in network.parts(group) for one in part.parameters()}
    if not learning:
        raise BadInput(f"there are no {group} to train: the network has its own classifier alone")
    frozen = [name for name, one in network.named_parameters() if id(one) in learning and not one.requires_grad]
    if frozen:
        raise BadInput(
            f"{len(frozen)} of {len(learning)} parameters of {group} are frozen, "
            f"{frozen[0].removeprefix('base.module.')} first, and all would be trained; call `net.requires_grad_()` before"
        )


@contextmanager
def in_the_modes_found(net: nn.Module) -> Iterator[None]:
    """What is in training mode is so again afterwards."""
    learning = [module for module in net.modules() if module.training]
    try:
        yield
    finally:
        for module in learning:
            module.training = True


@contextmanager
def left_as_found(net: nn.Module) -> Iterator[None]:
    """What is in training mode, and what takes gradients, is so again afterwards; names tell, since pruning makes a copy."""
    modes = {name: module.training for name, module in net.named_modules()}
    free = {name: parameter.requires_grad for name, parameter in net.named_parameters()}
    try:
        yield
    finally:
        for name, module in net.named_modules():
            module.training = modes.get(name, net.training)
        for name, parameter in net.named_parameters():
            parameter.requires_grad_(free.get(name, True))


def pair_of(given: object, name: str) -> tuple[Any, Any]:
    """Images and labels that are given as one.

    Raises:
        BadInput: if they are no pair.
    """
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise BadInput(f"{name} is a {type(given).__name__}; give a pair, images and labels")
    return given[0], given[1]


def check_given_threshold(threshold: object) -> None:
    """Refuse a threshold that is no number from which a confidence can be told.

    Raises:
        BadInput: if it is none, or above 1.
    """
    if not isinstance(threshold, Real) or isinstance(threshold, bool):
        raise BadInput(f"threshold: {threshold!r} was given; give a number")
    check_threshold(float(threshold), "threshold")


def check_type(name: str, given: object, wanted: type) -> None:
    """Refuse an argument that is something else.

    Raises:
        BadInput: if it is.
    """
    if not isinstance(given, wanted):
        package = wanted.__module__.partition(".")[0]
        raise BadInput(f"{name} is a {type(given).__name__}; give {package}'s {wanted.__name__}")
