# No rules: the checked config, each stage's settings, and the inputs that depend on the config.
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

# What a job prints goes into its log. The sentence of one that fails also goes to the terminal, which
# stays open as file 3: Snakemake itself shows there only the command and its exit status.
shell.prefix("set -euo pipefail; exec 3>&2; export MEANFORCE_CONSOLE=3; ")

from meanforce import paths
from meanforce.data.fingerprint import fingerprint
from meanforce.errors import InputError
from meanforce.jobs import stages
from meanforce.paths import (
    BeadsPaths,
    BenchmarkPaths,
    CampaignPaths,
    ComparedPaths,
    CurvePaths,
    DatasetPaths,
    EquilibratedPaths,
    MemberPaths,
    PartReportPaths,
    PreparedPaths,
    ReplicaPaths,
    RunPaths,
    VariablePaths,
    WeightsPaths,
)
from meanforce.restart.noted import note_run
from meanforce.settings import inputs
from meanforce.settings.learning_curves import learning_curves
from meanforce.settings.load import load_config
from meanforce.settings.other_configs import beside, with_target
from meanforce.settings.yaml_file import default_output, read_config_file

try:
    if workflow.is_main_process:
        for file in workflow.configfiles:
            read_config_file(Path(file))
    # The last of several config files is what makes the run a particular one.
    LAST_FILE = Path(workflow.configfiles[-1]).absolute()
    SHOWN_FILE = os.path.relpath(LAST_FILE)
    if config:
        config.setdefault("output", default_output(LAST_FILE))
    if workflow.is_main_process:
        # Jobs of the run also read this file, but need not check again.
        from meanforce.sampling.check import KEPT
        from meanforce.sampling.check_run import check_run

        def say(line):
            print(line, file=sys.stderr, flush=True)

        own = [] if workflow.overwrite_configfiles else beside()
        if own:
            say(f"notice: this is the run of {SHOWN_FILE}; for {own[0]}: --configfile {own[0]}")
        checked = check_run(config, LAST_FILE, KEPT, say)
        for notice in checked.notices:
            say(f"notice: {notice}")
        CONFIG, REPLACED = checked.config, checked.replaced
    else:
        CONFIG = load_config(config)
        paths.use_output(CONFIG.output)
except InputError as error:
    where = workflow.overwrite_workdir
    hint = f"\n(relative paths are those of '{where}', as --directory is given)" if where else ""
    raise WorkflowError(f"the config cannot be used:\n{error}{hint}") from None


# Not in dry runs. `status.py` finds the config of the last run through this.
onstart:
    try:
        note_run(config, LAST_FILE)
    except InputError as error:
        raise WorkflowError(f"the run cannot start: {error}") from None
    for copy in REPLACED:
        copy.unlink()


# In the folder that Snakemake runs in; also by hand, after a run that a cluster ended.
onerror:
    shell("python {SCRIPTS:q}/report_finished.py >&2 || true")


# Experiments of each target that is a part of the run.
TARGETS = {
    f"system_{system}": names
    for system in CONFIG.systems
    if (names := [name for name, e in CONFIG.experiments.items() if e.system == system])
} | {f"experiment_{name}": [name] for name in CONFIG.experiments}


wildcard_constraints:
    system="[A-Za-z0-9_-]+",
    state="[A-Za-z0-9_-]+",
    campaign="[A-Za-z0-9_-]+",
    mapping="[A-Za-z0-9_-]+",
    variable="[A-Za-z0-9_-]+",
    experiment="[A-Za-z0-9_-]+",
    curve="[A-Za-z0-9_-]+",
    target="(system|experiment)_[A-Za-z0-9_-]+",
    replica=r"\d+",
    repeat=r"\d+",
    member=r"\d+",


def settings_of(stage):
    """Canonical JSON of a stage's own settings, as a function of the job's wildcards."""
    build = getattr(stages, f"{stage}_job")
    return lambda wildcards: build(CONFIG, **dict(wildcards)).canonical()


def code_of(script):
    """Fingerprint of a stage's script and its modules, computed only for rules in the plan."""
    return lambda wildcards: fingerprint(SCRIPTS / script)


def trainer_of(wildcards, plain, with_runs):
    """Program that fits: fits that make CG runs depend on the code of these as well."""
    potential = CONFIG.potentials[CONFIG.experiments[wildcards.experiment].potential]
    return SCRIPTS / (with_runs if potential.fitting.makes_runs else plain)


def given(option, name):
    """An option with the files of an input, or nothing where it has none."""
    return lambda wildcards, input: [option, *input[name]] if input[name] else []


def grows(amount):
    """A resource that grows with each attempt of a job."""
    return lambda wildcards, attempt: amount * attempt


def structure_files(wildcards):
    """Files of the user that a system is built from."""
    # Processes of single jobs need not import OpenMM for this.
    from meanforce.systems.input_files import files_of

    return files_of(CONFIG.systems[wildcards.system])


def template_files(wildcards):
    """Files of the user with beads by residue."""
    return CONFIG.mappings[wildcards.system][wildcards.mapping].template_files


def systems_of(wanted):
    """Constraint of {system} in {system}/{state}/{campaign}/: only campaigns with a property.

    It looks ahead, as which campaigns have it depends on the system.
    """
    places = "|".join(f"{s}/[^/]+/{c}/" for s, c in inputs.campaigns_with(CONFIG, wanted))
    return rf"(?=(?:{places})\d)[A-Za-z0-9_-]+" if places else r"(?!)"


def imported_files(wildcards):
    """Files of the user with the frames of one trajectory, and with its bias energies."""
    return inputs.imported_files(CONFIG, **dict(wildcards))


def start_of(wildcards):
    """Equilibrated state that sampling starts from; none if it is the prepared one."""
    place = inputs.start(CONFIG, wildcards.system, wildcards.state)
    return [] if place is None else [place.state_xml]


def threads_of_equilibration(wildcards):
    """Processors of a job that equilibrates."""
    return CONFIG.systems[wildcards.system].equilibration.threads


def threads_of_sampling(wildcards):
    """Processors of a job of a campaign."""
    return CONFIG.campaigns[wildcards.system][wildcards.campaign].threads


def frozen_bias(wildcards):
    """Trajectory, at the same state point, whose final bias a static campaign uses, frozen."""
    place = inputs.frozen_bias(CONFIG, **dict(wildcards))
    return [] if place is None else [place.trajectory]


def beads_of_bias(wildcards):
    """Beads that a campaign's bias acts on."""
    places = inputs.biased_beads(CONFIG, wildcards.system, wildcards.campaign)
    return [place.beads for place in places]


def reference_structures(wildcards):
    """Files of the user with structures that a collective variable compares with."""
    variable = CONFIG.collective_variables[wildcards.system][wildcards.variable]
    return variable.references or []


def variables_of_bias(wildcards):
    """Files of collective variables of whole structures that a campaign's bias acts on."""
    places = inputs.biased_variables(CONFIG, wildcards.system, wildcards.campaign)
    return [place.completed for place in places]


def watched_variables(wildcards):
    """Files of such variables that a CG run is biased along, and that its convergence needs."""
    return [place.completed for place in inputs.watched_variables(CONFIG, wildcards.experiment)]


def judged_variables(wildcards):
    """Files of such variables that an experiment is judged along, and reweighted by."""
    return [place.completed for place in inputs.judged_variables(CONFIG, wildcards.experiment)]


def models_of_bias(wildcards):
    """Files of trained models that a campaign's bias is made from."""
    return CONFIG.campaigns[wildcards.system][wildcards.campaign].model_files


def trajectories_of_replica(wildcards):
    """Trajectories of all jobs of a replica of an umbrella campaign, in order."""
    return [place.trajectory for place in inputs.jobs_of_replica(CONFIG, **dict(wildcards))]


def forces_of_frames(wildcards):
    """File of the unbiased forces of a job's frames, which may be that of its trajectory."""
    names = (wildcards.system, wildcards.state, wildcards.campaign, wildcards.replica)
    return inputs.forces(CONFIG, *names)


def weights_of_frames(wildcards):
    """Weights from all windows of the job's replica; none if frames have their own weights."""
    names = (wildcards.system, wildcards.state, wildcards.campaign, wildcards.replica)
    place = inputs.weights(CONFIG, *names)
    return [] if place is None else [place.weights]


def training_data(wildcards):
    """Datasets that an experiment trains on."""
    return [place.dataset for place in inputs.training_data(CONFIG, wildcards.experiment)]


def target_tables(wildcards):
    """Tables of distributions that an experiment is fitted to."""
    return inputs.target_tables(CONFIG, wildcards.experiment)


def data_of_box(wildcards):
    """Dataset whose periodic box a CG run of many molecules has; none for a single molecule."""
    places = inputs.box_data(CONFIG, wildcards.experiment, wildcards.state)
    return [place.dataset for place in places]


def reweighted_data(wildcards):
    """Training datasets of a state point that is trained at: the baseline of an experiment."""
    places = inputs.training_data(CONFIG, wildcards.experiment, [wildcards.state])
    return [place.dataset for place in places]


def reference_data(wildcards):
    """Datasets that an experiment is validated against at a state point."""
    places = inputs.reference_data(CONFIG, wildcards.experiment, [wildcards.state])
    return [place.dataset for place in places]


def reference_tables(wildcards):
    """Tables of free energies that an experiment is validated against at a state point."""
    return inputs.reference_tables(CONFIG, wildcards.experiment, wildcards.state)


def models_of(wildcards):
    """Members of an experiment's ensemble."""
    return [place.model for place in inputs.members(CONFIG, wildcards.experiment)]


def descriptions_of(wildcards):
    """Descriptions beside the members: programs read them, and remote storage must fetch them."""
    return [place.description for place in inputs.members(CONFIG, wildcards.experiment)]


def metrics_of_curve(wildcards):
    """Metrics of all runs of a learning curve, at all state points."""
    runs = learning_curves(CONFIG)[wildcards.curve]
    return [place.metrics for place in inputs.compared(CONFIG, runs)]


def part_of(wildcards):
    """The config with the experiments of a target only."""
    return inputs.only(CONFIG, TARGETS[wildcards.target])


def reported(part):
    """What a report of a config's experiments is made from, by the names that its program uses."""
    whole = learning_curves(CONFIG)
    # One run does not make a curve.
    curves = [c for c in inputs.curves(part) if set(whole[c.curve]) <= set(part.experiments)]
    return inputs.reported(part) | {
        "learning_curves": [place.figure for place in curves],
        "learning_tables": [file for place in curves for file in (place.table, place.savings)],
    }
