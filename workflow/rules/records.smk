"""Records: which of those that are there count, and which are computed anew."""

import re
import time
from itertools import product

from snakemake.logging import logger

from exitprune.evaluation.record_reading import read_own
from exitprune.evaluation.records import FILE, name_of
from exitprune.origin.ingredients import ingredients
from exitprune.origin.record_fit import (
    aside_of,
    is_replaceable,
    keep_aside,
    misfit,
    refusal,
    replacement,
)


def record_of(seed, recipe):
    """The folder of a record."""
    return f"{RESULTS}/seeds/{name_of(seed, recipe)}"


@cache
def made_of(recipe):
    """What a record of the recipe is to be made of."""
    return ingredients(PARAMS, recipe, extent().digest)


def anew_of(folder):
    """A file newer than a record that is computed anew: that its checkpoints are missing is no reason to Snakemake."""
    return Path(".snakemake", "anew", STUDY, folder.name)


def sort_records():
    """Which records that are there count, and which are computed anew; stop at one that is neither.

    A record that counts is an input as images are: no rule makes it, so nothing that it was made from is asked for.
    """
    for seed, recipe in product(PARAMS.seeds, PARAMS.recipes):
        folder = Path(record_of(seed, recipe))
        if not (folder / FILE).exists():
            continue
        try:
            why = misfit(folder, made_of(recipe), PARAMS.other_code, PARAMS.records)
            if why is None and workflow.is_main_process:
                read_own(
                    folder
                )  # a damaged one is told of now, not once the other seeds are trained
        except BadInput as error:
            raise WorkflowError(str(error)) from None
        if why is None:
            COUNTED.append(folder.name)
        elif not workflow.is_main_process:
            continue
        elif is_replaceable(folder):
            REPLACED.append(folder)
            anew_of(folder).parent.mkdir(parents=True, exist_ok=True)
            anew_of(folder).write_text(str(time.time_ns()))
            logger.warning(replacement(folder, why, aside_of(folder, STORE.folder)))
        else:
            raise WorkflowError(refusal(folder, why))


COUNTED = []  # names of the records that count as they are
REPLACED = []  # folders of the records that are computed anew
sort_records()
RECORDS = expand(
    f"{RESULTS}/seeds/{{seed}}-{{recipe}}", seed=PARAMS.seeds, recipe=PARAMS.recipes
)
# A seed whose record counts is no seed of the rule that makes records.
UNCOUNTED = rf"(?!(?:{'|'.join(map(re.escape, COUNTED))})/)\d+" if COUNTED else r"\d+"


def keep_replaced():
    """Nothing that was computed is lost: what a run is about to write over is copied first."""
    for folder in REPLACED:
        try:
            keep_aside(folder, STORE.folder)
        except BadInput as error:
            raise WorkflowError(str(error)) from None
