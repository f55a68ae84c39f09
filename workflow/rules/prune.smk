"""Pruning: one job per recipe and seed runs all rounds; then recovery fine-tuning.

The levels lie beside levels.json and are not declared: Snakemake would delete them with a killed job, and the next one
goes on from them.
"""


def prune_settings(wildcards):
    return settings(
        "compute",
        base=params_of(wildcards).base.model_dump(),
        architecture=params_of(wildcards).model.architecture,
        prune=recipe_of(wildcards).prune.model_dump(),
        augment=AUGMENT,
    )


def more_networks(wildcards):
    """Networks that a chain needs beside level 0, by the option that takes them."""
    prune, base = recipe_of(wildcards).prune, base_of(wildcards)
    needed = {}
    if prune.heads.when == "after":
        needed["base"] = base
    if isinstance(prune.rewind, int):
        name = f"base-epoch-{prune.rewind}.safetensors"
        needed["snapshot"] = str(Path(base).with_name(name))
    return needed


def recovery_settings(wildcards):
    recipe = recipe_of(wildcards)
    return settings(
        "compute",
        architecture=params_of(wildcards).model.architecture,
        purpose=recipe.order.name,
        augment=AUGMENT,
        recovery=recipe.recovery.model_dump(),
    )


rule prune:
    input:
        data=DATA,
        level0=level0_of,
        more=lambda wildcards: list(more_networks(wildcards).values()),
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
        mem_mb=memory_mb,
        runtime=1440,
    params:
        code=lambda wildcards: code("prune", prune_settings(wildcards)),
        settings=prune_settings,
        more=lambda wildcards: [
            f"--{option}={path}" for option, path in more_networks(wildcards).items()
        ],
    message:
        "Prune, recipe {wildcards.recipe}, seed {wildcards.seed}"
    shell:
        run(
            "prune",
            "{params.more:q}",
            data="input.data",
            level0="input.level0",
            out="output",
            seed="wildcards.seed",
            recipe="wildcards.recipe",
        )


rule recover:
    input:
        data=DATA,
        levels=f"{RUNS}/seed{{seed}}/{{recipe}}/levels.json",
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
        mem_mb=memory_mb,
        runtime=240,
    params:
        code=lambda wildcards: code("recover", recovery_settings(wildcards)),
        settings=recovery_settings,
    message:
        "Recover, recipe {wildcards.recipe}, seed {wildcards.seed}"
    shell:
        run(
            "recover",
            data="input.data",
            levels="input.levels",
            out="output",
            seed="wildcards.seed",
            recipe="wildcards.recipe",
        )
