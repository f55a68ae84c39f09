"""Settings that the paper leaves open, held against its charts: `snakemake grid`, from the study's base networks."""

GRID = f"{RUNS}/grid/seed{{seed}}/pool-{{pool}}"


def pool_of(wildcards):
    return None if wildcards.pool == "none" else int(wildcards.pool)


def varied(wildcards):
    """The study's own values in the order that the recipe is called as, with what the grid varies."""
    finetune = PARAMS.finetune.model_copy(update={"epochs": PARAMS.grid.epochs})
    shared = {
        name: getattr(PARAMS, name) for name in Prune.model_fields if name != "order"
    }
    changed = {
        "scope": wildcards.scope,
        "rounds": PARAMS.grid.rounds,
        "finetune": finetune,
    }
    return Prune(order=wildcards.recipe, **{**shared, **changed})


use rule heads as grid_heads with:
    output:
        f"{GRID}/level-00.safetensors",
    log:
        f"{LOGS}/grid/seed{{seed}}/pool-{{pool}}/heads.log",
    benchmark:
        f"{RUNS}/benchmarks/grid/heads-seed{{seed}}-{{pool}}.tsv"
    message:
        "Train the exit heads, pooled to {wildcards.pool}, seed {wildcards.seed}"


use rule prune as grid_prune with:
    input:
        data=DATA,
        level0=f"{GRID}/level-00.safetensors",
        more=lambda wildcards: list(more_networks(wildcards).values()),
        code=lambda wildcards: code("prune", prune_settings(wildcards)),
    output:
        f"{GRID}/{{scope}}/{{recipe}}/levels.json",
    log:
        f"{LOGS}/grid/seed{{seed}}/pool-{{pool}}/{{scope}}/{{recipe}}/prune.log",
    benchmark:
        f"{RUNS}/benchmarks/grid/prune-seed{{seed}}-{{pool}}-{{scope}}-{{recipe}}.tsv"
    message:
        "Prune, pooled to {wildcards.pool}, scope {wildcards.scope}, recipe {wildcards.recipe}, seed {wildcards.seed}"


def grid_points():
    """All points of the grid, in the order of its table.

    The paper's charts know two orders and one network.
    """
    from exitprune.evaluation.paper import is_papers_network

    if not is_papers_network(PARAMS.model) or PARAMS.granularity.name != "weight":
        raise WorkflowError(
            "The grid holds settings against the paper's charts, which are of the weights of ResNet-56 with exits after"
            f" blocks 4, 8, 12, 16, 20 and 24; study {STUDY} prunes something else."
        )
    return [
        {"pool": pool, "scope": scope, "recipe": recipe, "seed": seed}
        for pool in PARAMS.grid.pools
        for scope in PARAMS.grid.scopes
        for recipe in ("joint", "sequential")
        for seed in PARAMS.seeds
    ]


def grid_chains(wildcards):
    return [
        f"{GRID}/{{scope}}/{{recipe}}/levels.json".format(
            **{**point, "pool": point["pool"] or "none"}
        )
        for point in grid_points()
    ]


def grid_settings(wildcards):
    return settings(
        "compute",
        architecture=PARAMS.model.architecture,
        points=grid_points(),
        rounds=PARAMS.grid.rounds,
        epochs=PARAMS.grid.epochs,
    )


rule grid:
    input:
        data=DATA,
        chains=grid_chains,
        code=lambda wildcards: [
            *code("grid", grid_settings(wildcards)),
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
        chains=lambda wildcards, input: [f"--chain={path}" for path in input.chains],
    message:
        "Hold every setting against the paper's charts"
    shell:
        run("grid", "{params.chains:q}", data="input.data", out="output")
