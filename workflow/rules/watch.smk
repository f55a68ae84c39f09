"""While a study runs: a start that jobs share, and a line that says how far it is."""

from snakemake.logging import logger
from snakemake.settings.enums import Quietness

from exitprune.jobs.disk import needed_bytes
from exitprune.jobs.estimate import sizes_of
from exitprune.jobs.shared_start import share
from exitprune.jobs.study_progress import plan_of, promise
from exitprune.jobs.study_watch import Watch

WATCHES = []  # the one that says how far the study is, while it runs
SHARED = []  # the process whose forks are jobs


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
    """The last lines on the terminal, if it was the whole study that ran, or nothing was left to do."""
    page = Path(RESULTS, "report.html")
    ran = {job.rule.name for job in workflow.dag.jobs if workflow.dag.finished(job)}
    if page.exists() and (not ran or "report" in ran):
        print(f"Study {STUDY}: open {page.resolve()}")
