"""The README's commands in random order: nothing that was computed is lost, nothing of a person's is changed unasked.

After each command the content of every file that was there before must still be somewhere: in its place, in `.exitprune/`, in
DVC's cache or in git. What lies where no command has business, and what belongs to studies that the command does not name, must
not have changed at all. A command that fails must say why in a sentence.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from tests.torture import Row
from tests.workflow.repository import Repository, new_repository

CHECKPOINT = "runs/smoke/seed0/joint/recovered.safetensors"
COMMANDS = {
    "snakemake": "snakemake --cores 2",
    "snakemake --config": "snakemake --cores 2 --config sparsity={sparsity}",
    "another study": "snakemake --cores 2 --config study=smoke-filter seeds=[0]",
    "dvc repro": "dvc repro",
    "dvc exp run": "dvc exp run -S sparsity={sparsity}",
    "dvc exp run, nested": "dvc exp run -S finetune.lr={lr}",
    "dvc exp run --temp": "dvc exp run --temp -S sparsity={sparsity}",
    "a queue": "dvc exp run --queue -S 'sparsity={sparsity},0.75' && dvc queue start --jobs 1"
    " && while dvc queue status | grep -Eq 'Queued|Running'; do sleep 2; done && dvc queue status",
    "dvc exp show": "dvc exp show --only-changed",
    "dvc exp apply": "dvc exp apply $(dvc exp list --name-only | head -n 1)",
    "back in git": "git stash --quiet --include-untracked; git checkout --quiet --detach HEAD~1 && dvc checkout"
    " && snakemake --cores 2; git stash --quiet --include-untracked; git checkout --quiet main",
    "commit": "git add --all && git commit --quiet --message more --allow-empty",
    "push and pull": "dvc push && dvc pull",
    "exitprune study --plan": "exitprune study smoke --plan",
    "exitprune study --as": "exitprune study smoke -S sparsity={sparsity} --as own{number}",
    "exitprune study with images": "exitprune study smoke -S data.source=folder -S data.path=../images"
    " -S data.limit=all --as mine",
    "export and predict": f"exitprune export {CHECKPOINT} --out model && exitprune predict model/model.onnx ../digit.png",
    "choose": "exitprune choose smoke --macs 100000",
    "grid": "snakemake --cores 2 -- grid",
    "report": "snakemake --cores 2 --report all.zip",
    "rivals": "snakemake --cores 2 -- rivals",
    "clean": "make clean",
}
BYSTANDERS = ("runs/bystander/base.safetensors", "results/bystander/report.html", "notes.txt", "presets/idea.yaml")
CHANGES_NOTHING = ("dvc exp show", "exitprune study --plan", "choose", "push and pull", "commit")
KEPT = ("*.safetensors", "results/*/seeds/*/*", "results/*/grid.csv", "presets/*", *BYSTANDERS)
"""What took somebody time; tables, figures and logs come again from these, to the same bytes."""


@dataclass
class Clone:
    """A repository in which commands are run, and what they did."""

    repository: Repository
    draw: random.Random
    num_run: int = 0

    def step(self) -> bool:
        """Run one command, the study itself first, and hold what there is against what there was."""
        name = "snakemake" if not self.num_run else self.draw.choice(list(COMMANDS))
        self.num_run += 1
        command = COMMANDS[name].format(
            sparsity=self.draw.choice((0.6, 0.8, 0.9)), lr=self.draw.choice((0.01, 0.02)), number=self.draw.randrange(2)
        )
        before = self.files()
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.repository.path, env=self.repository.environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True,
        )  # fmt: skip
        said = done.stdout + done.stderr
        faults = self.faults(name, before)
        if "Traceback" in said:
            faults.append(f"a traceback: {said[-2000:]}")
        if done.returncode and not said.strip():
            faults.append("failed without a word")
        print(f"{command}: {done.returncode}; {said.strip().splitlines()[-1:]}", *faults, sep="\n    ", flush=True)
        return not faults

    def files(self) -> dict[str, str]:
        """The digest of every file that took somebody time, by its path."""
        root = self.repository.path
        found = {path for pattern in KEPT for path in _below(root, pattern)}
        return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(found)}

    def faults(self, name: str, before: dict[str, str]) -> list[str]:
        """What a command has lost of the files before, or changed although it has no business there."""
        now = self.files()
        gone = {path: digest for path, digest in before.items() if now.get(path) != digest}
        faults = [f"{path} has changed" for path in gone if path in BYSTANDERS or name in CHANGES_NOTHING]
        if gone:
            there = self._contents()
            faults += [f"{path} is nowhere any more" for path, digest in gone.items() if digest not in there]
        return faults

    def _contents(self) -> set[str]:
        """The digest of every file that is anywhere here, and of everything that git holds."""
        root = self.repository.path
        found = {
            hashlib.sha256(path.read_bytes()).hexdigest() for path in _below(root, "*") if ".git" not in path.parts
        }
        held = subprocess.run(
            ["git", "cat-file", "--batch", "--batch-all-objects", "--buffer"], cwd=root, capture_output=True, check=True
        ).stdout
        start = 0
        while start < len(held):
            end = held.index(b"\n", start)
            size = int(held[start:end].split()[2])
            found.add(hashlib.sha256(held[end + 1 : end + 1 + size]).hexdigest())
            start = end + size + 2
        return found


def run(draw: random.Random, minutes: float) -> Iterator[Row]:
    """Run commands one after another until the time is up.

    Args:
        draw: of the commands and their values.
        minutes: how long, from the first command on.
    """
    with tempfile.TemporaryDirectory(prefix="torture") as folder:
        clone = Clone(new_repository(Path(folder, "a clone")), draw)
        _furnish(clone.repository)
        until = time.monotonic() + 60 * minutes
        tried = held = 0
        while time.monotonic() < until:
            tried, held = tried + 1, held + clone.step()
    yield Row(
        "the README's commands",
        "one after another in random order",
        tried,
        held,
        "nothing is lost, nothing of a person's is changed",
    )


def _furnish(repository: Repository) -> None:
    """Things of a person's beside the studies, images, a remote, and two commits to go back and forth between."""
    root = repository.path
    for name in BYSTANDERS[:-1]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"hours of work: {name}")
    (root / BYSTANDERS[-1]).write_text(yaml.safe_dump({"like": "smoke"}))
    draw = np.random.default_rng(0)
    for part, number in (("train", 20), ("test", 8)):
        for label in range(2):
            (root.parent / "images" / part / f"c{label}").mkdir(parents=True)
            for image in range(number):
                pixels = draw.integers(0, 128, (8, 8), dtype=np.uint8) + np.uint8(100 * label)
                Image.fromarray(pixels).save(root.parent / "images" / part / f"c{label}" / f"{image}.png")
    shutil.copy(root.parent / "images/test/c0/0.png", root.parent / "digit.png")
    repository.run("dvc", "remote", "add", "--default", "store", str(root.parent / "store"))
    repository.commit()
    repository.run("git", "commit", "--quiet", "--allow-empty", "--message", "again")


def _below(root: Path, pattern: str) -> set[Path]:
    """Files whose path within the root, or whose name if the pattern has no folder, fits; links and git's own are left out."""
    found = root.glob(pattern) if "/" in pattern else root.rglob(pattern)
    return {path for path in found if path.is_file() and not path.is_symlink() and ".git" not in path.parts}
