# report: everything on one page.
# Needs: metrics, figures and training curves of all experiments.
# Makes: summary.csv (the contract), report.html, run.yaml (resolved config and versions).


rule report:
    input:
        metrics=validated_states("metrics.csv"),
        figures=validated_states("free_energy.png"),
        curves=curves_of_all,
        template=Path(workflow.basedir) / "workflow" / "report" / "report.html.j2",
    output:
        summary=report("results/summary.csv", caption="../report/summary.rst", category="Metrics"),
        page="results/report.html",
        run="results/run.yaml",
    log:
        "results/report.log",
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
        "python {params.script:q} --metrics {input.metrics:q} --figures {input.figures:q}"
        " --curves {input.curves:q} --template {input.template:q}"
        # The whole config may be longer than an argument of a program can be (128 KiB).
        " --settings <(printf '%s' {params.settings:q})"
        " --summary {output.summary:q} --page {output.page:q} --run {output.run:q}"
        " >> {log:q} 2>&1"
