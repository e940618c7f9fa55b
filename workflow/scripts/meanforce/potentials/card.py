"""What a model was trained on, and warnings where it is run beyond that."""

import dataclasses
import json
from pathlib import Path
from typing import Any, Self

import numpy as np

from meanforce.core.domain import Domain
from meanforce.core.topology import Topology
from meanforce.errors import InputError
from meanforce.units import temperature_of

EXTRAPOLATES = ("linear",)
"""Forms of the temperature dependence that hold beyond the training temperatures: E − T S."""

FARTHEST = 1.0
"""How far beyond the training temperatures these hold, in units of the range of these."""

TOLERANCE = 1e-3
"""Temperatures that differ by less (K) are the same."""

SELDOM = 0.01
"""Part of the frames that may lie outside of the domain without a warning."""

NAMED = 3
"""Most coordinates that a warning names."""


@dataclasses.dataclass(frozen=True)
class ModelCard:
    """Facts about a model from the .json beside it.

    Attributes:
        kind: of the potential.
        about: how it was made, as plain values; models of earlier versions have fewer.
        form: of the temperature dependence.
        domain: of the training frames, or None where none is stored.
    """

    kind: str
    about: dict[str, Any]
    form: str
    domain: Domain | None

    @classmethod
    def read(cls, model: Path) -> Self:
        """Of a model's .safetensors file.

        Raises:
            InputError: the .json beside it is missing or damaged.
        """
        path = model.with_suffix(".json")
        try:
            text = json.loads(path.read_text())
            about, values = text["about"], text["values"]
            inner = values.get("residual", values)
            # A potential of collective variables does not store the bonds, which coordinates
            # of the domain follow from.
            known = "bonds" in inner or "molecule_types" in inner
            stored = about.get("domain") if known else None
            domain = None if stored is None else Domain.of(Topology.of(inner), stored)
            return cls(text["kind"], about, inner.get("temperature", "none"), domain)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path}: is not the description of a model ({error})") from error

    @property
    def temperatures(self) -> list[float]:
        """Of the training frames, K, ascending; empty where they are not stored."""
        return self.about.get("temperatures", [])

    @property
    def origin(self) -> dict[str, Any]:
        """System, mapping, campaigns, state points and time of the training data, or nothing."""
        return (self.about.get("settings") or {}).get("origin") or {}

    def temperature_warning(self, temperature: float) -> str | None:
        """A line, if the model is not valid at this temperature (K)."""
        known = self.temperatures
        # From one temperature no form finds out how the energy depends on it.
        if not known:
            return None
        extrapolates = len(known) > 1 and self.form in EXTRAPOLATES
        room = FARTHEST * (known[-1] - known[0]) if extrapolates else 0.0
        if known[0] - room - TOLERANCE <= temperature <= known[-1] + room + TOLERANCE:
            return None
        trained = f"{known[0]:g} K" if len(known) == 1 else f"{known[0]:g} to {known[-1]:g} K"
        how = "is known near these temperatures only" if extrapolates else "does not extrapolate"
        return (
            f"the model runs at {temperature:g} K but was trained at {trained}, and its dependence "
            f"on temperature ('{self.form}') {how}"
        )

    def domain_warning(self, outside: np.ndarray) -> str | None:
        """A line, if too many frames are outside of the training data.

        Args:
            outside: from `Domain.outside`, shape (n_frames, n_coordinates).
        """
        share = float(outside.any(1).mean()) if len(outside) else 0.0
        if share <= SELDOM:
            return None
        often = outside.mean(0)
        first = np.argsort(-often, kind="stable")[:NAMED]
        named = ", ".join(f"{self.domain.names[n]} ({100 * often[n]:.3g} %)" for n in first)
        return (
            f"{100 * share:.3g} % of the frames lie outside of the training data, where the model "
            f"is not to be trusted; most often: {named}"
        )


def temperature_for(text: str, model: Path) -> float:
    """A temperature (K) for a model, as a user writes it; also one of its training state points.

    Raises:
        InputError: it is not a temperature, or the model's description cannot be read.
    """
    return temperature_of(text, ModelCard.read(model).origin.get("state_points") or {})


def training_facts(
    molecule: Topology, positions: np.ndarray, cells: np.ndarray | None, temperatures: np.ndarray
) -> dict[str, Any]:
    """Domain and temperatures of training frames as plain values for a model's description.

    Args:
        molecule: the beads.
        positions: nm, shape (n, n_beads, 3).
        cells: nm, shape (n, 3, 3), or None.
        temperatures: K, shape (n,).
    """
    step = -(-len(positions) // FRAMES)
    some = None if cells is None else cells[::step]
    domain = Domain.of_frames(molecule, positions[::step], some)
    return {
        "temperatures": sorted({round(float(t), 4) for t in np.unique(temperatures)}),
        "domain": None if domain is None else domain.parameters(),
    }


FRAMES = 100_000
"""Most training frames whose coordinates are looked at."""
