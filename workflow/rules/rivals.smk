"""Plain networks, trained like the base network, that measured times are held against: `snakemake rivals` makes them."""


use rule base as rival with:
    output:
        f"{RUNS}/seed{{seed}}/rival-{{depth}}.safetensors",
    log:
        f"{LOGS}/seed{{seed}}/rival-{{depth}}.log",
    benchmark:
        f"{RUNS}/benchmarks/rival-{{depth}}-seed{{seed}}.tsv"
    message:
        "Train a plain network of depth {wildcards.depth}, seed {wildcards.seed}"


rule rivals:
    input:
        expand(
            f"{RUNS}/seed{{seed}}/rival-{{depth}}.safetensors",
            seed=PARAMS.seeds,
            depth=PARAMS.rivals,
        ),
