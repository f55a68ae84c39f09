from snakemake.utils import min_version

min_version("9.18")


include: "workflow/rules/parameters.smk"


configfile: "params.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/records.smk"
include: "workflow/rules/guards.smk"
include: "workflow/rules/watch.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/prune.smk"
include: "workflow/rules/rivals.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/grid.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/methods.smk"
include: "workflow/rules/docs.smk"


rule all:
    default_target: True
    input:
        RECORD_FILES,
        OUTCOMES,
        TABLES,
        PICTURES,
        f"{RESULTS}/summary.json",
        f"{RESULTS}/metrics.json",
        f"{RESULTS}/report.html",


rule checkpoints:
    # The networks themselves, also of seeds whose records are there.
    input:
        CHECKPOINTS,


onstart:
    run_alone()
    keep_replaced()
    share_start()
    start_watch()


onsuccess:
    stop_watch()
    say_where_to_look()


onerror:
    stop_watch()
