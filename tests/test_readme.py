"""The README: its numbers are those of the results, its Python runs, its links and commands are there, its lines are short."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from snakemake.cli import parse_config
from snakemake.utils import update_config

from exitprune.config.parameter_file import read_yaml
from exitprune.config.study import resolve
from exitprune.deployment.exported_model import ExportedModel
from exitprune.evaluation.methods import MEASURES, measured
from exitprune.evaluation.record_reading import read_about
from exitprune.variants import names_of

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
# Not bench.md, which `make bench` writes.
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("[!b]*.md"))]
ROWS = [
    ("dense, no exits", "onnxruntime", "nobody leaves"),
    ("dense, no exits, int8", "int8", "nobody leaves"),
    ("dense, exits", "onnxruntime", "one point lost"),
    ("dense, exits, int8", "int8", "one point lost"),
    ("80 % of the weights pruned", "sparse", "one point lost"),
    ("80 % of the weights pruned (per_mac)", "sparse", "one point lost"),
    ("plain ResNet-8, 15 epochs, int8", "int8", "nobody leaves"),
    ("plain ResNet-14, 15 epochs, int8", "int8", "nobody leaves"),
    ("plain ResNet-20, 15 epochs, int8", "int8", "nobody leaves"),
]
"""The rows of the README's table, as inference.csv names them."""
KERNELS = {"onnxruntime": "dense", "int8": "eight bits", "sparse": "sparse"}


def prose(page: Path) -> list[tuple[int, str]]:
    """The lines of a page that are neither code nor table nor a heading, with their numbers."""
    kept, in_code = [], False
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        elif not in_code and not line.startswith(("|", "#", "[![")):
            kept.append((number, line))
    return kept


SAID = {
    said
    for page in PAGES
    for said in re.findall(r"--config((?: +(?:'[^']*'|\"[^\"]*\"|\w+=[\w-]+))+)", page.read_text())
}


@pytest.mark.parametrize("said", sorted(SAID))
def test_what_pages_say_after_config_is_allowed(said: str) -> None:
    given = read_yaml(ROOT / "params.yaml")
    update_config(given, parse_config(shlex.split(said)))
    assert resolve(given, ROOT / "presets").recipes


def test_the_table_is_that_of_the_results() -> None:
    measured = pd.read_csv(ROOT / "results/cifar10-16-sparse/inference.csv").query("batch == 64 and threads == 1")
    lines = README.partition("| CIFAR-10 at 16 x 16, one seed; ")[2].split("\n\n")[0].splitlines()[2:]
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    for (_, *cells), named in zip(found, ROWS, strict=True):
        row = measured[(measured[["network", "runtime", "choice"]] == list(named)).all(axis=1)].iloc[0]
        numbers = [f"{100 * row['accuracy']:.1f}", f"{row['macs'] / 1e6:.2f}", f"{row['cpu_milliseconds']:.3f}"]
        assert cells == [KERNELS[named[1]], *numbers]


def test_digits_decide_nothing_about_the_paper() -> None:
    claims = pd.read_csv(ROOT / "results/digits/tables/claims.csv")
    decided = claims[claims["verdict"].isin(["supported", "contradicted"])].set_index(["claim", "state"])["verdict"]
    assert decided.to_dict() == {(2, "recovered"): "contradicted"}
    page = " ".join((ROOT / "docs/paper-numbers.md").read_text(encoding="utf-8").split())
    assert "In the default study of three seeds claim 2 is contradicted after recovery" in page
    writers = pd.read_csv(ROOT / "results/digits-writers/tables/claims.csv").query("role == 'primary'")
    assert set(writers["verdict"]) == {"not distinguishable", "not tested"}
    assert set(writers.dropna(subset="num_seeds")["num_seeds"]) == {10}


def test_as_many_methods_are_told_apart_as_the_readme_says() -> None:
    found = pd.read_csv(ROOT / "results/digits-methods/joint_minus_sequential.csv")
    assert not found["holds"].any()
    counts = found["better"].value_counts()
    words, page = (" ".join(text.split()) for text in (README, (ROOT / "docs/methods.md").read_text()))
    assert f"none of {len(found)} differences is left after correction" in words
    assert counts["sequential"] == 2
    early = (found[found["measure"] == "early_exits"]["better"] == "joint").sum()
    told = (
        f"{len(found) - counts['none told']} that are told {counts['joint']} say that joint is better, {early} of them"
    )
    assert f"make {len(found)} differences. Of the {told} at the early exits" in page


def test_methods_on_cifar10_came_out_as_told() -> None:
    found = pd.read_csv(ROOT / "results/small-methods/joint_minus_sequential.csv").query("gone == 0.9")
    assert set(found["num_seeds"]) == {5}
    early, classifier = (found[found["measure"] == name].set_index("method") for name in MEASURES[::-1])
    none_told = {"erk", "uniform_plus", "bernoulli", "epi", "earlycrop"}
    assert set(early.index[early["better"] == "none told"]) == none_told
    assert early["better"].value_counts()["joint"] == 19
    assert early["holds"].sum() == 14
    gains = 100 * early[early["better"] == "joint"]["difference"]
    assert [round(gains.min(), 1), round(gains.max(), 1)] == [2.0, 12.5]
    assert classifier["better"].value_counts()["joint"] == 12
    assert set(classifier.index[classifier["better"] == "sequential"]) == {"kstarts"}
    assert set(classifier[classifier["holds"]]["better"]) == {"joint"}
    assert classifier["holds"].sum() == 6
    means = pd.read_csv(ROOT / "results/small-methods/methods.csv").query("gone == 0.9")
    macs = means.pivot(index="method", columns="order", values="macs").loc[early.index[early["better"] == "joint"]]
    more = (macs["joint"] / macs["sequential"]).round(1)
    assert more[more > 1.1].to_dict() == {"pruner": 4.5, "manidp": 1.3}
    exits_keep_all = ["filters", "effective", "greg1", "greg2", "polarization"]
    assert early["holds"][exits_keep_all].all()
    words = " ".join(README.split())
    assert "the early exits with 19 of 24 methods where 90 % go, by 2 to 12 points, with the same 19 of 25" in words
    assert "where 80 % go, and with 18 of 25 where half goes" in words
    assert "Fourteen, fifteen and thirteen of these are left after correction" in words


def test_methods_at_80_percent_came_out_as_told() -> None:
    found = pd.read_csv(ROOT / "results/small-methods/joint_minus_sequential.csv").set_index("method")
    assert set(found["num_seeds"]) == {5}
    early, classifier = (found[(found["measure"] == name) & (found["gone"] == 0.8)] for name in MEASURES[::-1])
    at_90 = found[(found["measure"] == "early_exits") & (found["gone"] == 0.9)]
    better = early.index[early["better"] == "joint"]
    assert set(better) == set(at_90.index[at_90["better"] == "joint"])
    for told, holds, least, most in ((early, 15, 2.0, 6.7), (classifier, 5, 1.1, 6.1)):
        gains = 100 * told[told["better"] == "joint"]["difference"]
        assert [told["holds"].sum(), round(gains.min(), 1), round(gains.max(), 1)] == [holds, least, most]
    assert classifier["better"].value_counts().to_dict() == {"joint": 12, "none told": 12, "sequential": 1}
    asked = set(better) - {"magnitude", "oneshot", "patience", "snip", "force"}  # these were there before
    assert len(asked) == 14
    assert sum(early["difference"][name] < at_90["difference"][name] for name in asked) == 9


def test_methods_at_50_percent_came_out_as_told() -> None:
    found = pd.read_csv(ROOT / "results/small-methods/joint_minus_sequential.csv").set_index("method")
    assert set(found[found["gone"] == 0.5]["num_seeds"]) == {5}
    early, classifier = (found[(found["measure"] == name) & (found["gone"] == 0.5)] for name in MEASURES[::-1])
    at_80 = found[(found["measure"] == "early_exits") & (found["gone"] == 0.8)]
    assert early["better"].value_counts().to_dict() == {"joint": 18, "none told": 7}
    assert classifier["better"].value_counts().to_dict() == {"joint": 14, "none told": 9, "sequential": 2}
    assert [early["holds"].sum(), classifier["holds"].sum()] == [13, 5]
    assert set(classifier.index[classifier["better"] == "sequential"]) == {"polarization", "itersnip"}
    assert set(classifier[classifier["holds"]]["better"]) == {"joint"}
    trained, others = early["when"] == "trained", early["when"] != "trained"
    none_told = {"erk", "snip", "force", "epi", "bernoulli", "uniform_plus", "cropfilters"}
    assert set(early.index[others & (early["better"] == "none told")]) == none_told
    assert set(early.index[others & early["holds"]]) == {"graspit"}
    for told, num, least, most in (
        (early[trained], 13, 1.3, 5.6),
        (classifier[(classifier["when"] == "trained") & (classifier["better"] == "joint")], 12, 1.4, 6.3),
        (early.loc[["itersnip", "graspit", "dissipating", "kstarts"]], 4, 0.8, 2.0),
        (early.loc[["magnitude", "oneshot", "geometric", "hybrid", "patience"]], 5, 2.5, 2.6),
        (at_80.loc[["magnitude", "oneshot", "geometric", "hybrid", "patience"]], 5, 3.6, 4.5),
    ):
        gains = 100 * told["difference"]
        assert set(told["better"]) == {"joint"}
        assert [len(told), round(gains.min(), 1), round(gains.max(), 1)] == [num, least, most]
    filters = ["filters", "effective", "greg1", "greg2", "polarization", "pruner", "manidp"]
    apart = (100 * (early["difference"] - at_80["difference"])).abs()[filters]
    assert set(apart.index[apart > 1]) == {"polarization", "pruner"}
    means = pd.read_csv(ROOT / "results/small-methods/methods.csv").query("gone == 0.5")
    levels = [read_about(path).levels[-1] for path in sorted((ROOT / "results/small-dense/seeds").iterdir())]
    best = means.groupby("method")["classifier"].max()
    lost = 100 * (float(np.mean([measured(level)[0] for level in levels])) - best)
    assert lost[["graspit", "magnitude"]].round(1).to_list() == [0.5, 1.5]
    ahead = best.index[best > best["magnitude"]]
    assert len(ahead) == 9
    assert set(early["when"][ahead]) == {"initialization", "early"}
    left = means.assign(left=(100 * means["macs"] / means["macs_dense"]).round()).set_index(["method", "order"])["left"]
    assert [left[name, "joint"] for name in ("graspit", "magnitude", "bernoulli")] == [69, 60, 50]
    assert lost[["bernoulli", "magnitude"]].round(1).nunique() == 1


def test_pruning_costs_as_much_as_the_page_of_methods_says() -> None:
    means = pd.read_csv(ROOT / "results/small-methods/methods.csv").query(
        "gone == 0.9 and abs(units_gone - 0.9) < 0.01"
    )
    levels = [read_about(path).levels[-1] for path in sorted((ROOT / "results/small-dense/seeds").iterdir())]
    whole = dict(zip(MEASURES, np.mean([measured(level) for level in levels], axis=0), strict=True))
    classifier, early = (100 * (whole[name] - means[name].max()) for name in MEASURES)
    page = " ".join((ROOT / "docs/methods.md").read_text(encoding="utf-8").split())
    as_much = "the same network with nothing pruned and as many epochs"
    assert f"is {classifier:.1f} points below {as_much}, and {early:.1f} at the early exits" in page


def test_every_method_of_the_studies_is_named_in_the_documentation() -> None:
    names = (ROOT / "docs/methods.md").read_text(encoding="utf-8").partition("## Names")[2].partition("\n## ")[0]
    for study in ("digits-methods", "small-methods"):
        methods = pd.read_csv(ROOT / "results" / study / "methods.csv")["method"].unique()
        assert [name for name in methods if f"`{name}`" not in names] == []


@pytest.mark.parametrize("study", ["paper-32", "paper-16", "cifar10-16"])
def test_the_papers_comparison_came_out_as_told(study: str) -> None:
    claims = pd.read_csv(ROOT / "results" / study / "tables/claims.csv").query("against == 'ordered'")
    assert set(claims["num_seeds"]) == {5}
    final, recovered = (claims[claims["state"] == state].set_index("claim") for state in ("final", "recovered"))
    verdicts = {**dict.fromkeys((1, 2, 3, 5), "supported"), 4: "not distinguishable"}
    assert final["verdict"].to_dict() == verdicts
    (line,) = [line for line in README.splitlines() if line.startswith(f"| [{study}](")]
    numbers = [100 * of["difference"].astype(float)[claim] for of in (final, recovered) for claim in (1, 2, 3)]
    shown = [f"{number:+.0f} %" if place % 3 == 2 else f"{number:+.1f}" for place, number in enumerate(numbers)]
    assert [cell.strip() for cell in line.split("|")[2:-1]] == [cell.replace("-", "\N{MINUS SIGN}") for cell in shown]


def test_the_first_lines_are_of_the_papers_own_size() -> None:
    claims = pd.read_csv(ROOT / "results/paper-32/tables/claims.csv").query("against == 'ordered'")
    final, recovered = (claims[claims["state"] == state].set_index("claim") for state in ("final", "recovered"))
    (early, deepest, cost), (late_early, late_deepest, late_cost) = (
        (100 * of["difference"].astype(float)[[1, 2, 3]]).tolist() for of in (final, recovered)
    )
    words = " ".join(README.split())
    short = (
        f"the early exits are {early:.0f} points better where everything is pruned at once, and equal accuracy costs"
    )
    assert f"{short} {-cost:.0f} % less; the last exit is a point worse" in words
    assert round(deepest) == -1
    assert f"{late_early:.0f} points and {-late_cost:.0f} % are left, and the last exit is no worse" in words
    assert late_deepest > 0


def test_the_order_itself_is_as_large_a_part_as_is_told() -> None:
    steps = pd.read_csv(ROOT / "results/cifar10-16/steps.csv").query("measure == 'early_exits_accuracy'")
    told = "At most a third of such a lead is the order itself, less than half of it after recovery"
    assert told in " ".join(README.split())
    for state, most in (("final", 0.34), ("recovered", 0.45)):
        for rate in ("", "_own_rate"):
            pairs = steps[(steps["state"] == state) & (steps["first"] == f"joint{rate}")]
            whole, half, twice = (
                pairs[pairs["second"] == f"{second}{rate}"]["difference"].item()
                for second in ("ordered", "control_half", "control")
            )
            assert 0 < twice / whole < half / whole < most


def test_the_python_runs_and_does_what_it_says(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert code in (ROOT / "docs/library.md").read_text()
    assert len([line for line in code.splitlines() if line]) <= 10
    names: dict[str, Any] = {}
    exec(compile(code, "README.md", "exec"), names)
    assert "['features.3', 'features.6', 'features.13', 'classifier'] Outcome(" in capsys.readouterr().out
    assert ExportedModel(tmp_path / "model.onnx").is_sealed
    assert 0.6 < names["net"].sparsity < 0.9


def test_the_ten_words_are_ten() -> None:
    table = README.partition("## Ten words")[2].partition("\n## ")[0]
    assert len([line for line in table.splitlines() if line.startswith("| ")]) == 2 + 10


def test_commands_and_targets_that_it_names_are_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    code = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))
    assert set(re.findall(r"^make ([a-z-]+)", code, re.MULTILINE)) <= targets
    assert set(re.findall(r"^exitprune ([a-z]+)", code, re.MULTILINE)) <= set(names_of("commands"))
    studies = {path.stem for path in (ROOT / "presets").glob("*.yaml")}
    assert set(re.findall(r"^exitprune study ([a-z0-9-]+)", code, re.MULTILINE)) <= studies


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_repository_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http", "mailto")):
            name, _, section = target.partition("#")
            there = page.parent / name if name else page
            assert there.exists(), f"{page.name} links to {target}, which is not there"
            assert not section or section in sections(there), f"{page.name} links to {target}: no such section"


def sections(page: Path) -> set[str]:
    """What the headings of a page are called in links, as forges call them."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    titles = [re.sub(r"\[(.*?)\]\(.*?\)", r"\1", title) for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_lines_of_prose_are_short(page: Path) -> None:
    long = [f"{page.name}:{number} has {len(line)}" for number, line in prose(page) if len(line) > 120]
    assert not long


def test_make_alone_lists_every_target_with_what_it_takes() -> None:
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)) - {"announce"}
    assert set(re.findall(r"^  make ([a-z-]+) ", done.stdout, re.MULTILINE)) == targets
    assert re.search(r"make reproduce .*minutes, [0-9.]+ GB", done.stdout)
    assert "5.7 GB on disk" in done.stdout
