"""The files that a module of somebody else's is made of: its own, and those beside and below it that it imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.util import find_spec, resolve_name
from pathlib import Path

OTHERS = ("site-packages", "dist-packages")
"""Folders of what was installed, which is no code of whoever wrote the module, even if it lies below their folder."""


def files_of(module: str) -> list[Path]:
    """Sorted paths; none if Python does not find the module. Nothing but packages on the way to a module is run.

    Args:
        module: its full name, as `import` takes it.
    """
    first = _file(module)
    top = _file(module.partition(".")[0])
    if first is None or top is None:
        return []
    root = top.parent.parent if top.name == "__init__.py" else top.parent
    found: set[Path] = set()
    queue = [(module, first)]
    while queue:
        name, path = queue.pop()
        if path in found:
            continue
        found.add(path)
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        above = [name.rpartition(".")[0]] if "." in name else []  # a package on the way is run too
        named = ((imported, _file(imported)) for imported in (*above, *_imports(path, package)))
        queue += [(imported, file) for imported, file in named if file and _is_own(file, root)]
    return sorted(found)


def _is_own(file: Path, root: Path) -> bool:
    return file.is_relative_to(root) and not any(part in OTHERS for part in file.relative_to(root).parts)


def _file(module: str) -> Path | None:
    if module.partition(".")[0] == "exitprune":  # whose files are counted one by one: see `origin.code`
        return None
    try:
        found = find_spec(module)
    except Exception:  # no such module, a name within one, or a package on the way whose code fails
        return None
    return Path(found.origin) if found and found.origin and found.origin.endswith(".py") else None


def _imports(path: Path, package: str) -> Iterator[str]:
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # whoever runs it is told
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            base = resolve_name(module, package) if node.level else module
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
