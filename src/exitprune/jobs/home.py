"""Where a user's caches are kept: said before any job if there is no such place, as in a container with a number for a user."""

from __future__ import annotations

from pathlib import Path

from exitprune.errors import BadInput


def check_home() -> None:
    """Refuse to begin without a home.

    Raises:
        BadInput: if $HOME is not set and the system has no user of this number.
    """
    try:
        Path.home()
    except RuntimeError:
        raise BadInput(
            "HOME is not set, and the system knows no user of this number; set HOME to a folder that can be written"
        ) from None
