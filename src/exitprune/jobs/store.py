"""What has been computed once is kept once more, by what it was made from, out of the reach of Snakemake and DVC.

`runs/` holds what belongs to the parameters of the day: Snakemake deletes and replaces files there as parameters change. Every
checkpoint and every file of logits is therefore also linked into the store, under the key of its ingredients; a link costs no
space. A job that wants something with that key takes it from there instead of computing it again: after going back to an
old value, in another study that is alike up to this point, in an experiment that DVC runs in a directory of its own. Nothing
here deletes anything.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Option

from exitprune.errors import BadInput
from exitprune.jobs.alone import STORE_VARIABLE, hold
from exitprune.jobs.progress import LOG
from exitprune.origin.levels import is_made_from
from exitprune.storage import read_header, read_tensors, temporary_name

STORE = ".exitprune"
PARTIAL = ".partial.safetensors"  # the state of a training that has not ended: never a result
StoreOption = Annotated[Path | None, Option(envvar=STORE_VARIABLE)]
"""Of a stage: where the store is. The workflow says it by the variable."""
EXPERIMENTS = (".dvc", "tmp", "exps")  # where DVC runs `dvc exp run --temp` and queued experiments


def clone_of(directory: Path) -> Path:
    """The clone that a directory belongs to: itself, or the one for which DVC runs an experiment there."""
    parts = directory.resolve().parts
    for end in range(len(parts) - len(EXPERIMENTS), 0, -1):
        if parts[end : end + len(EXPERIMENTS)] == EXPERIMENTS:
            return Path(*parts[:end])
    return Path(*parts)


@dataclass(frozen=True)
class Store:
    """A folder of files by the key of their ingredients; without a folder nothing is kept or found."""

    folder: Path | None

    def take(self, path: Path, key: str) -> bool:
        """Put what was made from these ingredients at `path`, unless it is there; false: it is yet to be made.

        Of several jobs that want the same, one makes it and the others wait here for it.

        Raises:
            BadInput: if a file is at `path` that is cut short or not one of ours: it is never overwritten unseen.
        """
        if is_made_from(path, key):
            self.keep(path, key)
            return True
        if self.folder is None:
            return False
        hold(self.folder / "locks" / key, f"another job is making {path.name} from the same ingredients")
        made = self._made(key)
        if not _is_whole(made, key):
            return False
        _link(made, path)
        LOG.info("%s: made from the same before, and taken from %s", path, made)
        return True

    def keep(self, path: Path, key: str) -> None:
        """Keep a finished file."""
        if self.folder is not None and not self._made(key).exists():
            _link(path, self._made(key))

    def adopt(self, path: Path) -> None:
        """Keep a file that says what it was made from, if it is there and not kept yet; others are passed over."""
        if self.folder is None or path.suffix != ".safetensors" or path.name.endswith(PARTIAL):
            return
        if not path.is_file() or path.stat().st_nlink > 1:  # it is kept already
            return
        try:
            key = read_header(path).get("key")
        except BadInput:  # whoever reads it will say so
            return
        if isinstance(key, str) and key.isalnum():
            self.keep(path, key)

    def partial(self, key: str, out: Path) -> Path:
        """Where a long training keeps its state until it has written `out`."""
        if self.folder is None:
            return out.with_suffix(PARTIAL)
        return self.folder / "partial" / f"{key}.safetensors"

    def _made(self, key: str) -> Path:
        assert self.folder is not None
        return self.folder / "made" / key[:2] / f"{key}.safetensors"


def _is_whole(made: Path, key: str) -> bool:
    """Whether a kept file is there and undamaged; a damaged one is set aside, so that its place is free."""
    if not made.exists():
        return False
    try:
        _, header = read_tensors(made)
    except BadInput as error:
        made.replace(made.with_suffix(".damaged"))
        LOG.warning("%s; it is set aside as %s and made again", error, made.with_suffix(".damaged"))
        return False
    return header.get("key") == key


def _link(source: Path, target: Path) -> None:
    """A second name for a file, or a copy where the file system has no links; whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(target)
    try:
        os.link(source, temporary)
    except OSError:
        shutil.copyfile(source, temporary)
    temporary.replace(target)
