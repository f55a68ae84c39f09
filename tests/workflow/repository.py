"""Throw-away git repositories in which Snakemake and DVC run for real, on a study of a few seconds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from exitprune.jobs.shared_start import VARIABLE as SHARED_START

ROOT = Path(__file__).parents[2]
TINY = {"study": "smoke", "seeds": [0], "rounds": 2}


@dataclass(frozen=True)
class Repository:
    """A copy of this repository and the commands a user would type in it."""

    path: Path

    def run(self, *command: str, fails: bool | None = False) -> str:
        """Run a command that must end well, or must fail, or may do either; its output, standard error included."""
        done = subprocess.run(command, cwd=self.path, env=self.environment, capture_output=True, text=True, check=False)
        output = done.stdout + done.stderr
        assert fails is None or (done.returncode != 0) == fails, output
        return output

    @property
    def environment(self) -> dict[str, str]:
        """This Python and the repository's own package first, somebody for git, and DVC's files beside the repository."""
        people = {
            f"GIT_{who}_{what}": f"tester@{what}.invalid"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        dvc = {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(self.path.parent / "site")}
        own = {"PATH": path, "PYTHONPATH": str(self.path / "src")}
        return {
            SHARED_START: "always",
            **os.environ,
            **own,
            **people,
            **dvc,
        }  # a tiny study computes two fifths less so

    def snakemake(self, *arguments: str, fails: bool | None = False) -> str:
        """`snakemake --cores 2`."""
        return self.run("snakemake", "--cores", "2", *arguments, fails=fails)

    def would_run(self, *arguments: str) -> set[str]:
        """The rules that a dry run lists, `all` aside."""
        table = self.snakemake("--dry-run", *arguments)
        return set(re.findall(r"^(\w+) +\d+$", table, re.MULTILINE)) - {"all", "total"}

    def set_params(self, **values: object) -> None:
        """Change values of params.yaml, nested ones given as a mapping."""
        file = self.path / "params.yaml"
        params = yaml.safe_load(file.read_text())
        for key, value in values.items():
            params[key] = {**(params[key] or {}), **value} if isinstance(value, dict) else value
        file.write_text(yaml.safe_dump(params, sort_keys=False))

    def commit(self) -> None:
        """Commit everything that git does not ignore."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", "state")

    def copy(self, to: Path) -> Repository:
        """The repository with everything in it, ignored files and times included."""
        shutil.copytree(self.path, to, symlinks=True)
        return Repository(to)


def new_repository(path: Path) -> Repository:
    """The files of this working tree in a new git repository, set to the tiny study."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("results/", "tests/")) and name != "dvc.lock":
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, path / name)
    repository = Repository(path)
    repository.set_params(**TINY)
    repository.run("git", "init", "--quiet", "--initial-branch", "main")
    repository.commit()
    return repository
