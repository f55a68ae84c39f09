"""What is looked at before any work: one run at a time, nothing lost, room enough."""

from snakemake.logging import logger

from exitprune.jobs.alone import described, release, try_to_hold
from exitprune.jobs.disk import check_space
from exitprune.jobs.versions import begun, bring_in, recorded
from exitprune.pruning.in_vain import check_sense
from exitprune.pruning.possible import check_network


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
    known = recorded() | begun()
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
        "grid/*/seed*/base-epoch-*[0-9].safetensors",
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
    """Stop before any work if the network cannot be pruned as asked, or would be in vain, or the disk is too small."""
    try:
        check_network(PARAMS, amount().shape, amount().num_classes)
        check_sense(PARAMS, amount().shape, amount().num_classes)
        check_space(PARAMS, amount(), Path(RUNS))
    except BadInput as error:
        raise WorkflowError(str(error)) from None


if workflow.is_main_process:
    for remark in extent().remarks:
        logger.warning(remark)
    take_stock()
    check_records()
    check_machine()
