"""Methods side by side: what each reaches in either order, and for which of them pruning everything at once wins.

Tables are tidy: one row is one observation, accuracy a fraction on test images, MACs per image. A recipe of these studies is
called METHOD-ORDER. Nothing here reads or writes files.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, BeforeValidator

from exitprune.config.choice import Choice, made, of
from exitprune.config.model import Model
from exitprune.documents import checked
from exitprune.evaluation import comparisons
from exitprune.evaluation.claims import holm
from exitprune.evaluation.comparisons import Network, Quantity
from exitprune.evaluation.crossed import crossed
from exitprune.evaluation.records import About, Level, Record
from exitprune.evaluation.statistics import Floats
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.masks import full_masks
from exitprune.shapes_only import shapes_only

QUANTITIES: dict[str, Quantity] = {"classifier": comparisons.deepest_exit, "early_exits": comparisons.early_exits}
"""Accuracy of the base network's classifier, and the mean of the early exits', were all images to leave there."""
MEASURES = tuple(QUANTITIES)
ORDERS = ("joint", "sequential")
KEYS = ["gone", "method"]
VERDICTS = ("joint", "sequential", "none told", "cannot tell")


Name = Annotated[str, BeforeValidator(lambda told: told.get("name") if isinstance(told, dict) else told)]
"""Of a variant, whether or not something of it is set."""


class Pruned(BaseModel):
    """The settings of a record that are looked at here."""

    sparsity: float
    model: Model
    granularity: Annotated[Choice, of("granularities")]
    order: Name
    start: Name
    criterion: Name
    schedule: Name
    scope: Name
    ending: Name


def settings_of(about: About) -> Pruned:
    """What a record says of how its network was pruned.

    Raises:
        BadInput: if it does not say so.
    """
    return checked(Pruned, about.made_of.settings, f"the record of {about.recipe}: made_of.settings")


def method_of(about: About) -> str:
    """The method that a record is of: its recipe is called METHOD-ORDER."""
    return about.recipe.removesuffix(f"-{settings_of(about).order}")


def runs(abouts: Sequence[About]) -> pd.DataFrame:
    """One row per record, after recovery: what was to go and what is gone, accuracies, those of the unpruned network before any
    round, MACs that are not of zeros, layers that have no weight left, and the digest of the network before recovery."""
    rows = []
    for about in abouts:
        settings, level = settings_of(about), about.levels[-1]
        accuracies = {
            of: dict(zip(MEASURES, measured(one), strict=True))
            for of, one in (("", level), ("unpruned_", about.levels[0]))
        }
        rows.append(
            {
                "gone": settings.sparsity,
                "method": method_of(about),
                "order": settings.order,
                "seed": about.seed,
                **{of + measure: value for of, values in accuracies.items() for measure, value in values.items()},
                "macs": level.macs[-1],
                "macs_dense": level.macs_dense[-1],
                "sparsity": level.sparsity["all"],
                "sparsity_base": level.sparsity["base"],
                "sparsity_exits": level.sparsity["exits"],
                "units_gone": units_gone(about),
                "per_image": isinstance(level.macs[-1], float),
                "emptied": " ".join(layer.layer for layer in about.layers if not layer.kept),
                "final": about.levels[-2].weights_sha256[:16],
            }
        )
    return pd.DataFrame(rows).sort_values([*KEYS, "order", "seed"], ignore_index=True)


def measured(level: Level) -> tuple[float, float]:
    """Of a level: what `MEASURES` names, of test images."""
    *early, classifier = level.accuracy["test"]
    return classifier, sum(early) / len(early)


def units_gone(about: About) -> float:
    """Share of what the granularity takes as one (weights, filters, blocks) that is gone after the last round.

    Of a layer's filters as large a share is gone as of its weights. That is exact where what the layer reads keeps its width, as
    in residual blocks, and of weights and blocks always.
    """
    settings, data = settings_of(about), about.data
    told = json.dumps([settings.model.model_dump(), settings.granularity.model_dump()], sort_keys=True)
    numbers = _units(told, data["channels"], data["height"], data["width"], len(data["classes"]))
    kept = {layer.layer: layer.kept / layer.weights for layer in about.layers}
    return 1 - sum(number * kept[layer] for layer, number in numbers.items()) / sum(numbers.values())


@cache
def _units(settings: str, channels: int, height: int, width: int, classes: int) -> dict[str, int]:
    """How many units each layer has; no weight is drawn for it."""
    told, granularity = json.loads(settings)
    model, named = Model.model_validate(told), granularity if isinstance(granularity, dict) else {"name": granularity}
    with shapes_only():
        spec = Spec(
            model.architecture, model.settings, channels, height, width, classes, tuple(model.exits), model.pool
        )
        network = EarlyExitNetwork(spec)
        units = made("granularities", Choice(**named)).unit_masks(network, full_masks(network))
    return {layer: mask.numel() for layer, mask in units.items()}


def means(table: pd.DataFrame) -> pd.DataFrame:
    """Means over the seeds of `runs` that both orders have, if any, with the sample deviation of accuracies."""
    is_pair = table.groupby([*KEYS, "seed"])["order"].transform("nunique") > 1
    has_pairs = is_pair.groupby([table[key] for key in KEYS]).transform("any")
    grouped = table[is_pair | ~has_pairs].groupby([*KEYS, "order"])
    gone = ["sparsity", "sparsity_base", "sparsity_exits", "units_gone"]
    mean = grouped[[*MEASURES, "macs", "macs_dense", *gone]].mean()
    deviation = grouped[list(MEASURES)].std().add_suffix("_std")
    counts = grouped.agg(num_seeds=("seed", "nunique"), per_image=("per_image", "all"))
    return mean.join([deviation, counts]).reset_index()


def differences(records: Sequence[Record], confidence: float) -> pd.DataFrame:
    """Joint less sequential per method, share and measure, with its interval over seeds and test images and what it says.

    Args:
        records: of all methods.
        confidence: of the interval, in (0, 1).

    Returns:
        `std` is over seeds. `better` is what the interval says by itself. `p` is the p-value of the difference, see `crossed`,
        `p_corrected` the same corrected by Holm for all rows of the measure, and `holds` whether `better` is left after that.
    """
    rows = []
    for (gone, method), there in sorted(recovered_networks(records).items()):
        joint, sequential = ({seed: one for (of, seed), one in there.items() if of == order} for order in ORDERS)
        seeds = sorted(joint.keys() & sequential.keys())
        for measure, quantity in QUANTITIES.items():
            pairs = [quantity(joint[seed], sequential[seed]) for seed in seeds]
            said = told_of([pair.differences for pair in pairs if pair is not None], confidence)
            rows.append({"gone": gone, "method": method, "measure": measure, **said})
    made = pd.DataFrame(rows)
    made["p_corrected"] = made.groupby("measure")["p"].transform(lambda p: holm(p.to_numpy()))
    made["holds"] = made["p_corrected"] < 1 - confidence
    return made


def recovered_networks(records: Sequence[Record]) -> dict[tuple[float, str], dict[tuple[str, int], Network]]:
    """Recovered networks by order and seed, of each share that was to go and method."""
    networks: dict[tuple[float, str], dict[tuple[str, int], Network]] = {}
    for record in records:
        about, outcomes = record.about, record.outcomes["recovered"]
        settings = settings_of(about)
        of_method = networks.setdefault((settings.sparsity, method_of(about)), {})
        of_method[settings.order, about.seed] = Network(outcomes["validation"], outcomes["test"])
    return networks


def told_of(pairs: Sequence[Floats], confidence: float) -> dict[str, Any]:
    """What the pairs of seeds, each with its difference on each group of test images, say together: see `differences`."""
    if not pairs:
        nothing = dict.fromkeys(("difference", "std", "low", "high"), math.nan)
        return {**nothing, "num_seeds": 0, "better": "cannot tell", "p": math.nan}
    each = np.array(pairs)
    found = crossed(each)
    low, high = map(float, found.interval(confidence))
    verdict = "cannot tell" if math.isnan(low) else "none told"  # of one seed, or if all seeds agree
    verdict = "joint" if low > 0 else "sequential" if high < 0 else verdict
    std = float(each.mean(1).std(ddof=1)) if len(each) > 1 else math.nan
    row = {"difference": float(found.mean), "std": std, "low": low, "high": high, "num_seeds": len(each)}
    return {**row, "better": verdict, "p": float(found.p_different)}


def headline(table: pd.DataFrame, measure: str = MEASURES[0]) -> dict[str, list[str]]:
    """Methods by what `differences` says of a measure; a method is named once per share at which it says so."""
    ours = table[table["measure"] == measure]
    return {
        verdict: [f"{row.method} at {row.gone:g}" for row in ours[ours["better"] == verdict].itertuples()]
        for verdict in VERDICTS
    }
