"""From the levels of a chain to its record: what a seed contributes, small enough for git."""


rule evaluate:
    input:
        data=DATA,
        level0=f"{RUNS}/seed{{seed}}/level-00.safetensors",
        levels=f"{RUNS}/seed{{seed}}/{{recipe}}/levels.json",
        recovered=f"{RUNS}/seed{{seed}}/{{recipe}}/recovered.safetensors",
        code=code("evaluate"),
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
        mem_mb=4000,
        runtime=240,
    params:
        settings=lambda wildcards: settings(
            "study",
            "compute",
            between=PARAMS.evaluate.between,
            made_of=made_of(wildcards.recipe),
        ),
        logits=f"{RUNS}/seed{{seed}}/{{recipe}}/logits",
        record=f"{RESULTS}/seeds/{{seed}}-{{recipe}}",
        benchmarks=expand(
            f"--benchmark={RUNS}/benchmarks/{{job}}.tsv",
            job=[
                "base-seed{seed}",
                "heads-seed{seed}",
                "prune-seed{seed}-{recipe}",
                "recover-seed{seed}-{recipe}",
            ],
        ),
    message:
        "Evaluate every level, recipe {wildcards.recipe}, seed {wildcards.seed}"
    shell:
        "python -m exitprune --log {log:q} evaluate --settings {params.settings:q}"
        " --data {input.data:q} --level0 {input.level0:q} --levels {input.levels:q}"
        " --recovered {input.recovered:q} --logits {params.logits:q} --out {params.record:q}"
        " --seed {wildcards.seed} --recipe {wildcards.recipe} {params.benchmarks:q}"
