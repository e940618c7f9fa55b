"""Grids and windows against what the molecule has and can have; numbers out of proportion."""

import pytest
from own_molecule import METADYNAMICS, Mistake, both, merge, put

CAMPAIGN = ("campaigns", "mine", "unbiased")
RUN = ("simulations", "short")
NETWORK = ("potentials", "network", "training")
GRID = METADYNAMICS | {"lower": ["0 nm"], "upper": ["1 nm"]}
BIAS = {
    "collective_variables": ["d"], "width": ["0.05 nm"], "bias_factor": 6, "build": "10 ps",
    "lower": ["0 nm"], "upper": ["1 nm"],
}  # fmt: skip
FIT = {
    "kind": "cgnet", "temperature": "none", "training": {"weight_decay": 0, "epochs": 4},
    "fitting": {
        "kind": "relative_entropy",
        "simulation": {
            "time_step": "5 fs", "friction": "2 / ps", "equilibration": "1 ps", "length": "10 ps",
            "stride": "100 fs", "bias": BIAS | {"upper": ["0.4 nm"]},
        },
    },
}  # fmt: skip


def umbrella(first, last, stiffness="1000 kJ/mol/nm^2"):
    return {
        "kind": "umbrella", "collective_variables": ["d"],
        "force_constant": [stiffness],
        "rows": [{"first": first, "last": last, "number": 3}],
    }  # fmt: skip


def surface(**values):
    return put("validation", {"mine": {"surface": ["d"]} | values})


def torsion(interval):
    return put("validation", {"mine": {"surface": ["phi"], "basins": {"a": [{"phi": interval}]}}})


REFUSED = {
    "a hill wider than its grid": (
        merge(*CAMPAIGN, GRID | {"width": ["2 nm"]}),
        "unbiased.width: is 2 nm along 'd', whose grid is only 1 nm wide",
    ),
    "a hill wider than a circle": (
        merge(*CAMPAIGN, METADYNAMICS | {"collective_variables": ["phi"], "width": ["7 rad"]}),
        "whose grid is only 6.283 rad wide",
    ),
    "a hill between grid points": (
        merge(*CAMPAIGN, GRID | {"width": ["0.01 nm"], "bins": 50}),
        "grid points are 0.02 nm apart",
    ),
    "a CG hill wider than its grid": (
        put(*RUN, "bias", BIAS | {"width": ["2 nm"]}), "simulations.short.bias.width: is 2 nm",
    ),
    "a CG hill between grid points": (
        put(*RUN, "bias", BIAS | {"width": ["0.005 nm"]}), "grid points are 0.0084 nm apart",
    ),
    "a pace without a hill": (
        merge(*CAMPAIGN, GRID | {"pace": "2 ns"}), "unbiased.pace: is longer than 'length'",
    ),
    "hills that are never shared": (
        merge(*CAMPAIGN, GRID | {"share_every": "2 ns"}),
        "unbiased.share_every: is longer than 'length'",
    ),
    "levels that never exchange": (
        merge(*CAMPAIGN, {
            "kind": "replica_exchange", "highest": "500 K", "levels": 2, "exchange_every": "2 ns",
        }),
        "exchange_every: is longer than 'length'",
    ),
    "CG levels that never exchange": (
        put(*RUN, "exchange", {"highest": "500 K", "levels": 2, "every": "1 ns"}),
        "'exchange.every' is longer than 'length'",
    ),
    "a CG bias without a hill": (
        put(*RUN, "bias", BIAS | {"build": "1 fs"}), "'bias.build' is 1 fs, shorter than one",
    ),
    "a CG grid that no bond allows": (
        put(*RUN, "bias", BIAS | {"lower": ["2 nm"], "upper": ["3 nm"]}),
        "simulations.short.bias.lower: the grid from 2 nm to 3 nm has no value that 'd' can take",
    ),
    "a surface that no bond allows": (
        surface(lower=["2 nm"], upper=["3 nm"]), "validation.mine.lower: the grid from 2 nm",
    ),
    "windows that no bond allows": (
        merge(*CAMPAIGN, umbrella("0.3 nm", "3 nm")),
        "unbiased.rows: the window at 3 nm has no value that 'd' can take, which is from 0 nm to 0",
    ),
    "too few frames for the folds": (
        put(*CAMPAIGN, "stride", "20 ps"),
        "experiments.first.folds: are 8, which need 64 frames of each replica, but campaign "
        "'unbiased' gives 50 at 'T300'",
    ),
    "too few frames after a stride": (
        both(put(*CAMPAIGN, "stride", "5 ps"), put(*NETWORK, "stride", 4)), "gives 50 at 'T300'",
    ),
}  # fmt: skip

REFUSED |= {
    "a basin of angles up to 360": (
        torsion(["200 deg", "300 deg"]),
        "validation.mine.basins.a: the interval of 'phi' is from 200 to 300 deg, but its",
    ),
    "a basin across 180": (torsion(["170 deg", "190 deg"]), "is two boxes, one up to '180 deg'"),
    "a basin across 180, in turn": (
        torsion(["170 deg", "-170 deg"]), "the interval of 'phi' is empty, since",
    ),
    "a basin beside the surface": (
        surface(lower=["0 nm"], upper=["0.6 nm"], basins={"a": [{"d": ["0.7 nm", "1 nm"]}]}),
        "'d' is from 0.7 to 1 nm, outside the surface from 0 to 0.6 nm",
    ),
}  # fmt: skip

NOTICED = {
    "a CG grid without the structure": (
        put(*RUN, "bias", BIAS | {"upper": ["0.4 nm"]}),
        "notice: simulations.short.bias.upper: 'd' is 0.474 nm in the structure, outside the grid",
    ),
    "a surface without the structure": (
        surface(lower=["0.5 nm"], upper=["0.6 nm"]),
        "notice: validation.mine.lower: 'd' is 0.474 nm in the structure, outside the grid from "
        "0.5 nm to 0.6 nm, so that such frames are left out",
    ),
    "a fit's CG grid without the structure": (
        both(
            put("potentials", "network", FIT),
            put("experiments", "first", "ensemble", 1),
        ),
        "notice: potentials.network.fitting.simulation.bias.upper: 'd' is 0.474 nm",
    ),
    "a surface far too wide": (
        surface(lower=["0 nm"], upper=["60 nm"]),
        "notice: validation.mine.upper: the grid of 'd' goes from 0 nm to 60 nm, but its values",
    ),
    "ends of a circle": (
        put("validation", {"mine": {
            "surface": ["phi"], "lower": ["0 deg"], "upper": ["90 deg"],
        }}),
        "notice: validation.mine.lower: 'phi' is periodic, so that its grid is the whole circle; "
        "0 to 90 deg is not used",
    ),
    "curves that let a centre flip": (
        put("potentials", "network", {"kind": "spline", "temperature": "none", "terms": {}}),
        "notice: experiments.first.potential: 'network' is a sum of curves of bonds, angles, "
        "dihedrals and pairs, none of which keeps a centre with four neighbours, such as 'ALA2-CA'",
    ),
    "windows without overlap": (
        merge(*CAMPAIGN, umbrella("0.3 nm", "0.5 nm", "20000 kJ/mol/nm^2")),
        "unbiased.force_constant: lets 'd' spread by 0.011 nm, but windows are up to 0.1 nm apart",
    ),
    "a temperature in degrees Celsius": (
        put("state_points", "T300", "temperature", "27 K"),
        "notice: state_points.T300.temperature: 27 K is unusual for molecules (50 to 1500 K)",
    ),
    "a long time step of a CG run": (
        put(*RUN, "time_step", "50 fs"),
        "notice: simulations.short.time_step: 50 fs is long for beads of a few atoms",
    ),
    "a cutoff in another unit": (
        surface(cutoff="400 kcal/mol", lower=["0 nm"], upper=["0.6 nm"]),
        "notice: validation.mine.cutoff: 400 kcal/mol is 671 kT, far above all free energies",
    ),
    "a friction that stops everything": (
        put(*CAMPAIGN, "friction", "1000 / ps"), "unbiased.friction: 1000 / ps is unusual",
    ),
    "high hills": (
        merge(*CAMPAIGN, GRID | {"width": ["0.05 nm"], "height": "1200 kJ/mol"}),
        "unbiased.height: hills of 1200 kJ/mol are 481 kT high at first",
    ),
    "a bias that fills everything": (
        merge(*CAMPAIGN, GRID | {"width": ["0.05 nm"], "bias_factor": 900}),
        "unbiased.bias_factor: 900 fills free energies far above",
    ),
    "hills one upon the other": (
        merge(*CAMPAIGN, GRID | {"width": ["0.05 nm"], "pace": "4 fs"}),
        "unbiased.pace: a hill every 2 steps piles hills up",
    ),
    "few CG frames": (
        put(*RUN, "stride", "2 ps"),
        "simulations.short.stride: 2 ps gives only 10 frames of each of 8 chains",
    ),
    "few frames": (
        both(
            put(*CAMPAIGN, "stride", "12 ps"), put(*NETWORK, "batch_size", 16),
        ),
        "unbiased.stride: 12 ps gives only 83 frames in 1 ns of each copy",
    ),
    "a batch of all frames": (
        put(*NETWORK, "batch_size", 20000),
        "training.batch_size: is 20000, but each network of experiment 'first' is trained on about "
        "12500 frames",
    ),
    "a reference that is trained on": (
        put("experiments", "first", "reference", "unbiased"),
        "experiments.first.reference: 'unbiased' is also in 'campaigns'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused_when_planned(name, root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    change, words = REFUSED[name]
    answer = Mistake(name, (), change=change).answer(root)
    assert words in answer, answer
    assert "notice" not in answer


@pytest.mark.parametrize("name", NOTICED)
def test_noticed_when_planned(name, root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    change, words = NOTICED[name]
    answer = Mistake(name, (), change=change).answer(root)
    assert words in answer, answer
    assert answer.count("notice") == 1, answer


def test_what_is_in_proportion_gives_no_word(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    change = both(
        merge(*CAMPAIGN, GRID | {"width": ["0.05 nm"], "bins": 20}),
        put(*RUN, "bias", BIAS),
        surface(lower=["0 nm"], upper=["0.6 nm"]),
    )
    assert Mistake("", (), change=change).answer(root) == ""
    halves = torsion(["-180 deg", "180 deg"])
    assert Mistake("", (), change=halves).answer(root) == ""
    # Three windows 0.1 nm apart, with a spread of 0.05 nm.
    windows = merge(*CAMPAIGN, umbrella("0.3 nm", "0.5 nm"))
    assert Mistake("", (), change=windows).answer(root) == ""
