"""The stage `import`: frames of files become what sampling would have made."""

import contextlib
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mdtraj
import numpy as np

from meanforce.data.forces import ForcesWriter
from meanforce.data.formats.base import FileFrames
from meanforce.data.trajectory_writer import TrajectoryWriter, frame_type
from meanforce.errors import InputError
from meanforce.jobs.import_frames import ImportJob
from meanforce.mapping.beads_file import MappedSystem
from meanforce.mapping.unwrap import make_whole, tree_of
from meanforce.progress import Progress, Rate
from meanforce.sampling.collective_variables import as_variable
from meanforce.sampling.engine import SEGMENTS_HEAD
from meanforce.sampling.external.bias import BiasEnergies
from meanforce.sampling.external.coincident import refuse_coincident
from meanforce.sampling.external.force_agreement import (
    ForceAgreement,
    frames_compared,
    recomputed,
)
from meanforce.sampling.external.kept import KeptFrames
from meanforce.sampling.external.outliers import Outliers
from meanforce.sampling.external.stream import FrameStream
from meanforce.sampling.external.variables import refuse_other_values, values_and_forces
from meanforce.sampling.external.whole import whole_tree
from meanforce.sampling.store import HEAD
from meanforce.systems.atoms import atoms_of
from meanforce.systems.prepared import Prepared
from meanforce.units import kt

MADE = ("log.csv", "segments.csv", "forces.h5", "trajectory.h5")
"""Files that a job leaves in its folder; `forces.h5` only with forces of the files."""

BLOCK = 4 * 2**20
"""Bytes of positions that are read at once."""


@dataclasses.dataclass(frozen=True)
class ImportInputs:
    """What a job reads beside its trajectory.

    Attributes:
        prepared: the system.
        topology: of its atoms, for molecules that a box cuts.
        mapped: beads that the bias depends on, by mapping.
        threads: processor threads that may be used.
    """

    prepared: Prepared
    topology: mdtraj.Topology
    mapped: dict[str, MappedSystem]
    threads: int


def import_frames(
    job: ImportJob, inputs: ImportInputs, folder: Path, report: Callable[[str], None]
) -> None:
    """Write the files `MADE` into a folder, in one pass; memory does not grow with frames.

    Raises:
        InputError: the files do not fit the system or each other, or a check of them fails.
    """
    _Import(job, inputs, folder, report).run()


class _Import:
    """One job on its way."""

    def __init__(
        self, job: ImportJob, inputs: ImportInputs, folder: Path, report: Callable[[str], None]
    ) -> None:
        self._job, self._inputs, self._folder, self._report = job, inputs, folder, report
        system = inputs.prepared.system
        self._n_atoms = system.getNumParticles()
        self._periodic = inputs.prepared.periodic
        # A box in the config is that of all frames, unless the files have boxes.
        box = None if job.has_force_field else atoms_of(inputs.prepared).box
        self._stream = FrameStream(
            job.trajectory, self._n_atoms, self._periodic, job.forces, report, box
        )
        bias = job.trajectory.bias
        self._bias = None if bias is None else BiasEnergies(bias, job.biased)
        self._kept = KeptFrames(frames_compared(self._n_atoms))
        self._kind = frame_type(self._n_atoms, 0)
        self._labels = [str(atom) for atom in inputs.topology.atoms]
        numbers = range(self._n_atoms)
        self._massive = np.array([i for i in numbers if not system.isVirtualSite(i)], dtype=int)
        # Beads that are bonded may be far apart; the stage `map` makes their molecules whole.
        cut = self._periodic and job.has_force_field
        self._tree = whole_tree(inputs.topology, system) if cut else None
        bonds = None if self._periodic else inputs.topology
        self._outliers = Outliers(bonds, job.forces == "file", job.trajectory.files[0])

    def run(self) -> None:
        """Read, check and write everything."""
        most = self._stream.n_frames
        progress = Progress(self._report, most, 0, Rate("frames/s"))
        topology, place = self._inputs.prepared.topology, self._folder
        job_file = self._job.trajectory.files[0]
        size = max(1, min(8192, BLOCK // (12 * self._n_atoms)))
        with contextlib.ExitStack() as opened:
            opened.enter_context(self._stream)
            made = TrajectoryWriter(place / "trajectory.h5", topology, self._kind, self._periodic)
            writer, forces = opened.enter_context(made), None
            if self._job.forces == "file":
                forces = opened.enter_context(ForcesWriter(place / "forces.h5", self._n_atoms))
            for block in self._stream.blocks(size):
                block = self._whole(block)
                self._refuse_lost_box(block)
                refuse_coincident(block, self._massive, self._labels, job_file)
                self._outliers.refuse(block)
                writer.append(self._records(block), block.boxes if self._periodic else None)
                if forces is not None:
                    forces.append(block.forces)
                self._kept.add(self._arrays(block))
                progress.advance(min(self._stream.seen, most), "reading frames")
            with progress.during("checks"):
                arrays, facts = self._checked()
            writer.finish(arrays, self._attributes() | facts)
            if forces is not None:
                forces.finish({"trajectory": writer.content})
        self._tables()
        self._report(f"{writer.content.split('-')[0]} frames of {self._n_atoms} atoms")
        progress.finish()

    def _whole(self, block: FileFrames) -> FileFrames:
        """Frames whose molecules are not cut by the box."""
        if self._tree is None:
            return block
        positions = make_whole(np.array(block.positions), self._tree, block.boxes.astype(float))
        return dataclasses.replace(block, positions=positions)

    def _refuse_lost_box(self, block: FileFrames) -> None:
        """Refuse boxes of several molecules that the config describes without one."""
        several = self._inputs.prepared.topology.getNumChains() > 1
        if self._periodic or self._job.has_force_field or block.boxes is None or not several:
            return
        raise InputError(
            f"{self._job.trajectory.files[0]}: has frames in a periodic box, but the system has "
            "several molecules and no box; give the system's 'box'"
        )

    def _records(self, block: FileFrames) -> np.ndarray:
        """Frames as they are written."""
        records = np.zeros(len(block), self._kind)
        records["time"], records["positions"] = block.times, block.positions
        if self._bias is not None:
            records["bias_energy"] = self._bias.at(block.times)
            records["log_weight"] = records["bias_energy"] / kt(self._job.temperature)
        return records

    def _arrays(self, block: FileFrames) -> dict[str, np.ndarray]:
        arrays = {"positions": block.positions, "times": block.times}
        if self._job.forces == "file":
            arrays["forces"] = block.forces
        if self._periodic:
            arrays["boxes"] = block.boxes
        return arrays

    def _checked(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Further arrays and attributes of the trajectory.

        Raises:
            InputError: a check fails.
        """
        numbers, bias_forces = self._kept.numbers, np.zeros((0, self._n_atoms, 3), np.float32)
        facts: dict[str, Any] = {}
        if self._job.forces == "file" and self._job.has_force_field:
            facts["forces_checked"] = dataclasses.asdict(self._force_agreement())
        if self._bias is not None:
            facts["bias_variables"] = self._job.biased
            facts["bias_undeclared"] = not self._job.biased
        if self._job.biased:
            bias_forces = self._bias_forces()
        return {
            # Sampling stores in-run forces of these, which recomputed ones are checked against.
            "checked_frames": np.zeros(0, dtype=np.int64),
            "checked_forces": np.zeros((0, self._n_atoms, 3), np.float32),
            "checked_bias_forces": bias_forces.astype(np.float32),
            "imported_frames_checked": numbers,
        }, facts

    def _force_agreement(self) -> ForceAgreement:
        boxes = self._kept.array("boxes") if self._periodic else None
        wanted = recomputed(
            self._inputs.prepared, self._kept.array("positions"), boxes, self._inputs.threads
        )
        agreement = ForceAgreement.of(self._kept.array("forces"), wanted, self._labels)
        where = self._job.trajectory.files[0]
        if not agreement.agrees and self._job.disagreement == "refuse":
            raise InputError(
                f"{where}: {agreement.text()}; correct the files, set 'forces: recompute', or, if "
                "another force field is meant, 'disagreement: warn'"
            )
        self._report(
            f"forces of the files and recomputed ones: relative deviation "
            f"{agreement.deviation:.1e} in {len(wanted)} frames"
            if agreement.agrees
            else f"warning: {where}: {agreement.text()}"
        )
        return agreement

    def _bias_forces(self) -> np.ndarray:
        """Forces of a bias along the declared variables, shape (n, n_atoms, 3).

        Raises:
            InputError: beads are missing, or the file of the bias has other values of a variable.
        """
        job, mapped = self._job, self._inputs.mapped
        variables, beads = {}, {}
        for name in job.biased:
            declared = job.collective_variables[name]
            if declared.mapping not in mapped:
                raise InputError(f"--beads: those of mapping '{declared.mapping}' are missing")
            # The positions of beads do not depend on the kind of masses.
            beads[declared.mapping] = mapped[declared.mapping].beads["sum"]
            variables[name] = as_variable(
                declared, beads[declared.mapping], f"collective_variables.{name}"
            )
        positions = self._kept.array("positions")
        if self._periodic:
            boxes = self._kept.array("boxes")
            for own in beads.values():
                positions = make_whole(positions, tree_of(self._inputs.topology, own), boxes)
        values, forces = values_and_forces(list(variables.values()), positions)
        times = self._kept.array("times")
        for name in self._bias.compared:
            refuse_other_values(
                name,
                values[:, job.biased.index(name)],
                self._bias.values(name, times),
                variables[name].periodic,
                job.trajectory.bias.file,
            )
        return forces

    def _attributes(self) -> dict[str, Any]:
        """Plain values that describe the run; None where only sampling has them."""
        return {
            "platform": "auto",
            "temperature": self._job.temperature,
            "time_step": None,
            "campaign": "external",
            "files": self._job.trajectory.files,
            "already_mapped": not self._job.has_force_field,
        }

    def _tables(self) -> None:
        """The tables that sampling writes, without rows: nothing was run here."""
        (self._folder / "log.csv").write_text(HEAD)
        (self._folder / "segments.csv").write_text(SEGMENTS_HEAD)
