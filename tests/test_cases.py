"""Every case of `tests/cases` comes out as its line says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.cases import Case, cases, kinds

ALL = [pytest.param(case, marks=[pytest.mark.slow] if case.is_slow else [], id=str(case)) for case in cases()]


@pytest.mark.parametrize("case", ALL)
def test_a_case_comes_out_as_its_line_says(case: Case, tmp_path: Path) -> None:
    assert case.fault(tmp_path) is None


def test_no_two_cases_have_one_name() -> None:
    assert max(Counter(map(str, cases())).values()) == 1


def test_every_kind_has_cases() -> None:
    assert {case.kind for case in cases()} == set(kinds())
