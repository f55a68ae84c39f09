"""The limit that a threshold is to keep, as a call is given it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exitprune.errors import BadInput
from exitprune.evaluation.operating_points import Rule
from exitprune.library.given import is_number, is_share


def rule_of(limit: Mapping[str, Any]) -> Rule:
    """The rule that it is.

    Args:
        limit: `accuracy_lost` or `macs_share`, a fraction; or `milliseconds`, and the `percentage` of images that keep them.

    Raises:
        BadInput: if it is none of these, more than one, or its value cannot be.
    """
    given = dict(limit)
    percentage = given.pop("percentage", None) if "milliseconds" in given else None
    allowed = percentage is None or (is_number(percentage) and 0 <= percentage <= 100)
    match list(given.items()):
        case [("accuracy_lost" | "macs_share" as name, value)] if is_share(value):
            return Rule(name, value)
        case [("milliseconds", value)] if is_number(value) and value > 0 and allowed:
            return Rule("milliseconds", value, percentage)
    raise BadInput(
        f"a threshold keeps one limit, not {dict(limit) or 'none'}; give accuracy_lost=... or macs_share=..., from 0 to 1, or "
        "milliseconds=... above 0, and percentage=... of the images, from 0 to 100, with that alone"
    )
