"""From levels to logits and costs, once; then to tables, exactly."""


rule evaluate:
    input:
        data=DATA,
        level0=f"{RUNS}/seed{{seed}}/level-00.safetensors",
        levels=f"{RUNS}/seed{{seed}}/{{recipe}}/levels.json",
        recovered=f"{RUNS}/seed{{seed}}/{{recipe}}/recovered.safetensors",
        code=code("evaluate"),
    output:
        f"{RUNS}/seed{{seed}}/{{recipe}}/evaluation.json",
    log:
        f"{LOGS}/seed{{seed}}/{{recipe}}/evaluate.log",
    benchmark:
        f"{RUNS}/benchmarks/evaluate-seed{{seed}}-{{recipe}}.tsv"
    priority: 1
    threads: PARAMS.compute.threads
    resources:
        gpu=NUM_GPUS,
        mem_mb=4000,
        runtime=240,
    params:
        settings=settings("compute"),
    message:
        "Evaluate every level, recipe {wildcards.recipe}, seed {wildcards.seed}"
    shell:
        "python -m exitprune --log {log:q} evaluate --settings {params.settings:q}"
        " --data {input.data:q} --level0 {input.level0:q} --levels {input.levels:q}"
        " --recovered {input.recovered:q} --out {output:q}"
        " --seed {wildcards.seed} --recipe {wildcards.recipe}"
