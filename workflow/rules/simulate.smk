# simulate: run an experiment's CG model at one state point; if killed, it continues where it was.
# Needs: all members of the ensemble; training data for the starts; for many molecules, a dataset of
# the state point for the box.
# Makes: cg.h5, and speed.csv (speed of the run).
# `processes` are those of MPI that LAMMPS starts, where it runs the model. It is not called `tasks`,
# which the plugin for SLURM would also set for each GPU. In SLURM set `tasks` and `mpi`, too, which
# no other executor reads (config/slurm.yaml).


rule simulate:
    input:
        models=models_of,
        descriptions=descriptions_of,
        datasets=training_data,
        box=data_of_box,
        variables=watched_variables,
    output:
        trajectory=ComparedPaths.trajectory,
        speed=ComparedPaths.speed,
    log:
        ComparedPaths.simulate_log,
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=grows(1500),
        runtime=grows(720),
        gpu=0,
        processes=1,
    params:
        with_gpu=SCRIPTS / "with_gpu.py",
        script=SCRIPTS / "simulate.py",
        settings=settings_of("simulate"),
        code=code_of("simulate.py"),
    shell:
        "python {params.with_gpu:q} {resources.gpu}"
        " python {params.script:q} --models {input.models:q} --datasets {input.datasets:q}"
        " --box {input.box:q} --variables {input.variables:q} --settings {params.settings:q} --output {output.trajectory:q} --speed {output.speed:q}"
        " --threads {threads} --processes {resources.processes}"
        " --time-limit {resources.runtime} >> {log:q} 2>&1"
