"""Words are explained where they are first used."""

from __future__ import annotations

import re

import pytest

from exitprune.reporting.glossary import TERMS, anchor, entries, link_first_uses


def test_the_first_use_in_prose_is_linked_and_no_other() -> None:
    page = link_first_uses("<h2>Rounds</h2><p>Two rounds, then <b>rounds</b> again.</p>")
    assert page == '<h2>Rounds</h2><p>Two <a class="word" href="#word-round">rounds</a>, then <b>rounds</b> again.</p>'


def test_the_longer_word_comes_first() -> None:
    page = link_first_uses("<p>MACs done, and MACs.</p>")
    assert re.findall(r'href="#([^"]+)">([^<]+)<', page) == [("word-macs-done", "MACs done"), ("word-macs", "MACs")]


@pytest.mark.parametrize("inside", ["a", "code", "pre", "table", "h1", "nav", "label", "button"])
def test_nothing_is_linked_inside(inside: str) -> None:
    page = f"<{inside}>a threshold</{inside}>"
    assert link_first_uses(page) == page


def test_names_in_quotes_and_parts_of_words_are_left_alone() -> None:
    page = "<p>“levels” and orderly, unitary, exits_mean.csv</p>"
    assert link_first_uses(page) == page


def test_attributes_are_left_alone() -> None:
    page = '<img alt="accuracy of each exit">'
    assert link_first_uses(page) == page


WORDS = [
    "stem",
    "exit",
    "MACs done",
    "emptied",
    "recovery",
    "eager",
    "level",
    "round",
    "order",
    "recipe",
    "operating point",
]


@pytest.mark.parametrize("word", WORDS)
def test_the_words_of_the_field_are_there(word: str) -> None:
    assert word in TERMS


def test_entries_stand_by_the_alphabet_with_ids_of_their_own() -> None:
    words = [entry["word"] for entry in entries()]
    assert words == sorted(words, key=str.lower)
    assert len({anchor(word) for word in words}) == len(TERMS)
