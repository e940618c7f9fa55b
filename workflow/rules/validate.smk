# validate: compare an experiment's CG run with the atomistic reference at one state point.
# Needs: cg.h5, the models, the reference's datasets or tables of free energies and, for the
# baseline, the training data.
# Makes: metrics.csv, profiles.csv (1-D free energies), surface.csv and free_energy.png.


rule validate:
    input:
        trajectory=ComparedPaths.trajectory,
        models=models_of,
        descriptions=descriptions_of,
        reference=reference_data,
        tables=reference_tables,
        training=reweighted_data,
        variables=judged_variables,
    output:
        metrics=ComparedPaths.metrics,
        profiles=ComparedPaths.profiles,
        surface=ComparedPaths.surface,
        figure=report(
            ComparedPaths.figure,
            caption="../report/free_energy.rst",
            category="Free energies",
            labels={"experiment": "{experiment}", "state point": "{state}"},
        ),
    log:
        ComparedPaths.validate_log,
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=grows(2000),
        runtime=grows(60),
    params:
        script=SCRIPTS / "validate.py",
        settings=settings_of("validate"),
        code=code_of("validate.py"),
    shell:
        "python {params.script:q} --trajectory {input.trajectory:q} --models {input.models:q}"
        " --reference {input.reference:q} --tables {input.tables:q} --training {input.training:q}"
        " --variables {input.variables:q} --settings {params.settings:q}"
        " --metrics {output.metrics:q} --profiles {output.profiles:q}"
        " --surface {output.surface:q} --figure {output.figure:q} --threads {threads}"
        " >> {log:q} 2>&1"
