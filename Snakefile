from snakemake.utils import min_version

min_version("9.18")


configfile: "params.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/rivals.smk"
include: "workflow/rules/prune.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/grid.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        CHECKPOINTS,  # so that a fresh clone, which has tables but no checkpoints, makes them
        f"{RESULTS}/summary.json",
        f"{RESULTS}/report.html",


onstart:
    run_alone()
    start_watch()


onsuccess:
    stop_watch()
    say_where_to_look()


onerror:
    stop_watch()
