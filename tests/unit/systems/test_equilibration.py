"""How a molecule in a box of water is equilibrated."""

import contextlib
import io
import itertools
import math
from pathlib import Path

import numpy as np
import openmm
import pandas as pd
import pytest
from openmm import unit
from progress_lines import phases_of, progress_of
from water_boxes import SMALL, described

from meanforce.errors import InputError, Stopped
from meanforce.restart.job import Job
from meanforce.settings.job import validated
from meanforce.settings.systems.equilibration import EquilibrationSettings
from meanforce.systems.equilibration import Bath, Equilibrator
from meanforce.systems.equilibration_checks import check_temperature, settled_density
from meanforce.systems.prepared import Prepared, degrees_of_freedom
from meanforce.systems.registry import build
from meanforce.units import BOLTZMANN

pytestmark = [pytest.mark.slow, pytest.mark.extended]

SHORT = {
    # Strong coupling, and wide allowances for a few ps. Over eight seeds the mean temperature has
    # a standard deviation of 3 K (allowed: 15 K) and quarters of the density one of 1 % (allowed:
    # 10 %): false alarm below 1e-5.
    "nvt": 1.5, "npt": 4.0, "nvt_final": 1.5, "time_step": 0.004, "friction": 10.0,
    "barostat_interval": 0.02, "temperature_allowance": 0.05, "density_allowance": 0.1,
    "platform": "CPU",
}  # fmt: skip


@pytest.fixture(scope="module")
def equilibrated(water_box, tmp_path_factory):
    _, folder = water_box
    table, lines = io.StringIO(), []
    settings = validated(EquilibrationSettings, SHORT, "equilibration")
    state = Equilibrator(Prepared.read(folder), settings, Bath(300.0, 1.0, 7), 1, lines.append).run(
        table
    )
    start = tmp_path_factory.mktemp("equilibrated") / "start.xml"
    start.write_text(openmm.XmlSerializer.serialize(state))
    return folder, start, pd.read_csv(io.StringIO(table.getvalue())), lines


@pytest.fixture(scope="module")
def small_box(root, tmp_path_factory) -> Path:
    """Folder of a box that is too small for its density to be known well."""
    folder = tmp_path_factory.mktemp("small")
    structure = str(root / "resources" / "capped_alanine.pdb")
    build(described(structure=structure, **SMALL), seed=5).write(folder)
    return folder


def test_equilibration_ends_at_the_mean_density(equilibrated):
    _, _, table, lines = equilibrated
    phases = dict(list(table.groupby("phase", sort=False)))
    assert list(phases) == ["nvt", "npt", "nvt_final"]
    assert table["time_ps"].iloc[-1] == pytest.approx(7.0)
    assert phases["nvt"]["density_g_cm3"].nunique() == 1
    assert phases["npt"]["density_g_cm3"].nunique() > 10
    second = phases["npt"]["density_g_cm3"].to_numpy()[len(phases["npt"]) // 2 :]
    final = phases["nvt_final"]["density_g_cm3"].to_numpy()
    # Rounding of the table, and of means over blocks of unequal length.
    np.testing.assert_allclose(final, second.mean(), rtol=1e-3)
    # From 0.92 g/cm³ at the start; after so few ps 0.973 ± 0.010 (standard deviation over eight
    # seeds), so that five of these are a false alarm of 1e-6.
    assert final[0] == pytest.approx(0.973, abs=0.05)
    assert any("density at 300 K, 1 bar" in line for line in lines)


def test_equilibration_reports_its_phases(equilibrated):
    *_, lines = equilibrated
    assert phases_of(lines)[-3:] == [
        "equilibration at constant volume", "equilibration at constant pressure",
        "equilibration at the final volume",
    ]  # fmt: skip
    counted = [line for line in progress_of(lines) if line.percent is not None]
    starts = {line.phase: line.percent for line in reversed(counted)}
    # 1.5, 4 and 1.5 ps, in whole samples of each phase.
    assert starts["equilibration at constant volume"] == 0.0
    assert starts["equilibration at constant pressure"] == pytest.approx(100 * 1.5 / 7, abs=0.5)
    assert starts["equilibration at the final volume"] == pytest.approx(100 * 5.5 / 7, abs=0.5)
    assert counted[-1].rate.endswith(" ns/day on CPU")


def test_sampling_starts_from_the_equilibrated_state(equilibrated):
    folder, path, table, _ = equilibrated
    start = Prepared.read(folder, path)
    edge = start.system.getDefaultPeriodicBoxVectors()[0][0]._value
    assert edge != 2.2
    assert start.topology.getPeriodicBoxVectors()[0][0]._value == edge
    mass = sum(start.system.getParticleMass(i)._value for i in range(len(start.positions)))
    density = mass / edge**3 * 1.66053907e-3
    assert density == pytest.approx(table["density_g_cm3"].iloc[-1], abs=1e-5)
    context = openmm.Context(start.system, openmm.VerletIntegrator(0.001))
    context.setPositions(start.positions)
    state = openmm.XmlSerializer.deserialize(path.read_text())
    context.setVelocities(state.getVelocities())
    kinetic = context.getState(energy=True).getKineticEnergy()._value
    # 1,900 degrees of freedom fluctuate by 3.2 %: false alarm at six standard deviations 1e-9.
    temperature = 2 * kinetic / (degrees_of_freedom(start.system) * BOLTZMANN)
    assert temperature == pytest.approx(300.0, rel=0.2)
    # Bonds were not stretched when the box was scaled.
    for i in range(0, start.system.getNumConstraints(), 50):
        first, second, length = start.system.getConstraintParameters(i)
        found = unit.norm(start.positions[first] - start.positions[second])
        assert found._value == pytest.approx(length._value, rel=1e-4)


def test_equilibration_repeats_to_the_bit(small_box):
    """On one thread of the CPU platform."""
    brief = {"nvt": 0.4, "npt": 0.4, "nvt_final": 0.4, "temperature_allowance": 0.2}
    settings = validated(EquilibrationSettings, SHORT | brief | {"density_allowance": 0.2}, "e")
    first, again = (
        Equilibrator(
            Prepared.read(small_box), settings, Bath(300.0, 1.0, 7), 1, lambda line: None
        ).run(io.StringIO())
        for _ in range(2)
    )
    assert openmm.XmlSerializer.serialize(first) == openmm.XmlSerializer.serialize(again)


def test_equilibration_goes_on_where_it_was_stopped(small_box, tmp_path):
    """In each of the phases."""
    brief = {"nvt": 0.4, "npt": 0.8, "nvt_final": 0.4, "temperature_allowance": 0.2}
    settings = validated(EquilibrationSettings, SHORT | brief | {"density_allowance": 0.2}, "e")

    def run(job: Job | None) -> tuple[list[str], bool]:
        lines.clear()
        equilibrator = Equilibrator(
            Prepared.read(small_box), settings, Bath(300.0, 1.0, 7), 1, lines.append
        )
        table = io.StringIO()
        with contextlib.suppress(Stopped):
            equilibrator.run(table, job)
            return table.getvalue().splitlines(), True
        return table.getvalue().splitlines(), False

    lines: list[str] = []
    once, _ = run(None)
    for stop_at in (50, 180, 350):
        looks = itertools.count()
        folder = tmp_path / str(stop_at)
        folder.mkdir()
        stop = Job(folder, {}, stopping(looks, stop_at), math.inf)
        part, ended = run(stop)
        assert not ended
        info = Job(folder, {}).load().info
        whole, ended = run(Job(folder, {}, interval=math.inf))
        assert ended
        # 100, 200 and 100 steps.
        done = info["done"] + {"nvt": 0, "npt": 100, "nvt_final": 300}[info["phase"]]
        first = next(line for line in progress_of(lines) if line.percent is not None)
        assert first.percent == pytest.approx(100 * done / 400, abs=0.11)
        n = len(part)
        assert part == once[:n] == whole[:n]
        assert [line.split(",")[:2] for line in whole] == [line.split(",")[:2] for line in once]
        # Another neighbour list rounds differently, which has little effect yet in the next row.
        energies = [float(table[n].split(",")[-1]) for table in (once, whole)]
        assert energies[0] == pytest.approx(energies[1], abs=1.0)


def stopping(looks, after: int):
    """A request to stop that comes after a number of checks."""
    return lambda: "a test" if next(looks) >= after else None


def test_a_state_of_something_else_is_refused(equilibrated, tmp_path):
    folder, *_ = equilibrated
    with pytest.raises(InputError, match="is not an equilibrated state"):
        Prepared.read(folder, folder / "state.xml")
    other = openmm.System()
    other.addParticle(1.0)
    context = openmm.Context(other, openmm.VerletIntegrator(0.001))
    context.setPositions([openmm.Vec3(0, 0, 0)])
    state = context.getState(positions=True, velocities=True)
    (tmp_path / "one.xml").write_text(openmm.XmlSerializer.serialize(state))
    with pytest.raises(InputError, match=r"one.xml: has 1 atoms, but the prepared system has \d+"):
        Prepared.read(folder, tmp_path / "one.xml")


def correlated(n: int, mean: float, spread: float, seed: int) -> np.ndarray:
    """Series with a correlation time of three samples."""
    noise = np.random.default_rng(seed).normal(size=n)
    decay = np.exp(-1 / 3)
    series = np.empty(n)
    series[0] = noise[0]
    for i in range(1, n):
        series[i] = decay * series[i - 1] + np.sqrt(1 - decay**2) * noise[i]
    return mean + spread * series


def test_wrong_temperature_and_drifting_density_are_caught():
    # Checks fail by chance once in 10⁵ without the allowances of 1 %; these make it rarer.
    check_temperature(correlated(200, 300.0, 6.0, 1), 300.0, 0.01)
    with pytest.raises(InputError, match=r"is 31\d\.\d ± \d\.\d K, but the thermostat's is 300 K"):
        check_temperature(correlated(200, 315.0, 6.0, 1), 300.0, 0.01)
    with pytest.raises(InputError, match="is nan"):
        check_temperature(np.full(200, np.nan), 300.0, 0.01)
    steady = correlated(400, 0.99, 0.01, 2)
    assert settled_density(steady, 0.01) == pytest.approx(0.99, abs=0.006)
    with pytest.raises(InputError, match=r"the density still drifts, from 0.9"):
        settled_density(steady + np.linspace(-0.2, 0.0, 400), 0.01)
    with pytest.raises(InputError, match=r"the error of the mean density is too large"):
        settled_density(correlated(400, 0.99, 0.2, 2), 0.01)


def test_a_time_step_that_is_too_long_is_told(small_box):
    settings = validated(
        EquilibrationSettings, SHORT | {"time_step": 0.01, "nvt": 2.0}, "equilibration"
    )
    with pytest.raises(InputError, match=r"the phase 'nvt' failed .*given 10 fs"):
        Equilibrator(
            Prepared.read(small_box), settings, Bath(300.0, 1.0, 7), 1, lambda line: None
        ).run(io.StringIO())
