"""Images: one file of arrays with their division into training, validation and test."""

from exitprune.jobs.disk import data_memory_mb

DATA_SETTINGS = settings(data=PARAMS.data.model_dump(exclude={"augment", "path"}))


rule data:
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
        code=code("data", DATA_SETTINGS),
        settings=DATA_SETTINGS,
        contents=lambda wildcards: extent().digest,  # asked for this job alone
    message:
        "Prepare the images"
    shell:
        run(
            "data",
            "--path={DATA_PATH:q}",
            out="output.arrays",
            manifest="output.manifest",
        )
