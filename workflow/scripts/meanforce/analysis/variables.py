"""Which collective variables are evaluated, the surface's first."""

from collections.abc import Sequence

from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.validation import ValidationSettings


def judged_variables(
    validation: ValidationSettings,
    declared: dict[str, CollectiveVariableSettings],
    bead_names: Sequence[str],
    mapping: str,
) -> dict[str, CollectiveVariableSettings]:
    """Variables of the surface, further ones of the mapping, and chosen distances of its beads.

    Args:
        validation: settings.
        declared: variables of the surface and of the mapping, combinations with their members.
        bead_names: of the mapping.
        mapping: its name.
    """
    found = {name: declared[name] for name in validation.surface}
    found |= {name: variable for name, variable in declared.items() if name not in found}
    for pair in validation.distances:
        if set(pair) <= set(bead_names):
            found["distance_" + "_".join(pair)] = CollectiveVariableSettings(
                kind="distance", mapping=mapping, beads=list(pair)
            )
    return found
