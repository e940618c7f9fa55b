# No rules: the checked config, what each stage is told, and which files belong together.
import os
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

SCRIPTS = Path(workflow.basedir) / "workflow" / "scripts"
ENVIRONMENT = Path(workflow.basedir) / "envs" / "environment.yaml"

# Jobs run the Python that Snakemake runs in, also inside a cluster job.
PYTHON_FOLDER = str(Path(sys.executable).parent)
os.environ.update(PATH=os.pathsep.join([PYTHON_FOLDER, os.environ.get("PATH", os.defpath)]))
sys.path.insert(0, str(SCRIPTS))

from meanforce.data.fingerprint import fingerprint
from meanforce.errors import InputError
from meanforce.settings import stages
from meanforce.settings.learning_curves import learning_curves
from meanforce.settings.load import load_config

# By this key Snakemake takes Python expressions in a config for values.
for file in workflow.configfiles:
    if "__use_yte__" in Path(file).read_text(encoding="utf-8"):
        raise WorkflowError(f"{file}: '__use_yte__' is refused; a config holds values, not code")

try:
    CONFIG = load_config(config)
    if workflow.is_main_process:
        # Jobs of the run, which come here too, need not look again.
        from meanforce.sampling.check import check_structures

        check_structures(CONFIG)
except InputError as error:
    raise WorkflowError(f"the config cannot be used:\n{error}") from None


wildcard_constraints:
    system="[A-Za-z0-9_-]+",
    state="[A-Za-z0-9_-]+",
    campaign="[A-Za-z0-9_-]+",
    mapping="[A-Za-z0-9_-]+",
    experiment="[A-Za-z0-9_-]+",
    curve="[A-Za-z0-9_-]+",
    replica=r"\d+",
    repeat=r"\d+",
    member=r"\d+",


def settings_of(stage):
    """Canonical JSON of a stage's own settings, as a function of the job's wildcards."""
    build = getattr(stages, f"{stage}_settings")
    return lambda wildcards: stages.canonical(build(CONFIG, **dict(wildcards)))


def code_of(script):
    """Fingerprint of a stage's script and its modules, as a function: only rules in the plan ask."""
    return lambda wildcards: fingerprint(SCRIPTS / script)


def grows(amount):
    """A resource of which a job gets more each time that it is tried again."""
    return lambda wildcards, attempt: amount * attempt


def structure_files(wildcards):
    """Files of the user that a system is built from."""
    files = CONFIG.systems[wildcards.system].input_files
    return [file for file in files if Path(file).is_file()]


def start_of(wildcards):
    """Equilibrated state that sampling starts from; none where the prepared one will do."""
    if not CONFIG.systems[wildcards.system].equilibrated:
        return []
    return [f"results/{wildcards.system}/{wildcards.state}/equilibrated/state.xml"]


def datasets_of(system, mapping, campaigns, states, replicas=None):
    """Mapped datasets of some replicas, or all, of campaigns at state points."""
    return [
        f"results/{system}/{state}/{campaign}/{job}/{mapping}.h5"
        for campaign in campaigns
        for state in states
        for job in CONFIG.campaigns[system][campaign].jobs_of(replicas)
    ]


def frozen_bias(wildcards):
    """Trajectory whose final bias a static campaign takes, frozen: of the same state point."""
    campaigns = CONFIG.campaigns[wildcards.system]
    chosen = campaigns[wildcards.campaign]
    source = chosen.bias_source
    if source is None:
        return []
    job = chosen.bias_from(campaigns[source], int(wildcards.replica))
    return [f"results/{wildcards.system}/{wildcards.state}/{source}/{job}/trajectory.h5"]


def trajectories_of_replica(wildcards):
    """Trajectories of all jobs of a replica of an umbrella campaign, in order."""
    campaign = CONFIG.campaigns[wildcards.system][wildcards.campaign]
    return [
        f"results/{wildcards.system}/{wildcards.state}/{wildcards.campaign}/{job}/trajectory.h5"
        for job in campaign.jobs_of([int(wildcards.repeat)])
    ]


def weights_of_frames(wildcards):
    """Weights by all windows of the job's replica; other campaigns' frames carry their own."""
    campaign = CONFIG.campaigns[wildcards.system][wildcards.campaign]
    if not campaign.reweighted_together:
        return []
    folder = f"results/{wildcards.system}/{wildcards.state}/{wildcards.campaign}"
    return [f"{folder}/weights-{campaign.replica_of(int(wildcards.replica))}.h5"]


def training_data(wildcards):
    """Datasets that an experiment trains on."""
    chosen = CONFIG.experiments[wildcards.experiment]
    return datasets_of(
        chosen.system, chosen.mapping, chosen.campaigns, chosen.train, chosen.replicas
    )


def reweighted_data(wildcards):
    """Training datasets of a state point that is trained at: the baseline of an experiment."""
    chosen = CONFIG.experiments[wildcards.experiment]
    if wildcards.state not in chosen.train:
        return []
    return datasets_of(
        chosen.system, chosen.mapping, chosen.campaigns, [wildcards.state], chosen.replicas
    )


def reference_data(wildcards):
    """Datasets that an experiment is validated against at a state point."""
    chosen = CONFIG.experiments[wildcards.experiment]
    if chosen.reference is None:
        return []
    return datasets_of(chosen.system, chosen.mapping, [chosen.reference], [wildcards.state])


def models_of(wildcards):
    """Members of an experiment's ensemble."""
    return [
        f"results/experiments/{wildcards.experiment}/model-{member}.safetensors"
        for member in range(CONFIG.experiments[wildcards.experiment].ensemble)
    ]


def descriptions_of(wildcards):
    """What stands beside the members: programs read it, and remote storage must fetch it."""
    return [str(Path(model).with_suffix(".json")) for model in models_of(wildcards)]


def curves_of_all(wildcards):
    """Training curves of all experiments."""
    return [
        f"results/experiments/{name}/curve-{member}.csv"
        for name, experiment in CONFIG.experiments.items()
        for member in range(experiment.ensemble)
    ]


def segments_of_all(wildcards):
    """How fast each job of a campaign was that some experiment needs, each once."""
    datasets = []
    for chosen in CONFIG.experiments.values():
        facts = chosen.system, chosen.mapping
        datasets += datasets_of(*facts, chosen.campaigns, chosen.train, chosen.replicas)
        if chosen.reference is not None:
            datasets += datasets_of(*facts, [chosen.reference], (*chosen.train, *chosen.held_out))
    return list(dict.fromkeys(str(Path(path).parent / "segments.csv") for path in datasets))


def experiments_of(system):
    """Names of a system's experiments."""
    return [name for name, chosen in CONFIG.experiments.items() if chosen.system == system]


def validated_states(file, experiments=None):
    """One file of every state point at which experiments, or all of them, are validated."""
    return [
        f"results/experiments/{name}/{state}/{file}"
        for name in (CONFIG.experiments if experiments is None else experiments)
        for state in (*CONFIG.experiments[name].train, *CONFIG.experiments[name].held_out)
    ]


def metrics_of_curve(wildcards):
    """Metrics of all runs of a learning curve, at all state points."""
    return validated_states("metrics.csv", learning_curves(CONFIG)[wildcards.curve])


def learning_curve_figures():
    """Figures of all learning curves."""
    return [f"results/learning_curves/{curve}.png" for curve in learning_curves(CONFIG)]


def learning_curve_tables():
    """Tables that lie beside the figures of all learning curves."""
    return [
        str(Path(figure).with_suffix(suffix))
        for figure in learning_curve_figures()
        for suffix in (".csv", ".savings.csv")
    ]
