"""Reduced potentials and mean energies against openmmtools."""

import math

import h5py
import numpy as np
import openmm
import pytest
from openmm import unit
from openmmtools import states, testsystems
from openmmtools.constants import kB
from sampled_systems import prepared_in, run_of, testsystem

import torsion
from meanforce.sampling import mbar
from meanforce.sampling.collective_variables import as_variable
from meanforce.sampling.replica_exchange import Exchange
from meanforce.sampling.task import Host, Task
from meanforce.sampling.umbrella import Windows
from meanforce.settings.campaigns.replica_exchange import ReplicaExchangeSettings
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.units import BOLTZMANN, kt

TEMPERATURE = 320.0
KILOJOULE = unit.kilojoule_per_mole


def reduced_potential(system: openmm.System, temperature: float, context: openmm.Context) -> float:
    """Of the context's configuration, in kT, by openmmtools."""
    state = states.ThermodynamicState(system=system, temperature=temperature * unit.kelvin)
    return state.reduced_potential(context)


def state_at(temperature: float) -> states.ThermodynamicState:
    """A state whose temperature alone matters."""
    return states.ThermodynamicState(openmm.System(), temperature=temperature * unit.kelvin)


def mean_energy(system: testsystems.TestSystem, temperature: float) -> float:
    """Exact mean potential energy by openmmtools, kJ/mol."""
    expected = system.get_potential_expectation(state_at(temperature))
    return expected.value_in_unit(KILOJOULE)


def test_the_gas_constant_is_that_of_openmmtools():
    assert pytest.approx(kB.value_in_unit(KILOJOULE / unit.kelvin), rel=1e-12) == BOLTZMANN


def on_reference(system: openmm.System) -> openmm.Context:
    return openmm.Context(
        system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference")
    )


@pytest.mark.parametrize(
    ("kind", "beads", "centers", "constant"),
    [
        # Windows near ±π: differences are taken the short way round.
        ("dihedral", ["A", "B", "C", "D"], [[-3.0], [0.4], [3.1]], 120.0),
        ("distance", ["A", "D"], [[0.2], [0.45]], 4000.0),
    ],
)
def test_bias_energies_of_windows_are_differences_of_reduced_potentials(
    kind, beads, centers, constant
):
    """u_k(x) − u(x) of MBAR, from the force that umbrella sampling adds to a system."""
    variable = as_variable(
        CollectiveVariableSettings(kind=kind, mapping="all", beads=beads), torsion.BEADS, "here"
    )
    centers = np.array(centers)
    numbers = list(range(len(centers)))
    bias = Windows(centers, numbers, [constant], (variable,), TEMPERATURE, pulled=False)
    molecule = torsion.molecule()
    plain, biased = on_reference(molecule.system), torsion.molecule().system
    bias.add_to(biased)
    context = on_reference(biased)
    start = np.array(molecule.positions._value)
    own = mbar.Windows(centers, np.array([constant]), [variable.periodic])
    rng = np.random.default_rng(4)
    for _ in range(20):
        positions = start + rng.normal(scale=0.05, size=start.shape)
        plain.setPositions(positions)
        context.setPositions(positions)
        unbiased = reduced_potential(molecule.system, TEMPERATURE, plain)
        found = []
        for number in numbers:
            bias.begin(context, number)
            found.append(reduced_potential(biased, TEMPERATURE, context) - unbiased)
        [value] = bias.added.getCollectiveVariableValues(context)
        expected = own.reduced(np.array([[value]]), TEMPERATURE)[0]
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def exchange(levels: int) -> tuple[Exchange, openmm.System]:
    """Replica exchange of the torsion molecule, and its system."""
    campaign = ReplicaExchangeSettings.model_validate(
        torsion.PROTOCOL
        | {
            "kind": "replica_exchange", "highest": 360.0, "levels": levels, "exchange_every": 0.05,
            "length": 1.0,
        },
        context={"internal": True},
    )  # fmt: skip
    molecule = torsion.molecule()
    dynamics = Exchange(Task(campaign, {}, 300.0, 11), Host(molecule))
    return dynamics, molecule.system


def test_exchanges_have_the_probability_of_reduced_potentials():
    """Two levels: min(1, e^Δ), Δ = u₀(x₀) + u₁(x₁) − u₀(x₁) − u₁(x₀), u by openmmtools.

    4,000 decisions on independent draws of Python's generator: the allowance of 4.5 standard errors
    is exceeded once in 1e5 runs.
    """
    dynamics, system = exchange(2)
    dynamics.advance(400)
    contexts = [on_reference(system) for _ in range(2)]
    hot, cold = 360.0, 300.0
    for copy, context in enumerate(contexts):
        context.setPositions(dynamics._sampler.replicaConformation[copy].getPositions())
    low, high = (
        [reduced_potential(system, level, context) for context in contexts] for level in (cold, hot)
    )
    delta = low[0] + high[1] - low[1] - high[0]
    # Begin with the levels whose exchange is not certain.
    start, probability = [0, 1] if delta < 0 else [1, 0], math.exp(-abs(delta))
    # Usually there are several attempts at a time.
    dynamics._sampler.exchangesPerIteration = 1
    swapped = 0
    for _ in range(4000):
        dynamics._sampler.replicaStateIndex = list(start)
        dynamics.event(0.0)
        swapped += dynamics._sampler.replicaStateIndex != start
    error = math.sqrt(probability * (1 - probability) / 4000)
    assert 0.02 < probability < 0.98
    assert abs(swapped / 4000 - probability) < 4.5 * error


STIFF = {"N": 60, "K": "4000 kJ/mol/nm^2"}


def test_sampled_energies_of_oscillators_have_their_exact_mean(tmp_path):
    """60 oscillators, unbiased: energies of `forces.h5` against 3NkT/2.

    The splitting of the integrator samples positions of harmonic wells exactly. Five standard
    errors, from 20 blocks (Student, 19 degrees of freedom): false alarms below 1e-4.
    """
    settings = testsystem("HarmonicOscillatorArray", **STIFF)
    folder = prepared_in(settings, tmp_path)
    run = run_of(
        folder, {"molecules": {"Ar": {"template": "heavy"}}}, TEMPERATURE, length=100.0,
        stride=0.1, time_step=0.01, friction=10.0, equilibration=2.0, platform="Reference",
    )  # fmt: skip
    exact = mean_energy(testsystems.HarmonicOscillatorArray(N=STIFF["N"]), TEMPERATURE)
    assert exact == pytest.approx(1.5 * STIFF["N"] * kt(TEMPERATURE), rel=1e-9)
    with h5py.File(run.folder / "forces.h5") as file:
        energies = file["potential_energy"][:]
    blocks = energies.reshape(20, -1).mean(axis=1)
    error = blocks.std(ddof=1) / math.sqrt(20)
    assert error < 0.01 * exact
    assert abs(blocks.mean() - exact) < 5.0 * error
