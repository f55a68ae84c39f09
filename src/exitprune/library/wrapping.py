"""Where a network with early exits comes from: a classifier that is given some, or a file.

Letters: N images, C channels, K classes, H and W height and width.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from exitprune.errors import BadInput
from exitprune.library.early_exits import EarlyExits
from exitprune.library.given import check_type, checked
from exitprune.networks.checkpoint_header import NetworkHeader
from exitprune.networks.checkpoints import load_checkpoint
from exitprune.networks.cuts import CutPoint, Tried
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.masks import full_masks
from exitprune.networks.named import GIVEN
from exitprune.networks.own_module import OwnModule


def wrap(module: nn.Module, after: Sequence[str], example: Tensor, pool: int | None = 1) -> EarlyExits:
    """Give a classifier early exits: heads, not yet trained, after modules of it.

    Args:
        module: takes (N, C, H, W) images and gives (N, K) logits; it is kept, not copied.
        after: names of modules, as `named_modules` gives them, in order; `cut_points` lists those that can be.
        example: (N, C, H, W), images of the size that there will be; what they show does not matter.
        pool: side of the grid to which a head averages its map, or stretches of a row of tokens; None: not averaged.

    Raises:
        BadInput: if the network is no such classifier, or cannot be cut there, with the nearest point that works.
    """
    if isinstance(after, str) or not isinstance(after, Sequence):
        one = f", one name; give a list of names: [{after!r}]" if isinstance(after, str) else "; give a list of names"
        raise BadInput(f"after is {after!r}{one}")
    tried, what = _tried(module, example)
    tried.check(after)
    channels, height, width = example.shape[1:]
    spec = Spec(
        "python", {"name": f"{GIVEN}:{what}"}, channels, height, width, tried.num_classes, tuple(after), pool, "base"
    )
    checked(NetworkHeader, spec.as_dict())
    network = EarlyExitNetwork(spec, tried.named)
    network.to(next(module.parameters()).device)
    net, given = EarlyExits(network, full_masks(network)), set(module.modules())
    for part in net.modules():
        if part not in given:
            part.training = module.training
    return net


def cut_points(module: nn.Module, example: Tensor) -> list[CutPoint]:
    """Where a classifier can be given exits, with MACs up to there; arguments as those of `wrap`."""
    tried, _ = _tried(module, example)
    return list(tried.points())


def load(path: Path | str, module: nn.Module | None = None) -> EarlyExits:
    """What `save` wrote, or a level of a study.

    Args:
        path: of the file.
        module: the module that was wrapped, whatever its weights; not needed for a level of a study.

    Raises:
        BadInput: if the file is none, or is of another module.
    """
    if module is not None:
        check_type("module", module, nn.Module)
    found = load_checkpoint(Path(path), base=None if module is None else OwnModule(module))
    told = ("mean", "std", "classes")
    trained_on = {name: value for name, value in found.header.items() if name in told}
    return EarlyExits(found.network, found.masks, trained_on)


def _tried(module: nn.Module, example: Tensor) -> tuple[Tried, str]:
    check_type("module", module, nn.Module)
    check_type("example", example, Tensor)
    what = type(module).__name__
    if example.dim() != 4 or not len(example):
        raise BadInput(f"the example is {tuple(example.shape)}; give images, (N, C, H, W), as {what} takes them")
    if next(module.parameters(), None) is None:
        raise BadInput(f"{what} has no parameters; give a trained classifier")
    channels, height, width = example.shape[1:]
    return Tried(OwnModule(module), (channels, height, width), what), what
