# forces: energies and forces of every stored frame without the bias, where the run kept none.
# Needs: a trajectory and the unbiased system. Makes: forces.h5.


rule forces:
    input:
        system=PreparedPaths.system_xml,
        topology=PreparedPaths.topology_cif,
        state=PreparedPaths.state_xml,
        trajectory=ReplicaPaths.trajectory,
    output:
        ReplicaPaths.forces,
    log:
        ReplicaPaths.forces_log,
    wildcard_constraints:
        system=systems_of(lambda campaign: campaign.recomputes_forces),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=grows(1500),
        runtime=grows(240),
        gpu=0,
    params:
        with_gpu=SCRIPTS / "with_gpu.py",
        script=SCRIPTS / "forces.py",
        prepared=lambda wildcards, input: Path(input.system).parent,
        code=code_of("forces.py"),
    shell:
        "python {params.with_gpu:q} {resources.gpu}"
        " python {params.script:q} --prepared {params.prepared:q} --trajectory {input.trajectory:q}"
        " --output {output:q} --threads {threads} --time-limit {resources.runtime} >> {log:q} 2>&1"
