"""Where links lead."""

from __future__ import annotations

import pytest

from exitprune.reporting.links import links, public_address


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://github.com/someone/exitprune.git", "https://github.com/someone/exitprune"),
        ("https://someone:secret@github.com/someone/exitprune", "https://github.com/someone/exitprune"),
        ("git@github.com:someone/exitprune.git", "https://github.com/someone/exitprune"),
        ("ssh://git@gitlab.com/group/exitprune/", "https://gitlab.com/group/exitprune"),
        ("ssh://git@host.org:2222/a/exitprune.git", "https://host.org/a/exitprune"),
        ("/srv/git/exitprune.git", None),
        ("../exitprune", None),
        ("file:///srv/git/exitprune.git", None),
        ("http://127.0.0.1:3000/exitprune", None),
        ("https://localhost/exitprune", None),
    ],
)
def test_a_remote_on_the_web_has_a_page_without_anybodys_password(remote: str, address: str | None) -> None:
    assert public_address(remote) == address


def test_commits_and_docs_lead_into_the_repository_as_its_forge_has_them() -> None:
    there = links("https://github.com/a/b", "c0ffee")
    assert (there["commits"], there["docs"]) == (
        "https://github.com/a/b/commit",
        "https://github.com/a/b/blob/c0ffee/docs",
    )
    assert links("https://gitlab.com/a/b", "c0ffee")["commits"] == "https://gitlab.com/a/b/-/commit"


def test_without_a_repository_links_lead_to_the_files_beside_the_page() -> None:
    assert links(None, "c0ffee") == {"repository": None, "commits": None, "docs": "../../docs", "tables": "tables"}
