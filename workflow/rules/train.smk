"""The unpruned network: base training, then exit-head training.

Priorities fall along the flow: long chains start early, short jobs fill the gaps at the end.
"""


def base_settings(wildcards):
    params = params_of(wildcards)
    network = params.model.base
    if "depth" in wildcards.keys():
        network = network.at_depth(int(wildcards.depth))
    return settings(
        "compute",
        base=params.base.model_dump(),
        network=network.model_dump(),
        augment=AUGMENT,
    )


def files_of_network(wildcards):
    return [str(path) for path in params_of(wildcards).model.own.files]


def heads_settings(wildcards):
    params = params_of(wildcards)
    heads = recipe_of(wildcards).heads if "recipe" in wildcards.keys() else params.heads
    return settings(
        "compute",
        model=params.model.model_dump(),
        heads=heads.model_dump(exclude={"when"}),
        augment=AUGMENT,
    )


rule base:
    input:
        data=DATA,
        network=files_of_network,
    output:
        f"{RUNS}/seed{{seed}}/base.safetensors",
    log:
        f"{LOGS}/seed{{seed}}/base.log",
    benchmark:
        f"{RUNS}/benchmarks/base-seed{{seed}}.tsv"
    priority: 5
    threads: PARAMS.compute.threads
    resources:
        gpu=NUM_GPUS,
        mem_mb=memory_mb,
        runtime=1440,
    params:
        code=lambda wildcards: code("base", base_settings(wildcards)),
        settings=base_settings,
        until=lambda wildcards: [],
    message:
        "Train the base network, seed {wildcards.seed}"
    shell:
        run(
            "base",
            "{params.until}",
            data="input.data",
            out="output",
            seed="wildcards.seed",
        )


use rule base as snapshot with:
    output:
        f"{RUNS}/seed{{seed}}/base-epoch-{{epoch}}.safetensors",
    log:
        f"{LOGS}/seed{{seed}}/base-epoch-{{epoch}}.log",
    benchmark:
        f"{RUNS}/benchmarks/base-epoch-{{epoch}}-seed{{seed}}.tsv"
    params:
        code=lambda wildcards: code("base", base_settings(wildcards)),
        settings=base_settings,
        until=lambda wildcards: f"--until {wildcards.epoch}",
    message:
        "Train the first {wildcards.epoch} epochs of the base network, seed {wildcards.seed}"


rule heads:
    input:
        data=DATA,
        base=f"{RUNS}/seed{{seed}}/base.safetensors",
    output:
        f"{RUNS}/seed{{seed}}/level-00.safetensors",
    log:
        f"{LOGS}/seed{{seed}}/heads.log",
    benchmark:
        f"{RUNS}/benchmarks/heads-seed{{seed}}.tsv"
    priority: 4
    threads: PARAMS.compute.threads
    resources:
        gpu=NUM_GPUS,
        mem_mb=memory_mb,
        runtime=240,
    params:
        code=lambda wildcards: code("heads", heads_settings(wildcards)),
        settings=heads_settings,
    message:
        "Train the exit heads, seed {wildcards.seed}"
    shell:
        run(
            "heads",
            data="input.data",
            base="input.base",
            out="output",
            seed="wildcards.seed",
        )


use rule heads as heads_of_recipe with:
    output:
        f"{RUNS}/seed{{seed}}/{{recipe}}/level-00.safetensors",
    log:
        f"{LOGS}/seed{{seed}}/{{recipe}}/heads.log",
    benchmark:
        f"{RUNS}/benchmarks/heads-seed{{seed}}-{{recipe}}.tsv"
    message:
        "Train the exit heads of recipe {wildcards.recipe}, seed {wildcards.seed}"
