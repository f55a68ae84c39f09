"""What docs/dvc.md says of S3, SSH and WebDAV, typed against servers on this machine.

The clients are the extras s3, ssh and webdav; EXITPRUNE_TEST_SERVERS names a Python that has the servers: moto[server],
asyncssh, wsgidav and cheroot. They do without the tests' own packages, and want an environment of their own.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from .remote_server import BUCKET, SECRET, USER
from .repository import Repository
from .test_documented import SERVERS, commands

NEEDED = {"s3": "boto3, moto.server", "ssh": "asyncssh", "webdav": "cheroot, wsgidav"}
PYTHON = os.environ.get("EXITPRUNE_TEST_SERVERS", sys.executable)


def client(kind: str) -> pytest.MarkDecorator:
    """Skip where the extra is missing."""
    return pytest.mark.skipif(find_spec(f"dvc_{kind}") is None, reason=f"no dvc-{kind}: pip install '.[{kind}]'")


@contextmanager
def server(kind: str, folder: Path) -> Iterator[str]:
    """A server at work; its host and port."""
    command = [PYTHON, str(Path(__file__).with_name("remote_server.py")), kind, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = next((match for line in process.stdout if (match := re.fullmatch(r"port (\d+)\n", line))), None)
        assert found, f"the {kind} server ended"
        try:
            yield f"localhost:{found[1]}"
        finally:
            process.kill()


def told(kind: str, host: str) -> list[list[str]]:
    """The page's commands for this kind of remote, without the installation, said to the server."""
    here = {"https://HOST": f"http://{host}", "webdavs": "webdav", "HOST": host, "USER": USER, "KEY": USER} | {
        "BUCKET": BUCKET, "SECRET": SECRET, "/FOLDER": "",
    }  # fmt: skip
    [lines] = [block for block in commands()[SERVERS] if f".[{kind}]" in block[0][-1]]
    return [[re.sub("|".join(here), lambda found: here[found[0]], word) for word in line] for line in lines[1:]]


@pytest.mark.slow
@pytest.mark.parametrize("kind", [pytest.param(kind, marks=client(kind)) for kind in NEEDED])
def test_a_remote_takes_checkpoints_to_a_fresh_clone_that_trains_nothing(
    finished: Repository, tmp_path: Path, kind: str
) -> None:
    if subprocess.run([PYTHON, "-c", f"import {NEEDED[kind]}"], capture_output=True, check=False).returncode:
        pytest.skip(f"no {NEEDED[kind]}: let EXITPRUNE_TEST_SERVERS name a Python that has them")
    (tmp_path / "served").mkdir()
    with server(kind, tmp_path / "served") as host:
        for line in told(kind, host):
            finished.run(*line)
        finished.commit()
        finished.run("dvc", "push")
        finished.run("git", "clone", "--quiet", ".", str(tmp_path / "clone"))
        clone = Repository(tmp_path / "clone")
        for line in told(kind, host):
            if "--local" in line:
                clone.run(*line)
        clone.run("dvc", "pull")
    assert clone.would_run("all", "checkpoints") == set()
    names = [path.relative_to(finished.path) for path in (finished.path / "runs").rglob("*.safetensors")]
    assert names
    assert all((clone.path / name).read_bytes() == (finished.path / name).read_bytes() for name in names)
