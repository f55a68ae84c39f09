"""Every example of docs/extending.md and docs/examples, added to a copy of the repository, passes the tests."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from exitprune.config.families import FAMILIES
from exitprune.config.study import resolve
from exitprune.variants import PACKAGE, folder_of

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/extending.md").read_text()
EXAMPLES = dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```\n", PAGE, re.DOTALL))
FILES = {path.relative_to(ROOT / "docs/examples").as_posix(): path for path in (ROOT / "docs/examples").rglob("*.py")}
VARIANTS = {name: text for name, text in EXAMPLES.items() if name.endswith(".py")}
VARIANTS |= {name: path.read_text() for name, path in FILES.items()}
PRESETS = {name: text for name, text in EXAMPLES.items() if name.startswith("presets/")}
EVERYWHERE = ["tests/pruning/test_rounds.py", "tests/config/test_study.py", "tests/test_variants.py"]
"""Tests that name or combine variants of all families, beside the contract of the family itself."""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of this working tree."""
    folder = tmp_path_factory.mktemp("clone")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file() and not name.startswith("results/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


def pytest_in(clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-n0", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=clone, env={**os.environ, "PYTHONPATH": "src"}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_page_has_an_example_of_every_family_of_pruning_but_the_one_that_must_know_networks() -> None:
    assert {name.split("/")[0] for name in VARIANTS} >= set(FAMILIES.values()) - {"datasets", "granularities"}


@pytest.mark.parametrize("name", FILES)
def test_the_page_leads_to_every_file_of_examples(name: str) -> None:
    assert f"](examples/{name})" in PAGE


@pytest.mark.slow
def test_an_example_is_one_file_and_passes_the_contract_of_its_family(clone: Path) -> None:
    contracts = {}
    for name, text in VARIANTS.items():
        room = folder_of(name.split("/")[0]).relative_to(PACKAGE)
        (clone / "src/exitprune" / room / Path(name).name).write_text(text)
        contracts[Path(name).stem] = f"tests/{room}/test_contract.py"
    done = pytest_in(clone, "-rp", *sorted(set(contracts.values())), *EVERYWHERE)
    assert done.returncode == 0, done.stdout[-3000:]
    for stem, contract in contracts.items():
        assert re.search(rf"^PASSED {re.escape(contract)}::\S+\[{stem}\b", done.stdout, re.MULTILINE), stem


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_of_the_page_is_a_study(name: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "presets", tmp_path / "presets")
    (tmp_path / name).write_text(PRESETS[name])
    values = {**yaml.safe_load((ROOT / "params.yaml").read_text()), "study": Path(name).stem}
    assert set(resolve(values, tmp_path / "presets").recipes) == set(yaml.safe_load(PRESETS[name])["recipes"])
