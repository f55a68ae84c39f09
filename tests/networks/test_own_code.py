from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from exitprune.networks.own_code import files_of

FILES = {
    "mine.py": "import json\nimport torch\nfrom blocks_of_mine import block\nfrom package_of_mine import *\n",
    "blocks_of_mine.py": "import mine\nimport not_there\n",
    "unused_of_mine.py": "",
    "package_of_mine/__init__.py": "from .deep.part import net\nfrom . import other\n",
    "package_of_mine/other.py": "from exitprune.networks import masks\n",
    "package_of_mine/unused.py": "",
    "package_of_mine/deep/__init__.py": "",
    "package_of_mine/deep/part.py": "from ..third import x\nnet = x\n",
    "package_of_mine/third.py": "x = 1\n",
    "site-packages/installed_of_mine.py": "",
}


@pytest.fixture(autouse=True)
def _there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()


def below(root: Path, module: str) -> set[str]:
    return {path.relative_to(root).as_posix() for path in files_of(module)}


def test_a_module_is_the_files_of_its_folder_that_it_imports_directly_or_not(tmp_path: Path) -> None:
    package = {f"package_of_mine/{name}.py" for name in ("__init__", "other", "deep/__init__", "deep/part", "third")}
    assert below(tmp_path, "mine") == {"mine.py", "blocks_of_mine.py", *package}
    assert below(tmp_path, "package_of_mine.deep.part") == package


def test_a_module_that_is_not_there_has_no_files() -> None:
    assert files_of("nowhere_of_mine") == files_of("nowhere_of_mine.deep") == files_of("json.tool.x") == []
