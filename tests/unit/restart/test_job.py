"""A restart bundle is only for the job that made it."""

import numpy as np
import pytest

from meanforce.errors import InputError
from meanforce.restart.job import Job, Stopped

SETTINGS = {"seed": 1, "run": {"length": 2.0, "bias": None}}


def saved(folder):
    with pytest.raises(Stopped):
        Job(folder, SETTINGS, stop=lambda: "test").save({"x": np.ones(2)}, {})
    return folder


def test_a_key_that_older_code_had_not_is_null(tmp_path):
    """New keys are null where nothing changes; the bundles of before then go on."""
    folder = saved(tmp_path)
    for settings in (SETTINGS, SETTINGS | {"new": None}, {"seed": 1, "run": {"length": 2.0}}):
        assert Job(folder, settings).load().arrays["x"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"seed": 2}, "another job: seed was 1 and is 2; restore"),
        ({"new": 0}, "another job: new was None and is 0; restore"),
        ({"run": {"length": 2.0, "bias": {"build": 1.0}}}, "run.bias was None and is {'build'"),
        ({"run": None}, r"run was .* and is None"),
    ],
)  # fmt: skip
def test_other_settings_are_named(tmp_path, changed, sentence):
    with pytest.raises(InputError, match=sentence):
        Job(saved(tmp_path), SETTINGS | changed).load()
