"""Studies at the edge of what is allowed, or beyond: parameters are checked, then one seed runs from images to tables.

    params: a mapping, laid over those of `tests/small_study.py`
    images: {side, train, test, classes, lone}: grey noise in a folder instead of digits: its side in pixels, how many images of
        each of how many classes; `lone` classes have one training image only
    warns: what must be said while it runs, though it goes on

It must come to finite tables, or be refused by a sentence that names the parameter to change, before any level is written
that is not finite.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from pydantic import ValidationError

from exitprune.config.training import Training
from exitprune.errors import BadInput
from exitprune.networks.checkpoints import fault_of_state
from exitprune.storage import read_tensors
from tests.small_study import Study

SLOW = True


class _Heard(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += record.getMessage() + "\n"


def run(recipe: dict[str, Any], folder: Path) -> None:
    """Run the study."""
    params = dict(recipe.get("params", {}))
    if "images" in recipe:
        draw_images(folder / "images", **recipe["images"])
        params["data"] = {"source": "folder", "path": str(folder / "images"), "limit": "all", **params.get("data", {})}
    study = Study(folder, params)
    check(study)
    heard = _Heard()
    log = logging.getLogger("exitprune")
    log.addHandler(heard)
    try:
        study.run()
    finally:
        log.removeHandler(heard)
        for file in folder.rglob("*.safetensors"):
            assert fault_of_state(read_tensors(file)[0]) is None, f"{file} was saved"
    assert recipe.get("warns", "") in heard.text
    for table in (folder / "tables").glob("*.csv"):
        assert not np.isinf(pd.read_csv(table).select_dtypes("number").to_numpy()).any(), table


def check(study: Study) -> None:
    """Hold each training against its schema, as Snakemake does before any job."""
    for name in ("base", "heads", "finetune", "recovery"):
        try:
            Training.model_validate({key: study.params[name][key] for key in Training.model_fields})
        except ValidationError as error:
            first = error.errors()[0]
            raise BadInput(f"{name}.{first['loc'][0]}: {first['msg']}") from None


def draw_images(folder: Path, side: int = 8, train: int = 20, test: int = 8, classes: int = 2, lone: int = 0) -> None:
    """Grey noise, each class a little brighter than the one before."""
    draw = np.random.default_rng(0)
    for part, num_images in (("train", train), ("test", test)):
        for number in range(classes):
            (folder / part / f"class{number}").mkdir(parents=True)
            for image in range(1 if part == "train" and number < lone else num_images):
                pixels = draw.integers(0, 128, (side, side), dtype=np.uint8) + np.uint8(127 * number // classes)
                Image.fromarray(pixels).save(folder / part / f"class{number}" / f"{image}.png")
