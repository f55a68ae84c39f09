"""From the levels of a chain to its record: what a seed contributes, small enough for git."""

from exitprune.evaluation.records import FILE, SWEPT


def evaluate_settings(wildcards):
    return settings(
        "study",
        "compute",
        architecture=PARAMS.model.architecture,
        between=PARAMS.evaluate.between,
        made_of=made_of(wildcards.recipe),
    )


def why_anew(wildcards):
    folder = Path(record_of(wildcards.seed, wildcards.recipe))
    return [str(anew_of(folder))] if folder in REPLACED else []


def benchmarks_of(wildcards):
    """Of the jobs that led to a record; heads of the recipe's own are not those of the seed."""
    chain = "{seed}-{recipe}".format(**wildcards)
    is_shared = Path(level0_of(wildcards)).parent.name == f"seed{wildcards.seed}"
    jobs = [
        f"base-seed{wildcards.seed}",
        f"heads-seed{wildcards.seed if is_shared else chain}",
        f"prune-seed{chain}",
        f"recover-seed{chain}",
    ]
    return [f"--benchmark={RUNS}/benchmarks/{job}.tsv" for job in jobs]


rule evaluate:
    input:
        data=DATA,
        level0=level0_of,
        levels=f"{RUNS}/seed{{seed}}/{{recipe}}/levels.json",
        recovered=f"{RUNS}/seed{{seed}}/{{recipe}}/recovered.safetensors",
        anew=why_anew,
    output:
        record=f"{RESULTS}/seeds/{{seed}}-{{recipe}}/{FILE}",
        outcomes=expand(
            f"{RESULTS}/seeds/{{seed}}-{{recipe}}/{{state}}.npz",
            state=SWEPT,
            allow_missing=True,
        ),
    log:
        f"{LOGS}/seed{{seed}}/{{recipe}}/evaluate.log",
    benchmark:
        f"{RUNS}/benchmarks/evaluate-seed{{seed}}-{{recipe}}.tsv"
    wildcard_constraints:
        seed=UNCOUNTED,
    priority: 1
    threads: PARAMS.compute.threads
    resources:
        gpu=NUM_GPUS,
        mem_mb=memory_mb,
        runtime=240,
    params:
        code=lambda wildcards: code("evaluate", evaluate_settings(wildcards)),
        settings=evaluate_settings,
        logits=f"{RUNS}/seed{{seed}}/{{recipe}}/logits",
        record=f"{RESULTS}/seeds/{{seed}}-{{recipe}}",
        benchmarks=benchmarks_of,
    message:
        "Evaluate every level, recipe {wildcards.recipe}, seed {wildcards.seed}"
    shell:
        run(
            "evaluate",
            "{params.benchmarks:q}",
            data="input.data",
            level0="input.level0",
            levels="input.levels",
            recovered="input.recovered",
            logits="params.logits",
            out="params.record",
            seed="wildcards.seed",
            recipe="wildcards.recipe",
        )
