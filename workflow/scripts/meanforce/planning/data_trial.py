"""Checks of a dataset and a validation on made-up frames: seconds of a job, and of each frame.

Positions are those of the frames of a short atomistic run, with small displacements; forces,
weights and energies of the bias are random numbers. What is computed is what the stages compute.
"""

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from meanforce.analysis.curves import table
from meanforce.analysis.metrics.registry import all_curves
from meanforce.analysis.one_comparison import ValidateInputs, comparison_of, metrics_of
from meanforce.analysis.surface_table import surface_table
from meanforce.data.h5md import FrameBlock, H5mdReader, H5mdWriter
from meanforce.errors import InputError
from meanforce.fitting.resampling import Split
from meanforce.jobs.validate import CampaignFacts, TrainingFacts, ValidateJob
from meanforce.mapping.quality import check_dataset
from meanforce.planning.amounts import Cost
from meanforce.planning.model_trial import FORCE, TrialFrames
from meanforce.potentials.files import save
from meanforce.potentials.interface import Potential

CHECKED = 8000
"""Frames of few beads whose checks are timed: most of a mapping's time, and the same for each frame
up to some 30,000, of which the slowest check takes no more."""

FEW, MANY = 2000, 10000
"""Frames of few beads in each of the files that validations are timed with."""

STRIDE = 0.1
"""Time between frames, ps."""

SPREAD = 2.0
"""Standard deviation of log-weights, and of the energy of the bias in kT."""

PLAIN = {"dynamical": False, "jobs_per_replica": 1, "windows": None}
"""Facts about a campaign whose frames have weights of their own."""


@dataclasses.dataclass(frozen=True)
class DataTrial:
    """Made-up data of one mapping.

    Attributes:
        frames: whose positions are repeated.
        folder: to work in.
    """

    frames: TrialFrames
    folder: Path

    def write(self, path: Path, count: int, chains: int = 1, seed: int = 1) -> Path:
        """A file of frames: a dataset with forces, or with several chains a CG run."""
        rng, beads = np.random.default_rng(seed), self.frames.beads
        positions = self.frames.repeated(count, rng).astype(np.float32)
        energies = SPREAD * rng.standard_normal(count)
        dataset = chains == 1
        force = FORCE * rng.standard_normal(positions.shape).astype(np.float32)
        block = FrameBlock(
            position=positions,
            time=STRIDE * (1 + np.arange(count) // chains),
            bias_energy=energies,
            log_weight=energies,
            chain=np.arange(count) % chains,
            force=force if dataset else None,
        )
        about = {"temperature": self.frames.temperatures[0], "chains": chains}
        parameters = beads.dataset_parameters() | about
        path.unlink(missing_ok=True)
        with H5mdWriter(path, beads.masses, parameters, dataset, self.frames.cell) as writer:
            writer.append(block)
        return path

    def mapping(self) -> Cost:
        """Checks of a dataset; the rest of a mapping takes little beside them."""
        number = self.frames.number(CHECKED)
        path = self.write(self.folder / "checked.h5", number)
        with H5mdReader(path) as reader:
            started = time.perf_counter()
            check_dataset(reader)
            return Cost((time.perf_counter() - started) / number)

    def validation(
        self, job: ValidateJob, potential: Potential, members: int, chains: int, tables: list[Path]
    ) -> Cost:
        """A validation without its figure; a frame is one of the CG run or of a dataset.

        Args:
            job: what is compared, with complete collective variables.
            potential: whose forces are compared.
            members: of the ensemble.
            chains: of the CG run.
            tables: of free energies in the place of a reference.

        Raises:
            InputError: such frames cannot be compared.
        """
        plain = {
            "reference": job.reference and CampaignFacts(**PLAIN),
            "training": [TrainingFacts(**PLAIN, datasets=1, time_windows=None)]
            * bool(job.training),
        }
        job = job.model_copy(update=plain)
        models = []
        for member in range(members):
            about = Split.of("half_samples", 2, member).about() if members > 1 else {}
            models.append(self.folder / f"model-{member}.safetensors")
            save(potential, models[-1], about)

        def run(count: int) -> tuple[float, int]:
            whole = chains * -(-count // chains)
            files = ValidateInputs(
                self.write(self.folder / "cg.h5", whole, chains),
                models,
                [self.write(self.folder / "reference.h5", count, seed=2)] if job.reference else [],
                [self.write(self.folder / "training.h5", count, seed=3)] if job.training else [],
                tables,
            )
            started = time.perf_counter()
            with _understood():
                comparison = comparison_of(job, files, _silent)
                metrics_of(job, files, comparison, _silent)
                table(all_curves(comparison))
                surface_table(comparison)
            frames = whole + count * (len(files.reference) + len(files.training))
            return time.perf_counter() - started, frames

        short = self.frames.number(FEW)
        long = max(2 * short, self.frames.number(MANY))
        once, few = run(short)  # with what is done once in a process
        (first, _), (second, many) = run(short), run(long)
        each = max(0.0, (second - first) / (many - few))
        return Cost(each, max(0.0, once - each * few))


@contextlib.contextmanager
def _understood() -> Iterator[None]:
    """An analysis may fail on numbers that are made up; the plan is made without its time."""
    try:
        yield
    except (ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
        raise InputError(f"made-up frames cannot be analysed ({error})") from error


def _silent(line: str) -> None:
    return
