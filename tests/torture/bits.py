"""Flip one bit of a file of ours, anywhere: whoever reads it must notice."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from exitprune.deployment.exported_model import ExportedModel
from exitprune.deployment.sparse.saved import read as read_sparse
from exitprune.errors import BadInput
from exitprune.evaluation.record_reading import read_record
from exitprune.networks.checkpoints import load_checkpoint
from exitprune.storage import read_tensors
from tests.cases import foreign_file, record
from tests.torture import Row


def files() -> dict[str, tuple[Path, Callable[[Path], object]]]:
    """Whole files by what they are, and how each is read."""
    study, made = foreign_file.whole(), record.whole()
    return {
        "a checkpoint": (study.level, load_checkpoint),
        "prepared images": (study.data, read_tensors),
        "an exported model": (study.exported / "model.onnx", ExportedModel),
        "an exported model for sparse kernels": (study.exported / "model.sparse", read_sparse),
        "a seed's record": (made / "record.json", lambda file: read_record(file.parent)),
        "what a seed's images came to": (made / "final.npz", lambda file: read_record(file.parent)),
    }


def run(draw: random.Random, num: int) -> Iterator[Row]:
    """Flip a bit of each file so many times.

    Args:
        draw: of the bits.
        num: how many times, each from a whole file.
    """
    for what, (file, read) in files().items():
        with tempfile.TemporaryDirectory(prefix="torture") as folder:
            beside = Path(shutil.copytree(file.parent, Path(folder, file.parent.name)))
            held = sum(_is_noticed(beside / file.name, read, draw) for _ in range(num))
        yield Row(what, "one bit flipped, anywhere", num, held, "refused in one sentence when it is read")


def _is_noticed(path: Path, read: Callable[[Path], object], draw: random.Random) -> bool:
    whole = path.read_bytes()
    place, bit = draw.randrange(len(whole)), draw.randrange(8)
    damaged = bytearray(whole)
    damaged[place] ^= 1 << bit
    path.write_bytes(damaged)
    try:
        read(path)
    except BadInput as error:
        if len(str(error).splitlines()) == 1:
            return True
        print(f"{path.name}, bit {bit} of byte {place}: {error}")
    except Exception as error:  # what a person would see as a traceback
        print(f"{path.name}, bit {bit} of byte {place}: {type(error).__name__}: {error}")
    else:
        print(f"{path.name}: bit {bit} of byte {place} of {len(whole)} was not noticed")
    finally:
        path.write_bytes(whole)
    return False
