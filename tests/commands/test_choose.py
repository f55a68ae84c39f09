"""`exitprune choose` as people meet it: a table, JSON, the command that exports, a sentence where nothing can be chosen."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from exitprune.commands.choose import main as choose
from exitprune.deployment.measured_times import Rival
from exitprune.errors import BadInput
from exitprune.evaluation.candidates import networks_of
from exitprune.evaluation.deployable import Limit
from exitprune.evaluation.deployable import choose as best_of
from exitprune.evaluation.record_reading import read_record
from exitprune.evaluation.records import write_int8
from tests.synthetic import write_measured, write_study, write_tables

CLONE = Path(__file__).parents[2]
STUDY = "synthetic"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What of a clone the command looks at, with a study of three seeds and two recipes that was timed."""
    root = tmp_path_factory.mktemp("clone")
    (root / "Snakefile").touch()
    (root / "presets").mkdir()
    (root / "presets" / "digits.yaml").write_bytes((CLONE / "presets" / "digits.yaml").read_bytes())
    (root / "presets" / f"{STUDY}.yaml").write_text("like: digits\n")
    (root / "params.yaml").write_bytes((CLONE / "params.yaml").read_bytes())
    results = root / "results" / STUDY
    records = write_study(results / "seeds", rounds=1)[1]
    write_measured(write_tables(results, records))
    return root


@pytest.fixture(autouse=True)
def _inside(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clone)


def told(capsys: pytest.CaptureFixture[str], **limit: Any) -> dict[str, Any]:
    choose(STUDY, as_json=True, **limit)
    found: dict[str, Any] = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)  # NaN is no JSON
    return found


def test_json_says_what_the_search_finds(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    networks = networks_of([read_record(path) for path in sorted((clone / "results" / STUDY / "seeds").glob("*-*"))])
    expected = best_of(networks, Limit("macs", 1e6)).best
    found = told(capsys, macs=1e6)
    one = found["choice"]
    assert found["meets"]
    assert (one["recipe"], one["state"], one["seed"]) == (*expected.kind, expected.network.seed)
    assert (one["exits"], one["threshold"]) == (list(expected.point.exits), expected.point.threshold)
    assert one["validation"]["macs"] <= 1e6
    assert one["test"]["accuracy"] == expected.network.outcome("test", expected.point).accuracy
    assert one["accuracy"]["low"] <= one["accuracy"]["mean"] <= one["accuracy"]["high"]
    assert found["runner_up"]["validation"]["accuracy"] <= one["validation"]["accuracy"]


def test_the_table_ends_with_the_command_that_exports(capsys: pytest.CaptureFixture[str]) -> None:
    choose(STUDY, macs=1e6)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("synthetic, at most 1,000,000 MACs per image: the most accurate of 18 networks")
    assert lines[-2].startswith(f"exitprune export runs/{STUDY}/seed")
    assert " --exits " in lines[-2]
    assert lines[-1].endswith("-- checkpoints)"), "the checkpoint is not there, so how to make it is told"


def test_milliseconds_are_those_measured_and_a_plain_network_stands_beside(capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, milliseconds=0.6, runtime="onnxruntime")
    one, rival = found["choice"], found["rival"]
    assert (one["recipe"], one["state"]) == ("joint", "recovered"), "no other network of the study was timed"
    assert one["timed"] == {"runtime": "onnxruntime", "batch": 64, "threads": 1, "machine": "an abacus"}
    assert 0.1 <= one["validation"]["milliseconds"] <= 0.6
    assert (rival["network"], rival["num_seeds"]) == ("plain ResNet-20", 2)
    assert found["runner_up"] is None


def test_accuracy_lost_is_held_against_the_unpruned_network(capsys: pytest.CaptureFixture[str]) -> None:
    dear, cheap = (told(capsys, accuracy_lost=lost)["choice"] for lost in (0.0, 0.3))
    assert cheap["validation"]["macs"] < dear["validation"]["macs"]
    fast = told(capsys, accuracy_lost=0.3, runtime="eager")["choice"]
    assert fast["timed"]["runtime"] == "eager"


def test_a_limit_that_nothing_keeps_is_told_with_what_comes_closest(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(
        BadInput, match=r"no candidate keeps at most 1 MACs per image; the closest takes .*give --macs \d+ or more"
    ):
        choose(STUDY, macs=1.0)
    with pytest.raises(BadInput, match="give more --milliseconds, or another"):
        choose(STUDY, milliseconds=0.001, as_json=True)
    assert json.loads(capsys.readouterr().out)["meets"] is False


def test_a_plain_network_that_keeps_what_no_other_does_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Rival("plain ResNet-8", "onnxruntime", 0.98, 1e5, 0.0005, 1)
    monkeypatch.setattr("exitprune.commands.choose.best_rival", lambda *_: plain)
    with pytest.raises(
        BadInput, match=r"or --batch; plain ResNet-8, without exits, keeps it with 98\.0 % on test images"
    ):
        choose(STUDY, milliseconds=0.001)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "no limit given; give one of --macs, --milliseconds and --accuracy-lost"),
        ({"macs": 1e6, "accuracy_lost": 0.1}, "--macs and --accuracy-lost given; give one of"),
        ({"macs": float("nan")}, "--macs: nan was given; give a finite number"),
        ({"milliseconds": -1.0}, "--milliseconds: -1 was given"),
        ({"accuracy_lost": 1.5}, "--accuracy-lost: 1.5 was given; give a fraction from 0 to 1"),
        ({"macs": 1e6, "runtime": "eager"}, "--macs: the same in every runtime"),
        ({"milliseconds": 1.0, "batch": 7}, "synthetic: not timed so; timed: --runtime eager --batch 64 --threads 1"),
        ({"milliseconds": 1.0, "runtime": "guess"}, "synthetic: not timed so; timed: --runtime eager"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_sentence(given: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput) as caught:
        choose(STUDY, **given)
    assert said in str(caught.value)


def test_times_of_other_networks_do_not_count(clone: Path) -> None:
    path = clone / "results" / STUDY / "exit_times.csv"
    before = path.read_bytes()
    try:
        pd.read_csv(path).assign(sha256="another").to_csv(path, index=False)
        with pytest.raises(BadInput, match=r"are of other networks; run: make bench-inference STUDY=synthetic"):
            choose(STUDY, milliseconds=1.0)
        path.unlink()
        with pytest.raises(BadInput, match=r"no exit has been timed; run: make bench-inference STUDY=synthetic"):
            choose(STUDY, milliseconds=1.0)
        choose(STUDY, macs=1e6)
    finally:
        path.write_bytes(before)


def test_times_of_some_exits_alone_do_not_pass_for_all(clone: Path) -> None:
    path = clone / "results" / STUDY / "exit_times.csv"
    before = path.read_bytes()
    try:
        pd.read_csv(path).query("exit != 1").to_csv(path, index=False)
        with pytest.raises(BadInput, match=r"joint, recovered: \d of its \d exits were timed \(.*; measure again"):
            choose(STUDY, milliseconds=1.0)
    finally:
        path.write_bytes(before)


def test_a_record_counts_once(clone: Path) -> None:
    seeds = clone / "results" / STUDY / "seeds"
    shutil.copytree(seeds / "0-joint", seeds / "backup")
    try:
        with pytest.raises(BadInput, match="holds the record of 0-joint; move it to a folder of that name"):
            choose(STUDY, macs=1e6)
    finally:
        shutil.rmtree(seeds / "backup")


def test_eight_bits_are_a_candidate_where_they_were_timed(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = clone / "results" / STUDY / "seeds" / "0-joint"
    record = read_record(folder)
    level = next(one for one in record.about.levels if one.state == "recovered")
    file = folder / f"int8-{level.weights_sha256[:16]}.npz"
    write_int8(folder, level.weights_sha256, record.outcomes["recovered"])
    try:
        found = told(capsys, milliseconds=0.6, runtime="int8")["choice"]
        assert found["timed"]["runtime"] == "int8"
        assert found["command"].endswith(" --int8")
        assert told(capsys, macs=1e6)["choice"]["timed"] is None
        file.unlink()
        write_int8(folder, "of another training", record.outcomes["recovered"])
        with pytest.raises(BadInput, match="not timed so"):
            choose(STUDY, milliseconds=0.6, runtime="int8")
    finally:
        (folder / "int8-of another train.npz").unlink()


def test_a_study_without_records_is_told_with_those_that_have_some() -> None:
    with pytest.raises(
        BadInput, match=r"holds no records; run the study first: exitprune study digits, or choose among synth"
    ):
        choose("digits", macs=1e6)


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(BadInput, match="cannot be the name of a study"):
        choose("../elsewhere", macs=1e6)


def test_nothing_heavy_is_imported(clone: Path) -> None:
    code = (
        f"import sys; from exitprune.commands.choose import main; main({STUDY!r}, macs=1e6); "
        "print({'torch', 'pandas', 'scipy.stats'} & sys.modules.keys())"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=clone)
    assert ran.stdout.splitlines()[-1] == "set()"
