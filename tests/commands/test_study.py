"""`exitprune study`: what it hands to Snakemake, what it keeps, and what it refuses."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from exitprune.commands import study
from exitprune.config.study import resolve
from exitprune.errors import BadInput
from exitprune.jobs import study_plan

ROOT = Path(__file__).parents[2]


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What `study` reads of a clone, in a folder below it; nothing is run."""
    folder = tmp_path / "a clone"
    shutil.copytree(ROOT / "presets", folder / "presets")
    for name in ("params.yaml", "Snakefile"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "docs").mkdir()
    monkeypatch.chdir(folder / "docs")
    return folder


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that this process would have become."""
    found: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda program, arguments: found.append(arguments[1:]))
    return found


def test_it_is_a_short_way_to_call_snakemake_from_anywhere_in_the_clone(clone: Path, commands: list[list[str]]) -> None:
    study.main("paper-16", cores=3)
    assert commands == [["-m", "snakemake", "--cores", "3", "--config", "study=paper-16"]]
    assert Path.cwd() == clone


def test_without_a_name_it_is_the_study_of_the_parameters(clone: Path, commands: list[list[str]]) -> None:
    study.main()
    assert commands[0][-1] == f"study={yaml.safe_load((ROOT / 'params.yaml').read_text())['study']}"


def test_without_any_name_it_says_which_there_are(clone: Path) -> None:
    Path(clone, "params.yaml").write_text("seeds: [0]\n")
    with pytest.raises(BadInput, match=r"study: there is no 'None'; allowed: .*digits"):
        study.main()


def test_a_plan_counts_jobs_and_says_time_and_size(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(study_plan, "counted", lambda command: {"base": 3, "figure": 8})
    study.main("digits", cores=2, plan=True)
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("digits: 11 jobs, about ")
    assert " on 2 cores, about " in first
    assert second == "  3 base, 8 figure"
    monkeypatch.setattr(study_plan, "num_cores", lambda: 5)  # that this process may use, as Snakemake counts them
    study.main("digits", plan=True)
    assert " on 5 cores, about " in capsys.readouterr().out


def test_what_the_workflow_refuses_is_the_sentence_of_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    said = (
        'Config file params.yaml is extended.\nWorkflowError in file "guards.smk", line 77:\nrecipe joint: start: late\n'
        'recipe other: start: late\n  File "guards.smk", line 85, in <module>\n  File "guards.smk", line 77, in check\n'
    )
    done = subprocess.CompletedProcess([], 1, stdout=said, stderr="Using workflow specific profile.\n")
    monkeypatch.setattr(subprocess, "run", lambda *arguments, **options: done)
    with pytest.raises(BadInput, match=r"^recipe joint: start: late\nrecipe other: start: late$"):
        study_plan.counted([])


def test_a_study_that_is_there_has_nothing_to_do(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(study_plan, "counted", lambda command: {})
    study.main("digits", plan=True)
    assert capsys.readouterr().out == "digits: nothing to do; see results/digits/report.html\n"


def test_what_differs_makes_a_study_of_its_own(clone: Path, commands: list[list[str]]) -> None:
    study.main("digits", changed=["finetune.lr=0.02", "finetune.epochs=2", "seeds=[7]"], own_name="warm")
    assert yaml.safe_load((clone / "presets" / "warm.yaml").read_text()) == {
        "like": "digits",
        "finetune": {"lr": 0.02, "epochs": 2},
        "seeds": [7],
    }
    assert commands[0][-1] == "study=warm"


def test_a_study_is_like_one_that_is_like_another(clone: Path, commands: list[list[str]]) -> None:
    study.main("digits-filter", changed=["sparsity=0.5"], own_name="half")
    own, there = (resolve({"study": name}, clone / "presets") for name in ("half", "digits-filter"))
    assert own == there.model_copy(update={"study": "half", "sparsity": 0.5, "recipes": own.recipes})
    assert {recipe.sparsity for recipe in own.recipes.values()} == {0.5}


def test_what_differs_means_the_same_over_a_study_that_is_like_another(clone: Path, commands: list[list[str]]) -> None:
    own = ["recipes={joint: , ordered: }", "grid.vary={heads.lr: [0.1]}"]
    for name in ("paper", "paper-16"):
        study.main(name, changed=own, own_name=f"{name}-own")
        params = resolve({"study": f"{name}-own"}, clone / "presets")
        assert list(params.recipes) == ["joint", "ordered"]
        assert params.grid.vary == {"heads.lr": [0.1]}
    study.main(
        "cifar10-16",
        changed=["model={architecture: torchvision, name: resnet18, exits: [layer1], pool: 1}"],
        own_name="other",
    )
    assert resolve({"study": "other"}, clone / "presets").rivals == []


@pytest.mark.parametrize("name", ["digits", "paper-16"])
def test_a_setting_of_one_recipe_leaves_the_others_there(clone: Path, commands: list[list[str]], name: str) -> None:
    study.main(name, changed=["recipes.joint.rounds=5"], own_name="fewer")
    before, after = (resolve({"study": study_}, clone / "presets").recipes for study_ in (name, "fewer"))
    assert list(after) == list(before)
    assert after == {**before, "joint": before["joint"].model_copy(update={"rounds": 5})}
    study.main(name, changed=["recipes=[joint]", "recipes.joint.rounds=5"], own_name="alone")
    assert resolve({"study": "alone"}, clone / "presets").recipes == {"joint": after["joint"]}


@pytest.mark.parametrize(
    ("changed", "own_name", "message"),
    [
        (["finetune.lr=0.02"], None, "--set and --as go together"),
        (None, "mine", "--set and --as go together"),
        (["finetune.lr"], "mine", "wanted: NAME=VALUE"),
        (["=3"], "mine", "wanted: NAME=VALUE"),
        (["finetune..lr=3"], "mine", "wanted: NAME=VALUE"),
        (["finetune.lr={"], "mine", "--set finetune.lr: not valid YAML"),
        (["rounds=010"], "mine", "a number of another base to YAML"),
        (["rounds=!!bool maybe"], "mine", "a value is not of the type that its tag"),
        (["rounds=2026-99-99"], "mine", "not valid YAML: month must be"),
        (["rounds=" + "9" * 5000], "mine", "a number of 5,000 characters"),
        (["seeds=&a [*a]"], "mine", "an alias holds itself"),
        (["seeds=" + "[" * 5000], "mine", "nested too deeply"),
        (["finetune.lr=fast"], "mine", "--set: finetune.lr: Input should be a valid number"),
        (
            ["start={name: epoch, number: 300}", "rivals=[]", "rival_recipes=[]"],
            "mine",
            "begins after epoch 300 of base training at the earliest",
        ),
        (["data.augment.pad=8"], "mine", "data.augment.pad: 8 is no less than a side of the images"),
        (["fintune.lr=0.1"], "mine", "fintune: unknown parameter"),
        (["study=cifar10"], "mine", "params.yaml sets study to 'digits' for every study; change it there"),
        (["sparsity=0.5"], "123", "study 123: Snakemake takes that for a value, not for a name"),
        (["sparsity=0.5"], "../mine", "cannot be the name of a study"),
        (["sparsity=0.5"], "smoke", "is there with other values; choose another name"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_no_file(
    clone: Path, commands: list[list[str]], changed: list[str] | None, own_name: str | None, message: str
) -> None:
    before = {path: path.read_bytes() for path in clone.rglob("*") if path.is_file()}
    with pytest.raises(BadInput) as refused:
        study.main("digits", changed=changed, own_name=own_name)
    assert message in str(refused.value)
    assert {path: path.read_bytes() for path in clone.rglob("*") if path.is_file()} == before
    assert not commands


def test_outside_a_clone_it_says_that_one_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(study, "__file__", str(tmp_path / "site-packages" / "study.py"))
    with pytest.raises(BadInput, match="not inside a clone of exitprune"):
        study.main("digits")
