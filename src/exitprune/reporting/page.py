"""What all pages share: one HTML file that needs nothing beside itself, its script, its style, and the pictures in it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from exitprune.reporting.formatting import duration, is_number_like, millions, percent, share
from exitprune.reporting.glossary import link_first_uses

TEMPLATES = Path(__file__).parent / "templates"
_IDLE = re.compile(r"(?<=>) (?=<)|<!--.*?-->|<metadata>.*?</metadata>|(?<=<g) id='\w+'")
_STEPS, _LETTER = re.compile(r"(?<= d=')[^']*"), re.compile(r" ?([A-Za-z]) ?")


@dataclass(frozen=True)
class Picture:
    """A figure as the page shows it.

    Attributes:
        points: JSON, what lies where in the picture; empty: nothing to point at.
        tables: names of the CSV files that it shows.
    """

    name: str
    title: str
    caption: str
    alt: str
    svg: bytes
    points: str
    tables: Sequence[str]

    @property
    def source(self) -> Markup:
        """The picture as an address that holds its content, fit for an attribute in double quotes, without needless space."""
        text = " ".join(self.svg.decode().replace('"', "'").split())
        tight = _STEPS.sub(lambda steps: _LETTER.sub(r"\1", steps[0]), _IDLE.sub("", text))
        return Markup("data:image/svg+xml," + quote(tight, safe=" =:/;,.'()[]!*?@~$+-_<>"))


def whole_page(template: str, **values: Any) -> str:
    """A template of ours with its values; the page lets its own script run and no other."""
    script, style = ((TEMPLATES / name).read_text(encoding="utf-8") for name in ("report.js", "report.css"))
    script = "\n" + script
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    own = {"style": Markup(style), "script": Markup(script), "script_hash": digest}
    return _templates().get_template(template).render(**own, **values)


def _templates() -> Environment:
    """Where pages come from; what is not a constant of ours is escaped."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "percent": percent,
        "share": share,
        "millions": millions,
        "duration": duration,
        "tied": lambda text: text.replace(" %", "\N{NO-BREAK SPACE}%"),
        "capitalize_first": lambda text: text[:1].upper() + text[1:],
        "link_first_uses": lambda page: Markup(link_first_uses(page)),
    }
    made.tests["number_like"] = is_number_like
    return made
