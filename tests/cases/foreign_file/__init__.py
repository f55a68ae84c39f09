"""Files that a command or a stage is given in place of ours: damaged, made by hand, or of another kind.

    start: level | data | model: which whole file of ours it is made from (`model` is model.onnx); none: an empty one
    and then any of the changes in `changes.py`, by name, in the order of the line
    run: words of the command line instead of the usual ones for `start`; {file}, {image}, {noise} (a folder of images), {level},
        {data}, {out} stand for paths

The file must be there unchanged afterwards: nothing that might be somebody's is touched.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import typer
from PIL import Image

from exitprune.cli import build
from exitprune.errors import BadInput
from tests.cases.foreign_file import changes
from tests.exported_study import Study, make_study

RUN = {
    "level": "export {file} --out {out}",
    "data": "export {level} --data {file} --out {out}",
    "model": "predict {file} {image} --threshold 0.5",
}


@cache
def whole() -> Study:
    """A study to take whole files from; made once."""
    return make_study(Path(tempfile.mkdtemp(prefix="exitprune-cases-")))


def run(recipe: dict[str, Any], folder: Path) -> None:
    """Make the file and give it to the command."""
    study, recipe = whole(), dict(recipe)
    start, words = recipe.pop("start", None), recipe.pop("run", None)
    starts = {"level": study.level, "data": study.data, "model": study.exported / "model.onnx"}
    file = folder / (starts[start].name if start else "file")
    file.write_bytes(starts[start].read_bytes() if start else b"")
    for name, value in recipe.items():
        getattr(changes, name)(file, value)
    content = file.read_bytes() if file.is_file() else b""
    (folder / "noise").mkdir()
    draw = np.random.default_rng(0)
    for number in range(8):
        Image.fromarray(draw.integers(0, 256, (12, 12, 3), dtype=np.uint8)).save(folder / "noise" / f"{number}.png")
    places = {
        "file": file,
        "noise": folder / "noise",
        "image": folder / "noise" / "0.png",
        "level": study.level,
        "data": study.data,
        "out": folder / "out",
    }
    command = [word.format(**places) for word in (words or RUN[start or "level"]).split()]
    try:
        build(command[0])(command, standalone_mode=False)
    except typer.BadParameter as error:  # what the command line itself refuses, in its own sentence
        raise BadInput(error.format_message()) from None
    finally:
        if file.is_file() and file.read_bytes() != content:
            raise AssertionError(f"{file} was changed")
