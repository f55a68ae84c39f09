"""A name in params.yaml is the name of a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from exitprune import variants
from exitprune.config.families import FAMILIES as PARAMETERS
from exitprune.variants import folder_of, module_of, names_of, variant

FAMILIES = sorted({*PARAMETERS.values(), "figures"})


@pytest.mark.parametrize("family", FAMILIES)
def test_the_variants_are_the_files_of_the_folder(family: str) -> None:
    folder = folder_of(family)
    files = sorted(file.name.removesuffix(".py") for file in folder.iterdir() if file.suffix == ".py")
    assert names_of(family) == [name for name in files if not name.startswith("_")]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_variant_can_be_loaded_and_says_what_it_is(family: str) -> None:
    for name in names_of(family):
        module = variant(family, name)
        assert module.__name__ == module_of(family, name)
        assert module.__doc__


def test_the_variants_of_the_paper_are_there() -> None:
    assert {"magnitude"} <= set(names_of("criteria"))
    assert {"global", "layer", "std"} <= set(names_of("scopes"))
    assert {"linear", "geometric", "one_shot"} <= set(names_of("schedules"))
    assert {"joint", "sequential"} <= set(names_of("orders"))


def test_a_folder_that_another_version_left_behind_is_no_family(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "criteria" / "__pycache__").mkdir(parents=True)  # git pull leaves it: git knows no folders
    (tmp_path / "pruning" / "criteria").mkdir(parents=True)
    for file in ("__init__.py", "pruning/__init__.py", "pruning/criteria/__init__.py", "pruning/criteria/snip.py"):
        (tmp_path / file).touch()
    monkeypatch.setattr(variants, "PACKAGE", tmp_path)
    assert variants.folder_of.__wrapped__("criteria") == tmp_path / "pruning" / "criteria"


@pytest.mark.parametrize("name", ["", "Joint", "__init__", "../params", "joint.py", "nothing"])
def test_a_name_without_a_file_is_refused_with_what_is_allowed(name: str) -> None:
    with pytest.raises(ValueError, match=rf"orders: there is no .*; allowed: {', '.join(names_of('orders'))}"):
        variant("orders", name)
