"""CG data of a known potential, as another program would write it, through the workflow.

Four beads with harmonic bonds, drawn from the exact density: bond vectors are independent, with
random directions and lengths from r² exp(−βk(r−r₀)²/2). Noise on the forces stands for what the
mean forces are averages of.
"""

import json

import numpy as np
import pytest
import yaml

from meanforce.potentials.files import load
from meanforce.tables.curve_tables import tables_of
from meanforce.units import kt

pytestmark = pytest.mark.workflow

N = 6000
NOISE = 150.0
"""Standard deviation of the noise of each force, kJ/mol/nm."""

BONDS = {"C1 – C2": (1200.0, 0.38), "C2 – C2": (2500.0, 0.30)}
"""Force constants, kJ/mol/nm², and lengths, nm, by the types of the bonded beads."""

CHAIN = ("C1 – C2", "C2 – C2", "C1 – C2")
"""Bonds of the molecule; its beads have the types C1, C2, C2, C1."""

CONFIG = {
    "systems": {"four": {
        "kind": "beads",
        "composition": [{
            "name": "CHAIN",
            "beads": [
                {"name": name, "type": kind, "mass": "14 u"}
                for name, kind in zip("ABCD", ("C1", "C2", "C2", "C1"), strict=True)
            ],
            "bonds": [["A", "B"], ["B", "C"], ["C", "D"]],
        }],
    }},
    "state_points": {"T300": {"temperature": "300 K"}},
    "mappings": {"four": {"all": {"template": "all", "force_map": "slice"}}},
    "campaigns": {"four": {"published": {
        "kind": "external",
        "forces": "file",
        "continuous": False,
        "trajectories": [
            {"files": ["four.npz"], "format": "cgnet", "state_point": "T300", "interval": "1 ps"}
        ],
    }}},
    "potentials": {"bonded": {
        "kind": "spline", "temperature": "none",
        "terms": {"bonds": {"functions": 8}, "angles": None, "dihedrals": None, "pairs": None},
    }},
    "simulations": {"short": {
        "chains": 100, "time_step": "5 fs", "friction": "2 / ps", "equilibration": "5 ps",
        "length": "20 ps", "stride": "0.2 ps", "until": None, "compile": "never",
    }},
    "experiments": {"bonded": {
        "system": "four", "mapping": "all", "campaigns": ["published"], "potential": "bonded",
        "train": ["T300"], "reference": "published", "simulation": "short", "ensemble": 2,
    }},
}  # fmt: skip


def drawn(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lengths (n, 3) and directions (n, 3, 3) of the bonds, and positions (n, 4, 3), nm."""
    lengths = []
    for bond in CHAIN:
        k, r0 = BONDS[bond]
        grid = np.linspace(0.05, 0.8, 20001)
        density = grid**2 * np.exp(-k * (grid - r0) ** 2 / (2 * kt(300.0)))
        cumulated = np.cumsum(density)
        lengths.append(np.interp(rng.random(N), cumulated / cumulated[-1], grid))
    lengths = np.stack(lengths, axis=1)
    directions = rng.normal(size=(N, 3, 3))
    directions /= np.linalg.norm(directions, axis=2, keepdims=True)
    steps = lengths[..., None] * directions
    return lengths, directions, np.concatenate([np.zeros((N, 1, 3)), steps.cumsum(1)], axis=1)


def on_beads(bond_forces: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Forces of beads (n, 4, 3) from −dU/dr of each bond (n, 3)."""
    along = bond_forces[..., None] * directions
    forces = np.zeros((N, 4, 3))
    forces[:, 1:] += along
    forces[:, :-1] -= along
    return forces


def test_the_force_constants_come_back(make_checkout):
    rng = np.random.default_rng(20)
    lengths, directions, positions = drawn(rng)
    k, r0 = np.array([BONDS[bond] for bond in CHAIN]).T
    forces = on_beads(-k * (lengths - r0), directions) + rng.normal(0.0, NOISE, (N, 4, 3))
    checkout = make_checkout()
    np.savez(checkout.folder / "four.npz", coords=10 * positions, forces=forces / 41.84)
    (checkout.folder / "four.yaml").write_text(yaml.safe_dump(CONFIG))
    model = "results/four/experiments/bonded/model-0.safetensors"
    result = checkout.snakemake("--configfile", "four.yaml", "--", model)
    assert result.returncode == 0, result.stdout + result.stderr

    _, tables = tables_of(load(checkout.folder / model)[0], 300.0)
    assert {table.name for table in tables} == set(BONDS)
    # The standard errors of a straight line −k(r − r₀) fitted to the same forces.
    kinds = np.array(CHAIN)
    columns = [
        on_beads(np.where(kinds == bond, power, 0.0), directions).ravel()
        for bond in BONDS
        for power in (lengths, np.ones_like(lengths))
    ]
    errors = NOISE * np.sqrt(np.diag(np.linalg.inv(np.array(columns) @ np.array(columns).T)))
    for number, (bond, (k, r0)) in enumerate(BONDS.items()):
        table = next(table for table in tables if table.name == bond)
        r = lengths[:, kinds == bond].ravel()
        slope, intercept = np.polyfit(r, table.at(r)[1], 1)
        # False alarms: 6e-7 each. A member leaves out an eighth of the data.
        error = errors[2 * number] * np.sqrt(8 / 7)
        assert error < 0.02 * k
        assert abs(-slope - k) < 5 * error, (bond, slope, error)
        assert abs(-intercept / slope - r0) < 1e-3
    # What is left of the forces after the model is the noise that was added.
    checks = json.loads(
        (checkout.folder / "results/four/four/T300/published/1/all.checks.json").read_text()
    )["irreducible_variance"]
    assert abs(checks["variance"] - NOISE**2) < 5 * checks["error"]
