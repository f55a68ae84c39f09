"""Which weights a computation uses, and how many multiply-accumulates it is, whatever the network's code looks like.

Convolutions and matrix products are seen where torch computes them, so that weights count wherever they are used: by
their layer, by a function of a layer that holds them, inside an attention. A weight is known by its memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

Note = Callable[[str | None, int], None]
"""Is told the name of the weight, if there is one, and the MACs."""


class _Seeing(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Tells of every product."""

    def __init__(self, weights: Mapping[str, Tensor], note: Note) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names = {_memory(weight): name for name, weight in weights.items()}
        self.note = note

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """False: nothing here is compiled, and to leave the compiler out torch would import it, which takes a second."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        out = func(*args, **given)
        if func.overloadpacket in flop_registry:
            flops = flop_registry[func.overloadpacket](*args, **given, out_val=out)
            used = (self.names.get(_memory(value)) for value in args if isinstance(value, Tensor))
            self.note(next((name for name in used if name is not None), None), flops // 2)
        return out


def _memory(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)  # the same for all views


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """A module in evaluation mode, without gradients; afterwards each part is in the mode that it was in."""
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        with torch.inference_mode(False), torch.no_grad():
            yield
    finally:
        for part, mode in modes.items():
            part.training = mode


@contextmanager
def seeing(weights: Mapping[str, Tensor], note: Note) -> Iterator[None]:
    """Tell of every convolution and matrix product; attention is computed product by product."""
    with without_fast_path(), sdpa_kernel(SDPBackend.MATH), _Seeing(weights, note):
        yield


@contextmanager
def without_fast_path() -> Iterator[None]:
    """Attention runs step by step in evaluation mode too, as it does in training."""
    was_enabled = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(was_enabled)
