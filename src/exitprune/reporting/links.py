"""Where the page's links lead: into the public repository if git knows one, else to the files that lie beside the page."""

from __future__ import annotations

import re
from collections.abc import Mapping

FORGES = {"gitlab": ("/-/commit", "/-/blob/{commit}"), "": ("/commit", "/blob/{commit}")}
"""Paths to a commit and to a file at one, by a word in the host's name; GitHub's are what most others understand."""


def public_address(remote: str) -> str | None:
    """The web page of a git remote; None for one that is not on the web, such as a folder."""
    start = r"(?:https://(?:[^/@]+@)?|(?P<ssh>ssh://)?[^/@]+@)(?P<host>[\w.-]+\.[a-z]{2,})"
    found = re.fullmatch(start + r"(?(ssh)(?::\d+)?/|[:/])(?P<path>.+?)(?:\.git)?/?", remote)  # a port is of ssh alone
    return f"https://{found['host']}/{found['path']}" if found else None


def links(repository: str | None, commit: str | None) -> Mapping[str, str | None]:
    """Addresses for the page.

    Args:
        repository: its public address, or None.
        commit: that the page was written at.

    Returns:
        repository, commits (to which "/<hash>" is added), docs, tables; commits and repository are None without a public one.
    """
    if repository is None:
        return {"repository": None, "commits": None, "docs": "../../docs", "tables": "tables"}
    commits, files = next(paths for word, paths in FORGES.items() if word in repository.split("/")[2])
    docs = repository + files.format(commit=commit) + "/docs" if commit else "../../docs"
    return {"repository": repository, "commits": repository + commits, "docs": docs, "tables": "tables"}
