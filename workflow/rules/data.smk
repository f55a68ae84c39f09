"""Images: one file of arrays with their division into training, validation and test."""


rule data:
    input:
        code=code("data", ("datasets", PARAMS.data.source)),
    output:
        arrays=DATA,
        manifest=f"{RUNS}/data.json",
    log:
        f"{LOGS}/data.log",
    benchmark:
        f"{RUNS}/benchmarks/data.tsv"
    resources:
        mem_mb=lambda wildcards: data_memory_mb(amount()),
        runtime=60,
    params:
        settings=settings(data=PARAMS.data.model_dump(exclude={"augment", "path"})),
        contents=lambda wildcards: extent().digest,  # asked for this job alone
    message:
        "Prepare the images"
    shell:
        "python -m exitprune --log {log:q} data --settings {params.settings:q}"
        " --out {output.arrays:q} --manifest {output.manifest:q} --path={DATA_PATH:q}"
