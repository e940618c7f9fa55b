# map: positions and forces of atoms become positions and forces of beads.
# Needs: a trajectory, its forces, the prepared system, the beads; the weights of umbrella windows.
# Makes: {mapping}.h5 (an H5MD dataset), {mapping}.force_maps.csv (noise of each force map), and
# {mapping}.checks.json (checks of the dataset's quality).


rule map:
    input:
        system=PreparedPaths.system_xml,
        topology=PreparedPaths.topology_cif,
        state=PreparedPaths.state_xml,
        beads=BeadsPaths.beads,
        trajectory=ReplicaPaths.trajectory,
        forces=forces_of_frames,
        weights=weights_of_frames,
    output:
        dataset=DatasetPaths.dataset,
        table=DatasetPaths.force_maps,
        checks=DatasetPaths.checks,
    log:
        DatasetPaths.map_log,
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=grows(1500),
        runtime=grows(60),
    params:
        script=SCRIPTS / "map.py",
        prepared=lambda wildcards, input: Path(input.system).parent,
        weights=given("--weights", "weights"),
        settings=settings_of("map"),
        code=code_of("map.py"),
    shell:
        "python {params.script:q} --prepared {params.prepared:q} --beads {input.beads:q}"
        " --trajectory {input.trajectory:q} --forces {input.forces:q} {params.weights:q} --settings {params.settings:q}"
        " --output {output.dataset:q} --table {output.table:q} --checks {output.checks:q}"
        " >> {log:q} 2>&1"
