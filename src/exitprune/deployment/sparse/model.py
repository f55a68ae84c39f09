"""Images through a packed network, each until an exit is sure of it.

Large maps: one image at a time, and nothing is computed for an image that has left. Where maps hardly fill vectors, eight
images lie side by side in them; after each exit some that stay take the places of some that left.

Letters: N images, C channels, K classes, H and W height and width, G images side by side.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from exitprune.deployment.sparse.layout import Layout
from exitprune.deployment.sparse.machine import Processor, this_processor
from exitprune.deployment.sparse.program import Program
from exitprune.deployment.sparse.shapes import shapes_of
from exitprune.deployment.sparse.steps import Convolution, Network
from exitprune.deployment.sparse.table import CALL
from exitprune.deployment.sparse.workspace import Workspace
from exitprune.errors import BadInput

SIDE_BY_SIDE = 8
"""G, where maps are small."""
WORTH = 2.0
"""How many times less images side by side must cost: a group is computed until its last image leaves, some are moved at exits,
and their maps fill more of the cache."""
GROUPS = 16
"""Groups that go from exit to exit together; more would leave the cache."""


@dataclass(frozen=True)
class Answers:
    """What each image got, in the order they came: (N,) int64, float32 and int64, and the logits of its exit, (N, K)."""

    label: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float32]
    exit: npt.NDArray[np.int64]
    logits: npt.NDArray[np.float32]

    @classmethod
    def empty(cls, num_images: int, num_classes: int) -> Answers:
        numbers = [np.zeros(num_images, np.int64) for _ in range(2)]
        sure, logits = np.zeros(num_images, np.float32), np.zeros((num_images, num_classes), np.float32)
        return cls(numbers[0], sure, numbers[1], logits)

    def parts(self) -> Sequence[npt.NDArray[np.float32] | npt.NDArray[np.int64]]:
        """In this order."""
        return self.label, self.confidence, self.exit, self.logits


class SparseNetwork:
    """A network, ready to run.

    Args:
        network: its steps.
        num_threads: images are dealt out to so many.
        processor: what to compile for; None: the one at hand.
        together: G for every batch; None: whichever costs less.

    Raises:
        BadInput: if llvmlite is not installed.
        CannotRun: if the processor has no instructions that pay.
    """

    def __init__(
        self,
        network: Network,
        num_threads: int = 1,
        processor: Processor | None = None,
        together: int | None = None,
    ) -> None:
        self.network, self.num_threads, self.together = network, num_threads, together
        self.processor = this_processor() if processor is None else processor
        self.num_classes = len(network.exits[-1].bias)
        self._programs: dict[int, Program] = {}
        self._own = threading.local()  # of each thread: workspaces by G
        self._lock = threading.Lock()
        self.program(self.side_by_side(1))  # compiled before the first image comes

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.num_threads)

    def program(self, together: int) -> Program:
        """For G images side by side."""
        with self._lock:
            if together not in self._programs:
                self._programs[together] = Program(self.network, self.processor, together)
            return self._programs[together]

    def side_by_side(self, num_images: int) -> int:
        """G for a batch."""
        if self.together is not None:
            return self.together
        if num_images < SIDE_BY_SIDE or self._pays < WORTH:
            return 1
        return SIDE_BY_SIDE

    @cached_property
    def _pays(self) -> float:
        """How many times less an image costs where images lie side by side."""
        alone, beside = (self._cost(together) for together in (1, SIDE_BY_SIDE))
        return alone / max(beside, 1e-9)

    def _cost(self, together: int) -> float:
        shapes, total = shapes_of(self.network), 0.0
        for step in self.network.steps:
            if isinstance(step, Convolution):
                layout = Layout(*shapes[step.target][1:], together, self.processor.lanes)
                total += np.count_nonzero(step.weight) * layout.cost / together
        return total

    def __call__(self, pixels: npt.NDArray[np.uint8], threshold: float) -> Answers:
        """Answer images.

        Args:
            pixels: (N, C, H, W), N may be 0.
            threshold: an image leaves at the first exit whose confidence exceeds it; 1 or more: at the last.

        Raises:
            BadInput: if pixels are none that the network takes.
        """
        if pixels.dtype != np.uint8 or pixels.shape[1:] != self.network.shape:
            shape = ", ".join(map(str, self.network.shape))
            raise BadInput(
                f"pixels are {pixels.dtype} {pixels.shape}; give uint8 (N, {shape}), as read from image files"
            )
        pixels, num_images = np.ascontiguousarray(pixels), len(pixels)
        answers, together = Answers.empty(num_images, self.num_classes), self.side_by_side(num_images)
        program, run = self.program(together), self._one_by_one if together == 1 else self._in_groups
        most = together * GROUPS if together > 1 else num_images
        share = -(-num_images // self.num_threads // together) * together  # whole groups
        step = max(1, min(most, share))
        parts = [slice(start, start + step) for start in range(0, num_images, step)]

        def one(part: slice) -> None:
            run(program, pixels[part], threshold, Answers(*(values[part] for values in answers.parts())))  # type: ignore[arg-type]

        if self.num_threads == 1 or len(parts) == 1:
            for part in parts:
                one(part)
        else:
            list(self._pool.map(one, parts))
        return answers

    def _workspace(self, program: Program) -> Workspace:
        """This thread's own."""
        if not hasattr(self._own, "spaces"):
            self._own.spaces = {}
        spaces: dict[int, Workspace] = self._own.spaces
        if program.together not in spaces:
            spaces[program.together] = Workspace(program, GROUPS if program.together > 1 else 1)
        return spaces[program.together]

    def _one_by_one(self, program: Program, pixels: npt.NDArray[np.uint8], threshold: float, answers: Answers) -> None:
        table, call = self._workspace(program).tables, call_of(pixels, threshold, answers)
        program.run(table.ctypes.data, table.shape[1], 0, call.ctypes.data, 0, len(pixels))

    def _in_groups(self, program: Program, pixels: npt.NDArray[np.uint8], threshold: float, answers: Answers) -> None:
        space, together = self._workspace(program), program.together
        filled = -(-len(pixels) // together) * together
        if filled > len(pixels):
            pixels = np.concatenate([pixels, np.zeros((filled - len(pixels), *pixels.shape[1:]), np.uint8)])
        here, waiting = Answers.empty(filled, self.num_classes), np.arange(len(answers.label))
        call = call_of(pixels, threshold, here)
        tables, last = space.tables, len(program.segments) - 1
        for number, segment in enumerate(program.segments):
            num_rows, num_groups = segment.stop - segment.start, -(-len(waiting) // together)
            program.run(tables[0, segment].ctypes.data, num_rows, tables.shape[1], call.ctypes.data, 0, num_groups)
            leaves = here.confidence[: len(waiting)] > np.float32(threshold)
            leaves |= number == last
            gone = leaves.nonzero()[0]
            for given, found in zip(answers.parts(), here.parts(), strict=True):
                given[waiting[gone]] = found[gone]
            stays = (~leaves).nonzero()[0]
            if not len(stays):
                return
            left = gone[gone < len(stays)]  # places that fill up from behind, so that few images move
            last_ones = stays[stays >= len(stays)]
            if len(left):
                space.move(program.plan.staying[number], last_ones, left, call)
                waiting[left] = waiting[last_ones]
            waiting = waiting[: len(stays)]


def call_of(pixels: npt.NDArray[np.uint8], threshold: float, answers: Answers) -> npt.NDArray[np.void]:
    """What kernels are told of a call."""
    call = np.zeros(1, CALL)
    call["pixels"], call["threshold"] = pixels.ctypes.data, threshold
    for name, values in zip(("class", "confidence", "exit", "logits"), answers.parts(), strict=True):
        call[name] = values.ctypes.data
    return call
