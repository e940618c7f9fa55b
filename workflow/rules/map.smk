# map: positions and forces of atoms become positions and forces of beads.
# Needs: a trajectory, its forces, the prepared system; the weights of umbrella windows. Makes: {mapping}.h5, an H5MD dataset, and {mapping}.checks.json, what it is worth.


rule map:
    input:
        system="results/{system}/prepared/system.xml",
        trajectory="results/{system}/{state}/{campaign}/{replica}/trajectory.h5",
        forces="results/{system}/{state}/{campaign}/{replica}/forces.h5",
        weights=weights_of_frames,
    output:
        dataset="results/{system}/{state}/{campaign}/{replica}/{mapping}.h5",
        checks="results/{system}/{state}/{campaign}/{replica}/{mapping}.checks.json",
    log:
        "results/{system}/{state}/{campaign}/{replica}/map-{mapping}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1500,
        runtime=60,
    params:
        script=SCRIPTS / "map.py",
        prepared=lambda wildcards, input: Path(input.system).parent,
        weights=lambda wildcards, input: ["--weights", *input.weights] if input.weights else [],
        settings=lambda wildcards: settings_of("map")(
            {"system": wildcards.system, "mapping": wildcards.mapping}
        ),
        code=code_of("map.py"),
    shell:
        "python {params.script:q} --prepared {params.prepared:q} --trajectory {input.trajectory:q}"
        " --forces {input.forces:q} {params.weights:q} --settings {params.settings:q} --output {output.dataset:q}"
        " --checks {output.checks:q} > {log:q} 2>&1"
