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
    params:
        settings=lambda wildcards: settings(
            "heads",
            "compute",
            model={**PARAMS.model.model_dump(), "pool": pool_of(wildcards)},
            augment=AUGMENT,
        ),
    message:
        "Train the exit heads, pooled to {wildcards.pool}, seed {wildcards.seed}"


use rule prune as grid_prune with:
    input:
        data=DATA,
        level0=f"{GRID}/level-00.safetensors",
        code=lambda wildcards: code("prune", *varied(wildcards).variants()),
    output:
        f"{GRID}/{{scope}}/{{recipe}}/levels.json",
    log:
        f"{LOGS}/grid/seed{{seed}}/pool-{{pool}}/{{scope}}/{{recipe}}/prune.log",
    benchmark:
        f"{RUNS}/benchmarks/grid/prune-seed{{seed}}-{{pool}}-{{scope}}-{{recipe}}.tsv"
    params:
        settings=lambda wildcards: settings(
            "compute",
            augment=AUGMENT,
            prune=varied(wildcards).model_dump(),
        ),
    message:
        "Prune, pooled to {wildcards.pool}, scope {wildcards.scope}, recipe {wildcards.recipe}, seed {wildcards.seed}"


def grid_points():
    """All points of the grid, in the order of its table.

    The paper's charts know two orders and one network.
    """
    from exitprune.evaluation.paper import COLUMNS, is_papers_network

    if not is_papers_network(PARAMS.model) or PARAMS.granularity != "weight":
        raise WorkflowError(
            "The grid holds settings against the paper's charts, which are of the weights of ResNet-56 with exits after"
            f" blocks 4, 8, 12, 16, 20 and 24; study {STUDY} prunes something else."
        )
    return [
        {"pool": pool, "scope": scope, "recipe": recipe, "seed": seed}
        for pool in PARAMS.grid.pools
        for scope in PARAMS.grid.scopes
        for recipe in COLUMNS.values()
        for seed in PARAMS.seeds
    ]


def grid_chains(wildcards):
    return [
        f"{GRID}/{{scope}}/{{recipe}}/levels.json".format(
            **{**point, "pool": point["pool"] or "none"}
        )
        for point in grid_points()
    ]


rule grid:
    input:
        data=DATA,
        chains=grid_chains,
        code=[*code("grid"), *data_files("evaluation/papers_numbers/*.csv")],
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
        settings=lambda wildcards: settings(
            "compute",
            points=grid_points(),
            rounds=PARAMS.grid.rounds,
            epochs=PARAMS.grid.epochs,
        ),
        chains=lambda wildcards, input: [f"--chain={path}" for path in input.chains],
    message:
        "Hold every setting against the paper's charts"
    shell:
        "python -m exitprune --log {log:q} grid --settings {params.settings:q} --data {input.data:q}"
        " {params.chains:q} --out {output:q}"
