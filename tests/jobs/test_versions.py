"""What DVC keeps of a study is a copy; what DVC has checked out is brought in, records of Snakemake included."""

from __future__ import annotations

import json
import shutil
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

from exitprune.errors import BadInput
from exitprune.jobs.store import Store
from exitprune.jobs.versions import MANIFEST, bring_in, publish, recorded

STORE = Store(None)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A clone in which the study `mine` has run, published."""
    for name, content in (("runs/mine/seed0/base", "old"), ("runs/mine/.hidden", ""), ("results/mine/table", "1")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    (tmp_path / "results/mine/metrics.json").write_text("{}")
    record(tmp_path, "runs/mine/seed0/base", "old")
    record(tmp_path, "results/mine/table", "1")
    record(tmp_path, "runs/other/base", "other")
    publish("mine", tmp_path)
    return tmp_path


def record(root: Path, output: str, params: str) -> None:
    """What Snakemake writes down of an output."""
    path = root / ".snakemake/metadata" / urlsafe_b64encode(output.encode()).decode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"params": params}))


def params_of(root: Path, output: str) -> str:
    path = root / ".snakemake/metadata" / urlsafe_b64encode(output.encode()).decode()
    return str(json.loads(path.read_text())["params"])


def change(root: Path) -> None:
    """Run the study with another parameter."""
    (root / "runs/mine/seed0/base").write_text("new")
    (root / "results/mine/table").write_text("2")
    record(root, "runs/mine/seed0/base", "new")
    record(root, "results/mine/table", "2")


def test_a_version_is_a_copy_of_what_is_not_hidden(root: Path) -> None:
    names = {str(path.relative_to(root / "versioned")) for path in (root / "versioned").rglob("*") if path.is_file()}
    assert names == {"mine/seed0/base", f"mine/{MANIFEST}"}
    assert (root / "metrics.json").read_text() == "{}"


@pytest.mark.parametrize("cut", ["", '{"params": "o', "[]"])
def test_a_record_that_a_kill_cut_off_is_none(root: Path, cut: str) -> None:
    output = "runs/mine/seed0/base"
    (root / ".snakemake/metadata" / urlsafe_b64encode(output.encode()).decode()).write_text(cut)
    assert output not in recorded(root / ".snakemake/metadata")
    publish("mine", root)
    assert output not in json.loads((root / "versioned/mine" / MANIFEST).read_text())["records"]


def test_what_was_published_is_not_brought_in_again(root: Path) -> None:
    change(root)
    assert bring_in("mine", STORE, root) == 0
    assert (root / "runs/mine/seed0/base").read_text() == "new"


def test_another_version_is_brought_in_with_the_records_of_what_is_there(root: Path) -> None:
    shutil.copytree(root / "versioned", root / "cached")
    change(root)
    publish("mine", root)
    shutil.rmtree(root / "versioned")
    (root / "cached").rename(root / "versioned")
    assert bring_in("mine", STORE, root) == 1
    assert (root / "runs/mine/seed0/base").read_text() == "old"
    assert params_of(root, "runs/mine/seed0/base") == "old"
    assert params_of(root, "results/mine/table") == "2"  # git holds the results, and has not gone back
    assert params_of(root, "runs/other/base") == "other"


def test_a_version_comes_to_a_fresh_clone(root: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(root / "versioned", clone / "versioned")
    assert bring_in("mine", STORE, clone) == 1
    assert recorded(clone / ".snakemake/metadata") == {"runs/mine/seed0/base"}


def test_a_version_of_which_files_are_missing_is_refused(root: Path) -> None:
    (root / "runs/mine/.version").unlink()
    (root / "versioned/mine/seed0/base").unlink()
    with pytest.raises(BadInput, match=r"versioned/mine/seed0/base.* run `dvc checkout`, or `dvc pull`"):
        bring_in("mine", STORE, root)


def test_a_file_cut_short_on_its_way_is_told_of_before_anything_is_copied(root: Path) -> None:
    change(root)
    (root / "runs/mine/seed0/other").write_text("whole")
    publish("mine", root)
    (root / "versioned/mine/seed0/other").write_text("wh")
    for name in ("base", "other"):
        (root / "runs/mine/seed0" / name).write_text("here")
    (root / "runs/mine/.version").unlink()
    with pytest.raises(BadInput, match=r"seed0/other: not what it was .*that is so: 1.*was stopped"):
        bring_in("mine", STORE, root)
    assert {path.read_text() for path in (root / "runs/mine/seed0").iterdir()} == {"here"}


@pytest.mark.parametrize("outside", ["../../../.bashrc", "/etc/passwd"])
def test_a_version_that_names_files_outside_is_refused(root: Path, outside: str) -> None:
    manifest = root / "versioned/mine" / MANIFEST
    manifest.write_text(json.dumps({"files": {outside: "0"}, "records": {}}))
    with pytest.raises(BadInput, match="names a file outside this clone"):
        bring_in("mine", STORE, root)


@pytest.mark.parametrize(
    "text", ["", "[1]", "{", "{}", '{"files": [], "records": {}}', '{"files": {"a": 1}, "records": {}}', "[" * 100_000]
)
def test_a_version_that_is_none_is_refused_before_anything_is_copied(root: Path, text: str) -> None:
    (root / "versioned/mine" / MANIFEST).write_text(text)
    with pytest.raises(BadInput, match=MANIFEST):
        bring_in("mine", STORE, root)
    assert (root / "runs/mine/seed0/base").read_text() == "old"


def test_a_record_whose_name_is_longer_than_a_files_may_be_comes_back(root: Path) -> None:
    output = "results/mine/" + "/".join(["a" * 100] * 3)
    (root / output).parent.mkdir(parents=True)
    (root / output).write_text("deep")
    name = urlsafe_b64encode(output.encode()).decode()
    path = root / ".snakemake/metadata" / f"@{name[:254]}" / name[254:]
    path.parent.mkdir()
    path.write_text("{}")
    publish("mine", root)
    shutil.rmtree(root / ".snakemake")
    (root / "runs/mine/.version").unlink()
    bring_in("mine", STORE, root)
    assert path.read_text() == "{}"
