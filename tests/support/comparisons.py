"""Comparisons of synthetic samples."""

import dataclasses
from types import SimpleNamespace

import numpy as np

from meanforce.analysis.comparison import Comparison, ExactReference, TrainedModel
from meanforce.analysis.members import Scheme
from meanforce.analysis.samples import Sample
from meanforce.core.topology import Topology
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.job import validated
from meanforce.settings.validation import ValidationSettings

BEAD = Topology.of_beads(("X",), ("X",), ())
X = {"x": CollectiveVariableSettings(kind="coordinate", mapping="m", beads=["X"], axis="x")}
"""The x coordinate of a single bead."""


def sample_of(positions: np.ndarray, molecule: Topology = BEAD, blocks: int = 20, **fields):
    """Frames of positions (n, n_beads, 3), in order of time; variables are x of the first bead."""
    n = len(positions)
    values = {
        "variables": positions[:, 0, :1].astype(float),
        "weights": np.ones(n),
        "blocks": np.arange(n) * blocks // n,
        "chains": np.zeros(n, dtype=int),
        "n_blocks": blocks,
        "molecule": molecule,
        "masses": np.ones(molecule.size),
        "times": np.arange(n, dtype=float),
    } | fields
    values["weights"] = values["weights"] / values["weights"].sum()
    return Sample(positions=positions, **values)


def along_x(values: np.ndarray, **fields) -> Sample:
    """A single bead at values of x, nm."""
    positions = np.zeros((len(values), 1, 3))
    positions[:, 0, 0] = values
    return sample_of(positions, **fields)


def compare(
    model: Sample,
    reference: Sample | None,
    variables=X,
    exact=None,
    temperature=300.0,
    **validation,
) -> Comparison:
    """A comparison with one member and a surface along the first variable."""
    ends = {"lower": [-4.0], "upper": [4.0]}
    settings = {"surface": [*variables][:1], "bins": 40} | ends | validation
    return Comparison(
        validation=validated(ValidationSettings, settings, "validation"),
        variables=variables,
        temperature=temperature,
        model=model,
        trained=TrainedModel(SimpleNamespace(members=[None]), Scheme("exact")),
        reference=reference,
        seed=1,
        exact=None if exact is None else ExactReference(exact),
    )


def with_scheme(comparison: Comparison, scheme: Scheme) -> None:
    """Let members of a comparison's ensemble differ in another way."""
    comparison.trained = dataclasses.replace(comparison.trained, scheme=scheme)


def by_name(rows: list) -> dict:
    """Rows by metric."""
    return {row.metric: row for row in rows}
