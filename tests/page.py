"""A report of a made-up study, and what its HTML holds."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from exitprune.stages import figure, report
from exitprune.variants import names_of
from tests.synthetic import EVALUATE, PARAMS, settings

VOID = {"meta", "link", "img", "br", "hr", "input"}


class Outline(HTMLParser):
    """Checks that elements close in order; keeps ids, links, sources, text and what scripts hold."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: dict[str, list[str]] = {"id": [], "href": [], "src": [], "alt": [], "text": []}
        self.scripts: list[str] = []
        self.tags: set[str] = set()
        self.feed(page)
        self.text = re.sub(r"\s+", " ", "".join(self.found["text"]))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in self.found:
                self.found[name].append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif not (self.open and self.open[-1] == "style"):
            self.found["text"].append(f" {data}" if self.open and self.open[-1] in ("td", "th") else data)

    @property
    def data(self) -> dict[str, Any]:
        """What the page's script reads."""
        return dict(json.loads(self.scripts[0]))


def write_page(folder: Path, records: list[Path], draw: tuple[str, ...] = (), **params: Any) -> Outline:
    """report.html of these records' tables, with real figures of the names to draw and stand-ins for the others."""
    for name in names_of("figures"):
        paths = [folder / place for place in (f"figures/{name}.svg", f"figures/{name}.png", f"captions/{name}.json")]
        if name in draw:
            figure.main(settings(evaluate=EVALUATE), name, folder / "tables", *paths)
            continue
        for path in paths:
            path.parent.mkdir(exist_ok=True)
        paths[0].write_text(f'<svg xmlns="http://www.w3.org/2000/svg">{name}</svg>')
        said = {"place": 1, "title": f"The {name}", "caption": "Words.", "alt": f"Seen in {name}", "tables": ["claims"]}
        paths[2].write_text(json.dumps({**said, "points": []}))
    report.main(
        json.dumps({**PARAMS, **params}),
        folder / "tables",
        folder / "figures",
        folder / "captions",
        folder / "report.html",
        records,
    )
    return Outline((folder / "report.html").read_text(encoding="utf-8"))
