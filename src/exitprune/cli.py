"""The command line: `exitprune <name>`, a command for people or a stage of the workflow.

A command is a file of `commands/`, a stage one of `stages/`; each has a function `main` whose typed parameters are its
options. Only the file that is asked for is imported, since torch alone takes seconds.
"""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path
from typing import Annotated

from typer import Option, Typer

from exitprune.errors import BadInput
from exitprune.jobs.progress import LOG, set_up_logging
from exitprune.variants import folder_of, module_of, names_of

FAMILIES = {"commands": "Commands", "stages": "Stages, run by the workflow"}


def set_up(log: Annotated[Path | None, Option(help="Also write progress and errors to this file.")] = None) -> None:
    """Prune early-exit networks and find out what that buys."""
    set_up_logging(log)


def build(arguments: list[str]) -> Typer:
    """The application, with the file that the arguments ask for imported and the others known by their first line."""
    app = Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)
    app.callback()(set_up)
    for family, title in FAMILIES.items():
        for name in names_of(family):
            function = importlib.import_module(module_of(family, name)).main if name in arguments else _stub
            app.command(name, rich_help_panel=title, help=_first_line(family, name))(function)
    return app


def main() -> None:
    """Run; what a user can mend ends in one sentence and exit code 1, what only we can mend in a traceback."""
    try:
        build(sys.argv[1:])()
    except BadInput as error:
        LOG.error("%s", error)
        if sys.stderr.isatty():
            sys.stderr.write(f"exitprune: {error}\n")
        sys.exit(1)
    except Exception:
        LOG.exception("exitprune failed")
        raise


def _stub() -> None:
    """Stands for a command that is listed and not run."""


def _first_line(family: str, name: str) -> str:
    text = ast.get_docstring(ast.parse((folder_of(family) / f"{name}.py").read_text())) or ""
    return text.partition("\n")[0]
