"""A network's forward pass as training runs it: in the machine's precision and, if it is to be, compiled.

Letters: E exits, N images, C channels, K classes, H and W height and width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from exitprune.data.images import Images
from exitprune.jobs.compute import Machine
from exitprune.networks.early_exit import EarlyExitNetwork, Group


class _Pass(nn.Module):
    """Of one group."""

    def __init__(self, network: Callable[[Tensor, Group], Tensor], group: Group, machine: Machine) -> None:
        super().__init__()
        self.network, self.group, self.machine = network, group, machine

    def forward(self, pixels: Tensor) -> Tensor:
        precision, device = self.machine.precision, self.machine.device
        lowers = precision != torch.float32
        with torch.autocast(device.type, precision, enabled=lowers, cache_enabled=not self.records):
            return self.network(pixels, self.group)

    @property
    def records(self) -> bool:
        """Whether its kernels are recorded and played back: what stays in a cache between two passes would be lost."""
        return self.machine.compile and self.machine.device.type == "cuda"


def forward_pass(
    network: EarlyExitNetwork, group: Group, machine: Machine, images: Images, batch_size: int
) -> Callable[[Tensor], Tensor]:
    """From (N, C, H, W) normalised images to the (E, N, K) logits of a group, with gradients.

    On a GPU, compiling is recording: a step of a small network is a thousand short kernels, and starting each of them from
    Python takes longer than it runs (measured in docs/performance.md).

    Args:
        network: as it will be trained: what is frozen is frozen. Recording leaves its state as it is.
        group: that is trained.
        machine: precision, and whether to compile.
        images: that it will see.
        batch_size: of each batch; a smaller set is one batch.
    """
    if machine.compile and machine.device.type != "cuda":
        return _Pass(torch.compile(network, mode="reduce-overhead"), group, machine)
    forward = _Pass(network, group, machine)
    return _RECORDER.recorded(forward, images.normalise(images.pixels[:batch_size])) if forward.records else forward


class _Recorder:
    """Keeps its last recording: the rounds of a chain train one network again and again."""

    def __init__(self) -> None:
        self.of: Any = None
        self.recording: Callable[[Tensor], Tensor] | None = None

    def recorded(self, forward: _Pass, example: Tensor) -> Callable[[Tensor], Tensor]:
        """What replays a pass on batches like the example."""
        tensors = [*forward.parameters(), *forward.buffers()]
        of = forward.group, example.shape, [(id(tensor), tensor.requires_grad) for tensor in tensors]
        if self.recording is None or of != self.of:
            self.recording = None  # free its memory first
            self.of, self.recording = of, _recorded(forward, example)
        return self.recording


_RECORDER = _Recorder()


def _recorded(forward: _Pass, example: Tensor) -> Callable[[Tensor], Tensor]:
    before = {name: buffer.clone() for name, buffer in forward.named_buffers()}
    recorded = cast(
        Callable[[Tensor], Tensor],
        torch.cuda.make_graphed_callables(forward, (example,), allow_unused_input=True),
    )
    for name, buffer in forward.named_buffers():  # the passes that are recorded count as seen images in batch norm
        buffer.copy_(before[name])
    return recorded
