"""A search among settings, on validation images and with seeds of its own: `snakemake grid`."""

from functools import reduce

from exitprune.config.recipe import Recipe
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


def value_of(settings, name):
    """Of a parameter by its dotted name; None: there is none."""
    return reduce(
        lambda inside, word: getattr(inside, word, None), name.split("."), settings
    )


def takes(recipe, point):
    """Whether a recipe has the values of a point: one that sets a varied parameter itself is tried at its own value alone."""
    params = params_at(point)
    own = params.recipes[recipe]
    return all(
        value_of(own, name) == value_of(params, name)
        for name in PARAMS.grid.vary
        if name.split(".")[0] in Recipe.model_fields
    )


@cache
def grid_chains():
    """Every chain of the search; that there is none is one sentence."""
    found = [
        At(point=point, recipe=recipe, seed=seed)
        for point in PARAMS.grid.points
        for recipe in PARAMS.recipes
        if takes(recipe, point)
        for seed in PARAMS.grid.seeds
    ]
    if not found:
        raise WorkflowError(
            f"grid.vary: every recipe sets one of {', '.join(PARAMS.grid.vary)} itself, to none of the values to try;"
            " vary others, or leave them out of a recipe"
        )
    return found


def grid_levels(wildcards):
    return [f"{GRID}/{{recipe}}/levels.json".format(**one) for one in grid_chains()]


def grid_settings(wildcards):
    chains = [
        {
            **chain,
            "point": PARAMS.grid.points[chain.point],
            "papers_network": is_papers_network(params_of(chain).model),
        }
        for chain in grid_chains()
    ]
    return settings(
        "compute",
        architecture=PARAMS.model.architecture,
        chains=chains,
    )


rule grid:
    input:
        data=DATA,
        levels=grid_levels,
        level0=lambda wildcards: [level0_of(chain) for chain in grid_chains()],
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
        mem_mb=memory_mb,
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
