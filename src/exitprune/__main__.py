"""`python -m exitprune` is the same as the command `exitprune`."""

from exitprune.cli import main

main()
