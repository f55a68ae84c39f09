"""Parameters, paths and guards that the rules share."""

import json
import os
import re
import sys
import time
from functools import cache
from itertools import product
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.settings.enums import Quietness

sys.path.insert(0, str(Path(workflow.basedir, "src")))
from exitprune.data.amounts import amount_of, extent_of
from exitprune.jobs.disk import check_space, data_memory_mb, needed_bytes
from exitprune.jobs.estimate import sizes_of
from exitprune.pruning.possible import check_network
from exitprune.jobs.ingredients import ingredients
from exitprune.errors import BadInput
from exitprune.jobs.alone import STORE_VARIABLE, described, release, try_to_hold
from exitprune.jobs.store import STORE as STORE_FOLDER, Store, clone_of
from exitprune.evaluation.record_reading import read_own
from exitprune.evaluation.records import FILE, INT8, SWEPT, name_of
from exitprune.jobs.provenance import sources
from exitprune.jobs.record_fit import (
    aside_of,
    is_replaceable,
    keep_aside,
    misfit,
    refusal,
    replacement,
)
from exitprune.jobs.shared_start import share
from exitprune.jobs.study_progress import plan_of, promise
from exitprune.jobs.study_watch import Watch
from exitprune.config.families import loaded
from exitprune.config.grid import at
from exitprune.evaluation.paper import is_papers_network
from exitprune.config.recipe import NAME
from exitprune.jobs.versions import bring_in, recorded
from exitprune.config.study import resolve
from exitprune.reporting.declared import figures_with_a_table, table_names
from exitprune.variants import names_of

# Jobs find this Python and this checkout's package, whether or not the environment is activated.
os.environ["PATH"] = os.pathsep.join(
    [str(Path(sys.executable).parent), os.environ["PATH"]]
)
os.environ["PYTHONPATH"] = "src"
STORE = Store(clone_of(Path.cwd()) / STORE_FOLDER)
os.environ[STORE_VARIABLE] = str(STORE.folder)


PRESETS = Path("presets")


def read_params():
    """The study's parameters; a mistake in them is one sentence and no traceback."""
    try:
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
RUNNING = Path(".snakemake", "running", STUDY)  # locked while the study runs here
DATA = f"{RUNS}/data.safetensors"
# no parameter of a rule: equal images elsewhere are the same images
DATA_PATH = PARAMS.data.path or ""
AUGMENT = PARAMS.data.augment.model_dump()
NUM_GPUS = 0 if PARAMS.compute.device == "cpu" else 1
SHARED = []  # the process whose forks are jobs
WATCHES = []  # the one that says how far the study is, while it runs
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


def code(stage, told="{}", *variants):
    """The source files of a stage with these settings as inputs: compared by content, so an edit reruns the rule and a
    checkout does not."""
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


def take_stock():
    """Keep what is there, and bring in what DVC has checked out since the last time; not while a run is at work on it."""
    if try_to_hold(RUNNING) is not None:
        return
    try:
        for path in Path(RUNS).rglob("*.safetensors"):
            STORE.adopt(path)
        if num_files := bring_in(STUDY, STORE):
            print(
                f"{RUNS}: {num_files} files are now as DVC has checked them out",
                file=sys.stderr,
            )
    except BadInput as error:
        raise WorkflowError(str(error)) from None
    finally:
        release(RUNNING)


def run_alone():
    """Hold the study until Snakemake ends, however it ends; say so if another run holds it."""
    if (other := try_to_hold(RUNNING)) is not None:
        raise WorkflowError(
            f"The study {STUDY} is still running here: {described(other)}. Wait until it ends, or stop it with"
            f" kill {other.get('pid', 'PID')}, which lets the jobs at work end first (Ctrl-C, where it was started, does not);"
            " what it has finished is kept, and the same command goes on from there."
        )


def check_records():
    """Stop if results are there and Snakemake's records of them are not: it could not see a changed parameter."""
    known = recorded(Path(".snakemake/metadata")) | recorded(
        Path(".snakemake/incomplete")
    )
    patterns = [
        "data.safetensors",
        "seed*/base.safetensors",
        "seed*/rival-*[0-9].safetensors",
        "seed*/rival-*-longer.safetensors",
        "seed*/rival-*/*/levels.json",
        "seed*/rival-*/*/recovered.safetensors",
        "seed*/level-00.safetensors",
        "seed*/base-epoch-*[0-9].safetensors",
        "seed*/*/level-00.safetensors",
        "seed*/*/levels.json",
        "seed*/*/recovered.safetensors",
        "grid/*/seed*/base.safetensors",
        "grid/*/seed*/level-00.safetensors",
        "grid/*/seed*/*/level-00.safetensors",
        "grid/*/seed*/*/levels.json",
    ]
    there = [str(path) for pattern in patterns for path in Path(RUNS).glob(pattern)]
    lost = sorted(set(there) - known)
    if lost:
        raise WorkflowError(
            f"Snakemake's records of {lost[0]} and {len(lost) - 1} other files are missing, so nobody can tell whether they"
            f" fit the parameters: move {RUNS} away and run again; what {STORE_FOLDER} holds is not computed twice."
        )


def check_machine():
    """Stop before any work if the network cannot be pruned as asked, or the disk is too small."""
    try:
        check_network(PARAMS, amount().shape, amount().num_classes)
        check_space(PARAMS, amount(), Path(RUNS))
    except BadInput as error:
        raise WorkflowError(str(error)) from None


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
        keep_aside(folder, STORE.folder)


def share_start():
    """Let the jobs of many chains share what a start imports; it ends with this process."""
    socket_ = RUNNING.with_name(f"{STUDY}.socket")
    num_chains = 0 if PARAMS.compute.compile else len(CHAINS)
    SHARED.append(share(socket_, num_chains, PARAMS.compute.threads))


def start_watch():
    """Say what is planned, then how far it is, until the study ends."""
    if {Quietness.ALL, Quietness.PROGRESS} & set(workflow.output_settings.quiet or ()):
        return
    plan = plan_of(
        workflow.dag, PARAMS, sizes_of(PARAMS, Path(RUNS, "data.json"), amount())
    )
    if not plan:
        return
    num_cores = workflow.global_resources["_cores"].value or workflow.nodes or 1
    print(
        promise(STUDY, plan, num_cores, needed_bytes(PARAMS, amount())), file=sys.stderr
    )
    WATCHES.append(Watch(STUDY, plan, num_cores, logger))
    WATCHES[0].start()


def stop_watch():
    """Also says how long it took."""
    if WATCHES:
        print(f"{STUDY}: ended after {WATCHES.pop().stop():.0f} s", file=sys.stderr)


def say_where_to_look():
    """The last lines on the terminal, if it was the whole study that ran."""
    page = Path(RESULTS, "report.html")
    if page.exists():
        print(f"Study {STUDY}: open {page.resolve()}")


if workflow.is_main_process:
    for remark in extent().remarks:
        logger.warning(remark)
    take_stock()
    check_records()
    check_machine()
