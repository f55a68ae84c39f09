"""Figures, one file each. Contract of a file: `draw(tables: Path, evaluate: Evaluate) -> Figure`, and for the
report its `PLACE` there, `TITLE` and `CAPTION`.

A figure reads CSV files of the tables folder and what was measured, which lies beside it, and nothing else. It never imports
torch, which would cost more time than drawing.
"""
