"""Pictures of the documentation: `snakemake docs`."""


rule docs:
    input:
        code=source_files("design"),
        package=sorted(map(str, Path("src/exitprune").rglob("*.py"))),
    output:
        "docs/design.svg",
    log:
        "logs/docs.log",
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Draw the rooms and families of the package"
    shell:
        "python -m exitprune --log {log:q} design --out {output:q}"
