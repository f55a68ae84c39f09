"""JSON that a stranger may have written: read within bounds, held against a schema, refused in one sentence.

Needs no torch.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from exitprune.errors import BadInput, quoted

LARGEST = 16_000_000  # bytes of a document; the largest of ours are some thousand
Schema = TypeVar("Schema", bound=BaseModel)
INSTEAD = "give another file, or move this one away and run again what writes it"
MISSING = "run `snakemake checkpoints` to make it, or `dvc pull` to fetch it"


def parse_json(text: str | bytes, name: object) -> dict[str, Any]:
    """An object in JSON.

    Args:
        text: UTF-8 if bytes.
        name: what to call it in an error.

    Raises:
        BadInput: if it is no JSON, holds what is not a number, is nested without end, or is not an object.
    """
    try:
        content = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise BadInput(f"{name}: not JSON as exitprune writes it ({reason}); {INSTEAD}") from None
    if not isinstance(content, dict):
        raise BadInput(f"{name}: holds {quoted(content)} where an object in braces belongs; {INSTEAD}")
    return content


def read_json(path: Path) -> dict[str, Any]:
    """An object in a file of JSON.

    Raises:
        BadInput: if there is no such file, or it cannot be read as `parse_json` does.
    """
    return parse_json(read_document(path), path)


def read_document(path: Path, largest: int = LARGEST, otherwise: str = MISSING) -> bytes:
    """The bytes of a file that a person may have written.

    Args:
        path: of the file.
        largest: so many bytes at most.
        otherwise: what to do where it is not there.

    Raises:
        BadInput: if it is not there, not a file, not readable or far too long.
    """
    if not path.is_file():
        what = "a folder" if path.is_dir() else "not a file" if path.exists() else "not there"
        raise BadInput(f"{path}: is {what}; {otherwise}")
    try:
        if path.stat().st_size > largest:
            raise BadInput(f"{path}: has {path.stat().st_size:,} bytes, at most {largest:,} are read; {INSTEAD}")
        return path.read_bytes()
    except OSError as error:
        raise BadInput(
            f"{path}: cannot be read ({error.strerror}); give another file, or mend its permissions"
        ) from None


def checked(schema: type[Schema], content: object, name: object) -> Schema:
    """Content held against a schema.

    Raises:
        BadInput: naming the first place that does not fit, what stands there and what is allowed.
    """
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        first, *others = error.errors(include_url=False)
        given = "" if first["type"] == "missing" else f" (given: {quoted(first['input'])})"
        more = f", and {len(others)} more" if others else ""
        raise BadInput(f"{name}: {place(first, 'as a whole')}: {reason(first)}{given}{more}; {INSTEAD}") from None


def place(detail: ErrorDetails, whole: str) -> str:
    """Where pydantic found something that does not fit: `recipes.joint.rounds`; where no part is to blame, the whole."""
    return ".".join(map(str, detail["loc"])) or whole


def reason(detail: ErrorDetails) -> str:
    """What does not fit there, without pydantic's own word before it."""
    return detail["msg"].removeprefix("Value error, ")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number")
