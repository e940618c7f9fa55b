# sample: atomistic dynamics of one replica of a campaign.
# Needs: the prepared system. Makes: trajectory.h5 (frames, bias, hills) and log.csv.


rule sample:
    input:
        "results/{system}/prepared/system.xml",
        "results/{system}/prepared/topology.cif",
        "results/{system}/prepared/state.xml",
    output:
        trajectory="results/{system}/{state}/{campaign}/{replica}/trajectory.h5",
        log="results/{system}/{state}/{campaign}/{replica}/log.csv",
    log:
        "results/{system}/{state}/{campaign}/{replica}/sample.log",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1500,
        runtime=1440,
    params:
        script=SCRIPTS / "sample.py",
        prepared=lambda wildcards, input: Path(input[0]).parent,
        settings=settings_of("sample"),
        code=code_of("sample.py"),
    shell:
        "python {params.script:q} --prepared {params.prepared:q} --settings {params.settings:q}"
        " --trajectory {output.trajectory:q} --log {output.log:q} --threads {threads}"
        " > {log:q} 2>&1"
