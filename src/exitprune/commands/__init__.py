"""Commands for people. Contract of a file: a function `main` that typer can read; `exitprune <file> ...` runs it."""
