# map: positions and forces of atoms become positions and forces of beads.
# Needs: a trajectory, its forces, the prepared system; the weights of umbrella windows.
# Makes: {mapping}.h5, an H5MD dataset, {mapping}.force_maps.csv, how noisy each force map is, and
# {mapping}.checks.json, what the dataset is worth.


rule map:
    input:
        system="results/{system}/prepared/system.xml",
        topology="results/{system}/prepared/topology.cif",
        state="results/{system}/prepared/state.xml",
        trajectory="results/{system}/{state}/{campaign}/{replica}/trajectory.h5",
        forces="results/{system}/{state}/{campaign}/{replica}/forces.h5",
        weights=weights_of_frames,
    output:
        dataset="results/{system}/{state}/{campaign}/{replica}/{mapping}.h5",
        table="results/{system}/{state}/{campaign}/{replica}/{mapping}.force_maps.csv",
        checks="results/{system}/{state}/{campaign}/{replica}/{mapping}.checks.json",
    log:
        "results/{system}/{state}/{campaign}/{replica}/map-{mapping}.log",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=grows(1500),
        runtime=grows(60),
    params:
        script=SCRIPTS / "map.py",
        prepared=lambda wildcards, input: Path(input.system).parent,
        weights=lambda wildcards, input: ["--weights", *input.weights] if input.weights else [],
        settings=settings_of("map"),
        code=code_of("map.py"),
    shell:
        "python {params.script:q} --prepared {params.prepared:q} --trajectory {input.trajectory:q}"
        " --forces {input.forces:q} {params.weights:q} --settings {params.settings:q}"
        " --output {output.dataset:q} --table {output.table:q} --checks {output.checks:q}"
        " >> {log:q} 2>&1"
