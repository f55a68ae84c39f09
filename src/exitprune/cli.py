"""The command line: `exitprune <name>`, a command for people or a stage of the workflow.

A command is a file of `commands/`, a stage one of `stages/`; each has a function `main` whose typed parameters are its
options. Only the file that is asked for is imported, since torch alone takes seconds; stages are called by the workflow
and not listed.
"""

from __future__ import annotations

import ast
import errno
import functools
import gc
import hashlib
import importlib
import os
import platform
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from io import TextIOWrapper
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer import Option, Typer

from exitprune.deployment.extras import missing
from exitprune.errors import BadInput
from exitprune.jobs.alone import STORE_VARIABLE, hold
from exitprune.jobs.progress import LOG, set_up_logging
from exitprune.variants import folder_of, module_of, names_of

FAMILIES = {"commands": False, "stages": True}
"""Where the files are, and whether they are hidden in the help."""
NEEDS = {"predict": "predict", "export": "export"}
"""The extra of pyproject.toml that a command needs; the others need `workflow`."""
SHORT = (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOENT)
"""Of the system itself, named by no file: no room, no temporary folder, too many files, no processes."""
VERSIONS = ("torch", "onnxruntime", "onnx", "snakemake", "dvc")
EPILOG = "In a checkout, `make` lists what else there is to run."


def _print_versions(wanted: bool) -> None:
    if wanted:
        typer.echo("\n".join(f"{name} {version}" for name, version in versions().items()))
        raise typer.Exit


def set_up(
    log: Annotated[Path | None, Option(help="Also write progress and errors to this file.")] = None,
    version: Annotated[
        bool, Option("--version", is_eager=True, callback=_print_versions, help="Show versions and exit.")
    ] = False,
) -> None:
    """Prune early-exit networks and find out what that buys."""
    set_up_logging(log)


def versions() -> dict[str, str]:
    """Of exitprune, Python, and the packages that answers may depend on; nothing is imported for it."""
    found = {"exitprune": metadata.version("exitprune"), "python": platform.python_version()}
    for name in VERSIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def command_of(words: Sequence[str]) -> str | None:
    """The first word that is no option and no option's value."""
    options = {"--log"}  # that take a value
    named = (word for before, word in pairwise(["", *words]) if before not in options and not word.startswith("-"))
    return next(named, None)


def build(command: str | None) -> Typer:
    """The application, with the file of the command imported; of the others, the first line."""
    app = Typer(pretty_exceptions_enable=False, no_args_is_help=True, epilog=EPILOG)
    app.callback()(set_up)
    for family, hidden in FAMILIES.items():
        for name in names_of(family):
            function = _load(family, name) if name == command else _stub
            function = _alone(function) if hidden else function
            app.command(name, hidden=hidden, help=_first_line(family, name))(function)
    return app


def main() -> None:
    """Run; what a user can mend ends in one sentence and exit code 1, what only we can mend in a traceback."""
    completed = os.environ.get("_TYPER_COMPLETE_ARGS") or os.environ.get("COMP_WORDS") or ""  # what a shell completes
    words = completed.split()[1:] or sys.argv[1:]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what this terminal has no letters for
    gc.disable()  # looking for garbage among what imports leave, which stays, would take a fifth of the start
    try:
        app = build(command_of(words))
        gc.freeze()
        gc.enable()
        app(prog_name="exitprune")
    except BadInput as error:
        _end(error)
    except Exception as error:
        if isinstance(error, OSError) and error.filename is not None:  # a name that is too long, a place with no room
            _end(
                BadInput(f"{error.filename}: cannot be used ({error.strerror}); give another, or mend its permissions")
            )
        if isinstance(error, OSError) and error.errno in SHORT:
            _end(BadInput(f"the system has no more to give ({error.strerror}); make room, or give another place"))
        LOG.exception("exitprune failed")
        raise


def _end(error: BadInput) -> NoReturn:
    if LOG.handlers:
        LOG.error("%s", error)
    if not LOG.handlers or sys.stderr.isatty():
        sys.stderr.write(f"exitprune: {error}\n")
    sys.exit(1)


def _load(family: str, name: str) -> Callable[..., None]:
    try:
        function: Callable[..., None] = importlib.import_module(module_of(family, name)).main
        return function
    except ModuleNotFoundError as error:
        raise missing(error, NEEDS.get(name, "workflow")) from None


def _alone(stage: Callable[..., None]) -> Callable[..., None]:
    """The stage, which waits while another process writes the same file: a killed Snakemake leaves its job at work."""

    @functools.wraps(stage)
    def run(**options: Any) -> None:
        store, out = os.environ.get(STORE_VARIABLE), options.get("out") or options.get("svg")
        if store and out:
            lock = hashlib.sha256(str(out.absolute()).encode()).hexdigest()
            hold(Path(store, "locks", lock), f"left by a run that was killed, it is still writing {out}")
        stage(**options)

    return run


def _stub() -> None:
    """Stands for a command that is listed and not run."""


def _first_line(family: str, name: str) -> str:
    text = ast.get_docstring(ast.parse((folder_of(family) / f"{name}.py").read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]
