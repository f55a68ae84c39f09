"""What a variant's file says of itself: when it prunes, what goes, whose idea it is.

It is read from the docstring, so nothing is imported: sentences that begin with one of these words and a colon, each followed by
another such sentence or the end of its paragraph.

    When: initialization | early | trained, several with "or"; not said: any time
    Goes: weights | filters | blocks, several with "or"; not said: whatever the granularity takes as one
    Source: authors, year and number of the paper; not said: ours
    Form: as published | in the spirit of it; not said: as published, where there is a source that does not begin with "ours"
    Scope: its own, if a criterion decides by itself how much of each layer stays
    Compares: layers, if a criterion's scores differ from another's by a factor of each layer alone
    Rewind: undoes it, if all that a criterion does is done to weights
    Asks: scores, if a start asks the criterion for them before pruning begins

`Goes: filters only` and `When: early only` are conditions: variants of one recipe that say when, or what goes, must agree.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from exitprune.variants import folder_of, names_of

WHEN, GOES = ("initialization", "early", "trained"), ("weights", "filters", "blocks")
FORMS = ("as published", "in the spirit of it")
FLAGS = {"Scope": "its own", "Compares": "layers", "Rewind": "undoes it", "Asks": "scores"}
_FIELD = re.compile(rf"(?:^|(?<=\s))(When|Goes|Form|Source|{'|'.join(FLAGS)}): ")
ONLY = " only"


@dataclass(frozen=True)
class About:
    """What is told of a variant.

    Attributes:
        what: the first sentence.
        when: words of `WHEN`; none: any time.
        goes: words of `GOES`; none: whatever the granularity takes as one.
        source: authors, year and number; empty: ours.
        form: one of `FORMS`, or `ours`.
        conditions: which of `when` and `goes` a recipe must obey.
        own_scope: whether it decides by itself how much of each layer stays.
        compares_layers: whether its scores differ from another's by a factor of each layer alone.
        undone_by_rewind: whether all it does is done to weights.
        asks_scores: whether it asks for scores before pruning begins.
    """

    what: str
    when: tuple[str, ...]
    goes: tuple[str, ...]
    source: str
    form: str
    conditions: tuple[str, ...]
    own_scope: bool = False
    compares_layers: bool = False
    undone_by_rewind: bool = False
    asks_scores: bool = False


def about(family: str, name: str) -> About:
    """What the file of a variant says.

    Raises:
        ValueError: if it uses a word that has no meaning here.
    """
    try:
        return _told((folder_of(family) / f"{name}.py").read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{family}/{name}.py: {error}") from None


@cache
def _told(source: str) -> About:
    text = ast.get_docstring(ast.parse(source)) or ""
    said: dict[str, str] = {}
    for paragraph in text.split("\n\n"):
        first, *parts = _FIELD.split(" ".join(paragraph.split()))
        said.setdefault("what", re.sub(r"^[\w -]+: ", "", first).partition(". ")[0].strip().removesuffix("."))
        said |= dict(zip(parts[::2], (part.strip().removesuffix(".") for part in parts[1::2]), strict=True))
    conditions = tuple(key.lower() for key in ("When", "Goes") if said.get(key, "").endswith(ONLY))
    when, goes = (tuple(filter(None, said.get(key, "").removesuffix(ONLY).split(" or "))) for key in ("When", "Goes"))
    form = said.get("Form", "ours" if said.get("Source", "ours").startswith("ours") else "as published")
    known: list[tuple[str, tuple[str, ...], tuple[str, ...]]]
    known = [("When", when, WHEN), ("Goes", goes, GOES), ("Form", (form,), (*FORMS, "ours"))]
    known += [(key, (said.get(key, word),), (word,)) for key, word in FLAGS.items()]
    for key, words, allowed in known:
        if unknown := sorted(set(words) - set(allowed)):
            raise ValueError(f"{key}: {unknown[0]!r}; allowed: {', '.join(allowed)}")
    return About(said["what"], when, goes, said.get("Source", ""), form, conditions, *(key in said for key in FLAGS))


def disagreement(chosen: Iterable[tuple[str, str, str]]) -> str | None:
    """Why variants cannot be of one recipe, as a sentence; None: they can.

    Args:
        chosen: (parameter, family, name) of each.
    """
    told = [(parameter, family, name, about(family, name)) for parameter, family, name in chosen]
    for key, verb in (("goes", "is for"), ("when", "is for networks that are")):
        for parameter, _, name, one in told:
            if key not in one.conditions:
                continue
            mine: tuple[str, ...] = getattr(one, key)
            for other, family, its_name, two in told:
                theirs: tuple[str, ...] = getattr(two, key)
                if theirs and not set(mine) & set(theirs):
                    says = {name: getattr(about(family, name), key) for name in names_of(family)}
                    can = [name for name, words in says.items() if not words or set(mine) & set(words)]
                    return (
                        f"{parameter}: {name} {verb} {' or '.join(mine)} only, and {other}: {its_name} says "
                        f"{' or '.join(theirs)}; {other} allowed with it: {', '.join(can)}"
                    )
    return None
