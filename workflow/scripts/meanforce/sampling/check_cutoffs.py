"""Checks of a config that need the size of the box, before any job."""

import numpy as np

from meanforce.core.cell import smallest_width
from meanforce.errors import InputError
from meanforce.settings.config import Config


def check_pair_cutoff(config: Config, experiment: str, box: np.ndarray) -> None:
    """Refuse a potential of pairs that reaches beyond half of the box that is packed.

    A bead would otherwise have two images of another one within the cutoff. Equilibration may
    change the box; fits check the boxes of their frames again.

    Args:
        config: the whole config.
        experiment: with several molecules in a periodic box.
        box: periodic box vectors, nm, shape (3, 3).

    Raises:
        InputError: names the potential, its cutoff and the longest one that the box allows.
    """
    chosen = config.experiments[experiment]
    cutoff = config.potentials[chosen.potential].longest_pair
    half = smallest_width(box) / 2
    if cutoff is not None and cutoff > half:
        raise InputError(
            f"experiments.{experiment}.potential: 'terms.pairs.cutoff' of '{chosen.potential}' is "
            f"{cutoff:g} nm, but half of the smallest width of the box of system "
            f"'{chosen.system}' is {half:.4g} nm; give a shorter cutoff or a larger box"
        )
