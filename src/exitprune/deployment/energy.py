"""Energy by counters of the machine, where one can be read: RAPL's of whole processors, NVML's of whole graphics cards.

A counter counts everything that its device does meanwhile. Nothing here estimates: where there is no counter, there is no number.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")
NVML = "libnvidia-ml.so.1"
NOT_MEASURED = "not measured on this machine"
MICRO, MILLI = 1e-6, 1e-3


@dataclass(frozen=True)
class Counter:
    """A device whose energy is counted.

    Attributes:
        name: of the device.
        read: joules since some time.
        wraps_at: joules at which it begins at 0 again; None: never.
    """

    name: str
    read: Callable[[], float]
    wraps_at: float | None = None

    def since(self, before: float) -> float:
        """Joules since it read so many; it may have begun anew once."""
        gone = self.read() - before
        return gone + self.wraps_at if gone < 0 and self.wraps_at is not None else gone


class Meter:
    """Joules of all counters together."""

    def __init__(self, counters: list[Counter]) -> None:
        self.counters = counters
        self._before = [counter.read() for counter in counters]

    def joules(self) -> float | None:
        """Since it was made; None: there is no counter."""
        gone = [counter.since(before) for counter, before in zip(self.counters, self._before, strict=True)]
        return sum(gone) if gone else None


def counters(powercap: Path = POWERCAP, nvml: str = NVML) -> list[Counter]:
    """Those that can be read here.

    Args:
        powercap: where Linux shows RAPL; its files are often root's alone.
        nvml: the library of NVIDIA's driver.
    """
    return [*_of_processors(powercap), *_of_graphics(nvml)]


def _of_processors(powercap: Path) -> list[Counter]:
    found: dict[str, Counter] = {}  # by name: a processor may be there by two interfaces
    for folder in sorted(powercap.glob("*:[0-9]*")):
        try:
            name = (folder / "name").read_text().strip()
            counter = Counter(
                name,
                partial(_number, folder / "energy_uj", MICRO),
                _number(folder / "max_energy_range_uj", MICRO),
            )
            counter.read()
        except (OSError, ValueError):
            continue
        if name.startswith("package"):  # cores and graphics are parts of it; psys would count twice
            found.setdefault(name, counter)
    return list(found.values())


def _number(path: Path, unit: float) -> float:
    return int(path.read_text()) * unit


def _of_graphics(nvml: str) -> list[Counter]:
    try:
        library = ctypes.CDLL(nvml)
        if library.nvmlInit_v2():
            return []
        count = ctypes.c_uint()
        library.nvmlDeviceGetCount_v2(ctypes.byref(count))
    except (OSError, AttributeError):
        return []
    found = []
    for number in range(count.value):
        device = ctypes.c_void_p()
        if library.nvmlDeviceGetHandleByIndex_v2(number, ctypes.byref(device)):
            continue
        counter = Counter(f"graphics card {number}", partial(_millijoules, library, device))
        if counter.read() > 0:
            found.append(counter)
    return found


def _millijoules(library: ctypes.CDLL, device: ctypes.c_void_p) -> float:
    """0 where the card does not count."""
    energy = ctypes.c_ulonglong()
    failed = library.nvmlDeviceGetTotalEnergyConsumption(device, ctypes.byref(energy))
    return 0.0 if failed else energy.value * MILLI
