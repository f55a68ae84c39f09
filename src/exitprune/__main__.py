"""`python -m exitprune` is the same as the command `exitprune`."""

from exitprune.jobs import shared_start

shared_start.ask()

from exitprune.cli import main  # noqa: E402 (imported only if no fork does the work)

main()
