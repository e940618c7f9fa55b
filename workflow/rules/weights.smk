# weights: weights of umbrella-sampling frames, by MBAR over all windows of a replica.
# Needs: the trajectories of the replica's jobs. Makes: weights-{repeat}.h5 and overlap-{repeat}.csv
# of replica number {repeat}; elsewhere {replica} is a job's number; a replica may have many.


rule weights:
    input:
        trajectories_of_replica,
    output:
        weights=WeightsPaths.weights,
        overlap=WeightsPaths.overlap,
    log:
        WeightsPaths.log,
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=grows(2000),
        runtime=grows(60),
    params:
        script=SCRIPTS / "weights.py",
        code=code_of("weights.py"),
    shell:
        "python {params.script:q} --trajectories {input:q} --weights {output.weights:q}"
        " --overlap {output.overlap:q} >> {log:q} 2>&1"
