"""Write an experiment's reference at a state point as a table of free energies (CSV)."""

import argparse
from pathlib import Path

from meanforce.analysis.comparison import axes_of
from meanforce.analysis.one_comparison import judged, reference_of
from meanforce.analysis.table_reference import exported, exported_repeats
from meanforce.data.surface_tables import write_table
from meanforce.errors import InputError, exits_cleanly, refuse_existing
from meanforce.jobs import stages
from meanforce.paths import use_output
from meanforce.progress import report
from meanforce.settings import inputs
from meanforce.settings.load import load_config
from meanforce.settings.yaml_file import read_config_file
from meanforce.units import kt


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configfile", type=Path, required=True, help="config of the run")
    parser.add_argument("--experiment", required=True, help="entry of the section `experiments`")
    parser.add_argument("--state", required=True, help="one of its state points")
    parser.add_argument("--output", type=Path, required=True, help="CSV file to write")
    parser.add_argument(
        "--repeats",
        action="store_true",
        help="write a table of each replica (of fewer than four: time block) instead of one with "
        "standard errors: NAME-1.csv, NAME-2.csv, …",
    )
    arguments = parser.parse_args()
    if not arguments.repeats:
        refuse_existing(arguments.output)
    config = load_config(read_config_file(arguments.configfile))
    use_output(config.output)
    name, state = arguments.experiment, arguments.state
    if name not in config.experiments:
        raise InputError(
            f"--experiment: there is no experiment '{name}'; known: {', '.join(config.experiments)}"
        )
    if state not in inputs.states_of(config, name):
        raise InputError(
            f"--state: '{name}' has no state point '{state}'; it has "
            f"{', '.join(inputs.states_of(config, name))}"
        )
    paths = [Path(place.dataset) for place in inputs.reference_data(config, name, [state])]
    job = stages.validate_job(config, name, state)
    if not paths or not job.validation.surface:
        raise InputError(
            f"experiments.{name}: has no campaign as its 'reference', or no 'surface' in its "
            "validation, so that there is nothing to export"
        )
    variables = judged(job, paths[0])
    axes = axes_of(job.validation, variables)
    sample, kT = reference_of(job, paths, variables, report), kt(job.temperature)
    campaign = config.experiments[name].reference
    about = (
        f"free energy, kJ/mol, at {job.temperature:g} K",
        f"{job.labels.system}, campaign {campaign}, {len(paths)} datasets",
        *(f"{v}: {variables[v].unit or 'without a unit'}" for v in axes.names),
    )
    names = list(axes.names)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    if not arguments.repeats:
        write_table(arguments.output, exported(sample, axes, kT), names, about)
        report(f"{arguments.output}: errors from {sample.n_units} independent units")
        return
    tables = exported_repeats(sample, axes, kT)
    stem = arguments.output.stem
    places = [arguments.output.with_stem(f"{stem}-{n}") for n in range(1, len(tables) + 1)]
    refuse_existing(*places)
    for number, (place, table) in enumerate(zip(places, tables, strict=True), 1):
        write_table(place, table, names, (*about, f"repeat {number} of {len(tables)}"))
    report(f"{arguments.output}: {len(tables)} repeats")


if __name__ == "__main__":
    main()
