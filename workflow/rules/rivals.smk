"""Plain networks, trained like the base network, that measured times are held against: `snakemake rivals` makes them."""


rule rival:
    input:
        data=DATA,
        code=code("base"),
    output:
        f"{RUNS}/seed{{seed}}/rival-{{depth}}.safetensors",
    log:
        f"{LOGS}/seed{{seed}}/rival-{{depth}}.log",
    benchmark:
        f"{RUNS}/benchmarks/rival-{{depth}}-seed{{seed}}.tsv"
    priority: 5
    threads: PARAMS.compute.threads
    resources:
        gpu=NUM_GPUS,
        mem_mb=4000,
        runtime=1440,
    params:
        settings=lambda wildcards: settings(
            "study", "base", "compute", depth=int(wildcards.depth), augment=AUGMENT
        ),
    message:
        "Train a plain ResNet-{wildcards.depth}, seed {wildcards.seed}"
    shell:
        "python -m exitprune --log {log:q} base --settings {params.settings:q}"
        " --data {input.data:q} --out {output:q} --seed {wildcards.seed}"


rule rivals:
    input:
        expand(
            f"{RUNS}/seed{{seed}}/rival-{{depth}}.safetensors",
            seed=PARAMS.seeds,
            depth=PARAMS.rivals,
        ),
