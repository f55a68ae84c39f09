"""Which processor this is, and machine code for it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from exitprune.deployment.extras import extra
from exitprune.deployment.sparse.code import Code, Value
from exitprune.deployment.sparse.kernels import run as loop
from exitprune.errors import BadInput


class CannotRun(BadInput):
    """The processor, or the network, is not one that the kernels are made for.

    Args:
        reason: in words.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}; use onnxruntime, which takes model.onnx")
        self.reason = reason


@dataclass(frozen=True)
class Processor:
    """What is compiled for.

    Attributes:
        name: of the instructions, for people.
        lanes: V, floats in a vector.
        cpu, features: as LLVM calls them.
        triple: of the machine, in LLVM's words.
    """

    name: str
    lanes: int
    cpu: str
    features: str
    triple: str


KERNEL, RUN = "kernel", "run"
AVX512, AVX2, NEON = ("AVX-512", 16), ("AVX2", 8), ("NEON", 4)


def this_processor() -> Processor:
    """The widest vectors that the processor at hand has.

    Raises:
        BadInput: if llvmlite is not installed.
        CannotRun: if it has none of those that pay: with SSE alone these kernels are slower than dense ones.
    """
    llvm = extra("llvmlite.binding")
    return chosen(llvm.get_host_cpu_name(), llvm.get_host_cpu_features(), llvm.get_process_triple())


def chosen(cpu: str, features: Mapping[str, bool], triple: str) -> Processor:
    """What to compile for.

    Args:
        cpu, features, triple: as LLVM tells of a machine.

    Raises:
        CannotRun: if no vectors that pay are among the features.
    """
    told = ",".join(f"{'+' if has else '-'}{name}" for name, has in sorted(features.items()))
    if triple.split("-")[0] in ("aarch64", "arm64"):  # NEON is part of it
        return Processor(*NEON, cpu, told, triple)
    if features.get("avx512f"):
        return Processor(*AVX512, cpu, f"{told},-prefer-256-bit", triple)  # or LLVM halves every vector
    if features.get("avx2") and features.get("fma"):
        return Processor(*AVX2, cpu, told, triple)
    raise CannotRun(
        f"this processor ({cpu or triple}) has neither AVX-512, nor AVX2 with FMA, nor NEON, for which there are sparse kernels"
    )


class Kernel(Protocol):
    """Settings of a kernel; two that are equal are compiled once."""

    def write(self, code: Code) -> None:
        """The whole function."""

    def __hash__(self) -> int: ...


@dataclass(frozen=True)
class Compiled:
    """Machine code in memory.

    Attributes:
        address: where it begins.
        alive: what must not be thrown away.
    """

    address: int
    alive: object


@cache
def compiled(kernel: Kernel, processor: Processor) -> Compiled:
    """A kernel's machine code: made once in a process, whatever networks use it."""
    return _compiled(lambda module: kernel.write(Code(module, KERNEL, processor.lanes)), KERNEL, processor)


@cache
def runner(processor: Processor) -> Callable[[int, int, int, int, int, int], None]:
    """`kernels.run`, whose tables and calls are addresses."""
    made, number = _compiled(loop.write, RUN, processor), ctypes.c_int64
    run = ctypes.CFUNCTYPE(None, *[number] * 6)(made.address)
    run.alive = made  # type: ignore[attr-defined]
    return run


def _compiled(write: Callable[[Value], None], name: str, processor: Processor) -> Compiled:
    llvm = extra("llvmlite.binding")
    target = _target(llvm, processor)
    engine = llvm.create_mcjit_compiler(_optimised(llvm, write, target, processor), target)
    engine.finalize_object()
    return Compiled(engine.get_function_address(name), engine)


def assembly(kernel: Kernel, processor: Processor) -> str:
    """The same as text, for any processor: for reading."""
    llvm = extra("llvmlite.binding")
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    target = _target(llvm, processor)
    parsed = _optimised(llvm, lambda module: kernel.write(Code(module, KERNEL, processor.lanes)), target, processor)
    written: str = target.emit_assembly(parsed)
    return written


def _target(llvm: Value, processor: Processor) -> Value:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    found = llvm.Target.from_triple(processor.triple)
    return found.create_target_machine(cpu=processor.cpu, features=processor.features, opt=3)


def _optimised(llvm: Value, write: Callable[[Value], None], target: Value, processor: Processor) -> Value:
    module = extra("llvmlite.ir").Module("exitprune")
    module.triple = processor.triple
    write(module)
    parsed = llvm.parse_assembly(str(module))
    parsed.verify()
    tuning = llvm.create_pipeline_tuning_options(speed_level=2)
    tuning.loop_unrolling = False  # lists are short: copies of the loop only fill the cache of instructions
    passes = llvm.create_pass_builder(target, tuning)
    passes.getModulePassManager().run(parsed, passes)
    return parsed
