# From an atomistic system to a validated coarse-grained potential.
#
#   snakemake --cores 2                                  the default run (config/config.yaml)
#   snakemake --cores 2 --configfile config/quick.yaml   the same chain in a few minutes
#   snakemake --cores 2 system_capped_alanine            one system; more in workflow/rules/targets.smk
#
# Stages follow each other as the files below do; each header lists what a stage needs and makes.
from snakemake.utils import min_version

min_version("9.0")

# A config given with --configfile is used alone; without one, the default config is used.
if not workflow.configfiles:

    configfile: "config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/prepare.smk"
include: "workflow/rules/beads.smk"
include: "workflow/rules/variable.smk"
include: "workflow/rules/equilibrate.smk"
include: "workflow/rules/sample.smk"
include: "workflow/rules/import.smk"
include: "workflow/rules/forces.smk"
include: "workflow/rules/weights.smk"
include: "workflow/rules/map.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/simulate.smk"
include: "workflow/rules/validate.smk"
include: "workflow/rules/learning_curve.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/targets.smk"


localrules:
    all,


rule all:
    default_target: True
    input:
        reported(CONFIG)["learning_curves"],
        RunPaths.summary,
        RunPaths.page,
        RunPaths.run,
