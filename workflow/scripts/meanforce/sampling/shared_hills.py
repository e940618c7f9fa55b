"""Hills that metadynamics replicas, each a job of its own, exchange through files.

Multiple walkers: Raiteri, Laio, Gervasio, Micheletti, Parrinello, J. Phys. Chem. B 110, 3533
(2006). A job publishes its hills only when they are in its restart bundle, so that a killed job
neither takes back hills that others have used nor adds them twice.
"""

from pathlib import Path

import numpy as np

from meanforce.restart.bundle import Bundle, read_bundle, write_bundle

SUFFIX = ".hills"


class HillExchange:
    """One replica's view of the hills of all replicas of a campaign at a state point.

    Args:
        folder: one that all of them can access.
        replica: number of this one.
        campaign: settings of the campaign; hills of other settings are not used.
    """

    def __init__(self, folder: Path, replica: int, campaign: dict) -> None:
        self._folder, self._replica, self._campaign = folder, replica, campaign
        folder.mkdir(parents=True, exist_ok=True)

    def publish(self, hills: np.ndarray) -> None:
        """Replace what this replica shares with the others: its own hills, one per row."""
        path = self._folder / f"{self._replica}{SUFFIX}"
        write_bundle(path, Bundle({"hills": hills}, {"campaign": self._campaign}))

    def others(self) -> dict[int, np.ndarray]:
        """Hills of the other replicas, in the order in which each added them.

        Raises:
            InputError: a file is damaged.
        """
        found = {}
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            replica = int(path.name.removesuffix(SUFFIX))
            bundle = read_bundle(path) if replica != self._replica else None
            if bundle is not None and bundle.info["campaign"] == self._campaign:
                found[replica] = bundle.arrays["hills"]
        return found
