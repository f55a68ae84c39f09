"""A recipe: one way to prune. A study compares its recipes, each from the same unpruned network of a seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exitprune.config.families import FAMILIES
from exitprune.config.prune import Prune
from exitprune.config.training import Training

NAME = r"[A-Za-z][A-Za-z0-9_-]{0,63}"
"""What a recipe may be called: it is the name of a folder."""


class Recipe(Prune):
    """How a network is pruned, and how what is left is trained. What a recipe does not set, the study's own values say."""

    recovery: Training
    """After the last round."""

    @property
    def prune(self) -> Prune:
        """What the rounds depend on."""
        return Prune.model_construct(**{name: getattr(self, name) for name in Prune.model_fields})


def named(recipes: Any) -> Any:
    """Recipes by name: a list of names, each once, is short for the same names with nothing set."""
    if isinstance(recipes, Mapping):  # a name alone in braces after --config comes with an empty text
        return {name: None if own == "" else own for name, own in recipes.items()}
    is_list = isinstance(recipes, list) and len(set(map(str, recipes))) == len(recipes) > 0
    return dict.fromkeys(map(str, recipes)) if is_list else recipes


def spelt_out(values: Mapping[str, Any]) -> dict[str, Any]:
    """A study's values with every recipe whole: its own settings over the study's.

    A recipe that sets no order follows the one it is called after.
    """
    recipes = values.get("recipes")
    if not isinstance(recipes, Mapping):
        return dict(values)
    whole = {}
    for name, own in recipes.items():
        if own is not None and not isinstance(own, Mapping):
            whole[name] = own
            continue
        given = {key: values[key] for key in Recipe.model_fields if key in values and key != "order"}
        whole[name] = overlay({**given, "order": name}, own or {})
    return {**values, "recipes": whole}


def overlay(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`below` with the values of `above` laid over it, key by key; null in `above` lets `below` through.

    Settings of a variant stay with it: where `above` names another one, those `below` go; where it names none, they are of the
    one `below`.
    """
    merged = dict(below)
    for key, value in above.items():
        if isinstance(value, Mapping) and isinstance(merged.get(key), Mapping | str):
            there = {"name": merged[key]} if isinstance(merged[key], str) else merged[key]
            is_another = key in FAMILIES and value.get("name") is not None and value["name"] != there.get("name")
            merged[key] = dict(value) if is_another else overlay(there, value)
        elif value is not None or key not in merged:
            merged[key] = value
    return merged
