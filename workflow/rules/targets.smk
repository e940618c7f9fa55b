# targets: names that may be requested besides `all`; none of them is a file.
#   system_NAME      the experiments of one system, and {output}/reports/system_NAME/report.html
#   experiment_NAME  one experiment, and its report in the same way
#   benchmarks       the programs of tests/benchmarks that need no data, one after the other
#   clean_partial    removes work folders of jobs that are gone, never a live job's

# Those that need datasets or results are started by hand.
NEEDS_DATA = re.compile(r'required=True|add_argument\("(datasets?|results)"')
BENCHMARKS = [
    path.stem
    for path in sorted(Path(workflow.basedir, "tests", "benchmarks").glob("*.py"))
    if "__main__" in (text := path.read_text()) and not NEEDS_DATA.search(text)
]


# Snakemake itself would report "no rule to produce" it. Targets are only known on the command line.
for asked in sys.argv[1:]:
    if re.fullmatch(r"(system|experiment)_[\w-]+", asked) and asked not in TARGETS:
        found = with_target(asked)
        hint = f"; perhaps you mean: --configfile {found[0]}" if found else ""
        raise WorkflowError(
            f"there is no target '{asked}' in '{SHOWN_FILE}'; known: {', '.join(TARGETS)}{hint}"
        )

# A config whose option was forgotten; runs have YAML files of their own, which may be requested.
for before, asked in zip(sys.argv, sys.argv[1:]):
    if (
        asked.endswith((".yaml", ".yml"))
        and "profile" not in before
        and not asked.startswith("-")
        and Path(asked).name not in [Path(file).name for file in workflow.configfiles]
        and not asked.startswith(f"{CONFIG.output}/")
    ):
        raise WorkflowError(
            f"'{asked}' is not a target; a config is given as: --configfile {asked}"
        )

for target in TARGETS:

    rule:
        name:
            target
        input:
            PartReportPaths(target).summary,
            PartReportPaths(target).page,
        localrule: True


use rule report as report_of_part with:
    input:
        unpack(lambda wildcards: reported(part_of(wildcards))),
        template=PAGE / "report.html.j2",
        included=[PAGE / name for name in INCLUDED],
    output:
        summary=PartReportPaths.summary,
        page=PartReportPaths.page,
        run=PartReportPaths.run,
    log:
        PartReportPaths.log,
    params:
        script=SCRIPTS / "report.py",
        settings=lambda wildcards: stages.report_job(part_of(wildcards)).canonical(),
        code=code_of("report.py"),


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
    # Other jobs at the same time would change the times.
    threads: workflow.resource_settings.cores or 2
    shell:
        "python {input:q} > {output:q} 2> {log:q}"


rule clean_partial:
    log:
        RunPaths.clean_partial_log,
    localrule: True
    conda:
        ENVIRONMENT
    params:
        script=SCRIPTS / "clean_partial.py",
        folder=CONFIG.output,
    shell:
        "python {params.script:q} {params.folder:q} 2>&1 | tee {log:q}"
