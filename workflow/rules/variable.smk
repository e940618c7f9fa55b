# variable: the beads and reference structures of a collective variable of a whole structure.
# Needs: the prepared system, the beads of its mapping, the user's structures.
# Makes: a file of the variable, with positions of beads.


rule variable:
    input:
        system=PreparedPaths.system_xml,
        topology=PreparedPaths.topology_cif,
        beads=BeadsPaths.beads,
        structures=reference_structures,
    output:
        VariablePaths.completed,
    log:
        VariablePaths.log,
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=grows(1000),
        runtime=grows(20),
    params:
        script=SCRIPTS / "variable.py",
        prepared=lambda wildcards, input: Path(input.system).parent,
        settings=settings_of("variable"),
        code=code_of("variable.py"),
    shell:
        "python {params.script:q} --prepared {params.prepared:q} --beads {input.beads:q}"
        " --settings {params.settings:q} --output {output:q} >> {log:q} 2>&1"
