# prepare: parametrise and minimise a system.
# Needs: the structure and force field files. Makes: system.xml, topology.cif, state.xml.


rule prepare:
    input:
        structure_files,
    output:
        system=PreparedPaths.system_xml,
        topology=PreparedPaths.topology_cif,
        state=PreparedPaths.state_xml,
    log:
        PreparedPaths.log,
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=grows(1000),
        runtime=grows(20),
    params:
        script=SCRIPTS / "prepare.py",
        folder=lambda wildcards, output: Path(output.system).parent,
        settings=settings_of("prepare"),
        code=code_of("prepare.py"),
    shell:
        "python {params.script:q} --settings {params.settings:q} --output {params.folder:q}"
        " >> {log:q} 2>&1"
