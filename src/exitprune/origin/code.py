"""The code that a result depends on, found by imports and known by its meaning.

The meaning of a file is its digest without comments, docstrings and spaces, so that what changes no number recomputes none.
A change that leaves results as they are is said so in `same_results.csv`: a file of that digest counts as the one before,
or as none if its content stood in another before, but for the variants whose results it does change; `+` is between variants
that do so only together.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import io
import tokenize
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from exitprune.origin.environment import SOURCE
from exitprune.variants import PACKAGE, module_of

SAME_RESULTS = Path(__file__).with_name("same_results.csv")
BESIDE = (
    "jobs.alone",
    "jobs.store",
    "errors",
    "variants",
    "documents",
    "storage",
    "config",
    "origin",
    "jobs.disk",
    "jobs.progress",
    "networks.checkpoint_header",
    "networks.checkpoints",
    "evaluation.arrays",
    "evaluation.records",
    "evaluation.sealed_json",
)
"""Modules and rooms that only carry values, check them or write them down: no number comes from them."""


def sources(stage: str, *variants: tuple[str, str]) -> list[Path]:
    """The files of ours that a stage imports, directly or through others, and those of the variants it is told to use.

    Args:
        stage: a file of `stages/`, by its name.
        variants: (family, name) pairs that are loaded by name and so cannot be seen in the imports.

    Returns:
        Sorted paths.
    """
    queue = [
        _path(f"exitprune.stages.{stage}"),
        *(_path(module_of(family, name)) for family, name in variants),
    ]
    found: set[Path] = set()
    while queue:
        path = queue.pop()
        if path in found:
            continue
        found.add(path)
        queue += [imported for imported in map(_path, _imports(path)) if imported.is_file()]
    return sorted(found)


def _path(module: str) -> Path:
    path = SOURCE.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _imports(path: Path) -> list[str]:
    return _imports_as_written(path, path.stat().st_mtime_ns)


@cache
def _imports_as_written(path: Path, _written: int) -> list[str]:
    names: list[str] = []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = [node for node in ast.walk(tree) if isinstance(node, ast.If) and _is_for_types(node.test)]
    unused = {id(node) for block in for_types for statement in block.body for node in ast.walk(statement)}
    for node in (node for node in ast.walk(tree) if id(node) not in unused):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names if alias.name.startswith("exitprune")]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("exitprune"):
            names += [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names


def _is_for_types(test: ast.expr) -> bool:
    """Whether a block never runs: what types are checked by changes no result."""
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


def code_digests(stages: Sequence[str], *variants: tuple[str, str]) -> dict[str, str]:
    """Digest of the meaning of every file that can change numbers, by its path within the package.

    Args:
        stages: files of `stages/`, by their names.
        variants: (family, name) pairs that are loaded by name.
    """
    files = {path.relative_to(PACKAGE).as_posix(): path for stage in stages for path in sources(stage, *variants)}
    own = {name: _digest(path, path.stat().st_mtime_ns) for name, path in sorted(files.items()) if not _is_beside(name)}
    return as_counted(own, *variants)


def as_counted(digests: Mapping[str, str], *variants: tuple[str, str]) -> dict[str, str]:
    """Digests of files by their paths as they count with these variants, by the table of same results."""
    used = {"/".join(variant) for variant in variants}
    rows = (
        row for row in _same_results() if not any(used.issuperset(one.split("+")) for one in row["but_for"].split())
    )
    same = {(row["file"], row["digest"]): row["counts_as"] for row in rows}
    counted = {name: same.get((name, digest), digest) for name, digest in digests.items()}
    return {name: digest for name, digest in counted.items() if digest}


def _is_beside(name: str) -> bool:
    module = name.removesuffix(".py").replace("/", ".")
    return any(module == beside or module.startswith(f"{beside}.") for beside in BESIDE)


@cache
def _digest(path: Path, _written: int) -> str:
    return hashlib.sha256(meaning(path.read_text(encoding="utf-8")).encode()).hexdigest()[:16]


@cache
def _same_results() -> list[dict[str, str]]:
    with SAME_RESULTS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def meaning(source: str) -> str:
    """A Python file without what changes no number: comments, docstrings, blank lines and spaces within lines."""
    texts = [
        (node.lineno, node.end_lineno or node.lineno)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for first, last in texts:
        lines[first - 1 : last] = [""] * (last - first + 1)
    return "\n".join(_squeezed(line) for line in lines if line.strip())


def _squeezed(line: str) -> str:
    indent = len(line) - len(line.lstrip())
    return " " * indent + "".join(line.split())
