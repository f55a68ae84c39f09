"""The command line as a person meets it: help, versions, completion, and what is missing said in one sentence."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from exitprune.cli import command_of
from exitprune.variants import names_of

HEAVY = [
    "torch",
    "pandas",
    "safetensors",
    "sklearn",
    "scipy",
    "matplotlib",
    "jinja2",
    "yaml",
    "onnx",
    "snakemake",
    "dvc",
]
"""Packages that the extra `predict` does not bring."""

WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
from exitprune.cli import main
main()
"""


def exitprune(
    *arguments: str, without: list[str] | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    command = ["-m", "exitprune"] if without is None else ["-c", WITHOUT.format(names=set(without))]
    return subprocess.run(
        [sys.executable, *command, *arguments],
        env={**os.environ, "TERM": "dumb", "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def listed(text: str) -> set[str]:
    """The commands under the heading of commands."""
    lines = text.partition("Commands")[2].partition("╰")[0].splitlines()
    return {
        words[1] for words in map(str.split, lines) if len(words) > 2 and words[0] == "│" and words[1].isidentifier()
    }


def test_help_lists_what_people_use_and_not_the_stages() -> None:
    done = exitprune("--help", without=HEAVY)
    assert done.returncode == 0
    assert listed(done.stdout) == set(names_of("commands"))


@pytest.mark.parametrize("stage", names_of("stages"))
def test_a_stage_can_still_be_called(stage: str) -> None:
    """Without torch it says what to install, so it was found; with it, the workflow's tests call it."""
    done = exitprune(stage, "--help", without=HEAVY)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "is not installed; run: pip install '.[workflow]' in a checkout of exitprune" in done.stderr


def test_versions_are_those_that_answers_depend_on() -> None:
    lines = exitprune("--version").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [
        "exitprune",
        "python",
        "torch",
        "onnxruntime",
        "onnx",
        "snakemake",
        "dvc",
    ]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("exitprune ex", ["exits", "export"]),
        ("exitprune predict --th", ["--threshold", "--threads"]),
        ("exitprune pru", []),
    ],
)
def test_a_shell_completes_commands_and_options(typed: str, offered: list[str]) -> None:
    done = exitprune(_EXITPRUNE_COMPLETE="complete_bash", COMP_WORDS=typed, COMP_CWORD=str(typed.count(" ")))
    assert done.stdout.split() == offered


def test_letters_that_a_terminal_does_not_have_are_written_by_number() -> None:
    done = exitprune("study", "größe", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", LC_ALL="C")
    assert done.returncode == 1
    assert "cannot be the name of a study" in done.stderr
    done = exitprune("methods", "criterion", "--csv", PYTHONIOENCODING="ascii")
    assert done.returncode == 0


@pytest.mark.parametrize("words", [["--log", "/proc/none/log", "methods"], ["export", "a" * 300, "--out", "model"]])
def test_a_place_that_a_system_does_not_allow_is_said_in_one_sentence(words: list[str]) -> None:
    done = exitprune(*words)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert words[1][:5] in done.stderr


@pytest.mark.parametrize("command", [name for name in names_of("commands") if name != "export"])
def test_help_does_not_wait_for_torch(command: str) -> None:
    done = exitprune(command, "--help", without=["torch"])
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ([], None),
        (["--version"], None),
        (["predict", "model.onnx", "data"], "predict"),
        (["--log", "base", "predict", "--threads", "2"], "predict"),
        (["--log=base", "predict"], "predict"),
    ],
)
def test_only_the_command_is_imported_whatever_else_is_called_so(words: list[str], command: str | None) -> None:
    assert command_of(words) == command


@pytest.mark.parametrize("images", ["none.png", "base"])
def test_predict_needs_nothing_that_trains(images: str) -> None:
    done = exitprune("predict", "none.onnx", images, without=HEAVY)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "none.onnx: there is no such model" in done.stderr
