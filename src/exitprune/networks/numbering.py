"""Numbers of channels through one pass of one image: what each operation of torch does to them. See `numbered`.

Letters: N images, C channels, H and W height and width of a map.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import weights
from exitprune.networks.numbered import Numbers, Stream
from exitprune.networks.uses import evaluating, without_fast_path

MOVES = {
    "view", "_unsafe_view", "_reshape_alias", "permute", "transpose", "t", "expand", "cat", "split", "split_with_sizes",
    "slice", "select", "unsqueeze", "squeeze", "clone", "_to_copy", "contiguous", "alias", "detach", "lift_fresh",
    "constant_pad_nd", "roll", "flip", "index_select", "stack", "unbind",
}  # fmt: skip
"""Operations that hand values on, elsewhere."""
RESHAPES = {"view", "_unsafe_view", "_reshape_alias"}
BY_VALUE = {"hardswish", "rsub", "native_dropout", "_prelu_kernel"}
"""Operations that work value by value and are not tagged so."""
OVER_SPACE = {
    "max_pool2d_with_indices", "avg_pool2d", "_adaptive_avg_pool2d", "adaptive_max_pool2d",
    "upsample_nearest2d", "upsample_bilinear2d",
}  # fmt: skip
OVER_DIMENSIONS = {"mean", "sum", "amax"}
NORMS = {"native_batch_norm", "cudnn_batch_norm", "miopen_batch_norm", "_native_batch_norm_legit_no_training"}
PRODUCTS = {"addmm": 1, "mm": 0}
"""Which argument is not the weight."""


class _Following(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Numbers the channels of what runs."""

    def __init__(self, network: EarlyExitNetwork) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.numbers = Numbers()
        self.layers, self.classifier = network.named_layers(), network.base_classifier
        self.weights = {_memory(weight): name for name, weight in weights(network).items()}
        biases = [getattr(layer, "bias", None) for layer in self.layers.values()]
        self.biases = {_memory(bias) for bias in biases if isinstance(bias, Tensor)}
        self.norms = {
            _memory(part.running_mean): name
            for name, part in network.base.named_modules()
            if isinstance(part, nn.BatchNorm2d) and part.running_mean is not None
        }
        self.used: set[str] = set()
        self.of: MutableMapping[Tensor, Tensor] = WeakIdKeyDictionary()
        self.running = [""]

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """See `uses`."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        out = func(*args, **given)
        taken = [leaf for leaf in tree_leaves((args, given)) if isinstance(leaf, Tensor)]
        kind = func.overloadpacket.__name__.rstrip("_")
        with torch.utils._python_dispatch._disable_current_modes():
            found = self._numbers(func, kind, args, given, taken, out)
        made = out if isinstance(out, tuple | list) else [out]
        for value, numbers in zip_longest(made, found):
            if isinstance(value, Tensor):
                self.of.pop(value, None)  # it may be one that was changed in place
                if numbers is not None:
                    self.of[value] = numbers
        return out

    def _numbers(
        self, func: Any, kind: str, args: tuple[Any, ...], given: Any, taken: list[Tensor], out: Any
    ) -> list[Tensor | None]:
        """Of each value that came out."""
        name = self._layer(args, kind)
        if name is not None:
            return [self._read(name, kind, args, out)]
        known = [value for value in taken if value in self.of]
        if not known:
            return []
        numbers: Tensor = self.of[known[0]]
        if kind in MOVES and len(known) == len(taken):
            return self._moved(func, kind, args, given)
        if kind in NORMS and args[3] is not None and _memory(args[3]) in self.norms:  # none: it keeps no statistics
            self.numbers.place(self._channels(known[0]), self.norms[_memory(args[3])], "passes", norm=True)
            return [numbers]
        if kind in OVER_SPACE or (kind in OVER_DIMENSIONS and len(args) > 1):
            return [self._pooled(known[0], (-2, -1) if kind in OVER_SPACE else args[1], out)]
        if kind in BY_VALUE or torch.Tag.pointwise in func.tags:
            return [self._by_value(kind, taken, out)]
        for value in known:
            self.numbers.fix(self.of[value], self._where(kind))
        return []

    def _layer(self, args: tuple[Any, ...], kind: str) -> str | None:
        """The layer whose whole weights an operation uses as the layer itself would."""
        if kind == "convolution":
            name = self.weights.get(_memory(args[1]))
            fits = not args[6]
        elif kind in PRODUCTS:
            name = self.weights.get(_memory(args[PRODUCTS[kind] + 1]))
            fits = args[PRODUCTS[kind] + 1].dim() == 2
        else:
            return None
        layer = None if name is None else self.layers[name]
        part = args[1] if kind == "convolution" else args[PRODUCTS[kind] + 1].t()
        wanted = nn.Conv2d if kind == "convolution" else nn.Linear
        return name if fits and isinstance(layer, wanted) and part.shape == layer.weight.shape else None

    def _read(self, name: str, kind: str, args: tuple[Any, ...], out: Tensor) -> Tensor | None:
        x = args[0] if kind == "convolution" else args[PRODUCTS[kind]]
        incoming = self._channels(x)
        again, layer = name in self.used, self.layers[name]
        self.used.add(name)
        if name in self.classifier:
            self.numbers.see(incoming)
        width = out.shape[1]
        if isinstance(layer, nn.Conv2d) and layer.groups > 1:
            if again or not layer.groups == layer.in_channels == width:
                self.numbers.fix(incoming, f"{name} mixes them in groups")
                return None
            self.numbers.place(incoming, name, "passes")
            outgoing = incoming
        else:
            self.numbers.place(incoming, name, "reads")
            outgoing = self.numbers.new(name, width)
        if again:
            self.numbers.fix(torch.cat((incoming, outgoing)), f"{name} runs more than once")
        return outgoing.reshape(1, -1, *[1] * (out.dim() - 2)).expand(out.shape)

    def _channels(self, value: Tensor) -> Tensor:
        """(C,): of the second dimension; where they differ along another one, none, and they are fixed."""
        if value not in self.of:
            return torch.zeros(value.shape[1], dtype=torch.int64, device="cpu")
        numbers: Tensor = self.of[value]
        others = [dim for dim in range(numbers.dim()) if dim != 1]
        highest = numbers.amax(others, keepdim=True)
        if ((numbers != highest) & (numbers > 0)).any():
            self.numbers.fix(numbers, self._where("a layer"))
            return torch.zeros(value.shape[1], dtype=torch.int64, device="cpu")
        return highest.flatten()

    def _moved(self, func: Any, kind: str, args: tuple[Any, ...], given: Any) -> list[Tensor | None]:
        def number(value: Any) -> Any:
            if isinstance(value, list):
                return [number(one) for one in value]
            return self.of[value] if isinstance(value, Tensor) else value

        if kind in RESHAPES:
            return [self.of[args[0]].reshape(args[1])]
        found = func(*map(number, args), **given)
        return list(found) if isinstance(found, tuple | list) else [found]

    def _pooled(self, value: Tensor, dims: Any, out: Any) -> Tensor | None:
        numbers: Tensor = self.of[value]
        over = [dims] if isinstance(dims, int) else list(dims)
        highest = numbers.amax(over, keepdim=True)
        if ((numbers != highest) & (numbers > 0)).any():
            self.numbers.fix(numbers, self._where("a sum"))
            return None
        made = out[0] if isinstance(out, tuple) else out
        if made.dim() != numbers.dim():
            highest = highest.squeeze(over)
        return highest.expand(made.shape)

    def _by_value(self, kind: str, taken: list[Tensor], out: Any) -> Tensor:
        made: Tensor = out[0] if isinstance(out, tuple) else out
        known = [self.of[value].expand(made.shape) for value in taken if value in self.of]
        found: Tensor = known[0]
        for other in known[1:]:
            found = self.numbers.join(found, other, kind != "mul", self._where(kind))
        for value in taken:
            if value not in self.of and _memory(value) not in self.biases and self._differ(found, value):
                self.numbers.fix(found, self._where(kind))
        return found

    def _differ(self, numbers: Tensor, beside: Tensor) -> bool:
        """Whether a tensor has values of its own for each channel."""
        dims = [-place for place, size in enumerate(reversed(beside.shape), 1) if size > 1]
        return any(bool((numbers != numbers.narrow(dim, 0, 1)).any()) for dim in dims)

    def _where(self, what: str) -> str:
        return f"{what.replace('_', ' ').strip()} in {self.running[-1] or 'the network itself'}"


def _memory(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)  # the same for all views


@torch.no_grad()
def numbered(network: EarlyExitNetwork) -> list[Stream]:
    """Which channels go together in a network, whatever it is made of, in the order in which they are first made."""
    spec = network.spec
    following = _Following(network)
    image = next(network.parameters()).new_zeros(1, spec.channels, spec.height, spec.width)
    numbers = following.numbers

    def look(map_: Tensor) -> Tensor:
        if map_ in following.of:
            numbers.see(following.of[map_])
        return map_

    with evaluating(network), without_fast_path(), sdpa_kernel(SDPBackend.MATH), _told(network, following.running):
        with following:
            logits = network.base.run(image, dict.fromkeys(spec.exits, look))
        if logits in following.of:
            numbers.fix(following.of[logits], "classes")
    return numbers.streams


@contextmanager
def _told(network: EarlyExitNetwork, running: list[str]) -> Iterator[None]:
    """While it holds, the last of the list is the name of the module that runs."""

    def begin(name: str, *_: object) -> None:
        running.append(name)

    def end(*_: object) -> None:
        running.pop()

    with ExitStack() as stack:
        for name, part in network.base.named_modules():
            stack.callback(part.register_forward_pre_hook(partial(begin, name.removeprefix("module."))).remove)
            stack.callback(part.register_forward_hook(end).remove)
        yield
