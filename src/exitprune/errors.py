"""The one error that is a user's to mend; the command line shows it as a sentence, without a traceback."""

from __future__ import annotations

import reprlib
import unicodedata

LONGEST = 500  # characters of a sentence; a stranger's file must not fill the screen
MOST = 20  # sentences
UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # Unicode's controls, formats such as bidi marks, halves, breaks of line

SHORT = reprlib.Repr()
SHORT.maxstring, SHORT.maxother, SHORT.maxlong, SHORT.maxlist, SHORT.maxdict, SHORT.maxlevel = 100, 100, 40, 12, 12, 3


def is_seen(character: str) -> bool:
    """Whether a character shows as itself and does nothing else."""
    return unicodedata.category(character) not in UNSEEN


def plain(text: object, longest: int = LONGEST) -> str:
    """Text of a stranger as one line that moves no cursor, colours nothing and turns no direction; cut where it is long."""
    shown = "".join(
        character if is_seen(character) else character.encode("unicode_escape").decode()
        for character in str(text)[: longest + 1]
    )
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


class BadInput(ValueError):
    """What was given cannot be used; the message says what was given, what is allowed and where.

    Args:
        sentences: one line each; made `plain`, so that what a stranger wrote can be quoted.
    """

    def __init__(self, *sentences: str) -> None:
        more = [f"and {len(sentences) - MOST} more of the kind"] if len(sentences) > MOST else []
        super().__init__("\n".join([*map(plain, sentences[:MOST]), *more]))


def quoted(value: object) -> str:
    """A value as Python would write it, however deep and long it is, in a few words."""
    return SHORT.repr(value)
