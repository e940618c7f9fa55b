# import: frames of runs that exist already, in place of sampling.
# Needs: the prepared system, the files of one trajectory of an external campaign, those of its bias
# energies, and the beads that its bias acts on.
# Makes: the files that sampling makes, and forces.h5 if forces are those of the files.


rule import_frames:
    input:
        system=PreparedPaths.system_xml,
        topology=PreparedPaths.topology_cif,
        state=PreparedPaths.state_xml,
        beads=beads_of_bias,
        variables=variables_of_bias,
        files=imported_files,
    output:
        trajectory=ReplicaPaths.trajectory,
        log=ReplicaPaths.table,
        segments=ReplicaPaths.segments,
    log:
        ReplicaPaths.import_log,
    wildcard_constraints:
        system=systems_of(lambda campaign: campaign.imported and campaign.recomputes_forces),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=grows(1500),
        runtime=grows(240),
    params:
        script=SCRIPTS / "import_frames.py",
        prepared=lambda wildcards, input: Path(input.system).parent,
        beads=given("--beads", "beads"),
        variables=given("--variables", "variables"),
        forces=lambda wildcards, output: (
            ["--forces", output.forces] if "forces" in output.keys() else []
        ),
        settings=settings_of("import_frames"),
        code=code_of("import_frames.py"),
    shell:
        "python {params.script:q} --prepared {params.prepared:q} --settings {params.settings:q}"
        " {params.beads:q} {params.variables:q} --trajectory {output.trajectory:q} {params.forces:q}"
        " --log {output.log:q} --segments {output.segments:q} --threads {threads} >> {log:q} 2>&1"


use rule import_frames as import_frames_and_forces with:
    output:
        trajectory=ReplicaPaths.trajectory,
        forces=ReplicaPaths.forces,
        log=ReplicaPaths.table,
        segments=ReplicaPaths.segments,
    wildcard_constraints:
        system=systems_of(lambda campaign: campaign.imported and not campaign.recomputes_forces),
