"""Parameters, paths and the words that rules are written in."""

import json
import os
import re
import sys
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

sys.path.insert(0, str(Path(workflow.basedir, "src")))
from exitprune.data.amounts import amount_of, extent_of
from exitprune.errors import BadInput
from exitprune.jobs.alone import STORE_VARIABLE, lock_of
from exitprune.jobs.disk import training_memory_mb
from exitprune.jobs.home import check_home
from exitprune.jobs.store import STORE as STORE_FOLDER, Store, clone_of
from exitprune.origin.code import code_digests, sources
from exitprune.origin.digests import fingerprint
from exitprune.config.families import loaded
from exitprune.config.grid import at
from exitprune.config.recipe import NAME
from exitprune.config.study import resolve
from exitprune.variants import names_of

# Jobs find this Python and this checkout's package, whether or not the environment is activated.
os.environ["PATH"] = os.pathsep.join(
    [str(Path(sys.executable).parent), os.environ["PATH"]]
)
# A network of one's own is found where PYTHONPATH says; this file is read again in jobs, which must add nothing.
os.environ["PYTHONPATH"] = os.pathsep.join(
    dict.fromkeys(
        ["src", *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    )
)
STORE = Store(clone_of(Path.cwd()) / STORE_FOLDER)
os.environ[STORE_VARIABLE] = str(STORE.folder)


PRESETS = Path("presets")


def read_params():
    """The study's parameters; a mistake in them is one sentence and no traceback."""
    try:
        check_home()
        return resolve(config, PRESETS)
    except BadInput as error:
        raise WorkflowError(str(error)) from None


PARAMS = read_params()
STUDY = PARAMS.study
RUNS = (
    f"runs/{STUDY}"  # data, checkpoints, logits: large; DVC keeps a copy in versioned/
)
RESULTS = f"results/{STUDY}"  # tables, figures, report: small, versioned by git
LOGS = f"logs/{STUDY}"
RUNNING = lock_of(STUDY)
DATA = f"{RUNS}/data.safetensors"
# no parameter of a rule: equal images elsewhere are the same images
DATA_PATH = PARAMS.data.path or ""
AUGMENT = PARAMS.data.augment.model_dump()
NUM_GPUS = 0 if PARAMS.compute.device == "cpu" else 1
FIGURES = names_of("figures")
CHAINS = expand("seed{seed}/{recipe}", seed=PARAMS.seeds, recipe=PARAMS.recipes)
CHECKPOINTS = [
    *expand(f"{RUNS}/seed{{seed}}/level-00.safetensors", seed=PARAMS.seeds),
    *expand(f"{RUNS}/{{chain}}/levels.json", chain=CHAINS),
    *expand(f"{RUNS}/{{chain}}/recovered.safetensors", chain=CHAINS),
]


wildcard_constraints:
    seed=r"\d+",
    depth=r"\d+",
    epoch=r"\d+",
    point="|".join(map(re.escape, PARAMS.grid.points)),
    recipe=NAME,
    figure="|".join(FIGURES),


def settings(*names, **more):
    """The named parameters as JSON for a stage: a rule reruns when one of these changes, not when another does."""
    return json.dumps({**PARAMS.model_dump(include=set(names)), **more})


def params_of(wildcards):
    """The study's parameters, or those at a point of its grid."""
    return params_at(wildcards.point) if "point" in wildcards.keys() else PARAMS


@cache
def params_at(point):
    """At a point of the grid; what does not fit together there is one sentence."""
    try:
        return resolve(at(config, PARAMS.grid.points[point]), PRESETS)
    except BadInput as error:
        raise WorkflowError(f"grid: {point}: {error}") from None


def recipe_of(wildcards):
    """The recipe that a chain's path names."""
    return params_of(wildcards).recipes[wildcards.recipe]


def base_of(wildcards):
    """The base network of a chain: the study's, unless a point of the grid trains its own."""
    params = params_of(wildcards)
    is_own = (params.model.base, params.base) != (PARAMS.model.base, PARAMS.base)
    folder = "grid/{point}/seed{seed}" if is_own else "seed{seed}"
    return f"{RUNS}/{folder}/base.safetensors".format(**wildcards)


def level0_of(wildcards):
    """The unpruned network of a chain: its study's or point's, unless the recipe trains its heads otherwise."""
    own, shared = (
        one.heads.model_dump(exclude={"when"})
        for one in (recipe_of(wildcards), params_of(wildcards))
    )
    folder = "seed{seed}" if own == shared else "seed{seed}/{recipe}"
    if "point" in wildcards.keys():
        folder = "grid/{point}/" + folder
    return f"{RUNS}/{folder}/level-00.safetensors".format(**wildcards)


@cache
def code(stage, told):
    """The meaning of the code of a stage with these settings, as a parameter: a comment or a checkout reruns nothing."""
    return fingerprint(code_digests([stage], *loaded(json.loads(told))))


def source_files(stage, told="{}", *variants):
    """The source files of a stage as inputs, compared by content: of rules whose texts show and that take seconds."""
    variants += tuple(loaded(json.loads(told)))
    return [os.path.relpath(path) for path in sources(stage, *variants)]


def run(stage, *more, **options):
    """The shell line of a stage: its settings, and each option with where its value comes from."""
    told = [f"--{option} {{{source}:q}}" for option, source in options.items()]
    line = [
        "python -m exitprune --log {log:q}",
        stage,
        "--settings {params.settings:q}",
        *told,
        *more,
    ]
    return " ".join(line)


def data_files(pattern):
    """Files of the package that are not code, as inputs."""
    return sorted(map(str, Path("src/exitprune").glob(pattern)))


@cache
def extent():
    """How many images there are and their digest, so that others are noticed; a mistake in them is one sentence."""
    try:
        return extent_of(PARAMS.data)
    except BadInput as error:
        raise WorkflowError(str(error)) from None


def amount():
    """How much the images take."""
    return amount_of(PARAMS.data, extent())


def memory_mb(wildcards, input):
    """What a job on prepared images asks a cluster for."""
    return training_memory_mb(input.size_mb)
