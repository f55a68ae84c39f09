"""Plain networks that measured times are held against, trained like the base network: `snakemake rivals` makes them.

With rival_recipes each is there again, pruned by every one of them, and once more, unpruned and trained as long as the longest.
"""


def longer_settings(wildcards):
    told = json.loads(base_settings(wildcards))
    told["base"]["epochs"] = max(map(PARAMS.epochs, PARAMS.rival_recipes))
    return json.dumps(told)


use rule base as rival with:
    output:
        f"{RUNS}/seed{{seed}}/rival-{{depth}}.safetensors",
    log:
        f"{LOGS}/seed{{seed}}/rival-{{depth}}.log",
    benchmark:
        f"{RUNS}/benchmarks/rival-{{depth}}-seed{{seed}}.tsv"
    message:
        "Train a plain network of depth {wildcards.depth}, seed {wildcards.seed}"


use rule base as rival_longer with:
    output:
        f"{RUNS}/seed{{seed}}/rival-{{depth}}-longer.safetensors",
    log:
        f"{LOGS}/seed{{seed}}/rival-{{depth}}-longer.log",
    benchmark:
        f"{RUNS}/benchmarks/rival-{{depth}}-longer-seed{{seed}}.tsv"
    priority: 0
    params:
        code=lambda wildcards: code("base", base_settings(wildcards)),
        settings=longer_settings,
        until=lambda wildcards: [],
    message:
        "Train a plain network of depth {wildcards.depth} as long as a pruned one, seed {wildcards.seed}"


use rule prune as rival_prune with:
    input:
        data=DATA,
        level0=f"{RUNS}/seed{{seed}}/rival-{{depth}}.safetensors",
    output:
        f"{RUNS}/seed{{seed}}/rival-{{depth}}/{{recipe}}/levels.json",
    log:
        f"{LOGS}/seed{{seed}}/rival-{{depth}}/{{recipe}}/prune.log",
    benchmark:
        f"{RUNS}/benchmarks/rival-{{depth}}-prune-seed{{seed}}-{{recipe}}.tsv"
    params:
        code=lambda wildcards: code("prune", prune_settings(wildcards)),
        settings=prune_settings,
        more=[],
    message:
        "Prune a plain network of depth {wildcards.depth}, recipe {wildcards.recipe}, seed {wildcards.seed}"


use rule recover as rival_recover with:
    input:
        data=DATA,
        levels=f"{RUNS}/seed{{seed}}/rival-{{depth}}/{{recipe}}/levels.json",
    output:
        f"{RUNS}/seed{{seed}}/rival-{{depth}}/{{recipe}}/recovered.safetensors",
    log:
        f"{LOGS}/seed{{seed}}/rival-{{depth}}/{{recipe}}/recover.log",
    benchmark:
        f"{RUNS}/benchmarks/rival-{{depth}}-recover-seed{{seed}}-{{recipe}}.tsv"
    message:
        "Recover a plain network of depth {wildcards.depth}, recipe {wildcards.recipe}, seed {wildcards.seed}"


rule rivals:
    input:
        expand(
            f"{RUNS}/seed{{seed}}/rival-{{depth}}{{longer}}.safetensors",
            seed=PARAMS.seeds,
            depth=PARAMS.rivals,
            longer=["", "-longer"] if PARAMS.rival_recipes else [""],
        ),
        expand(
            f"{RUNS}/seed{{seed}}/rival-{{depth}}/{{recipe}}/recovered.safetensors",
            seed=PARAMS.seeds,
            depth=PARAMS.rivals,
            recipe=PARAMS.rival_recipes,
        ),
