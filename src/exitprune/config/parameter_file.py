"""A file of parameters as a person writes it: YAML, read within bounds, with every mistake told that YAML itself lets pass."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from exitprune.documents import read_document
from exitprune.errors import BadInput, quoted

LARGEST = 1_000_000  # bytes; the largest of ours have some ten thousand
MOST_NODES = 10_000  # values, aliases followed
MOST_DIGITS = 40  # of a number


def read_yaml(path: Path) -> dict[str, Any]:
    """A mapping in a file of YAML, written by a person.

    Raises:
        BadInput: if it is not UTF-8, not YAML, names a key twice, grows out of bounds by aliases, or is not a mapping.
    """
    try:
        text = read_document(path, LARGEST).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: is not UTF-8 ({_encoding_of(error.object)}); save it as UTF-8") from None
    content = parse_yaml(text, path)
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        what = "nothing" if content is None else quoted(content)
        raise BadInput(f"{path}: holds {what}, not parameters as `name: value`; see the files in presets/")
    return content


def parse_yaml(text: str, name: object) -> Any:
    """A value in YAML.

    Args:
        text: as a person wrote it.
        name: what to call it in an error.

    Raises:
        BadInput: if it is not YAML, names a key twice, has numbers that are read as nobody means them, or grows out of bounds.
    """
    try:
        node = yaml.compose(text, yaml.SafeLoader)  # the one in C would follow any depth, to a crash
        if node is not None:
            _check_nodes(node, name)
        return yaml.safe_load(text)
    except BadInput:
        raise
    except (yaml.YAMLError, ValueError, RecursionError, KeyError, AttributeError) as error:
        match error:
            case RecursionError():
                reason = "nested too deeply"
            case KeyError() | AttributeError():  # how a reader of YAML's own types gives up
                reason = "a value is not of the type that its tag (!!) says"
            case _:
                reason = " ".join(str(error).split())
        tabs = "; indent with spaces, not tabs" if "\t" in text else ""
        raise BadInput(f"{name}: not valid YAML: {reason}{tabs}") from None


def _encoding_of(content: bytes) -> str:
    return "UTF-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "it may be Latin-1"


def _check_nodes(root: yaml.Node, name: object) -> None:
    """Refuse a key that is named twice, and aliases that would unfold to more than anybody writes."""
    sizes: dict[int, int] = {}
    stack: list[tuple[yaml.Node, bool]] = [(root, False)]
    open_: set[int] = set()
    while stack:  # no recursion: a stranger's depth is not ours to trust
        node, done = stack.pop()
        if done:
            open_.discard(id(node))
            sizes[id(node)] = 1 + sum(sizes[id(child)] for child in _children(node))
            if sizes[id(node)] > MOST_NODES:
                raise BadInput(f"{name}: unfolds to more than {MOST_NODES:,} values; write it without nested aliases")
        elif id(node) in open_:
            raise BadInput(f"{name}: an alias holds itself; write it without")
        elif id(node) not in sizes:
            if isinstance(node, yaml.MappingNode):
                _refuse_twice(node, name)
            elif isinstance(node, yaml.ScalarNode):
                _refuse_odd_numbers(node, name)
            open_.add(id(node))
            stack.append((node, True))
            stack += [(child, False) for child in _children(node)]


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for pair in node.value:
            yield from pair
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _refuse_odd_numbers(node: yaml.ScalarNode, name: object) -> None:
    """Minutes and seconds, and zeros in front: YAML counts them by sixty and by eight, which nobody means; endless ones."""
    if not node.tag.endswith((":int", ":float")):
        return
    if len(node.value) > MOST_DIGITS:
        raise BadInput(
            f"{name}: a number of {len(node.value):,} characters in line {node.start_mark.line + 1}; {MOST_DIGITS} are read"
        )
    if re.match(r"[-+]?(0[0-9_]+$|[0-9_]+:)", node.value):
        line = node.start_mark.line + 1
        raise BadInput(
            f"{name}: {quoted(node.value)} in line {line} is a number of another base to YAML (010 is 8, 1:30 is 90);"
            " write a plain number, or put it in quotes if it is text"
        )


def _refuse_twice(node: yaml.MappingNode, name: object) -> None:
    seen: dict[str, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if isinstance(key, yaml.ScalarNode) and key.value in seen and key.value != "<<":
            raise BadInput(
                f"{name}: {quoted(key.value)} is given twice, in lines {seen[key.value]} and {line}; keep one"
            )
        if isinstance(key, yaml.ScalarNode):
            seen[key.value] = line
