"""Look at the images of the study and write down what they are, so that DVC notices when they are others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from typer import Option

from exitprune.config.parameter_file import read_yaml
from exitprune.config.study import resolve
from exitprune.data.amounts import extent_of
from exitprune.origin.digests import digest


def main(out: Annotated[Path, Option()], params: Annotated[Path, Option()] = Path("params.yaml")) -> None:
    """Called by dvc.yaml each time; unchanged images are not read again, and give the same file.

    Args:
        out: JSON with the source, the number of images and classes, the digest of their content, and that of the files of one's
            own that the network is made of.
        params: of the study; its presets lie beside it.

    Raises:
        BadInput: if the parameters are wrong or the images cannot be used.
    """
    study = resolve(read_yaml(params), params.parent / "presets")
    found = extent_of(study.data)
    own = {"own_code": digest(files)} if (files := study.model.own.files) else {}
    numbers = {"train": found.num_train, "test": found.num_test, "classes": found.num_classes}
    out.write_text(
        json.dumps({"source": study.data.source, **numbers, "sha256": found.digest, **own}, indent=1) + "\n",
        encoding="utf-8",
    )
