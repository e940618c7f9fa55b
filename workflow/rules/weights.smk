# weights: weights of umbrella-sampling frames, by MBAR over all windows at a state point.
# Needs: the trajectories of all jobs of the campaign. Makes: weights.h5 and overlap.csv.


rule weights:
    input:
        trajectories_of_campaign,
    output:
        weights=CampaignPaths.weights,
        overlap=CampaignPaths.overlap,
    log:
        CampaignPaths.weights_log,
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
