# equilibrate: a system in a periodic box at the density and temperature of a state point.
# Needs: the prepared system. Makes: state.xml (positions, velocities, box), equilibration.csv.


rule equilibrate:
    input:
        system=PreparedPaths.system_xml,
        topology=PreparedPaths.topology_cif,
        state=PreparedPaths.state_xml,
    output:
        state=EquilibratedPaths.state_xml,
        log=EquilibratedPaths.table,
    log:
        EquilibratedPaths.log,
    conda:
        ENVIRONMENT
    # With one thread the CPU platform is bitwise reproducible.
    threads: threads_of_equilibration
    resources:
        mem_mb=grows(1500),
        runtime=grows(240),
        gpu=0,
    params:
        with_gpu=SCRIPTS / "with_gpu.py",
        script=SCRIPTS / "equilibrate.py",
        prepared=lambda wildcards, input: Path(input.system).parent,
        settings=settings_of("equilibrate"),
        code=code_of("equilibrate.py"),
    shell:
        "python {params.with_gpu:q} {resources.gpu}"
        " python {params.script:q} --prepared {params.prepared:q} --settings {params.settings:q}"
        " --state {output.state:q} --log {output.log:q} --threads {threads}"
        " --time-limit {resources.runtime} >> {log:q} 2>&1"
