"""Every path of a run's results, written once: rules, the plan and programs take them from here.

A class has the files of one place in the run's folder, which is `results/` or what the config's key
`output` names. On the class they are patterns with Snakemake's wildcards; on an instance they are
the paths for its names:

    ReplicaPaths.trajectory
        results/{system}/{state}/{campaign}/{replica}/trajectory.h5
    ReplicaPaths("alanine", "T300", "unbiased", 1).trajectory
        results/alanine/T300/unbiased/1/trajectory.h5
"""

import dataclasses
from pathlib import Path
from typing import Any, Self

RESULTS = "results"
"""Folder of results where a config does not name another, relative to Snakemake's."""

LAST_RUN = f"{RESULTS}/last_run.yaml"
"""The config of the last run that was started, by which `status.py` finds it."""

CONFIGS = "configs"
"""Folder, among the results, of the configs that have results there."""

RESERVED = {
    "systems": ("benchmarks", CONFIGS, "experiments", "learning_curves", "reports"),
    "state_points": ("mappings", "prepared"),
    "campaigns": ("equilibrated",),
    "mappings": ("forces", "trajectory"),
}
"""Section of the config: names that are reserved for the workflow's own files and folders."""

_output = RESULTS


def use_output(folder: str) -> None:
    """Set the folder of all results, once, before any path is asked for."""
    global _output
    _output = folder


class Pattern:
    """A path in the folder of results, with the names of its place in braces."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __get__(self, place: Any, owner: type) -> str:
        text = f"{_output}/{self._text}"
        return text if place is None else text.format(**dataclasses.asdict(place))


@dataclasses.dataclass(frozen=True)
class RunPaths:
    """What a run makes as a whole; `run` is the resolved config, and what it was made with."""

    summary = Pattern("summary.csv")
    page = Pattern("report.html")
    run = Pattern("run.yaml")
    log = Pattern("report.log")
    clean_partial_log = Pattern("clean_partial.log")


@dataclasses.dataclass(frozen=True)
class ConfigPaths:
    """A config of which results are in the folder, by the name of its file."""

    config: str

    copy = Pattern(CONFIGS + "/{config}.yaml")


@dataclasses.dataclass(frozen=True)
class PreparedPaths:
    """A prepared system."""

    system: str

    system_xml = Pattern("{system}/prepared/system.xml")
    topology_cif = Pattern("{system}/prepared/topology.cif")
    state_xml = Pattern("{system}/prepared/state.xml")
    log = Pattern("{system}/prepared/prepare.log")


@dataclasses.dataclass(frozen=True)
class BeadsPaths:
    """The beads of a mapping."""

    system: str
    mapping: str

    beads = Pattern("{system}/mappings/{mapping}/beads.json")
    log = Pattern("{system}/mappings/{mapping}/beads.log")


@dataclasses.dataclass(frozen=True)
class VariablePaths:
    """A collective variable of a whole structure, with its beads and structures."""

    system: str
    mapping: str
    variable: str

    completed = Pattern("{system}/mappings/{mapping}/variables/{variable}.json")
    log = Pattern("{system}/mappings/{mapping}/variables/{variable}.log")


@dataclasses.dataclass(frozen=True)
class EquilibratedPaths:
    """A system, equilibrated at a state point."""

    system: str
    state: str

    state_xml = Pattern("{system}/{state}/equilibrated/state.xml")
    table = Pattern("{system}/{state}/equilibrated/equilibration.csv")
    log = Pattern("{system}/{state}/equilibrated/equilibrate.log")


@dataclasses.dataclass(frozen=True)
class CampaignPaths:
    """What all jobs of a campaign at a state point have in common."""

    system: str
    state: str
    campaign: str

    hills = Pattern("{system}/{state}/{campaign}/.hills")


@dataclasses.dataclass(frozen=True)
class WeightsPaths(CampaignPaths):
    """Weights of the frames of one replica of umbrella sampling, which may have many jobs."""

    repeat: int | str

    weights = Pattern("{system}/{state}/{campaign}/weights-{repeat}.h5")
    overlap = Pattern("{system}/{state}/{campaign}/overlap-{repeat}.csv")
    log = Pattern("{system}/{state}/{campaign}/weights-{repeat}.log")


@dataclasses.dataclass(frozen=True)
class ReplicaPaths(CampaignPaths):
    """One job of a campaign at a state point, by its number."""

    replica: int | str

    trajectory = Pattern("{system}/{state}/{campaign}/{replica}/trajectory.h5")
    table = Pattern("{system}/{state}/{campaign}/{replica}/log.csv")
    segments = Pattern("{system}/{state}/{campaign}/{replica}/segments.csv")
    sample_log = Pattern("{system}/{state}/{campaign}/{replica}/sample.log")
    import_log = Pattern("{system}/{state}/{campaign}/{replica}/import.log")
    forces = Pattern("{system}/{state}/{campaign}/{replica}/forces.h5")
    forces_log = Pattern("{system}/{state}/{campaign}/{replica}/forces.log")


@dataclasses.dataclass(frozen=True)
class DatasetPaths(ReplicaPaths):
    """Frames of one job of a campaign, mapped onto beads."""

    mapping: str

    dataset = Pattern("{system}/{state}/{campaign}/{replica}/{mapping}.h5")
    force_maps = Pattern("{system}/{state}/{campaign}/{replica}/{mapping}.force_maps.csv")
    checks = Pattern("{system}/{state}/{campaign}/{replica}/{mapping}.checks.json")
    map_log = Pattern("{system}/{state}/{campaign}/{replica}/map-{mapping}.log")

    @classmethod
    def of(cls, path: Path) -> Self:
        """The dataset that one of these files beside it belongs to."""
        *names, file = path.parts[-5:]
        return cls(*names, file.split(".")[0])


@dataclasses.dataclass(frozen=True)
class MemberPaths:
    """A member of an experiment's ensemble; its description lies beside the model's tensors."""

    experiment: str
    member: int | str

    model = Pattern("experiments/{experiment}/model-{member}.safetensors")
    description = Pattern("experiments/{experiment}/model-{member}.json")
    curve = Pattern("experiments/{experiment}/curve-{member}.csv")
    log = Pattern("experiments/{experiment}/train-{member}.log")

    @staticmethod
    def experiment_of(path: Path) -> str:
        """The experiment that one of these files belongs to."""
        return path.parts[-2]


@dataclasses.dataclass(frozen=True)
class ComparedPaths:
    """An experiment's CG run at a state point, and how it compares with the reference."""

    experiment: str
    state: str

    trajectory = Pattern("experiments/{experiment}/{state}/cg.h5")
    speed = Pattern("experiments/{experiment}/{state}/speed.csv")
    simulate_log = Pattern("experiments/{experiment}/{state}/simulate.log")
    metrics = Pattern("experiments/{experiment}/{state}/metrics.csv")
    profiles = Pattern("experiments/{experiment}/{state}/profiles.csv")
    surface = Pattern("experiments/{experiment}/{state}/surface.csv")
    figure = Pattern("experiments/{experiment}/{state}/free_energy.png")
    validate_log = Pattern("experiments/{experiment}/{state}/validate.log")

    @classmethod
    def of(cls, path: Path) -> Self:
        """The experiment and state point that one of these files belongs to."""
        return cls(path.parts[-3], path.parts[-2])


@dataclasses.dataclass(frozen=True)
class CurvePaths:
    """A learning curve."""

    curve: str

    table = Pattern("learning_curves/{curve}.csv")
    savings = Pattern("learning_curves/{curve}.savings.csv")
    figure = Pattern("learning_curves/{curve}.png")
    log = Pattern("learning_curves/{curve}.log")


@dataclasses.dataclass(frozen=True)
class PartReportPaths:
    """The report of a target that is a part of the run: of one system or one experiment."""

    target: str

    summary = Pattern("reports/{target}/summary.csv")
    page = Pattern("reports/{target}/report.html")
    run = Pattern("reports/{target}/run.yaml")
    log = Pattern("reports/{target}/report.log")


@dataclasses.dataclass(frozen=True)
class BenchmarkPaths:
    """The table that a benchmark program prints."""

    program: str

    table = Pattern("benchmarks/{program}.txt")
    log = Pattern("benchmarks/{program}.log")
