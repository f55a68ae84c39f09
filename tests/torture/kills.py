"""Kill parts of a running study at random moments; afterwards the plain command must end with the same bytes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import yaml

from exitprune.jobs.shared_start import VARIABLE as SHARED_START
from tests.torture import Row
from tests.workflow.repository import ROOT, Repository, new_repository

TARGETS = ("job", "snakemake", "dvc", "everything")
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
COMMANDS = {"snakemake": ("snakemake", "--cores", "2"), "dvc": ("dvc", "repro")}
ORDERS, METHODS = "a running study", "a running study of methods"
LEARNING = ("force", "earlycrop", "epi", "greg1", "greg2", "polarization", "pruner", "manidp")
"""Methods that remember something while they train: triggers, penalties that grow, gates that learn."""
KILLS_PER_STUDY = 30
MOMENTS = (2.0, 20.0)  # seconds after the start
SECONDS = "seeds.csv"
SURVIVED_AFTER = 5.0  # seconds
ENDS_WITHIN = 600.0  # seconds, of a run that a killed one has left
OUTCOME = "the plain command ends the study with the same bytes"
CUT = "Unable to read RWLock-file"
BUSY = "is still running here: process"


@dataclass
class Study:
    """A study in a throw-away repository, and what was done to it."""

    repository: Repository
    draw: random.Random
    kills: Counter[tuple[str, str]] = field(default_factory=Counter)
    said_busy: int = 0
    starts: str = "never"
    """Whether jobs are forks of a process that they share: always | never."""

    @property
    def environment(self) -> dict[str, str]:
        """Of every command."""
        return {**self.repository.environment, SHARED_START: self.starts}

    def maltreat(self, num_kills: int) -> bool:
        """Start the study and kill parts of it at random moments until it ends; whether it ended well.

        Some kills are survived: the others go on, or end what they have begun.
        """
        name = self.draw.choice(list(COMMANDS))
        with self._started(name) as process:
            while self.kills.total() < num_kills:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(self.draw.uniform(*MOMENTS))
                    break
                target, number = self.draw.choice(TARGETS), self.draw.choice(SIGNALS)
                if victims := _victims(process.pid, target):
                    self._kill(process.pid, self.draw.choice(victims), target, number)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(SURVIVED_AFTER)
                    break
        return process.returncode == 0

    def _kill(self, root: int, victim: psutil.Process, target: str, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, psutil.NoSuchProcess):
            os.killpg(root, number) if target == "everything" else victim.send_signal(number)
            self.kills[target, number.name] += 1

    def finish(self, *names: str) -> None:
        """The plain commands, each again as long as it says that another run is still at work."""
        for name in names:
            until = time.monotonic() + ENDS_WITHIN
            while True:
                done = subprocess.run(
                    COMMANDS[name], cwd=self.repository.path, env=self.environment, capture_output=True, text=True
                )  # fmt: skip
                if done.returncode == 0:
                    break
                said = done.stdout + done.stderr
                if CUT in said:  # DVC was killed while it wrote its own lock; the remedy is that of docs/dvc.md
                    (self.repository.path / ".dvc/tmp/rwlock").unlink()
                    continue
                if BUSY not in said or time.monotonic() > until:
                    raise AssertionError(f"{name} does not finish the study: {said}")
                self.said_busy += 1
                time.sleep(2)

    def results(self) -> dict[str, bytes]:
        """Checkpoints, logits and tables by their paths, but for the one that says when and how fast."""
        root = self.repository.path
        found = [*root.glob("runs/**/*.safetensors"), *root.glob("results/**/*.csv")]
        return {str(path.relative_to(root)): path.read_bytes() for path in sorted(found) if path.name != SECONDS}

    def _started(self, name: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            COMMANDS[name],
            cwd=self.repository.path,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def params_of(name: str) -> dict[str, Any]:
    """What a study changes of the smallest one."""
    if name == ORDERS:
        return {"seeds": [0], "rounds": 3}
    recipes = yaml.safe_load((ROOT / "presets/methods.yaml").read_text())["recipes"]
    short = {"recovery": {"epochs": 2}}  # in which a trigger's training goes on
    return {"seeds": [0], "recipes": {method: {**recipes[f"{method}-joint"], **short} for method in LEARNING}}


def new_study(folder: Path, draw: random.Random, name: str = ORDERS) -> Study:
    """A repository in which the study has not run."""
    repository = new_repository(folder / "a clone")
    repository.set_params(**params_of(name))
    repository.commit()
    return Study(repository, draw, starts=draw.choice(["always", "never"]))


def undisturbed(name: str = ORDERS) -> dict[str, bytes]:
    """What the study comes to if it is left in peace."""
    with tempfile.TemporaryDirectory(prefix="torture") as folder:
        study = new_study(Path(folder), random.Random(), name)
        study.finish("snakemake")
        return study.results()


def run(
    draw: random.Random,
    wanted: Future[dict[str, bytes]],
    num_kills: int,
    minutes: float,
    num_studies: int,
    name: str = ORDERS,
) -> Iterator[Row]:
    """Kill so many times, or until the time is up.

    Args:
        draw: of targets, signals and moments.
        wanted: what the study must come to.
        num_kills: in all.
        minutes: from now; nothing is killed after them.
        num_studies: at once.
        name: of the study.
    """
    until = time.monotonic() + 60 * minutes
    tried: Counter[tuple[str, str]] = Counter()
    held: Counter[tuple[str, str]] = Counter()
    busy = 0
    with ThreadPoolExecutor(num_studies) as pool:
        while tried.total() < num_kills and time.monotonic() < until:
            each = -(-(num_kills - tried.total()) // num_studies)
            draws = [random.Random(draw.random()) for _ in range(num_studies)]
            for study, found in pool.map(
                partial(_maltreated, name=name),
                draws,
                [min(each, KILLS_PER_STUDY)] * num_studies,
                [until] * num_studies,
            ):
                names = wanted.result().keys() | found.keys()
                different = sorted(name for name in names if wanted.result().get(name) != found.get(name))
                print(f"{study.kills.total()} kills: {', '.join(different) + ' differ' if different else 'same bytes'}")
                tried += study.kills
                held += Counter() if different else study.kills
                busy += study.said_busy
    for target in TARGETS:
        for number in SIGNALS:
            of = target, number.name
            yield Row(f"{name}: {target}", number.name, tried[of], held[of], OUTCOME)
    if busy:
        yield Row(name, "started a second time", busy, busy, "a sentence says which process still runs it")


def _maltreated(draw: random.Random, num_kills: int, until: float, name: str) -> tuple[Study, dict[str, bytes]]:
    """A study after so many kills, finished by the plain commands, and what it came to."""
    with tempfile.TemporaryDirectory(prefix="torture") as folder:
        study = new_study(Path(folder), draw, name)
        for _ in range(3 * num_kills):
            if study.kills.total() == num_kills or time.monotonic() > until or study.maltreat(num_kills):
                break
        study.finish("dvc", "snakemake")
        return study, study.results()


def _victims(root: int, target: str) -> list[psutil.Process]:
    """The processes below and with the root that are the target."""
    with suppress(psutil.NoSuchProcess):
        every = [psutil.Process(root), *psutil.Process(root).children(recursive=True)]
        return every if target == "everything" else [process for process in every if _is(process, target)]
    return []


def _is(process: psutil.Process, target: str) -> bool:
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        words = process.cmdline()
        program = Path(words[1]).name if len(words) > 1 and "python" in Path(words[0]).name else ""
        is_job = words[1:3] in (["-m", "exitprune"], ["-m", "exitprune.jobs.shared_start"])
        found: bool = is_job if target == "job" else program == target
        return found
    return False
