"""A deployed CG model on disk: all that OpenMM needs to run it, and nothing that runs by itself.

`deployment.json` names the models, the beads' masses (u) and the temperature (K); the models lie
beside it as they were trained; `topology.cif` has the beads, their bonds and a start. `system.xml`
is there where the model is made of OpenMM's own forces.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import openmm
from openmm import app, unit

from meanforce.core.topology import Topology
from meanforce.data.h5md import H5mdReader
from meanforce.deployment.system import build_system, is_native
from meanforce.errors import InputError
from meanforce.potentials.files import load_ensemble
from meanforce.potentials.whole import is_one

FORMAT = 1
ABOUT = "deployment.json"
EXAMPLE = Path(__file__).with_name("example.py")


def write_folder(models: list[Path], trajectory: Path, temperature: float, output: Path) -> bool:
    """Make the folder.

    Args:
        models: the ensemble's members (.safetensors, with their .json).
        trajectory: H5MD file of the same beads (a mapped dataset or a CG run), for bonds, masses
            and a start.
        temperature: of U(R; T), K.
        output: the folder.

    Returns:
        whether the System is made of OpenMM's own forces.

    Raises:
        InputError: a file is missing or does not fit, or the folder is there already.
    """
    if output.exists():
        raise InputError(f"{output}: already exists; give another folder, or remove it")
    with H5mdReader(trajectory) as reader:
        molecule, masses = Topology.of(reader.parameters), reader.masses
        if not reader.n_frames:
            raise InputError(f"{trajectory}: holds no frame to start from")
        if reader.boxes() is not None and not is_one(molecule):
            raise InputError(
                f"{trajectory}: has beads of several molecules in a periodic box, but a deployed "
                "model has no box; allowed are models of a single molecule"
            )
        start = reader.positions(slice(0, 1))[0]
    potential = load_ensemble(models)
    potential.check_beads(molecule)
    system = build_system(potential, masses, temperature)
    native = is_native(system)
    folder = output.with_name(f".{output.name}.new")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    names = [f"model-{number}.safetensors" for number in range(len(models))]
    for source, name in zip(models, names, strict=True):
        shutil.copyfile(source, folder / name)
        shutil.copyfile(source.with_suffix(".json"), (folder / name).with_suffix(".json"))
    about = {
        "format": FORMAT, "models": names, "temperature": temperature,
        "masses": masses.tolist(),
    }  # fmt: skip
    (folder / ABOUT).write_text(json.dumps(about, indent=1))
    _write_topology(molecule, start, folder / "topology.cif")
    if native:
        (folder / "system.xml").write_text(openmm.XmlSerializer.serialize(system))
    shutil.copyfile(EXAMPLE, folder / "run.py")
    folder.replace(output)
    return native


def load_system(folder: Path | str) -> openmm.System:
    """The System of a deployed model; reading it executes no code from the folder.

    Args:
        folder: made by `deploy.py`.

    Raises:
        InputError: it is incomplete, damaged, or of a later version.
    """
    folder = Path(folder)
    try:
        about = json.loads((folder / ABOUT).read_text())
        names, temperature = about["models"], float(about["temperature"])
        masses, version = np.array(about["masses"], dtype=np.float64), about["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder}: is not a deployed model ({error})") from error
    if version > FORMAT:
        raise InputError(f"{folder}: has format {version}; this version reads up to {FORMAT}")
    potential = load_ensemble([folder / Path(name).name for name in names])
    return build_system(potential, masses, temperature)


def _write_topology(molecule: Topology, positions: np.ndarray, path: Path) -> None:
    """Beads as atoms of one residue, with bonds, as mmCIF."""
    topology = app.Topology()
    residue = topology.addResidue("CG", topology.addChain("A"))
    atoms = [topology.addAtom(name, None, residue) for name in molecule.names]
    for i, j in molecule.bonds:
        topology.addBond(atoms[i], atoms[j])
    with path.open("w") as file:
        app.PDBxFile.writeFile(topology, positions * unit.nanometer, file)
