"""Targets from tables in the place of frames."""

import dataclasses

import numpy as np
import pytest
import torch
from fluid_table import distribution, inversion, start
from inversions import CUTOFF, TEMPERATURE, bent, fluid, form, settings, silent
from liquid_boxes import CHAIN
from published_propane import FILES, FOLDER, TERMS, starts
from published_propane import TEMPERATURE as COLD
from published_propane import targets as published

from meanforce.core.topology import Topology
from meanforce.errors import InputError
from meanforce.fitting.boltzmann_inversion import fit
from meanforce.fitting.iterative.histograms import Histograms
from meanforce.fitting.iterative.states import states_of
from meanforce.fitting.linear import without_coefficients
from meanforce.fitting.target_tables import TargetTables
from meanforce.settings.job import validated
from meanforce.settings.target_tables import TargetTablesSettings
from meanforce.units import kt


def parts_of(chosen, frames):
    histograms = Histograms(without_coefficients(chosen, frames, {}))
    return histograms, states_of(frames, 0, histograms, 50)[0]


def tables(files: dict, temperature: float = TEMPERATURE) -> tuple[TargetTables]:
    read = validated(TargetTablesSettings, files, "targets")
    return (TargetTables.read(read, temperature),)


@pytest.fixture
def written(tmp_path):
    """Writes a table to a file; returns its path."""

    def write(places, values, name="table") -> str:
        np.savetxt(tmp_path / name, np.column_stack([places, values]), fmt="%.10g")
        return str(tmp_path / name)

    return write


def test_counts_are_those_that_the_published_tables_stand_for():
    """200 molecules: 79,600 pairs of outer beads, of which N²V₄π∫r²g dr/2V are in a bin."""
    frames = starts()
    histograms, state = parts_of(settings(TERMS), frames)
    assert [(curve.kind, curve.name) for curve in histograms.curves] == [
        ("bonds", "A – B"), ("pairs", "A – A"), ("pairs", "A – B"), ("pairs", "B – B"),
        ("angles", "A – B – A"),
    ]  # fmt: skip
    counts = dict(zip((c.name for c in histograms.curves), histograms.parts, strict=True))
    mean, beads = state.target.mean, {"A – A": (400, 400), "A – B": (400, 200), "B – B": (200, 200)}
    assert len(state.target.weights) == 1 and not state.target.residuals.any()
    for number, curve in enumerate(histograms.curves):
        own = mean[counts[curve.name]] if curve.kind == "angles" else mean[histograms.parts[number]]
        if curve.kind != "pairs":
            assert own.sum() == pytest.approx({"bonds": 400, "angles": 200}[curve.kind])
            # What lies outside of the range of a curve is in the outer bins.
            assert own[[0, -1]].sum() < 5e-3 * own.sum()
            continue
        places, g = np.loadtxt(FILES["pairs"][curve.name.replace(" – ", "-")], usecols=(0, 1)).T
        bins, (one, other) = histograms.bins[number], beads[curve.name]
        shells = 4 / 3 * np.pi * np.diff((bins.lower + bins.width * np.arange(bins.count + 1)) ** 3)
        ideal = one * other / (2 if one == other else 1) / state.volume * shells
        middle = bins.places[1:-1]
        seen = (middle > 0.4) & (middle < 1.2)
        linear = np.interp(middle, places, g)
        assert (own[1:-1] / ideal)[seen] == pytest.approx(linear[seen], abs=0.03)
        # The number of pairs within the cutoff is the table's own integral.
        inner = np.linspace(0, 1.22, 4001)
        number_within = np.trapezoid(4 * np.pi * inner**2 * np.interp(inner, places, g), inner)
        pairs = one * other / (2 if one == other else 1) / state.volume * number_within
        assert own.sum() == pytest.approx(pairs, rel=2e-3)


def test_bonded_tables_give_the_counts_of_frames_of_the_same_distribution(written):
    """A bond and an angle of known densities: five standard errors in each bin of 48."""
    frames, r = bent(20000), np.linspace(0.2, 0.4, 101)
    angles, kT = np.linspace(0.6, np.pi, 201), kt(300.0)
    bond = r**2 * np.exp(-0.5 * 8000 * (r - 0.30) ** 2 / kT)
    angle = np.sin(angles) * np.exp(-0.5 * 60 * (angles - 1.9) ** 2 / kT)
    chosen = settings({"bonds": {"functions": 12}, "angles": {"functions": 12}})
    given = tables({"bonds": {"Q-P": written(r, bond, "bond")},
                    "angles": {"P-Q-P": written(angles, angle, "angle")}}, 300.0)  # fmt: skip
    histograms, state = parts_of(chosen, dataclasses.replace(frames, targets=given))
    of_frames = states_of(frames, -1, histograms, 50)[0].target
    for number, part in enumerate(histograms.parts):
        wanted = state.target.mean[part] * len(frames)
        assert wanted.sum() == pytest.approx((2 if number == 0 else 1) * len(frames))
        found = of_frames.sums.sum(axis=0)[part]
        assert (abs(found - wanted) < 5 * np.sqrt(wanted + 1)).all()


def files_of_propane(**changes) -> dict:
    return {kind: dict(own) for kind, own in FILES.items()} | changes


def propane(files: dict, terms: dict = TERMS, frames=None):
    frames = starts(8, 0.3) if frames is None else frames
    frames = dataclasses.replace(frames, targets=tables(files, COLD))
    return without_coefficients(settings(terms), frames, {})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bonds": {}}, "there is no table bonds.A-B, but the potential has this curve"),
        ({"bonds": {"A-C": str(FOLDER / "bond.dist.tgt")}},
         r"bonds.A-C does not belong to a curve of .*; allowed are bonds.A-B, pairs.A-A"),
        ({"angles": FILES["bonds"]}, "angles.A-B does not belong to a curve"),
    ],
)  # fmt: skip
def test_each_curve_needs_one_table(changes, message):
    with pytest.raises(InputError, match=message):
        propane(files_of_propane(**changes))


def test_names_of_types_have_no_direction():
    pairs = {name[::-1]: path for name, path in FILES["pairs"].items()}
    made = propane(files_of_propane(pairs=pairs))
    assert len(made.curves) == 5


def test_a_cutoff_beyond_the_table_is_refused():
    longer = TERMS | {"pairs": {"cutoff": 1.45, "functions": 46}}
    with pytest.raises(InputError, match=r"ends at 1\.4 nm, but 'pairs\.cutoff' is 1\.45 nm; use"):
        propane(files_of_propane(), longer)


def test_tables_that_do_not_fit_the_coordinate_are_refused(written):
    degrees = written(np.linspace(90, 120, 10), np.ones(10))
    with pytest.raises(InputError, match=r"has places from 90 to 120; allowed are 0 to 3\.142 rad"):
        tables({"angles": {"A-B-A": degrees}})
    open_start = written(np.linspace(0.4, 1.2, 10), np.ones(10))
    with pytest.raises(InputError, match=r"begins at 0\.4 nm with 1; g.r. must begin where it is"):
        tables({"pairs": {"A-A": open_start}})


def test_pairs_need_several_molecules_in_a_box_with_no_inner_pairs(written):
    g = written(np.linspace(0.0, 1.2, 10), np.linspace(0, 1, 10))
    own = {"bonds": None, "angles": None, "dihedrals": None, "pairs": {"cutoff": 1.0}}
    one = bent(50)
    with pytest.raises(InputError, match="the system has only one molecule; set 'pairs: null'"):
        propane({"pairs": {"P-P": g}}, own | {"pairs": {"cutoff": 1.0, "exclude": 2}}, one)
    chains = dataclasses.replace(starts(8, 0.3), molecule=Topology(((CHAIN, 6),)))
    with pytest.raises(InputError, match="pairs within a molecule 'CHN' count as well"):
        propane({"pairs": {"P-P": g}}, own, chains)
    open_boundaries = dataclasses.replace(
        starts(8, 0.3), cells=None, targets=(published(),), temperatures=torch.tensor([COLD])
    )
    with pytest.raises(InputError, match="needs a density, but the training data have no periodic"):
        parts_of(settings(TERMS), open_boundaries)


def test_tables_of_another_temperature_are_refused():
    frames = dataclasses.replace(starts(8, 0.3), temperatures=torch.tensor([210.0]))
    with pytest.raises(InputError, match="there are none at 210 K, only at 200 K"):
        parts_of(settings(TERMS), frames)


@pytest.mark.slow
def test_the_pair_potential_comes_back_from_a_table_alone(tmp_path):
    """A Lennard-Jones fluid: g(r) of its frames as a table, and a lattice as the only start."""
    # Over a row of 0.01 nm at contact g changes so much that its mean is 0.1 kT off.
    frames = start(tmp_path / "table", *distribution(fluid(), step=0.004))
    made = fit(inversion(at_most=12), frames, {}, 0, 1, silent)
    places = np.linspace(0.30, CUTOFF, 60)
    found = made.potential.curve(torch.from_numpy(places).float(), TEMPERATURE)[0].numpy()
    off = abs(found - form(places)).max() / kt(TEMPERATURE)
    print(f"largest error {off:.3f} kT, {made.about}")
    assert made.about["converged"]
    assert off < 0.15
