"""How long the runs of a first config are, and how large its network is.

`SMALL` is config/your_molecule.yaml: structures of one capped residue in implicit solvent are
independent after about 0.1 ns, so that each of its runs has more than the 50 that the report asks
for, in half an hour to an hour on two cores. `LONG` config/capped_alanine_water_cluster.yaml.
`SHORT` has the lengths of config/quick.yaml at one temperature: runs that reach their report soon,
to see that everything works with a molecule, with too little sampling for good numbers.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Lengths:
    """Numbers of a first config that its cost depends on.

    Attributes:
        burn_in: first part of a metadynamics run, whose frames are not used, ps.
        length: of the training run at each temperature, `burn_in` included, ps.
        stride: time between its frames, ps.
        equilibration: before anything is stored, ps.
        reference_length: of each reference run, ps.
        reference_stride: time between its frames, ps.
        replicas: independent runs of the reference.
        steps: optimisation steps of a network, about.
        batch_size: frames in a step.
        hidden: widths of the network's layers; empty: three whose width depends on the beads.
        ensemble: networks.
        folds: groups of time blocks.
        chains: copies of the CG molecule.
        cg_equilibration: before frames of the CG run are stored, ps.
        cg_length: stored time of each chain, at least, ps.
        build: time in which the bias of the CG run is built, ps.
    """

    burn_in: float
    length: float
    stride: float
    equilibration: float
    reference_length: float
    reference_stride: float
    cg_length: float
    build: float
    cg_equilibration: float = 25
    replicas: int = 2
    steps: int = 8000
    batch_size: int = 512
    hidden: tuple[int, ...] = ()
    ensemble: int = 4
    folds: int = 8
    chains: int = 200

    def epochs(self, temperatures: int) -> int:
        """Passes over the frames: each network is trained on half of them.

        Args:
            temperatures: that are trained at.
        """
        frames = temperatures * (self.length - self.burn_in) / self.stride
        return round(self.steps / (frames / 2 / self.batch_size))


SMALL = Lengths(
    burn_in=500, length=10000, stride=0.08, equilibration=50,
    reference_length=7000, reference_stride=0.2, cg_length=70, build=15,
)  # fmt: skip

LONG = Lengths(
    burn_in=2000, length=20000, stride=0.2, equilibration=100,
    reference_length=20000, reference_stride=0.5, cg_length=200, build=30,
)  # fmt: skip

SHORT = Lengths(
    burn_in=100, length=1000, stride=0.04, equilibration=10,
    reference_length=1000, reference_stride=0.1, replicas=1,
    steps=2400, batch_size=128, hidden=(80, 80), ensemble=2, folds=4,
    chains=100, cg_equilibration=8, cg_length=8, build=6,
)  # fmt: skip


def time(ps: float) -> str:
    """A time as a config has it: `5 ns`, `500 ps`, `40 fs`."""
    for unit, size in (("ns", 1000.0), ("ps", 1.0)):
        if ps >= size:
            return f"{ps / size:g} {unit}"
    return f"{1000 * ps:g} fs"
