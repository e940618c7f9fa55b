"""Checks of a config that need the molecules, before any job; all errors are reported at once."""

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mdtraj

from meanforce.core.beads import Beads
from meanforce.errors import Collected, InputError, InputErrors
from meanforce.mapping.complete_variable import check_one_piece, complete
from meanforce.mapping.configuration import build_beads
from meanforce.mapping.force_map_check import refuse_impossible
from meanforce.sampling.check_campaigns import (
    check_files_and_formula,
    check_models,
    check_one_molecule,
)
from meanforce.sampling.check_cutoffs import check_pair_cutoff
from meanforce.sampling.check_experiments import check_experiment, handedness_notice
from meanforce.sampling.check_grid import check_grid
from meanforce.sampling.check_magnitudes import magnitude_notices
from meanforce.sampling.check_proportions import check_training_frames, proportion_notices
from meanforce.sampling.check_ranges import Start, range_notices
from meanforce.sampling.check_store import check_store
from meanforce.settings.campaigns.metadynamics import MetadynamicsSettings
from meanforce.settings.campaigns.protocol import ProtocolSettings
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.config import Config
from meanforce.settings.load import load_config
from meanforce.settings.partial import readable_parts
from meanforce.systems import force_field
from meanforce.systems.atoms import Atoms
from meanforce.systems.described import Described
from meanforce.systems.facts import Facts, facts_of
from meanforce.systems.notices import check_time_step, vacuum_notice
from meanforce.systems.registry import describe
from meanforce.systems.topology import described_topology

KEPT = Path(".snakemake") / "meanforce"
"""Folder, where Snakemake runs, of what takes long to find out about systems."""


SOON = 3.0
"""Seconds after which a line is written about what takes time."""


@dataclasses.dataclass(frozen=True)
class _Molecules:
    """A system and its beads, as far as they could be made.

    Attributes:
        described: the system.
        topology: of its atoms.
        facts: from its force field; None if that does not fit.
        beads: by mapping.
        variables: collective variables by name, with the structures that they compare with.
    """

    described: Described
    topology: mdtraj.Topology
    facts: Facts | None
    beads: dict[str, Beads]
    variables: dict[str, CollectiveVariableSettings] = dataclasses.field(default_factory=dict)


def load_reporting_all(
    raw: Any, kept: Path | None = None, report: Callable[[str], None] | None = None
) -> Config:
    """As `load_config`; where that refuses, also with the errors in parts that can be read.

    Args:
        raw: contents of the config file.
        kept: see `check_structures`.
        report: see `check_structures`.

    Raises:
        InputError: a line for each error.
    """
    try:
        return load_config(raw)
    except InputErrors as error:
        found = Collected(InputErrors)
        found.lines += error.lines
        with found.check():
            check_structures(readable_parts(raw), kept, report, compared=False)
        raise InputErrors(found.lines) from None


def check_structures(
    config: Config,
    kept: Path | None = None,
    report: Callable[[str], None] | None = None,
    compared: bool = True,
) -> list[str]:
    """Refuse files that do not exist or do not fit, and what the molecules do not allow.

    Systems are parametrised, which finds missing hydrogens and unknown residues. Where a system or
    its beads are wrong, checks that need them are left out.

    Args:
        config: the whole config.
        kept: folder that keeps what was found out about systems for the next time, or None.
        report: called with a line about a system that takes long, or None.
        compared: whether the names in the config fit each other; else, what needs that is left out.

    Returns:
        Notices: sentences on what may not be meant.

    Raises:
        InputErrors: a line for each error: its key, what was given and what is allowed.
    """
    errors, notices = Collected(InputError), []
    found: dict[str, _Molecules] = {}
    broken: set[str] = set()
    for system, settings in config.systems.items():
        before = len(errors.lines)
        with errors.check(f"systems.{system}."):
            force_field.check(settings.force_field_files)
        if system in config.mappings and len(errors.lines) == before:
            with _if_long(report, f"parametrising system '{system}' to check it"):
                _check_system(config, system, kept, found, errors)
        if system in found:
            found[system] = _with_variables(config, system, found[system], errors)
            notices += _notices(config, system, found[system], errors)
        for name in config.campaigns.get(system, {}):
            with errors.check(f"campaigns.{system}.{name}."):
                check_files_and_formula(config, system, name)
        if len(errors.lines) > before:
            broken.add(system)
    for system in [name for name in found if compared and name not in broken]:
        _check_beads_of_campaigns(config, system, found[system], errors)
        with errors.check(f"validation.{system}.distances: "):
            _check_distances(config, system, found[system].beads)
        one = found[system]
        start = Start(one.variables, one.beads, one.topology, one.described.positions)
        with errors.check():
            notices += range_notices(config, system, start)
    beads = {(s, m): own for s, one in found.items() for m, own in one.beads.items()}
    for name, experiment in config.experiments.items():
        if experiment.system not in broken:
            one = found[experiment.system]
            atoms = [atom.name for atom in one.topology.atoms]
            with errors.check():
                check_experiment(config, beads, atoms, one.described.periodic, name)
                check_training_frames(config, name)
                own = beads[experiment.system, experiment.mapping]
                notices += filter(None, [handedness_notice(config, own, name)])
                if one.described.box is not None and own.n_molecules > 1:
                    check_pair_cutoff(config, name, one.described.box)
    if errors.lines:
        raise InputErrors(errors.lines)
    if compared:
        notices += magnitude_notices(config) + proportion_notices(config)
    return notices


@contextlib.contextmanager
def _if_long(report: Callable[[str], None] | None, line: str) -> Iterator[None]:
    """Report a line if the body takes long."""
    timer = threading.Timer(SOON, report or (lambda line: None), [line])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _check_system(
    config: Config,
    system: str,
    kept: Path | None,
    found: dict[str, _Molecules],
    errors: Collected,
) -> None:
    """Describe and parametrise a system, and build its beads."""
    settings, mappings = config.systems[system], config.mappings[system]
    with errors.check(f"systems.{system}."):
        described = describe(settings)
        topology = described_topology(described)
        found[system] = _Molecules(described, topology, None, {})
    if system not in found:
        return
    with errors.check(f"systems.{system}."):
        # Built-in systems take no time.
        file = None if kept is None or not settings.input_files else kept / f"{system}.npz"
        facts = facts_of(settings, described, file)
        found[system] = dataclasses.replace(found[system], facts=facts)
    facts = found[system].facts
    own = [one for one in config.experiments.values() if one.system == system]
    used = {one.mapping for one in own}
    # Stereo centres are found only where something depends on them.
    handed = {one.mapping for one in own if config.potentials[one.potential].tabulated}
    for name, mapping in mappings.items():
        if mapping.needs_charges and facts is None:
            continue
        start = None
        if mapping.needs_charges or (name in handed and facts is not None):
            start = Atoms(
                facts.charges, described.positions, described.box, bead_types=described.bead_types
            )
        with errors.check():
            where = f"mappings.{system}.{name}"
            beads = found[system].beads[name] = build_beads(mapping, topology, where, start)
            if name in used and facts is not None:
                refuse_impossible(mapping, beads, topology, facts.constraints, where)


def _with_variables(
    config: Config, system: str, found: _Molecules, errors: Collected
) -> _Molecules:
    """Complete collective variables; refuse those that do not fit the beads or the files."""
    beads, completed = found.beads, config.variables_of(system)
    for name, variable in config.variables_of(system).items():
        if variable.mapping not in beads:
            continue
        with errors.check():
            for key in ("beads", "other_beads"):
                for bead in getattr(variable, key) or []:
                    where = f"collective_variables.{system}.{name}.{key}"
                    beads[variable.mapping].index(bead, where)
            if variable.function is not None:
                where = f"collective_variables.{system}.{name}"
                own = beads[variable.mapping]
                completed[name] = complete(variable, own, found.topology, where)
                if found.described.periodic:
                    check_one_piece(completed[name], own, where)
    return dataclasses.replace(found, variables=completed)


def _notices(config: Config, system: str, found: _Molecules, errors: Collected) -> list[str]:
    """Notices on a system, and errors of time steps that it does not allow."""
    settings, facts = config.systems[system], found.facts
    notices = [f"systems.{system}.structure: {text}" for text in found.described.notices]
    if facts is None:
        return notices
    vacuum = vacuum_notice(settings, facts, found.described.periodic)
    if vacuum is not None:
        notices.append(f"systems.{system}: {vacuum}")
    steps = {
        f"campaigns.{system}.{name}.time_step": campaign.time_step
        for name, campaign in config.campaigns.get(system, {}).items()
        if isinstance(campaign, ProtocolSettings)
    }
    if settings.equilibrated:
        steps[f"systems.{system}.equilibration.time_step"] = settings.equilibration.time_step
    for where, time_step in steps.items():
        with errors.check():
            notices.append(check_time_step(time_step, facts, where))
    return [notice for notice in notices if notice]


def _check_beads_of_campaigns(
    config: Config, system: str, found: _Molecules, errors: Collected
) -> None:
    """Refuse biases that do not fit the beads, or the start."""
    variables = found.variables
    for name, campaign in config.campaigns.get(system, {}).items():
        with errors.check():
            if campaign.biased_mapping is not None:
                check_models(config, found.beads, system, name)
                check_one_molecule(config, found.beads, found.described.periodic, (system, name))
            # What is prepared for sampling in a box has all its solvent, unless it is added.
            check_store(config, system, name, found.beads, found.topology, found.described.periodic)
            if isinstance(campaign, MetadynamicsSettings):
                chosen = {one: variables[one] for one in campaign.biased_variables}
                where = f"campaigns.{system}.{name}"
                check_grid(campaign, chosen, found.beads, found.topology, found.described, where)


def _check_distances(config: Config, system: str, beads: dict[str, Beads]) -> None:
    """Refuse distances of beads that are not in one mapping."""
    for pair in config.validation_of(system).distances:
        if not any(set(pair) <= set(own.names) for own in beads.values()):
            raise InputError(
                f"no mapping has both beads {' and '.join(pair)}; beads are: "
                + "; ".join(f"{name}: {own.listed}" for name, own in beads.items())
            )
