"""Pruning: one job per recipe and seed runs all rounds; then recovery fine-tuning.

The levels lie beside levels.json and are not declared: Snakemake would delete them with a killed job, and the next one
goes on from them.
"""


rule prune:
    input:
        data=DATA,
        level0=f"{RUNS}/seed{{seed}}/level-00.safetensors",
        code=lambda wildcards: code("prune", *recipe_of(wildcards).variants()),
    output:
        f"{RUNS}/seed{{seed}}/{{recipe}}/levels.json",
    log:
        f"{LOGS}/seed{{seed}}/{{recipe}}/prune.log",
    benchmark:
        f"{RUNS}/benchmarks/prune-seed{{seed}}-{{recipe}}.tsv"
    priority: 3
    threads: PARAMS.compute.threads
    resources:
        gpu=NUM_GPUS,
        mem_mb=4000,
        runtime=1440,
    params:
        settings=lambda wildcards: settings(
            "compute",
            augment=AUGMENT,
            prune=recipe_of(wildcards).prune.model_dump(),
        ),
    message:
        "Prune, recipe {wildcards.recipe}, seed {wildcards.seed}"
    shell:
        "python -m exitprune --log {log:q} prune --settings {params.settings:q}"
        " --data {input.data:q} --level0 {input.level0:q} --out {output:q}"
        " --seed {wildcards.seed} --recipe {wildcards.recipe}"


rule recover:
    input:
        data=DATA,
        levels=f"{RUNS}/seed{{seed}}/{{recipe}}/levels.json",
        code=code("recover"),
    output:
        f"{RUNS}/seed{{seed}}/{{recipe}}/recovered.safetensors",
    log:
        f"{LOGS}/seed{{seed}}/{{recipe}}/recover.log",
    benchmark:
        f"{RUNS}/benchmarks/recover-seed{{seed}}-{{recipe}}.tsv"
    priority: 2
    threads: PARAMS.compute.threads
    resources:
        gpu=NUM_GPUS,
        mem_mb=4000,
        runtime=240,
    params:
        settings=lambda wildcards: settings(
            "compute",
            augment=AUGMENT,
            **recipe_of(wildcards).model_dump(include={"order", "recovery"}),
        ),
    message:
        "Recover, recipe {wildcards.recipe}, seed {wildcards.seed}"
    shell:
        "python -m exitprune --log {log:q} recover --settings {params.settings:q}"
        " --data {input.data:q} --levels {input.levels:q} --out {output:q}"
        " --seed {wildcards.seed} --recipe {wildcards.recipe}"
