"""Which dataset gives the box of a CG run of many molecules."""

import pytest

from meanforce.settings import inputs
from meanforce.settings.config import Config
from meanforce.settings.load import load_config

SYSTEM, EXPERIMENT = "capped_alanine", "capped_alanine_metadynamics_heavy_cgnet"


@pytest.fixture
def liquid(config) -> Config:
    """The default config, as if its mapping had molecule types."""
    loaded = load_config(config)
    mapping = loaded.experiments[EXPERIMENT].mapping
    own = loaded.mappings[SYSTEM][mapping].model_copy(update={"molecules": {"ALA": None}})
    mappings = loaded.mappings | {SYSTEM: loaded.mappings[SYSTEM] | {mapping: own}}
    return loaded.model_copy(update={"mappings": mappings})


def test_a_single_molecule_needs_no_box(config):
    loaded = load_config(config)
    chosen = loaded.experiments[EXPERIMENT]
    for state in (*chosen.train, *chosen.held_out):
        assert inputs.box_data(loaded, EXPERIMENT, state) == []


def test_the_box_is_that_of_the_state_point(liquid):
    chosen = liquid.experiments[EXPERIMENT]
    assert chosen.train and chosen.held_out
    for state in chosen.train:
        (place,) = inputs.box_data(liquid, EXPERIMENT, state)
        assert place == inputs.training_data(liquid, EXPERIMENT, [state])[0]
        assert place.state == state
    for state in chosen.held_out:
        (place,) = inputs.box_data(liquid, EXPERIMENT, state)
        assert place == inputs.reference_data(liquid, EXPERIMENT, [state])[0]
    alone = chosen.model_copy(update={"reference": None})
    experiments = liquid.experiments | {EXPERIMENT: alone}
    without = liquid.model_copy(update={"experiments": experiments})
    assert inputs.box_data(without, EXPERIMENT, chosen.held_out[0]) == []
