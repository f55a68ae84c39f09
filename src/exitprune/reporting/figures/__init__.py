"""Figures, one file each. A file says everything about its figure:

- `PLACE`: where it stands in the report; `TITLE` and `CAPTION`: what it is and how to read it; `TABLES`: the CSV files it shows.
- `draw(tables: Path, evaluate: Evaluate) -> Figure`, which raises `NothingToDraw` for a study that has none of it.
- `note(tables: Path, evaluate: Evaluate) -> str`: the caption's last sentence, what is averaged and what the bands are.
- `alt(tables: Path, evaluate: Evaluate) -> str`: what it shows, in words, for those who cannot see it.

A figure reads CSV files of the tables folder and what was measured, which lies beside it, and nothing else. It never imports
torch, which would cost more time than drawing.
"""
