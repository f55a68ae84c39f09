"""The unpruned network: base training, then exit-head training.

Priorities fall along the flow: long chains start early, short jobs fill the gaps at the end.
"""


rule base:
    input:
        data=DATA,
        code=code("base"),
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
        mem_mb=4000,
        runtime=1440,
    params:
        settings=settings(
            "base",
            "compute",
            network=PARAMS.model.base.model_dump(),
            augment=AUGMENT,
        ),
    message:
        "Train the base network, seed {wildcards.seed}"
    shell:
        "python -m exitprune --log {log:q} base --settings {params.settings:q}"
        " --data {input.data:q} --out {output:q} --seed {wildcards.seed}"


rule heads:
    input:
        data=DATA,
        base=f"{RUNS}/seed{{seed}}/base.safetensors",
        code=code("heads"),
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
        mem_mb=4000,
        runtime=240,
    params:
        settings=settings("model", "heads", "compute", augment=AUGMENT),
    message:
        "Train the exit heads, seed {wildcards.seed}"
    shell:
        "python -m exitprune --log {log:q} heads --settings {params.settings:q}"
        " --data {input.data:q} --base {input.base:q} --out {output:q} --seed {wildcards.seed}"
