"""From logits to what people read: tables, then figures, then one page."""

TABLES = expand(
    f"{RESULTS}/tables/{{name}}.csv",
    name=[
        "levels",
        "layers",
        "layers_mean",
        "layers_difference",
        "exits",
        "exits_mean",
        "tradeoff",
        "exit_rates",
        "emptied",
        "calibration",
        "operating_points",
        "operating_rates",
        "measures",
        "claims",
        "paper_comparison",
        "paper_summary",
    ],
)
# Written by make bench-inference; the study is whole without it.
MEASURED = [str(path) for path in [Path(RESULTS, "inference.csv")] if path.exists()]


rule tables:
    input:
        data=DATA,
        evaluations=expand(f"{RUNS}/{{chain}}/evaluation.json", chain=CHAINS),
        code=[*code("tables"), *data_files("evaluation/papers_numbers/*.csv")],
    output:
        tables=TABLES,
        summary=f"{RESULTS}/summary.json",
        metrics=report(f"{RESULTS}/metrics.json", category="Numbers"),
    log:
        f"{LOGS}/tables.log",
    benchmark:
        f"{RUNS}/benchmarks/tables.tsv"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        settings=settings("model", "granularity", "evaluate"),
        folder=f"{RESULTS}/tables",
        evaluations=lambda wildcards, input: [
            f"--evaluation={path}" for path in input.evaluations
        ],
    message:
        "Sum up all runs in tables"
    shell:
        "python -m exitprune --log {log:q} tables --settings {params.settings:q}"
        " --data {input.data:q} {params.evaluations:q} --tables {params.folder:q} --out {output.summary:q}"


rule figure:
    input:
        tables=TABLES,
        measured=lambda wildcards: MEASURED if wildcards.figure == "inference" else [],
        code=lambda wildcards: code("figure", ("figures", wildcards.figure)),
    output:
        svg=report(
            f"{RESULTS}/figures/{{figure}}.svg",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
        png=f"{RESULTS}/figures/{{figure}}.png",
    log:
        f"{LOGS}/figures/{{figure}}.log",
    benchmark:
        f"{RUNS}/benchmarks/figure-{{figure}}.tsv"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=settings("evaluate"),
        folder=f"{RESULTS}/tables",
    message:
        "Draw the figure {wildcards.figure}"
    shell:
        "python -m exitprune --log {log:q} figure --settings {params.settings:q} --name {wildcards.figure}"
        " --tables {params.folder:q} --svg {output.svg:q} --png {output.png:q}"


rule report:
    input:
        tables=TABLES,
        summary=f"{RESULTS}/summary.json",
        figures=expand(f"{RESULTS}/figures/{{figure}}.svg", figure=FIGURES),
        measured=MEASURED,
        manifest=f"{RUNS}/data.json",
        benchmarks=BENCHMARKS,
        chains=expand(f"{RUNS}/{{chain}}/levels.json", chain=CHAINS),
        code=[
            *code("report", *(("figures", figure) for figure in FIGURES)),
            *data_files("templates/*"),
        ],
    output:
        report(f"{RESULTS}/report.html", category="Report"),
    log:
        f"{LOGS}/report.log",
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=settings(**PARAMS.model_dump(exclude={"data": {"path"}})),
        tables=f"{RESULTS}/tables",
        figures=f"{RESULTS}/figures",
        benchmarks=lambda wildcards, input: [
            f"--benchmark={path}" for path in input.benchmarks
        ],
        chains=lambda wildcards, input: [f"--chain={path}" for path in input.chains],
    message:
        "Write the report"
    shell:
        "python -m exitprune --log {log:q} report --settings {params.settings:q} --tables {params.tables:q}"
        " --figures {params.figures:q} --manifest {input.manifest:q} {params.benchmarks:q} {params.chains:q} --out {output:q}"
