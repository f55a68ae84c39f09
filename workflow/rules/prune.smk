"""Pruning, both orders: one job per order and seed runs all rounds; then recovery fine-tuning.

The levels lie beside levels.json and are not declared: Snakemake would delete them with a killed job, and the next one
goes on from them.
"""


rule prune:
    input:
        data=DATA,
        level0=f"{RUNS}/seed{{seed}}/level-00.safetensors",
        code=lambda wildcards: code("prune", *PARAMS.prune.variants(wildcards.order)),
    output:
        f"{RUNS}/seed{{seed}}/{{order}}/levels.json",
    log:
        f"{LOGS}/seed{{seed}}/{{order}}/prune.log",
    benchmark:
        f"{RUNS}/benchmarks/prune-seed{{seed}}-{{order}}.tsv"
    priority: 3
    threads: PARAMS.compute.threads
    resources:
        gpu=NUM_GPUS,
        mem_mb=4000,
        runtime=1440,
    params:
        settings=settings(
            "finetune", "compute", prune=PARAMS.prune.model_dump(), augment=AUGMENT
        ),
    message:
        "Prune, order {wildcards.order}, seed {wildcards.seed}"
    shell:
        "python -m exitprune --log {log:q} prune --settings {params.settings:q}"
        " --data {input.data:q} --level0 {input.level0:q} --out {output:q}"
        " --seed {wildcards.seed} --order {wildcards.order}"


rule recover:
    input:
        data=DATA,
        levels=f"{RUNS}/seed{{seed}}/{{order}}/levels.json",
        code=code("recover"),
    output:
        f"{RUNS}/seed{{seed}}/{{order}}/recovered.safetensors",
    log:
        f"{LOGS}/seed{{seed}}/{{order}}/recover.log",
    benchmark:
        f"{RUNS}/benchmarks/recover-seed{{seed}}-{{order}}.tsv"
    priority: 2
    threads: PARAMS.compute.threads
    resources:
        gpu=NUM_GPUS,
        mem_mb=4000,
        runtime=240,
    params:
        settings=settings("recovery", "compute", augment=AUGMENT),
    message:
        "Recover, order {wildcards.order}, seed {wildcards.seed}"
    shell:
        "python -m exitprune --log {log:q} recover --settings {params.settings:q}"
        " --data {input.data:q} --levels {input.levels:q} --out {output:q}"
        " --seed {wildcards.seed} --order {wildcards.order}"
