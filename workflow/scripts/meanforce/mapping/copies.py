"""What maps of several molecules of a type cannot have."""

from meanforce.core.topology import Topology
from meanforce.errors import InputError


def refuse_optimal_of_copies(topology: Topology, where: str) -> None:
    """Refuse `optimal` maps of several molecules of a type.

    Raises:
        InputError: there are such molecules.
    """
    if topology.has_copies:
        raise InputError(
            f"{where}.force_map: 'optimal' is not available for a molecule type with several "
            "molecules; use 'aggregate', or 'slice' where no bonds are constrained"
        )
