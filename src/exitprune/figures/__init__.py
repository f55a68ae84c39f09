"""Figures, one file each. Contract of a file: `draw(tables: Path, evaluate: Evaluate) -> Figure`, and for the
report its `PLACE` there, `TITLE` and `CAPTION`.

A figure reads CSV files of the tables folder and nothing else, and never imports torch, which would cost more time than
drawing.
"""
