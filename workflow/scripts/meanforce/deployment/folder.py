"""A deployed CG model on disk: all that is needed to run it, and nothing that runs by itself.

`deployment.json` names the models, the beads' masses (u), the temperature (K) and the periodic
cell, if any; the models lie beside it as they were trained; `topology.cif` has the beads, their
bonds and a start; `MODEL_CARD.md` what the model was trained on. `system.xml` is there where the
model is made of OpenMM's own forces. `run.py` runs the model with `meanforce.zip`, the library, so
that nothing else but the packages of `requirements.txt` has to be installed.
"""

import dataclasses
import json
import shutil
import warnings
from pathlib import Path
from typing import Self

import numpy as np
import openmm
from openmm import app, unit

from meanforce.core.topology import Topology
from meanforce.data.h5md import H5mdReader
from meanforce.deployment.card_page import card_page
from meanforce.deployment.library import requirements, write_library
from meanforce.deployment.system import build_system, is_native
from meanforce.errors import InputError
from meanforce.potentials.card import ModelCard
from meanforce.potentials.files import load_ensemble
from meanforce.potentials.interface import EnsembleMean
from meanforce.potentials.whole import is_one

FORMAT = 2
"""Format 2 may have a periodic cell; format 1 can be read, too."""

ABOUT = "deployment.json"
CARD = "MODEL_CARD.md"
REQUIREMENTS = "requirements.txt"
EXAMPLE = Path(__file__).with_name("example.py")


@dataclasses.dataclass(frozen=True)
class Deployed:
    """A deployed model in memory.

    Attributes:
        potential: the ensemble's mean.
        masses: of the beads, u, shape (n_beads,).
        temperature: of U(R; T), K.
        cell: periodic box vectors of the start, nm, shape (3, 3); None without periodic boundaries.
        card: what it was trained on.
    """

    potential: EnsembleMean
    masses: np.ndarray
    temperature: float
    cell: np.ndarray | None
    card: ModelCard

    @classmethod
    def read(cls, folder: Path | str, temperature: float | None = None) -> Self:
        """From a folder; no code from it is run.

        Args:
            folder: made by `deploy.py`.
            temperature: instead of that of the folder, K.

        Raises:
            InputError: it is incomplete, damaged, or of a later version.
        """
        folder = Path(folder)
        try:
            about = json.loads((folder / ABOUT).read_text())
            names, own = about["models"], float(about["temperature"])
            masses, version = np.array(about["masses"], dtype=np.float64), about["format"]
            cell = about.get("cell")
            cell = None if cell is None else np.array(cell, dtype=np.float64).reshape(3, 3)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{folder}: is not a deployed model ({error})") from error
        if version > FORMAT:
            raise InputError(f"{folder}: has format {version}; this version reads up to {FORMAT}")
        paths = [folder / Path(name).name for name in names]
        temperature = own if temperature is None else temperature
        card = ModelCard.read(paths[0])
        warning = card.temperature_warning(temperature)
        if warning is not None:
            warnings.warn(f"{folder}: {warning}", stacklevel=2)
        return cls(load_ensemble(paths), masses, temperature, cell, card)


@dataclasses.dataclass(frozen=True)
class Source:
    """What a folder is made from.

    Attributes:
        models: the ensemble's members (.safetensors, with their .json).
        trajectory: H5MD file of the same beads (a mapped dataset or a CG run), for bonds, masses,
            a cell and a start.
        temperature: of U(R; T), K.
        metrics: tables that the stage `validate` wrote for the model, for its card.
    """

    models: list[Path]
    trajectory: Path
    temperature: float
    metrics: tuple[Path, ...] = ()


def write_folder(source: Source, output: Path) -> bool:
    """Make the folder.

    Args:
        source: what it is made from.
        output: the folder.

    Returns:
        whether it has a System made of OpenMM's own forces.

    Raises:
        InputError: a file is missing or does not fit, or the folder is there already.
    """
    models = source.models
    if output.exists():
        raise InputError(f"{output}: already exists; give another folder, or remove it")
    potential = load_ensemble(models)
    with H5mdReader(source.trajectory) as reader:
        molecule, masses = Topology.of(reader.parameters), reader.masses
        if not reader.n_frames:
            raise InputError(f"{source.trajectory}: holds no frame to start from")
        start, boxes = reader.positions(slice(0, 1))[0], reader.boxes(slice(0, 1))
    potential.check_beads(molecule)
    cell = None if boxes is None or is_one(molecule) else boxes[0]
    if cell is not None:
        potential.require_periodic()
    cards = [ModelCard.read(model) for model in models]
    page = card_page(cards, source.temperature, list(source.metrics))
    system = None if cell is not None else build_system(potential, masses, source.temperature)
    native = system is not None and is_native(system)
    folder = output.with_name(f".{output.name}.new")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    names = [f"model-{number}.safetensors" for number in range(len(models))]
    for path, name in zip(models, names, strict=True):
        shutil.copyfile(path, folder / name)
        shutil.copyfile(path.with_suffix(".json"), (folder / name).with_suffix(".json"))
    about = {
        "format": FORMAT, "models": names, "temperature": source.temperature,
        "masses": masses.tolist(), "cell": None if cell is None else cell.tolist(),
    }  # fmt: skip
    (folder / ABOUT).write_text(json.dumps(about, indent=1))
    (folder / CARD).write_text(page, encoding="utf-8")
    _write_topology(molecule, start, cell, folder / "topology.cif")
    write_library(folder)
    kinds = [card.kind for card in cards]
    (folder / REQUIREMENTS).write_text(requirements(kinds), encoding="utf-8")
    if native:
        (folder / "system.xml").write_text(openmm.XmlSerializer.serialize(system))
    if cell is None:
        shutil.copyfile(EXAMPLE, folder / "run.py")
    folder.replace(output)
    return native


def load_system(folder: Path | str) -> openmm.System:
    """The System of a deployed model; reading it executes no code from the folder.

    Where the model has a domain and runs through Python, it warns when frames leave it.

    Args:
        folder: made by `deploy.py`.

    Raises:
        InputError: it is incomplete, damaged, of a later version, or has a periodic cell.
    """
    model = Deployed.read(folder)
    if model.cell is not None:
        raise InputError(
            f"{folder}: has beads of several molecules in a periodic box, which OpenMM does not "
            "run; use the calculator for ASE (meanforce.deployment.ase_calculator)"
        )
    return build_system(model.potential, model.masses, model.temperature, model.card.domain)


def _write_topology(
    molecule: Topology, positions: np.ndarray, cell: np.ndarray | None, path: Path
) -> None:
    """Beads as atoms of one residue, with bonds, as mmCIF."""
    topology = app.Topology()
    residue = topology.addResidue("CG", topology.addChain("A"))
    atoms = [topology.addAtom(name, None, residue) for name in molecule.names]
    for i, j in molecule.bonds:
        topology.addBond(atoms[i], atoms[j])
    if cell is not None:
        topology.setPeriodicBoxVectors(cell * unit.nanometer)
    with path.open("w") as file:
        app.PDBxFile.writeFile(topology, positions * unit.nanometer, file)
