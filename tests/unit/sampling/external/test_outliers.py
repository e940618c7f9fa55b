"""One damaged frame hides in the error bars of averages; it is refused by itself."""

import mdtraj
import numpy as np
import pytest

from meanforce.data.formats.base import FileFrames
from meanforce.errors import InputError
from meanforce.sampling.external.coincident import refuse_coincident
from meanforce.sampling.external.outliers import Outliers


@pytest.fixture
def topology(root):
    return mdtraj.load_topology(str(root / "resources" / "capped_alanine.pdb"))


def frames(root, n: int = 200) -> FileFrames:
    """Capped alanine with Gaussian noise of 0.01 nm, and Gaussian forces."""
    start = mdtraj.load(str(root / "resources" / "capped_alanine.pdb")).xyz
    random = np.random.default_rng(1)
    positions = (start + 0.01 * random.normal(size=(n, *start.shape[1:]))).astype(np.float32)
    forces = (800.0 * random.normal(size=positions.shape)).astype(np.float32)
    return FileFrames(positions, forces, 0.5 * np.arange(n), None)


def test_thermal_frames_pass(root, topology):
    seen = Outliers(topology, True, "a.trr")
    for _ in range(3):
        seen.refuse(frames(root))


def test_a_cut_molecule_is_named(root, topology):
    broken = frames(root)
    broken.positions[150, 5] += (2.4, 0, 0)
    with pytest.raises(InputError, match=r"^a\.trr: at 75 ps the bonded atoms .* nm apart"):
        Outliers(topology, True, "a.trr").refuse(broken)
    # In a periodic box molecules are made whole later.
    Outliers(None, True, "a.trr").refuse(broken)


def test_an_extreme_force_is_named(root, topology):
    broken = frames(root)
    broken.forces[7, 3] = (0, 4e6, 0)
    with pytest.raises(InputError, match=r"^a\.trr: at 3\.5 ps atom 4 has a force of 4e\+06"):
        Outliers(topology, True, "a.trr").refuse(broken)
    Outliers(topology, False, "a.trr").refuse(broken)


def test_later_blocks_are_judged_by_the_first(root, topology):
    seen = Outliers(topology, True, "a.trr")
    seen.refuse(frames(root))
    cut = frames(root)
    cut.positions[:, 5] += (0, 12, 0)
    with pytest.raises(InputError, match="bonded atoms"):
        seen.refuse(cut)


def test_atoms_at_the_same_place_are_named(root, topology):
    labels, everything = [str(atom) for atom in topology.atoms], np.arange(22)
    seen = frames(root)
    # Equal along two axes only.
    seen.positions[:, 3, :2] = seen.positions[:, 4, :2]
    refuse_coincident(seen, everything, labels, "a.trr")
    seen.positions[120, 4] = seen.positions[120, 3]
    with pytest.raises(InputError, match=r"a\.trr: at 60 ps ACE1-H3 and ACE1-C are at the same"):
        refuse_coincident(seen, everything, labels, "a.trr")
    # A virtual site may lie on an atom.
    refuse_coincident(seen, np.delete(everything, 4), labels, "a.trr")
    seen.positions[10:20] = 0.0
    with pytest.raises(InputError, match=r"a\.trr: at 5 ps ACE1-"):
        refuse_coincident(seen, everything, labels, "a.trr")
    seen.positions[10:20, ::2] *= -1.0
    with pytest.raises(InputError, match=r"a\.trr: at 5 ps ACE1-"):
        refuse_coincident(seen, everything, labels, "a.trr")
