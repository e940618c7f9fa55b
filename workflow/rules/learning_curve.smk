# learning_curve: error against atomistic time, over all runs of the experiments that share a curve.
# Needs: metrics of all these runs. Makes: {curve}.csv, {curve}.savings.csv (how many times less
# atomistic time biased data need) and {curve}.png.


rule learning_curve:
    input:
        metrics_of_curve,
    output:
        table=CurvePaths.table,
        savings=CurvePaths.savings,
        figure=report(
            CurvePaths.figure,
            caption="../report/learning_curve.rst",
            category="Learning curves",
            labels={"curve": "{curve}"},
        ),
    log:
        CurvePaths.log,
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=grows(1000),
        runtime=grows(30),
    params:
        script=SCRIPTS / "learning_curve.py",
        settings=settings_of("learning_curve"),
        code=code_of("learning_curve.py"),
    shell:
        "python {params.script:q} --metrics {input:q}"
        # Settings of many runs may be longer than an argument of a program can be (128 KiB).
        " --settings <(printf '%s' {params.settings:q})"
        " --table {output.table:q} --savings {output.savings:q} --figure {output.figure:q}"
        " >> {log:q} 2>&1"
