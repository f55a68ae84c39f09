"""Every method in both orders: `snakemake methods` runs the studies of methods and sums them up.

Of digits, unless the study is itself one of methods. The studies that differ in how much goes are runs of their own, each of which
goes on where it was. `snakemake methods_so_far` runs none of them and sums up what is there.
"""

FAMILY = STUDY.rsplit("-", 1)[0] if STUDY.rsplit("-", 1)[-1].isdigit() else STUDY
FAMILY = FAMILY if FAMILY.endswith("methods") else "digits-methods"
COMPARED = sorted(
    path.stem
    for path in Path("presets").glob(f"{FAMILY}*.yaml")
    if re.fullmatch(r"(-\d+)?", path.stem.removeprefix(FAMILY))
)
DENSE = FAMILY.removesuffix("methods") + "dense"
"""The study of the same network with nothing pruned, at as many epochs."""
ALL = [*COMPARED, *(name for name in [DENSE] if Path(f"presets/{name}.yaml").exists())]
# What the command line says, it says of all of them.
SAID = [
    f"{key}={value if isinstance(value, str) else json.dumps(value)}"
    for key, value in workflow.config_settings.overwrite_config.items()
    if key != "study"
]


def compared_studies():
    """The parameters of all studies compared, and of the unpruned network's."""
    return [
        PARAMS if name == STUDY else resolve({**config, "study": name}, PRESETS)
        for name in ALL
    ]


def compared_records(wildcards):
    """The folders of all their records."""
    return [
        f"--{'dense' if one.study == DENSE else 'record'}=results/{one.study}/seeds/{name_of(seed, recipe)}"
        for one in compared_studies()
        for recipe in one.recipes
        for seed in one.seeds
    ]


def fitting_records(wildcards):
    """The same; stop at one that is there and is not of what its study asks for."""
    for one in compared_studies():
        contents = extent_of(one.data).digest
        for seed, recipe in product(one.seeds, one.recipes):
            folder = Path("results", one.study, "seeds", name_of(seed, recipe))
            if (folder / FILE).exists():
                wanted = ingredients(one, recipe, contents)
                if why := misfit(folder, wanted, one.other_code, one.records):
                    raise WorkflowError(refusal(folder, why))
    return compared_records(wildcards)


rule records:
    # What seeds contribute, without tables, figures and the page.
    input:
        RECORD_FILES,


SUM_UP = run("compare_methods", "{params.records:q}", out="params.said")


rule methods_so_far:
    log:
        f"logs/{FAMILY}-compared.log",
    resources:
        mem_mb=4000,
    params:
        settings=settings("evaluate"),
        records=fitting_records,
        said=f"results/{FAMILY}/methods.json",
    message:
        f"Sum up the studies of methods, as far as they are, in results/{FAMILY}/methods.html"
    shell:
        SUM_UP


rule methods:
    input:
        mine=RECORD_FILES if STUDY in ALL else [],
    log:
        f"logs/{FAMILY}-compared.log",
    threads: 9999  # all there are; `snakemake --unlock` is not told how many
    resources:
        mem_mb=4000,
    params:
        settings=settings("evaluate"),
        records=compared_records,
        said=f"results/{FAMILY}/methods.json",
        others=[name for name in ALL if name != STUDY],
        said_of_all=SAID,
    message:
        f"Run the studies of methods, and sum them up in results/{FAMILY}/methods.html"
    shell:
        "for study in {params.others}; do"
        " python -m snakemake --cores {threads} --config study=$study {params.said_of_all:q} -- records || exit 1; done; "
        + SUM_UP
