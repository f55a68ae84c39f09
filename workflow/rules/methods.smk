"""Every method in both orders: `snakemake methods` runs the studies of methods and sums them up.

Of digits, unless the study is itself one of methods. The studies that differ in how much goes are runs of their own, each of which
goes on where it was.
"""

FAMILY = STUDY.rsplit("-", 1)[0] if STUDY.rsplit("-", 1)[-1].isdigit() else STUDY
FAMILY = FAMILY if FAMILY.endswith("methods") else "digits-methods"
COMPARED = sorted(path.stem for path in Path("presets").glob(f"{FAMILY}*.yaml"))


def compared_records():
    """The folders of all records of the studies compared."""
    studies = [
        PARAMS if name == STUDY else resolve({**config, "study": name}, Path("presets"))
        for name in COMPARED
    ]
    return [
        f"results/{one.study}/seeds/{name_of(seed, recipe)}"
        for one in studies
        for seed in one.seeds
        for recipe in one.recipes
    ]


rule records:
    # What seeds contribute, without tables, figures and the page.
    input:
        RECORD_FILES,


rule methods:
    input:
        mine=RECORD_FILES if STUDY in COMPARED else [],
        code=code("compare_methods"),
    output:
        expand(
            f"results/{FAMILY}/{{file}}",
            file=[
                "methods.csv",
                "joint_minus_sequential.csv",
                "methods.svg",
                "methods.png",
            ],
        ),
        said=f"results/{FAMILY}/methods.json",
    log:
        f"logs/{FAMILY}-compared.log",
    threads: 9999  # all there are; `snakemake --unlock` is not told how many
    resources:
        mem_mb=4000,
    params:
        settings=settings("evaluate"),
        others=[name for name in COMPARED if name != STUDY],
        seeds=f"seeds={PARAMS.seeds}".replace(" ", "") if config.get("seeds") else "",
        records=lambda wildcards: [
            f"--record={folder}" for folder in compared_records()
        ],
    message:
        "Run the studies of methods, and sum them up"
    shell:
        "for study in {params.others}; do"
        " python -m snakemake --cores {threads} --config study=$study {params.seeds:q} -- records || exit 1; done; "
        + run("compare_methods", "{params.records:q}", out="output.said")
