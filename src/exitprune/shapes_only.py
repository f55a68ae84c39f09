"""Networks of which only shapes are wanted: nothing is drawn and, but for small maps, no memory is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

DRAWS = {made for name, made in vars(nn.init).items() if name.endswith("_") and callable(made)}
SAME_SHAPE: set[Callable[..., Any]] = {*DRAWS, Tensor.normal_, Tensor.uniform_, F.batch_norm}
"""What gives the shape it is given, its argument `tensor` or the first."""
SMALL = 2**22
"""Numbers in an input that is run through a network for real: on the meta device the first operation makes torch import
its compiler, which takes two seconds."""


class _SameShape(TorchFunctionMode):
    """Hands on what comes in where only its shape is wanted."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        if func in SAME_SHAPE:
            return given["tensor"] if "tensor" in given else args[0]
        return func(*args, **given)


@contextmanager
def shapes_only(numbers: int | None = None) -> Iterator[None]:
    """Build networks for the shapes of their weights and of what they make; the numbers in both mean nothing.

    Args:
        numbers: in the input that will be run through the network; None: none will be.
    """
    device = "cpu" if numbers is not None and numbers <= SMALL else "meta"
    with torch.device(device), _SameShape(), torch.no_grad():
        yield
