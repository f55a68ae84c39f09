"""The table of methods is what the files say."""

from __future__ import annotations

import csv
import io

import pytest

from exitprune.commands.methods import CHOICES, COLUMNS, main, rows
from exitprune.errors import BadInput
from exitprune.variants import names_of


def test_every_variant_has_one_row(capsys: pytest.CaptureFixture[str]) -> None:
    main(csv=True)
    header, *told = csv.reader(io.StringIO(capsys.readouterr().out))
    assert tuple(header) == COLUMNS
    assert [(row[0], row[1]) for row in told] == [
        (parameter, name) for parameter, family in CHOICES.items() for name in names_of(family)
    ]
    assert all(all(row[:7]) for row in told)


def test_settings_stand_there_with_their_defaults_and_limits() -> None:
    told = {row[1]: row[-1] for row in rows({"order": "orders", "granularity": "granularities", "scope": "scopes"})}
    assert told["sequential"].startswith("budget: equal (equal | half), ")
    assert told["filter"] == "round_to: 1 (>= 1)"
    assert told["uniform_plus"] == "least: 0.2 (>= 0, <= 1)"


def test_the_table_of_one_parameter_is_of_its_variants_alone(capsys: pytest.CaptureFixture[str]) -> None:
    main("start")
    shown = capsys.readouterr().out
    assert "trained" in shown
    assert "magnitude" not in shown


def test_the_table_of_one_name_is_its_row(capsys: pytest.CaptureFixture[str]) -> None:
    main("greg1", csv=True)
    (row,) = list(csv.reader(io.StringIO(capsys.readouterr().out)))[1:]
    assert row[:2] == ["criterion", "greg1"]


def test_what_is_no_parameter_and_no_name_is_refused_with_what_is() -> None:
    with pytest.raises(BadInput, match=r"there is no 'gregg1'; .* did you mean greg1\?$"):
        main("gregg1")
    with pytest.raises(BadInput, match="there is no 'rounds'; allowed: start, order"):
        main("rounds")
