"""What follows a convolution and can be done on the way to memory: constants, one addition, one ReLU. Needs torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from torch import Tensor

from exitprune.deployment.sparse.values import Values
from exitprune.deployment.sparse.weights import spread


@dataclass(frozen=True)
class Following:
    """What a convolution does besides.

    Attributes:
        weight, bias: of the convolution then.
        name: the value that it gives then.
        added: the map that it adds, or None.
        relu: whether it has a ReLU.
        operations: the names of those that it does.
    """

    weight: Tensor
    bias: Tensor
    name: str
    added: int | None
    relu: bool
    operations: frozenset[str]


def followed(values: Values, name: str, weight: Tensor, bias: Tensor) -> Following:
    """A convolution with as much of what follows as it can do.

    A branch that writes few channels of a wide map (`add_to`) writes zeros to the others, which cost nothing.

    Args:
        values: of the piece; a map that is added and is the same for every image is made there.
        name: the value that the convolution gives by itself.
        weight, bias: of the convolution.
    """
    piece, added, relu, done = values.piece, None, False, set[str]()
    while not relu and name != piece.output and len(users := piece.users(name)) == 1:
        (user,) = users
        part = cast(Tensor, piece.parts.get(user.layer))
        if user.kind == "relu":
            relu = True
        elif user.kind == "add_constant" and part.shape[2:] == (1, 1):
            bias = bias + part.flatten()
        elif user.kind == "add_constant" and added is None:
            added = values.constant(part, user.name)
        elif user.kind in ("add", "add_to") and added is None and (other := values.other(user, name)) is not None:
            added = other
            if user.kind == "add_to":
                channels = values.shapes[user.name][1]
                weight, bias = (spread(one, part, channels, 0) for one in (weight, bias))
        else:
            break
        name = user.name
        done.add(name)
    return Following(weight, bias, name, added, relu, frozenset(done))
