# forces: energies and forces of every stored frame without the bias.
# Needs: a trajectory and the unbiased system. Makes: forces.h5.


rule forces:
    input:
        system="results/{system}/prepared/system.xml",
        topology="results/{system}/prepared/topology.cif",
        state="results/{system}/prepared/state.xml",
        trajectory="results/{system}/{state}/{campaign}/{replica}/trajectory.h5",
    output:
        "results/{system}/{state}/{campaign}/{replica}/forces.h5",
    log:
        "results/{system}/{state}/{campaign}/{replica}/forces.log",
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
