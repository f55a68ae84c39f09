"""From records to what people read: tables, then figures, then one page."""

from exitprune.evaluation.records import FILE, INT8, SWEPT
from exitprune.reporting.declared import figures_with_a_table, table_names

TABLES = expand(f"{RESULTS}/tables/{{name}}.csv", name=table_names())
PICTURES = expand(
    f"{RESULTS}/figures/{{figure}}.{{kind}}", figure=FIGURES, kind=["svg", "png"]
)
RECORD_FILES = expand(f"{{record}}/{FILE}", record=RECORDS)
OUTCOMES = expand("{record}/{state}.npz", record=RECORDS, state=SWEPT)
# Written by make bench-inference; the study is whole without them.
MEASURED, BY_EXIT = (
    [str(path) for path in [Path(RESULTS, name)] if path.exists()]
    for name in ("inference.csv", "exit_times.csv")
)
EIGHT_BITS = sorted(map(str, Path(RESULTS, "seeds").glob(f"*/{INT8}-*.npz")))


rule tables:
    input:
        records=RECORD_FILES,
        outcomes=OUTCOMES,
        eight_bits=EIGHT_BITS,
        code=[
            *source_files(
                "tables",
                "{}",
                *(("tables", name) for name in names_of("tables")),
                *(("figures", name) for name in figures_with_a_table()),
            ),
            *data_files("evaluation/papers_numbers/*.csv"),
        ],
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
        settings=settings("evaluate"),
        folder=f"{RESULTS}/tables",
        records=[f"--record={record}" for record in RECORDS],
    message:
        "Sum up all records in tables"
    shell:
        run(
            "tables",
            "{params.records:q}",
            tables="params.folder",
            out="output.summary",
        )


rule figure:
    input:
        tables=TABLES,
        measured=lambda wildcards: MEASURED if wildcards.figure == "inference" else [],
        code=lambda wildcards: source_files(
            "figure", "{}", ("figures", wildcards.figure)
        ),
    output:
        svg=report(
            f"{RESULTS}/figures/{{figure}}.svg",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
        png=f"{RESULTS}/figures/{{figure}}.png",
        about=f"{RESULTS}/captions/{{figure}}.json",
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
        run(
            "figure",
            name="wildcards.figure",
            tables="params.folder",
            svg="output.svg",
            png="output.png",
            about="output.about",
        )


rule report:
    input:
        tables=TABLES,
        summary=f"{RESULTS}/summary.json",
        figures=[picture for picture in PICTURES if picture.endswith(".svg")],
        captions=expand(f"{RESULTS}/captions/{{figure}}.json", figure=FIGURES),
        measured=MEASURED + BY_EXIT,
        records=RECORD_FILES,
        code=[*source_files("report", "{}"), *data_files("reporting/templates/*")],
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
        captions=f"{RESULTS}/captions",
        records=[f"--record={record}" for record in RECORDS],
    message:
        "Write the report"
    shell:
        run(
            "report",
            "{params.records:q}",
            tables="params.tables",
            figures="params.figures",
            captions="params.captions",
            out="output",
        )
