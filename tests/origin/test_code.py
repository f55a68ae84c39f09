"""The code a result depends on: found by imports, known by its meaning."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exitprune.config.params import Params
from exitprune.origin import code
from exitprune.origin.code import SAME_RESULTS, code_digests, meaning, sources
from exitprune.origin.ingredients import difference, ingredients
from exitprune.variants import PACKAGE, names_of
from tests.synthetic import PARAMS


def names(stage: str, *variants: tuple[str, str]) -> set[str]:
    return {str(path.relative_to(PACKAGE)) for path in sources(stage, *variants)}


def test_a_stage_depends_on_what_it_imports_directly_or_not() -> None:
    assert {"stages/prune.py", "pruning/rounds.py", "training/loop.py", "training/losses.py"} <= names("prune")


def test_a_stage_depends_on_the_variants_it_is_told_to_use_and_on_no_others() -> None:
    assert "pruning/criteria/taylor.py" in names("prune", ("criteria", "taylor"))
    assert "pruning/criteria/taylor.py" not in names("prune", ("criteria", "magnitude"))
    assert not any(name.startswith("reporting/figures/") for name in names("prune"))


def test_a_figure_does_not_depend_on_training() -> None:
    assert "training/loop.py" not in names("figure", ("figures", "tradeoff"))


def test_meaning_is_code_without_comments_docstrings_and_blanks() -> None:
    one = '"""What."""\n\nimport a  # why\n\n\ndef f(x):\n    """Docs\n    of f."""\n    return x+1\n'
    other = "import a\ndef f(x):\n    # another comment\n    return x + 1\n"
    assert meaning(one) == meaning(other)


@pytest.mark.parametrize(
    "changed",
    [
        "import a\ndef f(x):\n    return x + 2\n",
        "import a\ndef f(x):\n  return x + 1\n",
        'import a\ndef f(x):\n    return "#"\n',
    ],
)
def test_meaning_changes_with_the_code(changed: str) -> None:
    assert meaning("import a\ndef f(x):\n    return x + 1\n") != meaning(changed)


def test_a_hash_sign_in_a_text_is_no_comment() -> None:
    assert meaning('x = "a # b"\n') != meaning('x = "a # c"\n')


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Write a table of its own, of one row."""

    def write(row: str = "") -> None:
        monkeypatch.setattr(code, "SAME_RESULTS", tmp_path / "same.csv")
        (tmp_path / "same.csv").write_text(f"file,digest,counts_as,but_for,why\n{row}\n")
        code._same_results.cache_clear()

    yield write
    monkeypatch.undo()
    code._same_results.cache_clear()


def test_code_that_is_said_to_make_the_same_results_counts_as_what_it_was(table: Callable[..., None]) -> None:
    table()
    now = code_digests(["base"])
    loop, other = now["training/loop.py"], now["training/losses.py"]
    table(f"training/loop.py,{loop},before,,faster")
    assert code_digests(["base"]) == {**now, "training/loop.py": "before"}
    table(f"training/loop.py,{other},before,,of another file")
    assert code_digests(["base"]) == now
    table(f"training/loop.py,{loop},before,criteria/snip criteria/taylor,not with these")
    assert code_digests(["base"], ("criteria", "magnitude"))["training/loop.py"] == "before"
    assert code_digests(["base"], ("criteria", "taylor"))["training/loop.py"] == loop
    table(f"training/loop.py,{loop},before,criteria/snip+orders/sequential,not with these together")
    assert code_digests(["base"], ("criteria", "snip"), ("orders", "joint"))["training/loop.py"] == "before"
    assert code_digests(["base"], ("criteria", "snip"), ("orders", "sequential"))["training/loop.py"] == loop


def test_records_of_code_before_and_after_count_alike(table: Callable[..., None]) -> None:
    params = Params.model_validate(PARAMS)
    table()
    raw = ingredients(params, "joint", None)
    before = {**raw, "code": {**raw["code"], "training/loop.py": "before"}}
    table(f"training/loop.py,{raw['code']['training/loop.py']},before,,faster")
    now = ingredients(params, "joint", None)
    assert difference(before, now) is None
    assert difference(raw, now) is None
    assert difference({**raw, "code": {**raw["code"], "training/loop.py": "other"}}, now) is not None


def test_the_table_of_same_results_is_about_the_code_as_it_is() -> None:
    rows = list(csv.DictReader(SAME_RESULTS.read_text().splitlines()))
    for file in {row["file"] for row in rows}:
        of_file = [row for row in rows if row["file"] == file]
        assert code._digest(PACKAGE / file, 0) in {row["digest"] for row in of_file}, f"{file} changed since"
        assert len({row["counts_as"] for row in of_file}) == 1
        assert len({row["digest"] for row in of_file}) == len(of_file)
    assert all(row["counts_as"] != row["digest"] and row["why"] and len(row) == 5 for row in rows)
    for family, name in (variant.split("/") for row in rows for variant in row["but_for"].replace("+", " ").split()):
        assert name in names_of(family)
