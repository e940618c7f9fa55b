# report: everything on one page.
# Needs: metrics, curves and surfaces of all experiments, the speed of sampling and CG runs, and the
# checks of all datasets.
# Makes: summary.csv (the contract), report.html, run.yaml (resolved config and versions).

PAGE = Path(workflow.basedir) / "workflow" / "report"
INCLUDED = (
    "baseline.html.j2",
    "experiment.html.j2",
    "data.html.j2",
    "closing.html.j2",
    "report.css",
    "report.js",
)


rule report:
    input:
        **reported(CONFIG),
        template=PAGE / "report.html.j2",
        included=[PAGE / name for name in INCLUDED],
    output:
        summary=report(RunPaths.summary, caption="../report/summary.rst", category="Metrics"),
        page=report(RunPaths.page, caption="../report/page.rst", category="The report's page"),
        run=RunPaths.run,
    log:
        RunPaths.log,
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=grows(1000),
        runtime=grows(30),
    params:
        script=SCRIPTS / "report.py",
        settings=settings_of("report"),
        code=code_of("report.py"),
    shell:
        "python {params.script:q} --metrics {input.metrics:q} --curves {input.curves:q}"
        " --profiles {input.profiles:q} --surfaces {input.surfaces:q}"
        " --segments {input.segments:q} --speeds {input.speeds:q}"
        " --checks {input.checks:q}"
        " --learning-curves {input.learning_curves:q} --template {input.template:q}"
        # The whole config may be longer than an argument of a program can be (128 KiB).
        " --settings <(printf '%s' {params.settings:q})"
        " --summary {output.summary:q} --page {output.page:q} --run {output.run:q}"
        " >> {log:q} 2>&1"
