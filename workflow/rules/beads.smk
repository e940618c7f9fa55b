# beads: which atoms make the beads of a mapping.
# Needs: the prepared system, the user's own templates. Makes: beads.json (atoms, weights, types, masses, bonds).


rule beads:
    input:
        system=PreparedPaths.system_xml,
        topology=PreparedPaths.topology_cif,
        state=PreparedPaths.state_xml,
        templates=template_files,
    output:
        BeadsPaths.beads,
    log:
        BeadsPaths.log,
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=grows(1000),
        runtime=grows(20),
    params:
        script=SCRIPTS / "beads.py",
        prepared=lambda wildcards, input: Path(input.system).parent,
        settings=settings_of("beads"),
        code=code_of("beads.py"),
    shell:
        "python {params.script:q} --prepared {params.prepared:q} --settings {params.settings:q}"
        " --output {output:q} >> {log:q} 2>&1"
