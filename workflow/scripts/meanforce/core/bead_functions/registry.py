"""The function of each kind of collective variable of whole structures."""

from meanforce.core.bead_functions.arrays import Arrays, BeadFunction
from meanforce.core.bead_functions.native_contacts import NativeContacts
from meanforce.core.bead_functions.path import Path
from meanforce.core.bead_functions.radius_of_gyration import RadiusOfGyration
from meanforce.core.bead_functions.rmsd import Rmsd
from meanforce.errors import InputError
from meanforce.settings.collective_variables import CollectiveVariableSettings

FUNCTIONS = {
    "rmsd": Rmsd,
    "radius_of_gyration": RadiusOfGyration,
    "native_contacts": NativeContacts,
    "path_s": Path,
    "path_z": Path,
}
"""kind: class with the settings of the variable and a library of arrays as arguments."""


def bead_function(settings: CollectiveVariableSettings, arrays: Arrays) -> BeadFunction:
    """The function of a variable that is complete.

    Raises:
        InputError: names of beads or structures are not filled in, or they do not fit.
    """
    if settings.incomplete:
        raise InputError(
            f"a collective variable of the kind '{settings.kind}' has no beads and structures yet; "
            "--variables: give the file of the stage `variable`"
        )
    return FUNCTIONS[settings.kind](settings, arrays)
