"""Files of cgnet, mlcg and chemtrain: what is read from them, and what is refused."""

import pickle

import h5py
import numpy as np
import pytest

from meanforce.data.formats.base import Opened
from meanforce.data.formats.registry import open_frames
from meanforce.errors import InputError

N, BEADS = 23, 4
RNG = np.random.default_rng(5)
POSITIONS = RNG.normal(0.0, 0.6, (N, BEADS, 3)).astype(np.float32)
FORCES = RNG.normal(0.0, 700.0, (N, BEADS, 3)).astype(np.float32)
"""nm and kJ/mol/nm."""
BOX = np.array([[3.0, 0.0, 0.0], [0.5, 2.5, 0.0], [-0.4, 0.3, 2.0]])
BOXES = BOX * (1.0 + 0.01 * np.arange(N)[:, None, None])
KNOWN = Opened(n_atoms=BEADS)

ANGSTROM = {"coords": POSITIONS * 10.0, "forces": FORCES / 41.84}
"""As cgnet and mlcg have them; 1 kcal/mol/Å is 41.84 kJ/mol/nm."""


def cgnet(folder, **changes):
    np.savez(folder / "d.npz", **ANGSTROM | changes)
    return folder / "d.npz", "cgnet"


def cgnet_pair(folder, **changes):
    arrays = ANGSTROM | changes
    np.save(folder / "ala2_coordinates.npy", arrays["coords"])
    np.save(folder / "ala2_forces.npy", arrays["forces"])
    return folder / "ala2_coordinates.npy", "cgnet"


def mlcg(folder, **changes):
    arrays = ANGSTROM | changes
    with h5py.File(folder / "d.h5", "w") as file:
        group = file.create_group("OPEP/opep_0000")
        group.attrs["cg_embeds"] = np.array([1, 2, 2, 3])
        group.attrs["N_frames"] = len(arrays["coords"])
        group["cg_coords"], group["cg_forces"] = arrays["coords"], arrays["forces"]
    return folder / "d.h5", "mlcg"


def chemtrain(folder, **changes):
    arrays = {"R": POSITIONS, "F": FORCES, "box": np.swapaxes(BOXES, 1, 2)} | changes
    np.savez(folder / "c.npz", **arrays)
    return folder / "c.npz", "chemtrain"


def chemtrain_fractional(folder, **changes):
    # As JAX MD scales them: s = H⁻¹ R, with the box vectors in the columns of H.
    inverse = np.linalg.inv(np.swapaxes(BOXES, 1, 2))
    fractions = np.einsum("nij,naj->nai", inverse, POSITIONS)
    return chemtrain(folder, R=fractions, **changes)[0], "chemtrain_fractional"


WRITERS = [cgnet, cgnet_pair, mlcg, chemtrain, chemtrain_fractional]


def frames(path, kind, known=KNOWN, start=0, stop=N, stride=1, size=7):
    with open_frames(path, kind, known) as file:
        found = list(file.blocks(start, stop, stride, size))
        assert file.has_forces and file.precision is None
        assert file.n_atoms == BEADS
    return found


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize(("start", "stop", "stride"), [(0, N, 1), (3, 20, 4), (0, 1000, 30)])
def test_frames_in_this_projects_units(tmp_path, writer, start, stop, stride):
    found = frames(*writer(tmp_path), start=start, stop=stop, stride=stride)
    chosen = slice(start, stop, stride)
    assert max(len(block.positions) for block in found) <= 7
    positions = np.concatenate([block.positions for block in found])
    np.testing.assert_allclose(positions, POSITIONS[chosen], rtol=2e-6, atol=2e-7)
    forces = np.concatenate([block.forces for block in found])
    np.testing.assert_allclose(forces, FORCES[chosen], rtol=4e-7)
    assert all(block.times is None for block in found)
    if "chemtrain" in writer.__name__:
        boxes = np.concatenate([block.boxes for block in found])
        np.testing.assert_allclose(boxes, BOXES[chosen], rtol=1e-12)
    else:
        assert all(block.boxes is None for block in found)


@pytest.mark.parametrize(
    ("box", "wanted"),
    [
        (BOX.T, np.broadcast_to(BOX, (N, 3, 3))),
        ([3.0, 2.0, 1.0], np.broadcast_to(np.diag([3.0, 2.0, 1.0]), (N, 3, 3))),
    ],
)
def test_chemtrains_box_may_be_one_for_all(tmp_path, box, wanted):
    found = frames(*chemtrain(tmp_path, box=np.ascontiguousarray(box)))
    np.testing.assert_array_equal(np.concatenate([block.boxes for block in found]), wanted)


def test_one_of_several_molecules_is_named(tmp_path):
    path, kind = mlcg(tmp_path)
    with h5py.File(path, "a") as file:
        file.copy("OPEP/opep_0000", file["OPEP"], "opep_0001")
        file["OPEP/opep_0001/cg_coords"][...] += 1.0
    known = Opened(n_atoms=BEADS, molecule="/OPEP/opep_0001")
    found = frames(path, kind, known, size=N)
    np.testing.assert_allclose(found[0].positions, POSITIONS + 0.1, rtol=1e-5, atol=1e-6)
    with pytest.raises(
        InputError, match=r"has 2 molecules; choose one with 'molecule'.*OPEP/opep_0001"
    ):
        open_frames(path, kind, KNOWN)
    with pytest.raises(InputError, match="has no molecule 'CATH/x'"):
        open_frames(path, kind, Opened(n_atoms=BEADS, molecule="CATH/x"))


def test_forces_without_a_prior_are_refused(tmp_path):
    path, kind = mlcg(tmp_path)
    with h5py.File(path, "a") as file:
        file["OPEP/opep_0000"].move("cg_forces", "cg_delta_forces")
    with pytest.raises(InputError, match="'cg_delta_forces' only, from which a prior was"):
        open_frames(path, kind, KNOWN)
    with h5py.File(path, "a") as file:
        del file["OPEP/opep_0000/cg_delta_forces"]
    with pytest.raises(InputError, match="has no 'cg_forces'; it has: cg_coords"):
        open_frames(path, kind, KNOWN)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("N_frames", 22, "'N_frames' of /OPEP/opep_0000 is of 22 frames, but its arrays have 23"),
        ("cg_embeds", [1, 2], "'cg_embeds' of /OPEP/opep_0000 is of 2 beads"),
    ],
)
def test_attributes_must_agree(tmp_path, key, value, message):
    path, kind = mlcg(tmp_path)
    with h5py.File(path, "a") as file:
        file["OPEP/opep_0000"].attrs[key] = value
    with pytest.raises(InputError, match=message):
        open_frames(path, kind, KNOWN)


@pytest.mark.parametrize("writer", [cgnet, cgnet_pair, mlcg])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"forces": FORCES[:-1]}, r"the shape \(22, 4, 3\)"),
        ({"coords": POSITIONS[0]}, r"the shape \(4, 3\), not \(frames"),
    ],
)
def test_wrong_arrays_are_one_sentence(tmp_path, writer, changes, message):
    with pytest.raises(InputError, match=message) as caught:
        frames(*writer(tmp_path, **changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("writer", [cgnet_pair, mlcg])
def test_arrays_of_texts_are_refused(tmp_path, writer):
    with pytest.raises(InputError, match=r"its positions are of type .*, not numbers"):
        frames(*writer(tmp_path, coords=POSITIONS.astype("S8")))


@pytest.mark.parametrize(("kind", "key"), [("cgnet", "coords"), ("chemtrain", "R")])
def test_missing_arrays_are_named(tmp_path, kind, key):
    np.savez(tmp_path / "d.npz", x=POSITIONS, forces=FORCES)
    with pytest.raises(InputError, match=f"there is no array '{key}'; there are: forces, x"):
        open_frames(tmp_path / "d.npz", kind, KNOWN)


def test_fractions_need_a_box(tmp_path):
    np.savez(tmp_path / "d.npz", R=POSITIONS, F=FORCES)
    with pytest.raises(InputError, match="fractional positions, but neither an array 'box' nor"):
        frames(tmp_path / "d.npz", "chemtrain_fractional")
    known = Opened(n_atoms=BEADS, box=BOX)
    found = frames(tmp_path / "d.npz", "chemtrain_fractional", known, size=N)[0]
    np.testing.assert_allclose(found.positions, POSITIONS @ BOX, rtol=1e-5, atol=1e-6)
    assert (found.boxes == BOX).all()


def test_padded_frames_are_refused(tmp_path):
    mask = np.ones((N, BEADS), bool)
    frames(*chemtrain(tmp_path, mask=mask))
    mask[4, 3] = False
    with pytest.raises(InputError, match="has frames of different molecules"):
        open_frames(*chemtrain(tmp_path, mask=mask), KNOWN)


class Trap:
    """Runs code when it is unpickled."""

    opened = False

    def __reduce__(self):
        return setattr, (Trap, "opened", True)


@pytest.mark.parametrize("kind", ["cgnet", "chemtrain"])
@pytest.mark.parametrize("name", ["d.npz", "d_coords.npy", "d_forces.npy", "objects.npz"])
def test_pickles_are_never_opened(tmp_path, kind, name):
    path = tmp_path / name
    if name == "objects.npz":
        np.savez(path, coords=np.array([Trap()]), forces=FORCES, R=np.array([Trap()]), F=FORCES)
    else:
        path.write_bytes(pickle.dumps(Trap()))
        for other in ("d_coords.npy", "d_forces.npy"):
            if other != name:
                np.save(tmp_path / other, POSITIONS)
    opened = path if path.suffix == ".npz" else tmp_path / "d_coords.npy"
    with pytest.raises(InputError) as caught:
        frames(opened, kind)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert not Trap.opened


@pytest.mark.parametrize("kind", ["cgnet", "mlcg", "chemtrain", "chemtrain_fractional"])
def test_missing_and_damaged_files(tmp_path, kind):
    path = tmp_path / ("d.h5" if kind == "mlcg" else "d.npz")
    with pytest.raises(InputError, match="does not exist"):
        open_frames(path, kind, KNOWN)
    writer = {"cgnet": cgnet, "mlcg": mlcg}.get(kind, chemtrain)
    whole = writer(tmp_path)[0].read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"no such thing\n" * 9):
        path.write_bytes(content)
        with pytest.raises(InputError) as caught:
            frames(path, kind)
        assert "\n" not in str(caught.value)


def test_the_file_of_forces_is_found_by_name(tmp_path):
    path, _ = cgnet_pair(tmp_path)
    with pytest.raises(InputError, match="the name of its file of forces is not known"):
        open_frames(path.rename(tmp_path / "x.npy"), "cgnet", KNOWN)
