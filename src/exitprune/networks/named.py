"""Any module as a base network: exits branch off after modules of it, by the names they have there.

Nothing is known of the module but what it does. A forward hook sees the map after a module and hands on what is to go on
in its place. Where that can be done, `cuts` finds out.

Letters: N images, C channels, K classes, H and W height and width.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor, nn

from exitprune.errors import BadInput
from exitprune.networks.architectures import Architecture, Point, Visit, weight_of
from exitprune.networks.uses import evaluating, seeing

GIVEN = "a module that was given"
"""In place of a module's name in the settings of a network that somebody gave."""


@dataclass(frozen=True)
class Order:
    """What runs when, in one pass of one image.

    Attributes:
        first, last: when a layer's weights are first and last used, by the layer's name.
        after: when a module that runs once has ended, by its name.
        macs: dense, up to there.
        total: MACs of the whole network.
    """

    first: Mapping[str, int]
    last: Mapping[str, int]
    after: Mapping[str, float]
    macs: Mapping[str, int]
    total: int


class Named(Architecture):
    """A module that takes images and gives logits.

    Args:
        module: the network; it keeps the names of its modules.
        repeats: images have one channel and the module takes three: it gets the one three times.
    """

    def __init__(self, module: nn.Module, repeats: bool = False) -> None:
        super().__init__()
        self.module, self.repeats = module, repeats
        self._order: Order | None = None

    @property
    def last(self) -> Point:
        """See `Architecture`."""
        return "classifier"

    @property
    def whole(self) -> nn.Module:
        """See `Architecture`."""
        found: nn.Module = self.module
        return found

    def run(self, x: Tensor, at: Mapping[Any, Visit], last: Visit | None = None) -> Tensor:
        """See `Architecture`."""
        with self._visited(at, last):
            logits: Tensor = self.module(x.expand(-1, 3, -1, -1) if self.repeats else x)
        return logits

    @contextmanager
    def _visited(self, at: Mapping[str, Visit], last: Visit | None) -> Iterator[None]:
        hooks = [self.module.get_submodule(name).register_forward_hook(partial(_after, at[name])) for name in at]
        if last is not None:
            hooks.append(self._classifier().register_forward_pre_hook(partial(_before, last)))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def named_layers(self) -> dict[str, nn.Module]:
        """See `Architecture`; the names are the module's own."""
        return {name: layer for name, layer in self.module.named_modules() if weight_of(layer) is not None}

    def in_order(self, points: Sequence[Any], shape: tuple[int, int, int]) -> list[dict[str, nn.Module]]:
        """See `Architecture`. The classifier is the layer whose weights are used last; what is never used comes before it."""
        order, layers = self.order(shape), self.named_layers()
        cuts = [order.after[name] for name in points]
        parts: list[dict[str, nn.Module]] = [{} for _ in range(len(points) + 2)]
        used = sorted(order.first, key=order.first.__getitem__)
        for name in used[:-1]:
            parts[sum(cut < order.first[name] for cut in cuts)][name] = layers[name]
        parts[-2] |= {name: layer for name, layer in layers.items() if name not in order.first}
        parts[-1][used[-1]] = layers[used[-1]]
        return parts

    def order(self, shape: tuple[int, int, int]) -> Order:
        """What runs when; found out once.

        Args:
            shape: of an image, (C, H, W).
        """
        if self._order is None:
            weights = {
                name: weight for name, layer in self.named_layers().items() if (weight := weight_of(layer)) is not None
            }
            uses: list[str] = []
            ends: list[tuple[str, int, int]] = []
            total = 0

            def use(name: str | None, macs: int) -> None:
                nonlocal total
                total += macs
                if name is not None:
                    uses.append(name)

            def end(name: str, *_: object) -> None:
                ends.append((name, len(uses), total))

            hooks = [
                part.register_forward_hook(partial(end, name)) for name, part in self.module.named_modules() if name
            ]
            try:
                with evaluating(self), seeing(weights, use):
                    self.run(next(self.parameters()).new_zeros(1, *shape), {})
            finally:
                for hook in hooks:
                    hook.remove()
            names = [name for name, _, _ in ends]
            # Between the use of weights number n - 1 and n, modules end one after the other.
            place = {name: count - 1 + (number + 1) / (len(ends) + 1) for number, (name, count, _) in enumerate(ends)}
            self._order = Order(
                first={name: uses.index(name) for name in uses},
                last={name: number for number, name in enumerate(uses)},
                after={name: place[name] for name in names if names.count(name) == 1},
                macs={name: macs for name, _, macs in ends},
                total=total,
            )
        return self._order

    def _classifier(self) -> nn.Module:
        order = self._order
        assert order is not None, "in_order has been asked before anything is trained"
        return self.module.get_submodule(max(order.first, key=order.first.__getitem__))


def _after(visit: Visit, module: nn.Module, args: Any, output: Any) -> Any:
    return visit(output)


def _before(visit: Visit, module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
    return visit(args[0]), *args[1:]


def checked_channels(channels: int, name: str) -> int:
    """1 or 3.

    Raises:
        BadInput: if there are others.
    """
    if channels not in (1, 3):
        raise BadInput(f"{name} takes images of 3 channels, or of 1, seen as grey; these have {channels}")
    return channels


def one_of_many(name: str, allowed: Sequence[str], library: str) -> None:
    """Refuse a name that a library does not have.

    Raises:
        BadInput: with the nearest that it has.
    """
    if name not in allowed:
        near = difflib.get_close_matches(name, allowed, 3, 0.4)
        raise BadInput(f"{library} has no {name!r}; nearest: {', '.join(near) or 'none'}")


@contextmanager
def building(name: str, size: int | None) -> Iterator[None]:
    """Within this a library builds a network for images of a size.

    Raises:
        BadInput: if it is not made for that size.
    """
    try:
        yield
    except (TypeError, AssertionError) as error:
        raise BadInput(f"{name} cannot be built for size {size}: {error}; give another, or none") from None
