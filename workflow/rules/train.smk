# train: fit one member of an experiment's ensemble; if killed, it continues where it was.
# Needs: the datasets of the training campaigns and state points; tables of distributions that an
# experiment has as its targets.
# Makes: model-{member}.safetensors with its .json, and the training curve.


rule train:
    input:
        datasets=training_data,
        targets=target_tables,
    output:
        model=MemberPaths.model,
        description=MemberPaths.description,
        curve=MemberPaths.curve,
    log:
        MemberPaths.log,
    # Training takes long and many jobs wait for it, so it starts as soon as possible.
    priority: 10
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=grows(2000),
        runtime=grows(720),
        gpu=0,
    params:
        with_gpu=SCRIPTS / "with_gpu.py",
        script=lambda wildcards: trainer_of(wildcards, "train.py", "train_with_runs.py"),
        settings=settings_of("train"),
        code=lambda wildcards: fingerprint(trainer_of(wildcards, "train.py", "train_with_runs.py")),
    shell:
        "python {params.with_gpu:q} {resources.gpu}"
        " python {params.script:q} --datasets {input.datasets:q} --settings {params.settings:q}"
        " --model {output.model:q} --curve {output.curve:q} --threads {threads}"
        " --time-limit {resources.runtime} >> {log:q} 2>&1"
