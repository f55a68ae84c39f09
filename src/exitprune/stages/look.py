"""Look at the images of the study and write down what they are, so that DVC notices when they are others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from typer import Option

from exitprune.config.parameter_file import read_yaml
from exitprune.config.study import resolve
from exitprune.data.amounts import extent_of


def main(out: Annotated[Path, Option()], params: Annotated[Path, Option()] = Path("params.yaml")) -> None:
    """Called by dvc.yaml each time; unchanged images are not read again, and give the same file.

    Args:
        out: JSON with the source, the number of images and classes, and the digest of their content.
        params: of the study; its presets lie beside it.

    Raises:
        BadInput: if the parameters are wrong or the images cannot be used.
    """
    data = resolve(read_yaml(params), params.parent / "presets").data
    found = extent_of(data)
    numbers = {"train": found.num_train, "test": found.num_test, "classes": found.num_classes}
    out.write_text(
        json.dumps({"source": data.source, **numbers, "sha256": found.digest}, indent=1) + "\n", encoding="utf-8"
    )
