"""A module of one's own: it may take maps apart by `view`, which wants channels first in memory.

Networks here are placed channels last in memory, with which small convolutions are faster. A module that cannot be run so is
run with channels first.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn

from exitprune.networks.architectures import Visit
from exitprune.networks.named import Named, Order
from exitprune.networks.plain_module import check_plain
from exitprune.networks.uses import evaluating


class OwnModule(Named):
    """See `Named`. How the module can lie in memory is found out by trying, when its order is asked for first.

    Raises:
        BadInput: if it is a module that cannot be given exits: see `plain_module`.
    """

    def __init__(self, module: nn.Module) -> None:
        check_plain(module)
        super().__init__(module)
        self._channels_first = False

    def run(self, x: Tensor, at: Mapping[Any, Visit], last: Visit | None = None) -> Tensor:
        """See `Architecture`."""
        return super().run(x.contiguous() if self._channels_first else x, at, last)

    def order(self, shape: tuple[int, int, int]) -> Order:
        """See `Named`."""
        if self._order is None and not self._runs_channels_last(shape):
            self._channels_first = True
            self._apply(lambda tensor: tensor)
        return super().order(shape)

    def _runs_channels_last(self, shape: tuple[int, int, int]) -> bool:
        module: nn.Module = copy.deepcopy(self.module)
        if next(module.parameters()).is_meta:  # which says nothing of memory
            module.to_empty(device="cpu")
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        images = next(module.parameters()).new_zeros(2, *shape)
        try:
            with evaluating(module):
                module(images.contiguous(memory_format=torch.channels_last))
        except RuntimeError:
            return False
        return True

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Also what moves a network to another place or memory format."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if self._channels_first:
            for parameter in self.parameters():
                parameter.data = parameter.data.contiguous()
        return self
