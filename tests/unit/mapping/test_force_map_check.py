"""Force maps that constraints forbid are refused when a run is planned, and others are not."""

import pytest
import yaml
from own_molecule import CONFIG

from meanforce.errors import InputError
from meanforce.sampling.check import check_structures
from meanforce.settings.load import load_config


def config_of(root, mapping, constraints="h_bonds"):
    values = yaml.safe_load(CONFIG)
    values["systems"]["mine"] |= {
        "structure": str(root / "resources" / "capped_alanine.pdb"), "constraints": constraints,
    }  # fmt: skip
    values["campaigns"]["mine"]["unbiased"]["time_step"] = "1 fs"
    values["mappings"]["mine"]["chosen"] = mapping
    values["experiments"]["first"]["mapping"] = "chosen"
    return load_config(values)


JOINED = {"beads": {"C": ["ALA2-CB"], "H": ["ALA2-HB1"], "N": ["ALA2-N"]}}
"""A carbon and one of its hydrogens are beads of their own."""


@pytest.mark.parametrize("kind", ["slice", "aggregate", "optimal"])
def test_rigid_bonds_between_beads_are_refused(root, kind):
    mapping = JOINED | {"force_map": kind}
    with pytest.raises(InputError, match=rf"mappings\.mine\.chosen\.force_map: '{kind}' "):
        check_structures(config_of(root, mapping))
    check_structures(config_of(root, mapping, constraints="none"))


@pytest.mark.parametrize(("kind", "allowed"), [("slice", False), ("aggregate", True)])
def test_rigid_bonds_inside_beads(root, kind, allowed):
    config = config_of(root, {"template": "core_beta", "force_map": kind})
    if allowed:
        check_structures(config)
        return
    with pytest.raises(InputError, match="their distance is constrained"):
        check_structures(config)


def test_a_mapping_that_no_experiment_uses_may_have_any(root):
    """It may only be there for its collective variables."""
    config = config_of(root, {"template": "heavy"})
    other = {"chosen": config.mappings["mine"]["chosen"].model_copy(update={"force_map": "slice"})}
    unused = config.mappings | {"mine": config.mappings["mine"] | {"other": other["chosen"]}}
    check_structures(config.model_copy(update={"mappings": unused}))
    used = config.mappings | {"mine": config.mappings["mine"] | other}
    with pytest.raises(InputError, match=r"mappings\.mine\.chosen\.force_map"):
        check_structures(config.model_copy(update={"mappings": used}))
