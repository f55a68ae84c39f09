"""A parameter that there is not: what was probably meant, else what there is in its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any


def instead_of(where: Sequence[int | str], values: Mapping[str, Any], unknown: set[tuple[int | str, ...]]) -> str:
    """What to write instead of a name that is not known.

    Args:
        where: the way to it, its name last.
        values: all that was given, the names that params.yaml lists among it.
        unknown: the ways to all names that are not known.
    """
    *above, name = where
    key, word = str(name), str(name).strip().lower().replace("-", "_")
    beside = [other for other in _inside(values, above) if (*above, other) not in unknown]
    if not above and "." in key and key.partition(".")[0] in beside:
        section, _, rest = key.partition(".")
        return (
            f"in a file write {section}: {{{rest}: ...}}; on a command line names with dots are for exitprune study NAME -S"
            f" {key}=... --as NEW, and for dvc exp run -S {key}=..."
        )
    if near := get_close_matches(word, beside, n=1, cutoff=0.7):
        return f"did you mean {near[0]}?"
    elsewhere = [way for way in _ways(values) if way[-1] == word and way not in unknown and "recipes" not in way]
    if elsewhere:
        return f"there is {' or '.join('.'.join(map(str, way)) for way in elsewhere[:6])}"
    if any(way[0] == "recipes" and way[-1] == word and way not in unknown for way in _ways(values)):
        return f"it is a recipe's: write recipes: {{NAME: {{{word}: ...}}}}"
    return f"known here: {', '.join(beside) or 'nothing'}"


def _inside(values: Any, above: Sequence[int | str]) -> list[str]:
    for part in above:
        values = values.get(part) if isinstance(values, Mapping) else None
    return [str(key) for key in values] if isinstance(values, Mapping) else []


def _ways(values: Mapping[str, Any], above: tuple[int | str, ...] = ()) -> Iterator[tuple[int | str, ...]]:
    for key, value in values.items():
        yield (*above, key)
        if isinstance(value, Mapping):
            yield from _ways(value, (*above, key))
