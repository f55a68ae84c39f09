"""What calls are given, held against what they take before any work.

Letters: N images, C channels, K classes, H and W height and width.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from numbers import Real
from typing import Any, get_args

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from exitprune.data.images import Images
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


def is_share(value: object) -> bool:
    """Whether it is a number from 0 to 1; True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool) and 0 <= float(value) <= 1


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
def left_as_free(network: nn.Module) -> Iterator[None]:
    """Parameters that a training freezes for its time are free again afterwards."""
    were = {one: one.requires_grad for one in network.parameters()}
    try:
        yield
    finally:
        for one, was in were.items():
            one.requires_grad_(was)
