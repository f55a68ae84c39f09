"""A study: the values of params.yaml over those of its preset, checked as a whole before any work starts.

`params.yaml` lists every value a person may change; a value left empty comes from `presets/<study>.yaml`, which may
name another preset that it is `like` and give only what differs, and recipes of that one that it is `without`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from exitprune.config.as_text import hint
from exitprune.config.model import BaseNetwork, Model
from exitprune.config.parameter_file import read_yaml
from exitprune.config.params import Outline, Params
from exitprune.config.recipe import named, overlay, spelt_out
from exitprune.config.unknown import instead_of
from exitprune.documents import reason
from exitprune.errors import BadInput, quoted

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
RESERVED = (".", ".dvc", ".lock", ".tmp")  # endings that DVC or a file system take for something else
MANY = 5  # values left empty, from which on a preset is one that forgot to say what it is like
Form = TypeVar("Form", Params, Outline)
EXPERIMENTS = "/.dvc/tmp/exps/"  # where DVC runs experiments in --temp and --queue


def resolve(values: Mapping[str, Any], presets: Path) -> Params:
    """The parameters of a study: `values` (params.yaml and the command line) over the preset that `study` names.

    Args:
        values: as read from params.yaml.
        presets: the folder with one YAML file per study.

    Raises:
        BadInput: one line per mistake: where, what was given, what is allowed.
    """
    return _read(values, presets, Params)


def outline(values: Mapping[str, Any], presets: Path) -> Outline:
    """As `resolve`, of what needs no variant and so no torch.

    Raises:
        BadInput: as `resolve`, of these.
    """
    return _read(values, presets, Outline)


def _read(values: Mapping[str, Any], presets: Path, form: type[Form]) -> Form:
    """A study's values, held against a form.

    Raises:
        BadInput: one line per mistake: where, what was given, what is allowed.
    """
    values = {key: _listed(value) for key, value in values.items()}
    known = sorted(path.stem for path in presets.glob("*.yaml"))
    study = values.get("study")
    if isinstance(study, str):
        checked_name(study)
    if study not in known:
        unseen = EXPERIMENTS in Path.cwd().as_posix()
        raise BadInput(
            f"params.yaml: study: there is no {study!r}; "
            + ("as text that is no number: put it in quotes; " * (str(study) in known))
            + (f"an experiment in --temp or --queue has what git knows: git add presets/{study}.yaml first; " * unseen)
            + f"allowed: {', '.join(known)} (files in {presets}/)"
        )
    preset = _preset(str(study), presets, known)
    recipes = [str(name) for name in named(preset.get("recipes")) or ()]
    given = spelt_out(laid_over(preset, values))
    try:
        return form.model_validate(given)
    except ValidationError as error:
        details = [detail for detail in error.errors() if detail["loc"][-1:] != ("int",)]  # the same as for "float"
        told = {detail["loc"] for detail in details}
        details = [detail for detail in details if detail["loc"][:1] != ("recipes",) or detail["loc"][2:] not in told]
        details = [detail for detail in details if _shared(detail["loc"]) not in told]
        empty = [detail for detail in details if detail["input"] is None]
        if len(empty) > MANY and "like" not in read_yaml(presets / f"{study}.yaml"):
            details = [detail for detail in details if detail["input"] is not None]
            told_once = [
                f"{presets / study}.yaml: leaves {len(empty)} values empty, first {_where(empty[0])}; give each, or begin with "
                "those of another preset: like: NAME"
            ]
        else:
            told_once = []
        unknown = {detail["loc"] for detail in details if detail["type"] == "extra_forbidden"}
        raise BadInput(*told_once, *(_sentence(detail, study, given, unknown, recipes) for detail in details)) from None


def _preset(study: str, presets: Path, known: Sequence[str], above: tuple[str, ...] = ()) -> dict[str, Any]:
    """What a preset says, over what the one that it is `like` says.

    Args:
        known: the names of all presets.
        above: those that are like this one, the outermost first.

    Raises:
        BadInput: if it is like none there is or in the end like itself, or is `without` a recipe that it has not.
    """
    path = presets / f"{study}.yaml"
    preset = read_yaml(path)
    if "study" in preset:
        raise BadInput(f"{path}: study: is said in params.yaml; to begin with another preset's values write like: NAME")
    without = preset.pop("without", [])
    if "like" in preset:
        like = preset.pop("like")
        if like not in known:
            raise BadInput(f"{path}: like: there is no {like!r}; allowed: {', '.join(known)}")
        if like in (*above, study):
            raise BadInput(f"{path}: like: {like!r} is itself like this one; begin with another")
        preset = laid_over(_preset(like, presets, known, (*above, study)), preset)
    if without:
        preset["recipes"] = _left_of(preset.get("recipes"), without, path)
    return preset


def _left_of(recipes: Any, without: Any, path: Path) -> dict[str, Any]:
    """Recipes without those that a preset leaves out.

    Raises:
        BadInput: if one of these is not there, or none would be left.
    """
    recipes, without = named(recipes), named(without)
    there = list(recipes) if isinstance(recipes, Mapping) else []
    if not isinstance(without, Mapping):
        raise BadInput(f"{path}: without: wanted: a list of recipes, each once (given: {quoted(without)})")
    if absent := [name for name in without if name not in there]:
        raise BadInput(
            f"{path}: without: there is no recipe {quoted(absent[0])} to leave out; there are: {', '.join(there)}"
        )
    if len(without) == len(there):
        raise BadInput(f"{path}: without: leaves out every recipe; keep one")
    return {name: recipes[name] for name in there if name not in without}


def _listed(value: Any) -> Any:
    """What `--config seeds=[0,1,2]` means: Snakemake hands over a list as text, or as a list of texts."""
    if isinstance(value, str) and value.startswith("[") and value.endswith("]"):
        try:
            value = yaml.safe_load(value)
        except (yaml.YAMLError, ValueError, RecursionError):  # refused as the text that it is
            return value
    if isinstance(value, list):
        return [int(one) if isinstance(one, str) and one.isdecimal() else one for one in value]
    return value


def checked_name(study: str) -> str:
    """The name of a study, which becomes part of paths, of rules and of commands.

    Raises:
        BadInput: if it is none.
    """
    if not re.fullmatch(NAME, study) or study.endswith(RESERVED):
        raise BadInput(
            f"study: {quoted(study)} cannot be the name of a study: a to z, A to Z, 0 to 9, - _ and . inside, 64 at most,"
            f" no {' or '.join(RESERVED)} at its end; rename its file in presets/"
        )
    return study


def laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`below` with the values of `above` laid over it; the recipes named above are all there are.

    A recipe named above whose settings are below keeps them, as far as it does not set them itself. What a grid above varies is
    all that it varies. Where another
    architecture is named above, the settings of the one below and its rivals count no more.
    """
    architectures = [_model_of(values).get("architecture") for values in (below, above)]
    if architectures[1] not in (None, architectures[0] or BaseNetwork.model_fields["architecture"].default):
        kept = {key: value for key, value in _model_of(below).items() if key in Model.model_fields}
        below = {**below, "model": kept, "rivals": []}
    merged = overlay(below, above)
    if isinstance(grid := above.get("grid"), Mapping) and (vary := grid.get("vary")):
        merged["grid"] = {**merged["grid"], "vary": vary}
    there, wanted = named(below.get("recipes")), named(above.get("recipes"))
    if isinstance(wanted, Mapping) and isinstance(there, Mapping):
        merged["recipes"] = {name: overlay({name: there.get(name)}, {name: own})[name] for name, own in wanted.items()}
    elif merged.get("recipes") is not None:
        merged["recipes"] = named(merged["recipes"])
    return merged


def _model_of(values: Mapping[str, Any]) -> Mapping[str, Any]:
    model = values.get("model")
    return model if isinstance(model, Mapping) else {}


def _where(detail: Any) -> str:
    return ".".join(str(part) for part in detail["loc"] if part != "float") or "the study"


def _sentence(
    detail: Any, study: str, values: Mapping[str, Any], unknown: set[tuple[int | str, ...]], recipes: Sequence[str]
) -> str:
    """What is wrong and where; `recipes` are those of the preset."""
    where = _where(detail)
    if detail["type"] == "extra_forbidden":
        instead = instead_of(detail["loc"], values, unknown)
        given = quoted(detail["input"])
        return f"params.yaml or presets/{study}.yaml: {where}: unknown parameter (given: {given}); {instead}"
    message = reason(detail) + hint(detail)
    if detail["loc"][:1] == ("recipes",) and detail["loc"][1:] == (detail["input"], "order"):
        near = get_close_matches(str(detail["input"]), recipes, n=1)
        instead = f"did you mean {near[0]}?" if near else "a new recipe says its order"
        message = f"no recipe of the preset, and no order: {message}; {instead}"
    says_itself = detail["loc"][:1] == ("recipes",) and len(detail["loc"]) == 2  # of a whole recipe: what does not fit
    is_silent = not detail["loc"] or detail["type"] == "missing" or says_itself
    whole = detail["loc"] == ("recipes",) and isinstance(detail["input"], Mapping)  # in short: the names of all
    given = "" if is_silent else f" (given: {quoted(list(detail['input']) if whole else detail['input'])})"
    return f"params.yaml or presets/{study}.yaml: {where}: {message}{given}"


def _shared(where: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """Where a value that rounds of the exits take over comes from."""
    return ("finetune", *where[1:]) if where[:1] == ("finetune_exits",) else None
