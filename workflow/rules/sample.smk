# sample: atomistic dynamics of one job of a campaign; if killed, it continues where it was,
# and so does a finished one whose length has grown.
# Needs: the prepared system; in a box its equilibrated state; the beads and variables that a bias acts on; for a
# frozen bias the trajectory that built it; for that of a network the files of its models.
# Makes: trajectory.h5 (frames, bias, hills; forces with `store: solute`), log.csv, and segments.csv (what each process did).


rule sample:
    input:
        system=PreparedPaths.system_xml,
        topology=PreparedPaths.topology_cif,
        state=PreparedPaths.state_xml,
        start=start_of,
        beads=beads_of_bias,
        variables=variables_of_bias,
        bias_of=frozen_bias,
        models=models_of_bias,
    output:
        trajectory=ReplicaPaths.trajectory,
        log=ReplicaPaths.table,
        segments=ReplicaPaths.segments,
    log:
        ReplicaPaths.sample_log,
    wildcard_constraints:
        system=systems_of(lambda campaign: not campaign.imported),
    conda:
        ENVIRONMENT
    threads: threads_of_sampling
    resources:
        mem_mb=grows(1500),
        runtime=grows(1440),
        gpu=0,
    params:
        with_gpu=SCRIPTS / "with_gpu.py",
        script=SCRIPTS / "sample.py",
        prepared=lambda wildcards, input: Path(input.system).parent,
        start=given("--start", "start"),
        beads=given("--beads", "beads"),
        variables=given("--variables", "variables"),
        bias_of=given("--bias-of", "bias_of"),
        shared=CampaignPaths.hills,
        settings=settings_of("sample"),
        code=code_of("sample.py"),
    shell:
        "python {params.with_gpu:q} {resources.gpu}"
        " python {params.script:q} --prepared {params.prepared:q} --settings {params.settings:q}"
        " {params.start:q} {params.beads:q} {params.variables:q} {params.bias_of:q} --shared {params.shared:q}"
        " --trajectory {output.trajectory:q} --log {output.log:q} --segments {output.segments:q} --threads {threads}"
        " --code {params.code:q} --time-limit {resources.runtime} >> {log:q} 2>&1"
