"""What DVC keeps of a study: a copy of its runs and of Snakemake's records of them, in a folder in which nobody else works.

DVC deletes, without a question, whatever lies in an output of its own and not in its cache (`dvc exp run` and `dvc exp apply`
check out with force). So it owns `versioned/<study>` and never `runs/<study>`. At the end of a run that DVC started, `publish`
makes that folder the same as `runs/<study>`. After DVC has put another version there (checkout, pull, apply, an
experiment in a directory of its own), `bring_in` copies it to `runs/<study>` before Snakemake looks, together with the records
without which Snakemake could not see a changed parameter.
"""

from __future__ import annotations

import json
import shutil
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import suppress
from operator import itemgetter
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from exitprune.documents import checked, parse_json, read_document
from exitprune.errors import BadInput
from exitprune.jobs.store import PARTIAL, Store
from exitprune.origin.digests import digest
from exitprune.origin.record_fit import record_path
from exitprune.storage import temporary_name, write_bytes, write_json

VERSIONED = "versioned"
MANIFEST = "snakemake.json"  # of a version: the digest of each file, and Snakemake's records
METRICS = "metrics.json"  # of the study that DVC ran last, under one name for all: `dvc exp show` has one column for each number
BROUGHT = ".version"  # in runs/<study>: which version was last published or brought in
LARGEST = 2**28  # bytes of a manifest
RECORDS = Path(".snakemake/metadata")
BEGUN = Path(".snakemake/incomplete")


class Noted(BaseModel):
    """Snakemake's record of an output, and what the output was."""

    sha256: str
    record: dict[str, Any]


class Version(BaseModel):
    """What the manifest of a version says."""

    files: dict[str, str]
    records: dict[str, Noted]


def publish(study: str, root: Path = Path()) -> None:
    """Make `versioned/<study>` the same as `runs/<study>`, untouched where nothing has changed, and metrics.json the study's."""
    runs, versioned = root / "runs" / study, root / VERSIONED / study
    files = {str(path.relative_to(runs)): path for path in sorted(runs.rglob("*")) if _is_kept(path, runs)}
    digests = {name: digest([path]) for name, path in files.items()}
    for name, path in files.items():
        if not (versioned / name).is_file() or digest([versioned / name]) != digests[name]:
            _copy(path, versioned / name)
    for path in versioned.rglob("*"):
        if path.is_file() and str(path.relative_to(versioned)) not in digests and path != versioned / MANIFEST:
            path.unlink()
    records = {
        output: {"sha256": digest([root / output]), "record": record}
        for output, record in sorted(_records(root / RECORDS), key=itemgetter(0))
        if output.startswith((f"runs/{study}/", f"results/{study}/")) and (root / output).is_file()
    }
    if (metrics := root / "results" / study / METRICS).is_file():
        _copy(metrics, root / METRICS)
    write_json(versioned / MANIFEST, {"files": digests, "records": records})
    write_bytes(runs / BROUGHT, digest([versioned / MANIFEST]).encode())


def bring_in(study: str, store: Store, root: Path = Path()) -> int:
    """Copy to `runs/<study>` what DVC has put into `versioned/<study>` since the last time; how many files differed.

    Raises:
        BadInput: if files of that version are missing, or are not what they were when it was made; nothing is changed then.
    """
    runs, versioned = root / "runs" / study, root / VERSIONED / study
    manifest = versioned / MANIFEST
    if not manifest.is_file():
        return 0
    version = digest([manifest])
    if (runs / BROUGHT).is_file() and (runs / BROUGHT).read_text(encoding="utf-8") == version:
        return 0
    said = checked(Version, parse_json(read_document(manifest, LARGEST), manifest), manifest)
    if outside := [name for name in (*said.files, *said.records) if ".." in Path(name).parts or name[:1] in ("", "/")]:
        raise BadInput(f"{manifest}: names a file outside this clone, {outside[0]!r}; it is not a version of ours")
    missing = [name for name in said.files if not (versioned / name).is_file()]
    if missing:
        raise BadInput(
            f"{versioned / missing[0]}: not there (files of this version of which that is so: {len(missing)}):"
            " run `dvc checkout`, or `dvc pull` if a remote has them"
        )
    wanted = [name for name, sha in said.files.items() if not (runs / name).is_file() or digest([runs / name]) != sha]
    if spoilt := [name for name in wanted if digest([versioned / name]) != said.files[name]]:
        raise BadInput(
            f"{versioned / spoilt[0]}: not what it was when this version was made (files of which that is so: {len(spoilt)}):"
            " changed here, or cut when a push to the remote was stopped. Where all are whole, `dvc push` them to another"
            " folder of the remote (`dvc remote modify NAME url URL`), and `dvc pull` them from there in a fresh clone"
        )
    for name in wanted:
        store.adopt(runs / name)
        _copy(versioned / name, runs / name)
        store.adopt(runs / name)
    for output, entry in said.records.items():
        if (root / output).is_file() and digest([root / output]) == entry.sha256:
            write_bytes(record_path(root / RECORDS, output), json.dumps(entry.record).encode())
    write_bytes(runs / BROUGHT, version.encode())
    return len(wanted)


def recorded(folder: Path = RECORDS) -> set[str]:
    """The outputs of which Snakemake has whole records; it passes over one that a kill cut off, and sees no change then."""
    return {output for output, _ in _records(folder)}


def begun(folder: Path = BEGUN) -> set[str]:
    """The outputs that Snakemake knows to be unfinished."""
    return {output for output, _ in _files(folder)}


def _is_kept(path: Path, runs: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(runs).parts)
    return path.is_file() and not hidden and not path.name.endswith(PARTIAL)


def _copy(source: Path, target: Path) -> None:
    """Whole or not at all, with permission to write: DVC takes that away from what it keeps."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(target)
    shutil.copyfile(source, temporary)
    temporary.replace(target)


def _records(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each output with its record."""
    for output, path in _files(folder):
        with suppress(ValueError):
            if isinstance(record := json.loads(path.read_text(encoding="utf-8")), dict):
                yield output, record


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Each output with the file that Snakemake keeps of it."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            name = "".join(part.removeprefix("@") for part in path.relative_to(folder).parts)
            yield urlsafe_b64decode(name).decode(), path
