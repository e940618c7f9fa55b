"""Files of datasets as cgnet, mlcg and chemtrain read them.

- cgnet (`MoleculeDataset`): arrays of coordinates and forces, and embeddings of shape (n_frames,
  n_beads); Å, kcal/mol/Å.
- mlcg (`H5Dataset`): an HDF5 group `/metaset/molecule`; Å, kcal/mol/Å.
- chemtrain: positions `R`, forces `F`, `species` and `mask` of each frame, and `box` with the box
  vectors in columns; nm, kJ/mol/nm.
"""

import json
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from meanforce.data.dataset import Dataset
from meanforce.data.hdf5 import new_file
from meanforce.errors import InputError, refuse_existing
from meanforce.export.cg_dataset import CgDataset
from meanforce.units import KCAL

Column = tuple[tuple[int, ...], str, Callable[[Dataset, slice], np.ndarray]]
"""Shape of one frame's values, their type, and the values of some frames with these numbers."""

ANGSTROM = {"positions": "angstrom", "forces": "kcal/mol/angstrom"}
NANOMETER = {"positions": "nm", "forces": "kJ/mol/nm", "box": "nm"}

CHUNK = 2**22
"""Most numbers of an array that are in memory at once."""


def write(chosen: CgDataset, kind: str, folder: Path, name: str) -> list[Path]:
    """Write a dataset, its description and its beads.

    Args:
        chosen: the frames.
        kind: one of `FORMATS`.
        folder: where to write.
        name: what names of files begin with.

    Returns:
        The files; the last ones are the description and the beads.

    Raises:
        InputError: the format cannot hold these frames, or a file is there already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        work = Path(place)
        about = FORMATS[kind](chosen, work, name)
        description = {"format": kind} | about | chosen.description()
        for file, values in (
            (f"{name}_description.json", description),
            (f"{name}_beads.json", chosen.composition()),
        ):
            text = json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False)
            (work / file).write_text(text + "\n", encoding="utf-8")
        made = sorted(work.iterdir(), key=lambda path: (path.suffix == ".json", path.name))
        refuse_existing(*(folder / path.name for path in made))
        return [path.replace(folder / path.name) for path in made]


def _positions_and_forces(chosen: CgDataset, length: float, force: float) -> tuple[Column, Column]:
    """Columns in other units: factors of what is stored."""
    shape = (chosen.topology.size, 3)
    return (
        (shape, "f4", lambda part, rows: part.positions().astype(float) * length),
        (shape, "f4", lambda part, rows: part.forces().astype(float) * force),
    )


def _fill(arrays: Mapping[str, Any], columns: Mapping[str, Column], dataset: Dataset) -> None:
    """Write columns into arrays, some frames at a time."""
    widest = max(int(np.prod(shape, dtype=int)) for shape, _, _ in columns.values())
    start = 0
    for part in dataset.chunks(max(1, CHUNK // widest)):
        rows = slice(start, start + len(part))
        for name, (_, _, values) in columns.items():
            arrays[name][rows] = values(part, rows)
        start = rows.stop


def _npy(columns: Mapping[str, Column], chosen: CgDataset, folder: Path) -> None:
    """Each column, and the weights, as an `.npy` file of its name."""
    n = len(chosen.dataset)
    arrays = {
        name: np.lib.format.open_memmap(folder / f"{name}.npy", "w+", kind, (n, *shape))
        for name, (shape, kind, _) in columns.items()
    }
    _fill(arrays, columns, chosen.dataset)
    for array in arrays.values():
        array.flush()


def _npz(columns: Mapping[str, Column], chosen: CgDataset, path: Path) -> None:
    """All columns in one `.npz` file, without holding them in memory."""
    with tempfile.TemporaryDirectory(dir=path.parent) as place:
        _npy(columns, chosen, Path(place))
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for name in columns:
                archive.write(Path(place) / f"{name}.npy", f"{name}.npy")


def _of_each(values: np.ndarray, kind: str) -> Column:
    """The same values for each frame."""
    return (
        values.shape,
        kind,
        lambda part, rows: np.broadcast_to(values, (len(part), *values.shape)),
    )


def _cgnet_columns(chosen: CgDataset, names: Mapping[str, str]) -> dict[str, Column]:
    _refuse_box(chosen, "cgnet")
    positions, forces = _positions_and_forces(chosen, 10.0, 0.1 / KCAL)
    embeddings = _of_each(chosen.embeddings, "i8")
    return {
        names["positions"]: positions,
        names["forces"]: forces,
        names["embeddings"]: embeddings,
    }


def _about_arrays(names: Mapping[str, str], units: Mapping[str, str]) -> dict[str, Any]:
    return {"units": dict(units), "arrays": dict(names)}


def cgnet(chosen: CgDataset, folder: Path, name: str) -> dict[str, Any]:
    """`{name}.npz`; returns what the description has of it."""
    names = {"positions": "coords", "forces": "forces", "embeddings": "embeddings"}
    columns = _cgnet_columns(chosen, names)
    names |= _add_weights(columns, chosen, "weights")
    _npz(columns, chosen, folder / f"{name}.npz")
    return _about_arrays(names, ANGSTROM)


def cgnet_npy(chosen: CgDataset, folder: Path, name: str) -> dict[str, Any]:
    """`{name}_coordinates.npy`, `{name}_forces.npy`, `{name}_embeddings.npy`."""
    names = {
        "positions": f"{name}_coordinates",
        "forces": f"{name}_forces",
        "embeddings": f"{name}_embeddings",
    }
    columns = _cgnet_columns(chosen, names)
    names |= _add_weights(columns, chosen, f"{name}_weights")
    _npy(columns, chosen, folder)
    return _about_arrays({what: f"{file}.npy" for what, file in names.items()}, ANGSTROM)


def mlcg(chosen: CgDataset, folder: Path, name: str) -> dict[str, Any]:
    """`{name}.h5` with the group `/meanforce/{name}`."""
    _refuse_box(chosen, "mlcg")
    positions, forces = _positions_and_forces(chosen, 10.0, 0.1 / KCAL)
    columns = {"cg_coords": positions, "cg_forces": forces}
    keys = {"embeds": "attrs:cg_embeds", "coords": "cg_coords", "forces": "cg_forces"}
    keys |= _add_weights(columns, chosen, "subsampling_weights")
    n = len(chosen.dataset)
    with new_file(folder / f"{name}.h5") as file:
        group = file.create_group(f"meanforce/{name}")
        group.attrs["cg_embeds"], group.attrs["N_frames"] = chosen.embeddings, n
        arrays = {
            column: group.create_dataset(column, (n, *shape), kind)
            for column, (shape, kind, _) in columns.items()
        }
        _fill(arrays, columns, chosen.dataset)
    return {
        "units": ANGSTROM,
        "group": f"/meanforce/{name}",
        # By default mlcg looks for forces from which a prior was subtracted.
        "loading_options": {"hdf_key_mapping": keys},
    }


def chemtrain(chosen: CgDataset, folder: Path, name: str) -> dict[str, Any]:
    """`{name}.npz`, in real space: chemtrain scales positions by the box itself."""
    positions, forces = _positions_and_forces(chosen, 1.0, 1.0)
    present = np.ones(chosen.topology.size, dtype=bool)
    columns = {
        "R": positions,
        "F": forces,
        "species": _of_each(chosen.embeddings, "i4"),
        "mask": _of_each(present, "?"),
    }
    names = {"positions": "R", "forces": "F", "embeddings": "species", "mask": "mask"}
    if chosen.periodic:
        columns["box"] = ((3, 3), "f8", lambda part, rows: np.swapaxes(part.boxes(), 1, 2))
        names["box"] = "box"
    names |= _add_weights(columns, chosen, "weights")
    _npz(columns, chosen, folder / f"{name}.npz")
    return _about_arrays(names, NANOMETER) | {"box_vectors": "columns", "fractional": False}


FORMATS: dict[str, Callable[[CgDataset, Path, str], dict[str, Any]]] = {
    "cgnet": cgnet,
    "cgnet_npy": cgnet_npy,
    "mlcg": mlcg,
    "chemtrain": chemtrain,
}
"""Writers by format."""


def _add_weights(columns: dict[str, Column], chosen: CgDataset, name: str) -> dict[str, str]:
    """Add a column of weights where frames have different ones, and return its name."""
    if chosen.weights is None:
        return {}
    weights = chosen.weights
    columns[name] = ((), "f4", lambda part, rows: weights[rows])
    return {"weights": name}


def _refuse_box(chosen: CgDataset, kind: str) -> None:
    """Refuse several molecules in a periodic box; one molecule is in one piece without it.

    Raises:
        InputError: names the format that can hold them.
    """
    number = sum(count for _, count in chosen.topology.composition)
    if chosen.periodic and number > 1:
        raise InputError(
            f"--format: '{kind}' has no periodic box, but the frames have {number} molecules in "
            "one; allowed is chemtrain"
        )
