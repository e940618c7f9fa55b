# weights: weights of umbrella-sampling frames, by MBAR over all windows at a state point.
# Needs: the trajectories of all jobs of the campaign. Makes: weights.h5 and overlap.csv.


rule weights:
    input:
        trajectories_of_campaign,
    output:
        weights="results/{system}/{state}/{campaign}/weights.h5",
        overlap="results/{system}/{state}/{campaign}/overlap.csv",
    log:
        "results/{system}/{state}/{campaign}/weights.log",
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
