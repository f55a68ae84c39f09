"""Which recipes are held against which: what claims declare of recipes' names, apart from all that computes."""

from __future__ import annotations

from collections.abc import Iterable

FIRST = "joint"
"""The recipe that claims are about: the paper's approach 1."""
POSTERS = ("ordered", "final")
"""The recipe that the poster holds it against, its approach 2, and when: these comparisons are primary."""
EQUAL_EPOCHS, TWICE = "control_half", "control"
"""Controls: they prune in the order of approach 2 and train everything in every round, the first at as many epochs as `joint`,
the second in twice as many rounds."""
OWN_RATE = "_own_rate"
"""How a recipe's name ends that is another one with the rate of the rounds that is best for it, chosen elsewhere."""


def steps_of(control: str = EQUAL_EPOCHS) -> tuple[tuple[str, str, str], ...]:
    """What a difference between both approaches is made of, one way down from `joint`: step, first and second recipe.

    Args:
        control: one of the two; `sequential` below it is approach 2 with heads that were trained before.
    """
    return (
        ("the order of pruning", FIRST, control),
        ("training the base for its exits", control, "sequential"),
        ("training heads before anything is pruned", "sequential", POSTERS[0]),
    )


def others_of(recipes: Iterable[str]) -> list[str]:
    """The recipes that `joint` is held against, the poster's first."""
    return sorted((recipe for recipe in recipes if recipe != FIRST), key=lambda recipe: recipe != POSTERS[0])
