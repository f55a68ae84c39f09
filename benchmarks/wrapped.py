"""What it costs to be wrapped.

`python -m benchmarks.wrapped`. Everything is timed in turns, one thread, by
what the processor did for it, so that other work on the machine meets all sides alike. Ratios are medians over the turns.
Prints Markdown; docs/library.md keeps the table.

`by hand` is the same network whose heads are called by a hook each and are asked how sure they are; nobody could leave. What
is more than that is what leaving costs, and being wrapped.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models import get_model

import exitprune
from benchmarks.pages import as_markdown, put
from benchmarks.turns import in_turn, ratio
from exitprune.evaluation.exiting import confidence_of
from exitprune.library.early_exits import EarlyExits

NAMES = ("resnet18", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0", "shufflenet_v2_x0_5", "regnet_y_400mf")
SHARES = (0.25, 0.5, 0.75)
"""Of the MACs: exits come at the points nearest to them."""
SIDE, BATCH, TURNS = 64, 64, 15
ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "library.md"


def main() -> None:
    """Measure on this machine."""
    torch.set_num_threads(1)
    rows = [wrapped(name) for name in NAMES]
    titles = ["network", "exits after", "ms per image, unwrapped", "heads by hand", "wrapped"]
    titles += ["wrapped / unwrapped", "quartiles", "wrapped / by hand", "quartiles"]
    print(as_markdown(titles, rows))
    put(PAGE, "wrapped", titles, rows)


def wrapped(name: str) -> list[str]:
    """A network of torchvision in evaluation mode, with three exits at which nobody leaves, against itself."""
    module = get_model(name, weights=None, num_classes=10).eval()
    images = torch.randn(BATCH, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    points = exitprune.cut_points(module, images[:2])
    after = [min(points, key=lambda point: abs(point.share - share)).name for share in SHARES]
    net = exitprune.wrap(module, after, images[:2]).eval()
    taken = net(images, threshold=1.0)[1]
    assert int(taken.min()) == len(after), "nobody is to leave"
    calls = [lambda: net(images, threshold=1.0), lambda: by_hand(net, images), lambda: module(images)]
    with torch.inference_mode():
        wrapped, hand, plain = in_turn([partial(timed, call) for call in calls], TURNS)
    each = [f"{1000 * statistics.median(seconds) / BATCH:.3f}" for seconds in (plain, hand, wrapped)]
    return [name, ", ".join(after), *each, *ratio(wrapped, plain), *ratio(wrapped, hand)]


def by_hand(net: EarlyExits, images: Tensor) -> None:
    """What the network and its heads answer, and how sure they are."""

    def ask(head: nn.Module, _: nn.Module, __: object, map_: Tensor) -> None:
        confidence_of(head(map_))

    heads = net.network.heads.items()
    hooks = [net.module.get_submodule(name).register_forward_hook(partial(ask, head)) for name, head in heads]
    confidence_of(net.module(images))
    for hook in hooks:
        hook.remove()


def timed(call: Callable[[], object]) -> float:
    """Seconds of this thread's processor."""
    start = time.thread_time()
    call()
    return time.thread_time() - start


if __name__ == "__main__":
    main()
