# targets: what a person may ask for besides `all`; none of these names is a file.
#   system_NAME      the experiments of one system, compared with their references
#   experiment_NAME  one experiment, the same
#   benchmarks       all programs of tests/benchmarks, one after the other
#   clean_partial    removes what jobs that are gone left behind, never a live job's

TARGETS = {
    f"system_{system}": [name for name, e in CONFIG.experiments.items() if e.system == system]
    for system in CONFIG.systems
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

for target, names in TARGETS.items():

    rule:
        name:
            target
        input:
            [place.metrics for place in inputs.compared(CONFIG, names)],
            [place.figure for place in inputs.compared(CONFIG, names)],
        localrule: True


rule benchmarks:
    input:
        expand(BenchmarkPaths.table, program=BENCHMARKS),
    localrule: True


rule benchmark:
    input:
        Path(workflow.basedir) / "tests" / "benchmarks" / "{program}.py",
    output:
        BenchmarkPaths.table,
    log:
        BenchmarkPaths.log,
    conda:
        ENVIRONMENT
    # Whatever runs beside them changes the times.
    threads: workflow.resource_settings.cores or 2
    shell:
        "python {input:q} > {output:q} 2> {log:q}"


rule clean_partial:
    log:
        paths.CLEAN_PARTIAL_LOG,
    localrule: True
    conda:
        ENVIRONMENT
    params:
        script=SCRIPTS / "clean_partial.py",
    shell:
        "python {params.script:q} 2>&1 | tee {log:q}"
