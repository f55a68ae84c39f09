"""What a variant's file says of itself: it is told as it stands there, and what it demands is enforced."""

from __future__ import annotations

from pathlib import Path

import pytest

from exitprune.config.about import FORMS, About, about, disagreement
from exitprune.config.families import FAMILIES
from exitprune.config.prune import Prune
from exitprune.variants import names_of

VARIANTS = [
    (family, name) for key, family in FAMILIES.items() if key in Prune.model_fields for name in names_of(family)
]


@pytest.mark.parametrize(("family", "name"), VARIANTS)
def test_every_variant_says_what_it_does_in_words_that_are_known(family: str, name: str) -> None:
    told = about(family, name)
    assert told.what
    assert (told.form in FORMS) == (bool(told.source) and not told.source.startswith("ours"))


def a_file(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str) -> About:
    monkeypatch.setattr("exitprune.config.about.folder_of", lambda family: folder)
    (folder / "mine.py").write_text(f'"""{text}"""\n')
    return about("criteria", "mine")


def test_words_are_found_wherever_a_sentence_begins_with_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = (
        "Mine: all that is\nred. More of it.\n\nLetters: O filters.\nWhen: early or trained. Goes: filters only.\n"
        "Form: in the spirit of it.\nSource: Lee et al. 2019, arXiv:1.2; and\nagain.\n\nElse.\n"
    )
    told = a_file(monkeypatch, tmp_path, text)
    assert told == About(
        "all that is red", ("early", "trained"), ("filters",), "Lee et al. 2019, arXiv:1.2; and again",
        "in the spirit of it", ("goes",),
    )  # fmt: skip


def test_a_word_without_a_meaning_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="When: 'tomorrow'; allowed: initialization, early, trained"):
        a_file(monkeypatch, tmp_path, "Mine: x.\n\nWhen: tomorrow.")


def test_variants_that_need_different_units_cannot_be_of_one_recipe() -> None:
    assert disagreement([("scope", "scopes", "erk"), ("granularity", "granularities", "weight")]) is None
    assert disagreement([("scope", "scopes", "erk"), ("granularity", "granularities", "filter")]) == (
        "scope: erk is for weights only, and granularity: filter says filters; granularity allowed with it: weight"
    )
