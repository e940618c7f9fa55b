"""Liquids at a density that is kept, and at ones that the force field cannot hold."""

import io

import pandas as pd
import pytest

from meanforce.errors import InputError
from meanforce.settings.job import validated
from meanforce.settings.systems.equilibration import EquilibrationSettings
from meanforce.settings.systems.registry import System
from meanforce.systems.equilibration import Bath, Equilibrator
from meanforce.systems.registry import build

pytestmark = [pytest.mark.slow, pytest.mark.extended]

SHORT = {
    "nvt": 1.0, "npt": 4.0, "nvt_final": 1.0, "time_step": 0.002, "friction": 10.0,
    "barostat_interval": 0.02, "platform": "CPU",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _in_the_repository(root, monkeypatch):
    monkeypatch.chdir(root)


def liquid(**changes):
    values = {
        "kind": "liquid", "molecules": {"ETH": {"count": 40}}, "density": 0.5,
        "force_field": ["resources/force_fields/opls_aa_alkanes.xml"], "nonbonded_cutoff": 0.6,
        "nonbonded_method": "reaction_field",
    }  # fmt: skip
    return build(validated(System, values | changes, "system"), seed=1)


def run(prepared, temperature: float, **changes) -> tuple[pd.DataFrame, list[str]]:
    """Table and log of an equilibration at 1 bar."""
    table, lines = io.StringIO(), []
    settings = validated(EquilibrationSettings, SHORT | changes, "equilibration")
    bath = Bath(temperature, 1.0, 7)
    Equilibrator(prepared, settings, bath, 1, lines.append).run(table)
    return pd.read_csv(io.StringIO(table.getvalue())), lines


def test_without_constant_pressure_the_density_stays():
    """Mean temperatures of 1 ps scatter by 4 %, block by block; the allowance is five of these."""
    table, lines = run(liquid(), 180.0, npt=None, temperature_allowance=0.2)
    assert list(table["phase"].unique()) == ["nvt", "nvt_final"]
    assert (table["density_g_cm3"] == 0.5).all()
    assert table["time_ps"].iloc[-1] == pytest.approx(2.0)
    assert not any("density at" in line for line in lines)
    assert lines[-1].startswith("100.0 %")


def test_a_liquid_that_evaporates_is_refused():
    """Ethane at 600 K and 1 bar is a gas: its density falls all the time."""
    expected = r"the density fell from 0\.\d+ to 0\.\d+ g/cm³ in 'npt', as of a liquid that evap"
    with pytest.raises(InputError, match=expected) as caught:
        run(liquid(), 600.0, npt=20.0)
    assert "\n" not in str(caught.value)


def test_a_density_between_liquid_and_vapour_is_refused():
    """At 100 K ethane has 0.64 g/cm³; of twice the volume, half becomes empty."""
    thin = liquid(molecules={"ETH": {"count": 60}}, density=0.25)
    with pytest.raises(InputError, match=r"at 0\.2500 g/cm³ the box is partly empty") as caught:
        run(thin, 100.0, npt=None, nvt=20.0, friction=1.0, temperature_allowance=0.2)
    assert "\n" not in str(caught.value)


def test_a_box_that_becomes_smaller_than_the_cutoff_allows_is_refused():
    """Packed at a tenth of the density of the liquid, in a box of twice the cutoff."""
    thin = liquid(molecules={"ETH": {"count": 40}}, density=0.058, nonbonded_cutoff=1.6)
    with pytest.raises(InputError, match=r"equilibration: the phase 'npt' failed \(.*cutoff"):
        run(thin, 100.0, npt=40.0)
