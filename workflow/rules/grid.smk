"""A search among settings, on validation images and with seeds of its own: `snakemake grid`."""

from exitprune.evaluation.paper import is_papers_network

GRID = f"{RUNS}/grid/{{point}}/seed{{seed}}"


use rule base as grid_base with:
    output:
        f"{GRID}/base.safetensors",
    log:
        f"{LOGS}/grid/{{point}}/seed{{seed}}/base.log",
    benchmark:
        f"{RUNS}/benchmarks/grid/{{point}}/base-seed{{seed}}.tsv"
    message:
        "Train the base network at {wildcards.point}, seed {wildcards.seed}"


use rule snapshot as grid_snapshot with:
    output:
        f"{GRID}/base-epoch-{{epoch}}.safetensors",
    log:
        f"{LOGS}/grid/{{point}}/seed{{seed}}/base-epoch-{{epoch}}.log",
    benchmark:
        f"{RUNS}/benchmarks/grid/{{point}}/base-epoch-{{epoch}}-seed{{seed}}.tsv"
    message:
        "Train the first {wildcards.epoch} epochs of the base network at {wildcards.point}, seed {wildcards.seed}"


use rule heads as grid_heads with:
    input:
        data=DATA,
        base=lambda wildcards: base_of(wildcards),
    output:
        f"{GRID}/level-00.safetensors",
    log:
        f"{LOGS}/grid/{{point}}/seed{{seed}}/heads.log",
    benchmark:
        f"{RUNS}/benchmarks/grid/{{point}}/heads-seed{{seed}}.tsv"
    message:
        "Train the exit heads at {wildcards.point}, seed {wildcards.seed}"


use rule grid_heads as grid_heads_of_recipe with:
    output:
        f"{GRID}/{{recipe}}/level-00.safetensors",
    log:
        f"{LOGS}/grid/{{point}}/seed{{seed}}/{{recipe}}/heads.log",
    benchmark:
        f"{RUNS}/benchmarks/grid/{{point}}/heads-seed{{seed}}-{{recipe}}.tsv"
    message:
        "Train the exit heads of recipe {wildcards.recipe} at {wildcards.point}, seed {wildcards.seed}"


use rule prune as grid_prune with:
    output:
        f"{GRID}/{{recipe}}/levels.json",
    log:
        f"{LOGS}/grid/{{point}}/seed{{seed}}/{{recipe}}/prune.log",
    benchmark:
        f"{RUNS}/benchmarks/grid/{{point}}/prune-seed{{seed}}-{{recipe}}.tsv"
    message:
        "Prune at {wildcards.point}, recipe {wildcards.recipe}, seed {wildcards.seed}"


class At(dict):
    """A chain of the grid as wildcards name it."""

    __getattr__ = dict.__getitem__


GRID_CHAINS = [
    At(point=point, recipe=recipe, seed=seed)
    for point in PARAMS.grid.points
    for recipe in PARAMS.recipes
    for seed in PARAMS.grid.seeds
]


def grid_settings(wildcards):
    chains = [
        {
            **chain,
            "point": PARAMS.grid.points[chain.point],
            "papers_network": is_papers_network(params_of(chain).model),
        }
        for chain in GRID_CHAINS
    ]
    return settings(
        "compute",
        architecture=PARAMS.model.architecture,
        chains=chains,
    )


rule grid:
    input:
        data=DATA,
        levels=[f"{GRID}/{{recipe}}/levels.json".format(**one) for one in GRID_CHAINS],
        level0=lambda wildcards: [level0_of(chain) for chain in GRID_CHAINS],
        code=lambda wildcards: [
            *source_files("grid", grid_settings(wildcards)),
            *data_files("evaluation/papers_numbers/*.csv"),
        ],
    output:
        f"{RESULTS}/grid.csv",
    log:
        f"{LOGS}/grid.log",
    threads: PARAMS.compute.threads
    resources:
        gpu=NUM_GPUS,
        mem_mb=4000,
        runtime=60,
    params:
        settings=grid_settings,
        levels=lambda wildcards, input: [f"--levels={path}" for path in input.levels],
        level0=lambda wildcards, input: [f"--level0={path}" for path in input.level0],
    message:
        "Look at every point of the grid on validation images"
    shell:
        run(
            "grid",
            "{params.levels:q}",
            "{params.level0:q}",
            data="input.data",
            out="output",
        )
