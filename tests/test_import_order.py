"""Data flows one way: no module imports one that stands later in the order of the experiment."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import exitprune
from exitprune.variants import ROOMS

PACKAGE = Path(exitprune.__file__).parent

FLOW = "errors documents variants storage shapes_only", *ROOMS, "sparse library stages commands cli __main__"
ORDER = " ".join(FLOW).split()

FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def place_of(path: Path) -> str:
    """The file's name in the order: that of its folder, if it is in one."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_by(source: str) -> set[str]:
    """The places in the order that a file imports from, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            modules = [node.module or ""]
            if node.module == "exitprune":
                modules = [f"exitprune.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        else:
            continue
        found |= {module.split(".")[1] for module in modules if module.startswith("exitprune.")}
    return found


def test_every_module_has_its_place_in_the_order() -> None:
    assert {place_of(path) for path in FILES} - set(ORDER) == set(), "put the new module where it belongs in FLOW"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_imports_one_that_stands_later(path: Path) -> None:
    if place_of(path) in ORDER:  # the test above tells of one that is not
        allowed = ORDER[: ORDER.index(place_of(path)) + 1]
        assert imported_by(path.read_text()) <= set(allowed)


def test_imports_are_seen_wherever_they_stand() -> None:
    source = (
        "import exitprune.a\nfrom exitprune import b\ndef f():\n    from exitprune.c.d import e\nimport exitpruned.x\n"
    )
    assert imported_by(source) == {"a", "b", "c"}
