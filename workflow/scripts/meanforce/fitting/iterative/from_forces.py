"""The start of a network's iterations: a training on forces, in the same job."""

import dataclasses
import json
from typing import Any

import numpy as np
import torch

from meanforce.fitting.result import Fit
from meanforce.potentials.interface import Potential
from meanforce.potentials.registry import KINDS
from meanforce.potentials.with_prior import WithPrior
from meanforce.restart.bundle import Bundle
from meanforce.restart.job import Job

START = "start"
"""Name in a restart bundle: the potential that was fitted to forces, and how that went."""


@dataclasses.dataclass(frozen=True)
class Start:
    """What training on forces has made.

    Attributes:
        potential: the model, on the CPU.
        about: plain values on that fit.
    """

    potential: Potential
    about: dict[str, Any]

    @classmethod
    def after(cls, fit: Fit) -> "Start":
        """From a fit; as `of` makes it from a bundle, so that both go on alike."""
        arrays, info = _packed(fit.potential, fit.about)
        return cls.of(Bundle(arrays, json.loads(json.dumps(info))))

    @classmethod
    def of(cls, bundle: Bundle | None) -> "Start | None":
        """From a bundle of the job, if it was written after that training."""
        if bundle is None or START not in bundle.info:
            return None
        plain, prefix = bundle.info[START], f"{START}/"
        tensors = {
            # Copies lie in memory as PyTorch aligns it, which may change the last bit of a product.
            name.removeprefix(prefix): torch.from_numpy(array).clone()
            for name, array in bundle.arrays.items()
            if name.startswith(prefix)
        }
        values = plain["values"]
        kind = WithPrior if "prior" in values else KINDS[plain["kind"]]
        return cls(kind.from_state(tensors, values), plain["about"])

    def following(self, job: Job) -> "AfterStart":
        """The job, whose bundles from now on hold this as well."""
        return AfterStart(job.folder, job.identity, job.stop, job.interval, start=self)


@dataclasses.dataclass
class AfterStart(Job):
    """The part of a job after the training on forces.

    Attributes:
        start: its result.
    """

    start: Start | None = None

    def load(self) -> Bundle | None:
        """The bundle, if it is of this part."""
        bundle = super().load()
        return bundle if bundle is not None and START in bundle.info else None

    def save(self, arrays: dict[str, np.ndarray], info: dict[str, Any]) -> None:
        """Replace the bundle.

        Raises:
            Stopped: the job was asked to stop; the bundle is in place.
        """
        own, plain = _packed(self.start.potential, self.start.about)
        super().save(arrays | own, info | plain)


def _packed(
    potential: Potential, about: dict[str, Any]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and plain values of a bundle."""
    tensors, values = potential.state()
    arrays = {f"{START}/{name}": tensor.cpu().numpy() for name, tensor in tensors.items()}
    return arrays, {START: {"kind": potential.kind, "values": values, "about": about}}
