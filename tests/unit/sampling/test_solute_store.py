"""`store: solute`: positions and unbiased forces of the solute, taken in the run."""

import dataclasses

import mdtraj
import numpy as np
import openmm
import pytest
from interruptions import stopped_after
from openmm import app, unit

import torsion
from meanforce.data.forces import ForcesReader
from meanforce.data.h5md import H5mdReader
from meanforce.data.trajectory import TrajectoryReader
from meanforce.errors import InputError
from meanforce.mapping.apply import Files, map_replica
from meanforce.mapping.configuration import build_beads
from meanforce.mapping.solvent import solute_atoms
from meanforce.mapping.stored_atoms import on_stored_atoms, refuse_solute_only
from meanforce.mapping.system_atoms import SystemAtoms
from meanforce.sampling import engine as sampling_engine
from meanforce.sampling.in_run_forces import check_whole_frames
from meanforce.sampling.recompute import recompute
from meanforce.settings.campaigns.replica_exchange import ReplicaExchangeSettings
from meanforce.settings.mappings import MappingSettings
from meanforce.systems.prepared import Prepared

CHAIN = [3, 4, 5, 6, 7]
"""Atoms of the solute: behind the first of three water molecules."""

BEADS = {name: f"name {name}" for name in "ABCD"}


def in_water(charge: float = 0.4) -> Prepared:
    """The chain of `torsion` with a hydrogen on a rigid bond, and three rigid waters."""
    system, topology = openmm.System(), app.Topology()
    pairs, bonds, angles = openmm.NonbondedForce(), openmm.HarmonicBondForce(), None
    angles, torsion_force = openmm.HarmonicAngleForce(), openmm.PeriodicTorsionForce()
    together = openmm.CustomExternalForce("20*(x^2+y^2+z^2)")
    positions, chain = [], topology.addChain()

    def water(place: list[float]) -> None:
        first, residue = system.getNumParticles(), topology.addResidue("HOH", chain)
        for name, mass, q, at in (
            ("O", 16.0, -0.8, (0, 0, 0)), ("H1", 1.0, 0.4, (0.09572, 0, 0)),
            ("H2", 1.0, 0.4, (-0.02399872, 0.09266272, 0)),
        ):  # fmt: skip
            topology.addAtom(name, app.Element.getBySymbol(name[0]), residue)
            system.addParticle(mass)
            size = (0.31, 0.6) if name == "O" else (0.1, 0.0)
            pairs.addParticle(q, *size)
            positions.append(np.add(place, at))
        for i, j, length in ((0, 1, 0.09572), (0, 2, 0.09572), (1, 2, 0.15139)):
            system.addConstraint(first + i, first + j, length)
        for i, j in ((0, 1), (0, 2), (1, 2)):
            pairs.addException(first + i, first + j, 0, 1, 0)
        together.addParticle(first, [])

    water([0.5, 0, 0])
    residue, first = topology.addResidue("MOL", chain), system.getNumParticles()
    atoms = []
    for name, q, at in zip(
        "ABCDH", (charge, -charge, 0.2, -0.5, 0.3),
        ([0, 0.14, 0], [0, 0, 0], [0.15, 0, 0], [0.15, -0.14, 0.02], [0.15, -0.2, 0.1]),
        strict=True,
    ):  # fmt: skip
        atoms.append(topology.addAtom(name, app.Element.getBySymbol("CH"[name == "H"]), residue))
        system.addParticle(1.0 if name == "H" else 12.0)
        pairs.addParticle(q, 0.3, 0.3)
        positions.append(np.array(at))
    for i in range(4):
        topology.addBond(atoms[i], atoms[i + 1])
        if i < 3:
            bonds.addBond(first + i, first + i + 1, 0.15, 50000.0)
    for i in range(3):
        angles.addAngle(first + i, first + i + 1, first + i + 2, 1.9, 500.0)
    system.addConstraint(first + 3, first + 4, 0.1)
    for i in range(5):
        for j in range(i):
            pairs.addException(first + i, first + j, 0, 1, 0)
    torsion_force.addTorsion(*(first + i for i in range(4)), 1, 0.0, torsion.BARRIER / 2)
    water([-0.5, 0.1, 0])
    water([0, 0.6, 0.2])
    for force in (pairs, bonds, angles, torsion_force, together):
        system.addForce(force)
    return Prepared(system, topology, np.array(positions) * unit.nanometer)


def variable(topology):
    beads = build_beads(MappingSettings(beads=BEADS), topology, "all")
    return torsion.as_variable(torsion.PHI, beads, "phi")


PROTOCOL = {"length": 6.0, "burn_in": 1.0, "time_step": 0.002, "stride": 0.02}


def engine_of(campaign, folder):
    prepared = in_water()
    topology = mdtraj.Topology.from_openmm(prepared.topology)
    variables = {"phi": variable(topology)} if campaign.biased_variables else {}
    task = torsion.Task(campaign, variables, 300.0, 3)
    job = torsion.job_in(folder)
    dynamics = torsion.dynamics_of(task, torsion.Host(prepared))
    atoms = np.array(solute_atoms(topology)) if campaign.store == "solute" else None
    made = sampling_engine.Engine(
        dynamics, campaign, 300.0, prepared.topology, job, lambda line: None, atoms
    )
    return made, job


def run(campaign, folder):
    made, job = engine_of(campaign, folder)
    made.run(job.load(), folder / "trajectory.h5", folder / "log.csv", folder / "segments.csv")
    return folder / "trajectory.h5"


def recomputed(trajectory):
    """Forces on all atoms by the stage `forces`."""
    output = trajectory.parent / "forces.h5"
    recompute(in_water(), trajectory, output, 1, torsion.job_in(trajectory.parent / "f"), print)
    return output


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Trajectories of the same run, with the solute's atoms and with all."""
    folder = tmp_path_factory.mktemp("both")
    return tuple(
        run(torsion.metadynamics(**PROTOCOL, store=store), folder / store)
        for store in ("solute", "all")
    )


def relative(values, wanted):
    return np.sqrt(((values - wanted) ** 2).sum() / (wanted.astype(float) ** 2).sum())


def test_the_solute_is_stored_with_the_forces_that_would_be_recomputed(both):
    solute, whole = map(TrajectoryReader, both)
    assert solute.stored_atoms.tolist() == CHAIN and whole.stored_atoms is None
    every = slice(None)
    assert np.array_equal(solute.positions(every), whole.positions(every)[:, CHAIN])
    for name in ("bias_energy", "log_weight", "variables"):
        assert np.array_equal(solute.array(name), whole.array(name))
    forces = ForcesReader(both[0])
    assert forces.trajectory == solute.attributes["content"]
    again = ForcesReader(recomputed(both[1])).forces(every)[:, CHAIN]
    # Stored positions are rounded to single precision, from which forces are recomputed.
    assert relative(forces.forces(every), again) < 1e-5
    # The bias is in none of them.
    biased = solute.array("checked_bias_forces")
    assert relative(forces.forces(every)[solute.array("checked_frames")] + biased, again[
        solute.array("checked_frames")
    ]) > 1e-3  # fmt: skip


def test_forces_are_the_ones_of_the_stored_instant(both):
    """To rounding, where positions are not rounded: the whole frames' in double precision."""
    made, _ = engine_of(torsion.metadynamics(**PROTOCOL, store="solute"), both[0].parent / "x")
    made._dynamics.advance(500)
    (frame,) = made._dynamics.frames(with_forces=True)
    context = openmm.Context(
        in_water().system, openmm.VerletIntegrator(0.001),
        openmm.Platform.getPlatformByName("Reference"),
    )  # fmt: skip
    context.setPositions(frame.positions)
    wanted = context.getState(forces=True).getForces(asNumpy=True)._value
    assert relative(frame.forces, wanted) < 1e-12


def test_a_killed_run_stores_the_same(tmp_path, both):
    campaign = torsion.metadynamics(**PROTOCOL, store="solute")
    made, job = engine_of(campaign, tmp_path)
    stopped_after(made, job, tmp_path, 90)
    assert 0 < len(made._store._files["frames"]) < 250
    again, once = TrajectoryReader(run(campaign, tmp_path)), TrajectoryReader(both[0])
    assert again.attributes["content"] == once.attributes["content"]
    for name in ("forces", "whole_positions", "whole_forces", "checked_bias_forces", "bias_grid"):
        assert np.array_equal(again.array(name), once.array(name)), name


def test_mdtraj_reads_the_solute(both):
    read = mdtraj.load(both[0])
    assert [atom.name for atom in read.topology.atoms] == list("ABCDH")
    assert read.topology.n_bonds == 4
    assert np.array_equal(read.xyz, TrajectoryReader(both[0]).positions(slice(None)))


@pytest.mark.parametrize(("force_map", "names"), [("aggregate", "ABCD"), ("optimal", "AD")])
def test_the_dataset_is_that_of_whole_frames(both, tmp_path, force_map, names):
    prepared = in_water()
    system, topology = prepared.system, mdtraj.Topology.from_openmm(prepared.topology)
    constraints = [
        tuple(system.getConstraintParameters(i)[:2]) for i in range(system.getNumConstraints())
    ]
    chosen = {name: BEADS[name] for name in names}
    settings = MappingSettings(beads=chosen, force_map=force_map, solvent_groups="none")
    datasets = []
    for trajectory, forces in ((both[0], both[0]), (both[1], recomputed(both[1]))):
        files = Files(trajectory, forces, None, tmp_path / "d.h5", tmp_path / "t.csv")
        files = dataclasses.replace(files, dataset=tmp_path / f"{trajectory.parent.name}.h5")
        beads = build_beads(settings, topology, "m")
        map_replica(settings, beads, SystemAtoms.of(topology, constraints), files, None, print)
        datasets.append(H5mdReader(files.dataset))
    ours, theirs = datasets
    # The dihedral is that of all four.
    assert ours.parameters["bias_is_function_of_beads"] == (names == "ABCD")
    for key in ("bead_residues", "force_map", "bonds", "masses"):
        assert ours.parameters.get(key) == theirs.parameters.get(key)
    assert np.array_equal(ours.positions(), theirs.positions())
    assert relative(ours.forces(), theirs.forces()) < 1e-5


@pytest.mark.parametrize("kind", ["walkers", "replica_exchange"])
def test_every_copy_has_its_own_forces(tmp_path, kind):
    if kind == "walkers":
        campaign = torsion.metadynamics(**PROTOCOL, walkers=3, store="solute")
    else:
        values = {
            "kind": kind, "levels": 3, "highest": 400.0, "exchange_every": 0.1, "length": 3.0,
            "time_step": 0.002, "stride": 0.02, "store": "solute",
        }  # fmt: skip
        campaign = ReplicaExchangeSettings.model_validate(
            torsion.PROTOCOL | values, context={"internal": True}
        )
    of_solute = run(campaign, tmp_path / "solute")
    whole = run(campaign.model_copy(update={"store": "all"}), tmp_path / "all")
    again = ForcesReader(recomputed(whole)).forces(slice(None))[:, CHAIN]
    assert relative(ForcesReader(of_solute).forces(slice(None)), again) < 1e-5


def test_other_forces_on_whole_frames_are_refused(both, tmp_path):
    lines = []
    in_water().write(tmp_path / "right")
    check_whole_frames(Prepared.read(tmp_path / "right"), both[0], 1, lines.append)
    deviation = float(next(line for line in lines if "relative deviation" in line).split()[-1])
    # Positions of whole frames are in double precision, forces in single.
    assert deviation < 1e-6
    in_water(charge=0.41).write(tmp_path / "wrong")
    with pytest.raises(InputError, match="recomputed forces differ from the in-run unbiased ones"):
        check_whole_frames(Prepared.read(tmp_path / "wrong"), both[0], 1, print)


def test_whole_frames_are_few_in_large_systems(both, tmp_path, monkeypatch):
    monkeypatch.setattr(sampling_engine, "WHOLE_FRAMES", 1)
    path = run(torsion.metadynamics(**PROTOCOL, store="solute"), tmp_path)
    number = len(TrajectoryReader(path).array("whole_positions"))
    assert 20 <= number < 40 < len(TrajectoryReader(both[0]).array("whole_positions")) <= 250


def test_beads_outside_of_the_stored_atoms_are_refused():
    topology = mdtraj.Topology.from_openmm(in_water().topology)
    beads = build_beads(MappingSettings(beads=BEADS), topology, "m")
    with pytest.raises(InputError, match=r"^t: bead 'D' has atoms of water or ions, but frames"):
        on_stored_atoms(beads, SystemAtoms.of(topology), np.array([3, 4, 5]), "t")
    waters = MappingSettings(molecules={"HOH": {"beads": {"W": ["O", "H1", "H2"]}}})
    with pytest.raises(InputError, match="several molecules of a type; allowed is 'store: all'"):
        refuse_solute_only(waters, build_beads(waters, topology, "m"), topology, False, "c")


def test_a_force_map_with_the_solvent_is_refused():
    topology = mdtraj.Topology.from_openmm(in_water().topology)
    dry = mdtraj.Topology.from_openmm(torsion.molecule().topology)
    whole = MappingSettings(beads=BEADS, force_map="optimal")
    none = MappingSettings(beads=BEADS, force_map="optimal", solvent_groups="none")
    beads = build_beads(whole, topology, "m")
    refuse_solute_only(none, beads, topology, True, "c")
    refuse_solute_only(whole, build_beads(whole, dry, "m"), dry, False, "c")
    for atoms, solvated in ((topology, False), (dry, True)):
        with pytest.raises(InputError, match=r"^c: 'force_map: optimal' with 'solvent_groups: wh"):
            refuse_solute_only(whole, build_beads(whole, atoms, "m"), atoms, solvated, "c")
