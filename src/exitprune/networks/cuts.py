"""Where a network can be cut: tried by handing on some of the images at a point, and looking at what comes out.

A point works if the rest of the network answers for those images as it did among all. Where more than one tensor carries on,
as inside a residual branch, the sizes of batches do not agree any more, and it does not.

Letters: N images, C channels, K classes, H and W height and width.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from exitprune.config.model import NamedSettings
from exitprune.errors import BadInput
from exitprune.networks.early_exit import Spec
from exitprune.networks.map_shapes import as_channels_first
from exitprune.networks.named import Named
from exitprune.networks.uses import evaluating

KEPT = [2, 0]
"""Of three images, those that are handed on."""
FURTHEST = 60
"""Points that are tried on the way to one that works."""


@dataclass(frozen=True)
class CutPoint:
    """A point at which an exit can branch off.

    Attributes:
        name: of the module.
        macs, share: dense, from the image to there; and of the whole network's.
        channels, height, width: of the map; tokens are the height.
    """

    name: str
    macs: int
    share: float
    channels: int
    height: int
    width: int


def check_cuts(spec: Spec) -> None:
    """Refuse a network that cannot take its images, or cannot be cut at its exits; blocks can be cut after each.

    Raises:
        BadInput: naming the nearest point that works.
    """
    if isinstance(spec.own, NamedSettings):
        base = spec.build_base()
        assert isinstance(base, Named), "as the contract says"
        Tried(base, (spec.channels, spec.height, spec.width), spec.own.title).check([str(name) for name in spec.exits])


class Tried:
    """A network, tried with three images.

    Args:
        named: the network.
        shape: of an image, (C, H, W).
        what: to call the network.

    Raises:
        BadInput: if it cannot take such images, does not give (N, K) logits, or answers for an image by what else was there.
    """

    def __init__(self, named: Named, shape: tuple[int, int, int], what: str) -> None:
        self.named, self.what = named, what
        like = next(named.parameters())
        draw = torch.Generator().manual_seed(0)
        self.images = torch.randn(len(KEPT) + 1, *shape, generator=draw).to(like.device, like.dtype)
        with evaluating(named):
            before = [value.clone() for value in named.buffers()]
            self.whole = self._logits(self._given(named, self.images, shape), "it gives")
            again, few = named.run(self.images, {}), named.run(self.images[KEPT], {})
            kept = all(torch.equal(old, new) for old, new in zip(before, named.buffers(), strict=True))
        if not kept or not self._same(again, self.whole):
            raise BadInput(f"{what} keeps something from one image to the next: asked twice, it is not what it was")
        if not self._same(few, self.whole[KEPT]):
            raise BadInput(f"{what} answers for an image by what else is in the batch; exits let images go one by one")
        self._logits(self._given(copy.deepcopy(named).train(), self.images, shape), "in training it gives")
        self.order = named.order(shape)
        self.shapes = self._map_shapes()

    @property
    def num_classes(self) -> int:
        """K."""
        return int(self.whole.shape[1])

    def works(self, name: str) -> bool:
        """Whether the network can be cut after a module."""
        if name not in self.shapes:
            return False
        with evaluating(self.named):
            try:
                found = self.named.run(self.images, {name: lambda output: output[KEPT]})
            except Exception:  # whatever a stranger's code raises when the batch is not what it expects
                return False
        return isinstance(found, Tensor) and self._same(found, self.whole[KEPT])

    def _map_shapes(self) -> dict[str, tuple[int, int, int]]:
        """(C, H, W) of the maps that an exit could see, by the module after which they come.

        A map that is changed in place afterwards is not what a head would see.
        """
        seen: dict[str, tuple[Tensor, int]] = {}

        def keep(name: str, output: object) -> object:
            if isinstance(output, Tensor) and len(output) == len(self.images):
                seen[name] = output, output._version
            return output

        with evaluating(self.named):
            self.named.run(self.images, {name: partial(keep, name) for name in self.order.after})
        image = self.images.shape[2:]
        shapes = {name: as_channels_first(tuple(map_.shape[1:]), *image) for name, (map_, _) in seen.items()}
        return {
            name: shape
            for name, shape in shapes.items()
            if shape is not None and seen[name][0]._version == seen[name][1]
        }

    def check(self, names: Sequence[str]) -> None:
        """Refuse points that do not work, or are not in order.

        Raises:
            BadInput: naming the nearest that does.
        """
        there = [name for name, _ in self.named.module.named_modules() if name]
        for name in names:
            if name not in there:
                near = difflib.get_close_matches(name, there, 3, 0.4) or there[:3]
                raise BadInput(f"{self.what} has no module {name!r}; nearest: {', '.join(near)}")
            if name not in self.order.after:
                raise BadInput(f"{name} of {self.what} does not run once for each image{self._nearest(name)}")
            if not self._is_early(name):
                raise BadInput(
                    f"{name} of {self.what} is where the network's own classifier answers; name modules before it"
                )
            if not self.works(name):
                raise BadInput(
                    f"more than the map after {name} carries on in {self.what}, or it is changed in place later, so no "
                    f"image can leave there{self._nearest(name)}"
                )
            if shared := self._used_on_both_sides(name):
                raise BadInput(f"the weights of {shared} are used before and after {name}; name a point after both")
        in_order = sorted(names, key=self.order.after.__getitem__)
        if list(names) != in_order or len(set(names)) != len(names):
            raise BadInput(f"exits follow each other as they run, each once: {', '.join(dict.fromkeys(in_order))}")

    def points(self) -> Iterator[CutPoint]:
        """All that work, in order; the last of those that hand on the same."""
        found: dict[tuple[object, ...], CutPoint] = {}
        for name, _ in sorted(self.order.after.items(), key=lambda item: item[1]):
            macs = self.order.macs[name]
            if macs and self._is_early(name) and self.works(name) and not self._used_on_both_sides(name):
                shape = self.shapes[name]
                found[macs, shape] = CutPoint(name, macs, macs / self.order.total, *shape)
        yield from found.values()

    def _is_early(self, name: str) -> bool:
        return self.order.after[name] < max(self.order.first.values())

    def _used_on_both_sides(self, name: str) -> str | None:
        cut = self.order.after[name]
        both = (layer for layer, first in self.order.first.items() if first < cut < self.order.last[layer])
        return next(both, None)

    def _nearest(self, name: str) -> str:
        """The nearest point that works, in words."""
        inside = [part for part in self.order.after if part.startswith(f"{name}.")]
        place = self.order.after.get(name, self.order.after[inside[-1]] if inside else 0.0)
        early = [other for other in self.order.after if other != name and self._is_early(other)]
        near = sorted(early, key=lambda other: abs(self.order.after[other] - place))[:FURTHEST]
        found = next((other for other in near if self.works(other)), None)
        return f"; the nearest point that works: {found}" if found else "; no point near it works"

    def _given(self, named: Named, images: Tensor, shape: tuple[int, int, int]) -> object:
        try:
            with torch.no_grad():
                return named.run(images, {})
        except Exception as error:  # whatever a stranger's code raises
            channels, height, width = shape
            raise BadInput(
                f"{self.what} cannot take images of {channels} x {height} x {width}: {error}; give others"
            ) from None

    def _logits(self, found: object, gives: str) -> Tensor:
        if isinstance(found, Tensor) and found.dim() == 2 and len(found) == len(self.images):
            return found
        told = f"a tensor {tuple(found.shape)}" if isinstance(found, Tensor) else f"a {type(found).__name__}"
        raise BadInput(f"{self.what} is no classifier: {gives} {told} for {len(self.images)} images, not (N, K) logits")

    def _same(self, found: Tensor, wanted: Tensor) -> bool:
        return found.shape == wanted.shape and torch.allclose(found, wanted, 1e-3, 1e-4 * float(wanted.abs().max()))
