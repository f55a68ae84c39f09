"""How long a study will about take, said before anything has been measured on the machine at hand.

Two numbers were fitted to one machine (docs/performance.md: two cores of a Xeon, ResNet-56 at 8 x 8 and at 32 x 32); other
processors took between 0.8 times and twice as long. Once a study trains, `study_progress` goes by what it sees instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from exitprune.config.choice import made
from exitprune.config.params import Params
from exitprune.config.training import Heads
from exitprune.documents import checked, read_json
from exitprune.errors import BadInput
from exitprune.jobs.disk import Amount
from exitprune.jobs.network_size import size_of

START = 4.0  # seconds until a job that needs torch has imported it and made its first step
SHORT = {"figure": 2.0, "report": 4.0, "data": 4.0, "tables": 4.0}  # seconds of jobs that neither train nor infer
PER_LAYER = 29e-6  # core seconds of one layer and image of a training step, whatever the size of the map
PER_MAC = 15.5e-12  # core seconds of one multiply-accumulate in float32
LAYER_MACS = 2304  # 3 x 3 convolution, 16 to 16 channels, per position of the first map; later stages cost the same
FORWARD = 1 / 3  # of a training step
FROZEN = 0.4  # of a training step, where only the exits learn


@dataclass(frozen=True)
class Work:
    """What a job will do: images it trains on or infers, each as often as it is seen, and seconds when it runs alone."""

    images: int
    seconds: float


@dataclass(frozen=True)
class Sizes:
    """How many images there are to train on, to validate and to test with, and their side in pixels."""

    train: int
    validation: int
    test: int
    side: float


class Prepared(BaseModel):
    """What the manifest of prepared images says of their numbers and size."""

    counts: dict[Literal["train", "validation", "test"], dict[str, int]] = Field(min_length=3)
    height: int
    width: int


def sizes_of(params: Params, manifest: Path, amount: Amount) -> Sizes:
    """From the manifest of the prepared data if it is there and whole, else from what the source is known to have."""
    with suppress(BadInput):
        about = checked(Prepared, read_json(manifest), manifest)
        counts = {split: sum(of_class.values()) for split, of_class in about.counts.items()}
        side = (about.height * about.width) ** 0.5
        return Sizes(counts["train"], counts["validation"], counts["test"], side)
    train, test = amount.num_images - amount.num_test, amount.num_test
    side = (amount.shape[1] * amount.shape[2]) ** 0.5
    if not test:
        test = round((params.data.test or 0) * train)
        train -= test
    most = params.data.limit if isinstance(params.data.limit, int) else train
    train, test = min(train, most), min(test, most)
    validation = round(params.data.validation * train)
    return Sizes(train - validation, validation, test, side)


def work_of(rule: str, wildcards: Mapping[str, str], params: Params, sizes: Sizes) -> Work:
    """What a job of a rule will about do; rules that are not known count as short.

    Args:
        rule: of the workflow; those of the grid are named after the rule that they follow.
        wildcards: of the job.
        params: of the study.
        sizes: of its data.
    """
    rule = rule.removeprefix("grid_").removeprefix("rival_")
    first = next(iter(params.recipes.values()))
    recipe = params.recipes.get(wildcards.get("recipe", ""), first)
    network = params.model.base if "depth" not in wildcards else params.model.base.at_depth(int(wildcards["depth"]))
    layers = size_of(network).layers
    base, longest = params.base.epochs, max(map(params.epochs, params.rival_recipes), default=0)
    rewind = recipe.rewind if isinstance(recipe.rewind, int) else 0
    trained: dict[str, list[tuple[str, float]]] = {
        "base": [("all", base)],
        "snapshot": [("all", int(wildcards.get("epoch", rewind)))],
        "rival": [("all", base)],
        "longer": [("all", longest)],
        "heads": [_of_heads(params.heads)],
        "heads_of_recipe": [_of_heads(recipe.heads)],
        "prune": params.rounds_of(recipe),
        "recover": [("all", recipe.recovery.epochs)],
    }
    if made("starts", recipe.start).watches:  # both go on within the rounds
        trained["prune"] += [("all", base), _of_heads(recipe.heads)]
    if rule in trained:
        num_epochs = sum(epochs for _, epochs in trained[rule])
        whole = sum(epochs * (FROZEN if group == "exits" else 1.0) for group, epochs in trained[rule])
        images, share = round(num_epochs * sizes.train), whole / max(num_epochs, 1e-9)
    elif rule == "evaluate":
        between = params.evaluate.between  # of validation, for levels that are neither first nor last nor recovered
        sampled = min(between, sizes.validation) if isinstance(between, int) else between * sizes.validation
        levels_between = len(trained["prune"]) - 1
        images, share = 3 * (sizes.validation + sizes.test) + round(levels_between * sampled), FORWARD
    else:
        return Work(0, SHORT.get(rule, START))
    per_image = layers * (PER_LAYER + 3 * LAYER_MACS * sizes.side**2 * PER_MAC)
    faster = params.compute.threads * (2 if params.compute.precision == "bfloat16" and rule != "evaluate" else 1)
    return Work(images, START + images * share * per_image / faster)


def _of_heads(heads: Heads) -> tuple[str, float]:
    """The group that training the heads trains, and for how many epochs."""
    return "exits" if heads.train == "frozen" else "all", heads.epochs
