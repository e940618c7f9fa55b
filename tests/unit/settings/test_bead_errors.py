"""Bad beads in a config: atoms that they select, and weights of these."""

import pytest
from config_changes import ALANINE, PSI, assert_refused, put

BAD = {
    "unknown bead": (
        put("collective_variables", ALANINE, "psi", "beads", [*PSI[:3], "NME3-NX"]),
        r"collective_variables\.capped_alanine\.psi\.beads: there is no bead 'NME3-NX'; known: "
        r".*did you mean NME3-N",
    ),
    "overlapping beads": (
        put("mappings", ALANINE, "heavy", {"beads": {"A": "name CA", "B": "name CA or name CB"}}),
        r"mappings\.capped_alanine\.heavy: atom ALA2-CA is in bead 'A' and in bead 'B'",
    ),
    "empty selection": (
        put("mappings", ALANINE, "heavy", {"beads": {"A": "name CZ"}}),
        r"mappings\.capped_alanine\.heavy\.beads\.A: 'name CZ' selects no atom.*nearest: C",
    ),
    "atom that does not exist": (
        put("mappings", ALANINE, "heavy", {"beads": {"A": ["ALA2-CA", "ALA2-CG"]}}),
        r"mappings\.capped_alanine\.heavy\.beads\.A: there is no atom 'ALA2-CG'; nearest: .*ALA2-C",
    ),
    "neither selection nor atoms": (
        put("mappings", ALANINE, "heavy", {"beads": {"A": {"name": "CA"}}}),
        r"mappings\.capped_alanine\.heavy\.beads\.A: \{'name': 'CA'\} is neither an MDTraj",
    ),
    "weights that do not sum": (
        put("mappings", ALANINE, "heavy", {
            "beads": {"A": ["ALA2-C", "ALA2-O"]}, "weights": {"A": [0.3, 0.6]},
        }),
        r"mappings\.capped_alanine\.heavy\.weights: weights of bead 'A' sum to 0\.9; they must sum",
    ),
    "unknown weights of atoms": (
        put("mappings", ALANINE, "heavy", "weights", "masses"),
        r"mappings\.capped_alanine\.heavy\.weights: 'masses' is not one of mass, geometry, charge",
    ),
    "weights for too many atoms": (
        put("mappings", ALANINE, "heavy", {
            "beads": {"A": "name CA"}, "weights": {"A": [0.5, 0.5]},
        }),
        r"mappings\.capped_alanine\.heavy\.weights: 2 given for bead 'A', which takes 1",
    ),
    "charges where there are none": (
        put("mappings", "muller_brown", "x", {"beads": {"X": "all"}, "weights": "charge"}),
        r"mappings\.muller_brown\.x\.weights: 'charge' is given, but the system has no charges",
    ),
    "no selection language": (
        put("mappings", ALANINE, "heavy", {"beads": {"A": "what is this"}}),
        r"mappings\.capped_alanine\.heavy\.beads\.A: 'what is this' is not an MDTraj selection",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_message_names_key_given_and_allowed(config, name):
    assert_refused(config, *BAD[name])
