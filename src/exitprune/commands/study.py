"""Run a study by its name, or show what running it would take."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from exitprune.config.parameter_file import parse_yaml, read_yaml
from exitprune.config.params import Params
from exitprune.config.recipe import overlay
from exitprune.config.study import checked_name, resolve
from exitprune.errors import BadInput
from exitprune.jobs.home import check_home


def main(
    name: Annotated[
        str | None, typer.Argument(help="A file of presets/, by its name; default: the study that params.yaml names.")
    ] = None,
    cores: Annotated[int | None, typer.Option(min=1, help="CPU cores to use; default: all.")] = None,
    changed: Annotated[
        list[str] | None, typer.Option("--set", "-S", help="A value that differs: -S finetune.lr=0.02; needs --as.")
    ] = None,
    own_name: Annotated[
        str | None, typer.Option("--as", help="Keep what --set says as a study of this name, presets/NAME.yaml.")
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Say what it would take, and run nothing.")] = False,
) -> None:
    """Run a study: short for `snakemake --cores N --config study=NAME`, in a clone of the repository."""
    check_home()
    root = checkout()
    if bool(changed) != bool(own_name):
        raise BadInput(
            "--set and --as go together: what differs makes a study of its own, so that nothing is overwritten"
        )
    given = read_yaml(root / "params.yaml")
    name = name or str(given.get("study"))
    check_word(own_name or name)
    if own_name:
        changed = changed or []
        some = any(one.startswith("recipes.") for one in changed) and not any(
            one.startswith("recipes=") for one in changed
        )
        keep_as(root, own_name, name, parsed(changed, given), others=some)
        name = own_name
    params = resolve({**given, "study": name}, root / "presets")
    command = [sys.executable, "-m", "snakemake", "--cores", str(cores or "all"), "--config", f"study={name}"]
    os.chdir(root)
    if plan:
        from exitprune.data.amounts import amount_of, extent_of  # here, since they take seconds to import
        from exitprune.jobs.study_plan import counted, planned

        amount = amount_of(params.data, extent_of(params.data))
        typer.echo(planned(params, counted(command), amount, cores))
    else:
        os.execv(sys.executable, command)


def check_word(name: str) -> None:
    """Refuse a name that Snakemake's command line does not hand on as it is.

    Raises:
        BadInput: if it would read a number, or a truth.
    """
    try:
        float(name)
    except ValueError:
        if name not in ("True", "False"):
            return
    raise BadInput(f"study {name}: Snakemake takes that for a value, not for a name; call it something else")


def checkout() -> Path:
    """The clone of the repository that this is called in or was installed from.

    Raises:
        BadInput: if there is none.
    """
    for folder in (Path.cwd(), *Path.cwd().parents, *Path(__file__).parents):
        if (folder / "Snakefile").is_file() and (folder / "presets").is_dir():
            return folder
    raise BadInput(
        f"{Path.cwd()}: not inside a clone of exitprune; a study runs in one, since the workflow and its presets are not part of"
        " the installed package: git clone the repository and call this there"
    )


def parsed(changed: Sequence[str], given: Mapping[str, Any]) -> dict[str, Any]:
    """`a.b=1` as nested values.

    Raises:
        BadInput: if one is not of this form, or if params.yaml sets the value for every study.
    """
    values: dict[str, Any] = {}
    for one in changed:
        path, equals, text = one.partition("=")
        *sections, key = path.split(".")
        if not equals or not all([*sections, key]):
            raise BadInput(f"--set {one}: wanted: NAME=VALUE with a name of params.yaml, such as finetune.lr=0.02")
        there: Any = given
        for section in [*sections, key]:
            there = there.get(section) if isinstance(there, Mapping) else None
        if there is not None and not isinstance(there, Mapping):
            raise BadInput(f"--set {one}: params.yaml sets {path} to {there!r} for every study; change it there")
        nested: Any = {key: parse_yaml(text, f"--set {path}")}
        for section in reversed(sections):
            nested = {section: nested}
        values = overlay(values, nested)
    return values


def keep_as(root: Path, own_name: str, like: str, values: Mapping[str, Any], others: bool = False) -> None:
    """Write the study as a preset of its own, if its values are allowed.

    Args:
        root: the clone.
        own_name: what it is called.
        like: the study that it differs from.
        values: in what.
        others: whether recipes stay that the values do not name.

    Raises:
        BadInput: if the name is taken by another study, or the values are not allowed.
    """
    presets = root / "presets"
    checked_name(own_name)
    if not (presets / f"{like}.yaml").is_file():
        known = ", ".join(sorted(path.stem for path in presets.glob("*.yaml")))
        raise BadInput(f"there is no study {like!r}; allowed: {known}")
    if others:
        there = resolve({**read_yaml(root / "params.yaml"), "study": like}, presets).recipes
        values = {**values, "recipes": {**dict.fromkeys(there), **values["recipes"]}}
    content = {"like": like, **values}
    path = presets / f"{own_name}.yaml"
    is_new = not path.exists()
    if not is_new and read_yaml(path) != content:
        raise BadInput(f"--as {own_name}: {path} is there with other values; choose another name")
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    try:
        _check_possible(resolve({**read_yaml(root / "params.yaml"), "study": own_name}, presets))
    except BadInput as error:
        if not is_new:
            raise
        path.unlink()
        raise BadInput(*str(error).replace(f"params.yaml or presets/{path.name}: ", "--set: ").splitlines()) from None


def _check_possible(params: Params) -> None:
    """Refuse what the workflow would: later a preset of this name would be in the way of a better one."""
    from exitprune.data.amounts import amount_of, extent_of  # here, since they take seconds to import
    from exitprune.pruning.in_vain import check_sense
    from exitprune.pruning.possible import check_network

    amount = amount_of(params.data, extent_of(params.data))
    check_network(params, amount.shape, amount.num_classes)
    check_sense(params, amount.shape, amount.num_classes)
