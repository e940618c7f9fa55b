# targets: what a person may ask for besides `all`; none of these names is a file.
#   system_NAME      the experiments of one system, and results/reports/system_NAME/report.html
#   experiment_NAME  one experiment, and its report in the same way
#   benchmarks       all programs of tests/benchmarks, one after the other
#   clean_partial    removes what jobs that are gone left behind, never a live job's

TARGETS = {
    f"system_{system}": experiments_of(system)
    for system in CONFIG.systems
    if experiments_of(system)
} | {f"experiment_{name}": [name] for name in CONFIG.experiments}
BENCHMARKS = [
    path.stem
    for path in sorted(Path(workflow.basedir, "tests", "benchmarks").glob("*.py"))
    if "__main__" in path.read_text()
]


# Snakemake itself would say "no rule to produce" it. Targets are only known on the command line.
for asked in sys.argv[1:]:
    if re.fullmatch(r"(system|experiment)_[\w-]+", asked) and asked not in TARGETS:
        raise WorkflowError(f"there is no target '{asked}'; known: {', '.join(TARGETS)}")

for target in TARGETS:

    rule:
        name:
            target
        input:
            f"results/reports/{target}/summary.csv",
            f"results/reports/{target}/report.html",
        localrule: True


def settings_of_part(wildcards):
    """Settings of a report on the experiments of a target, as canonical JSON."""
    chosen = {name: CONFIG.experiments[name] for name in TARGETS[wildcards.target]}
    part = CONFIG.model_copy(update={"experiments": chosen})
    return stages.canonical(stages.report_settings(part))


use rule report as report_of_part with:
    input:
        unpack(lambda wildcards: reported(TARGETS[wildcards.target])),
        template=PAGE / "report.html.j2",
        included=[PAGE / name for name in INCLUDED],
    output:
        summary="results/reports/{target}/summary.csv",
        page="results/reports/{target}/report.html",
        run="results/reports/{target}/run.yaml",
    log:
        "results/reports/{target}/report.log",
    params:
        script=SCRIPTS / "report.py",
        settings=settings_of_part,
        code=code_of("report.py"),


rule benchmarks:
    input:
        expand("results/benchmarks/{program}.txt", program=BENCHMARKS),
    localrule: True


rule benchmark:
    input:
        Path(workflow.basedir) / "tests" / "benchmarks" / "{program}.py",
    output:
        "results/benchmarks/{program}.txt",
    log:
        "results/benchmarks/{program}.log",
    conda:
        ENVIRONMENT
    # Whatever runs beside them changes the times.
    threads: workflow.resource_settings.cores or 2
    shell:
        "python {input:q} > {output:q} 2> {log:q}"


rule clean_partial:
    log:
        "results/clean_partial.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        script=SCRIPTS / "clean_partial.py",
    shell:
        "python {params.script:q} 2>&1 | tee {log:q}"
