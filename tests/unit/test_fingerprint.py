"""The fingerprint of a stage's code: what changes it and what does not."""

import pytest

from meanforce.data.fingerprint import fingerprint, modules_of, normalised

SOURCE = '''
"""Module."""

WIDTH = 3
"""How wide."""


def f(x):
    """Docstring."""
    return x + 1  # comment
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Module."""', '"""Another text."""'),
        ('"""How wide."""\n', ""),
        ('    """Docstring."""\n', ""),
        ("  # comment", ""),
        ("x + 1", "(x + 1)"),
    ],
)
def test_blind_to_text_and_layout(old, new):
    assert old in SOURCE
    assert normalised(SOURCE.replace(old, new)) == normalised(SOURCE)


@pytest.mark.parametrize(("old", "new"), [("x + 1", "x + 2"), ("WIDTH = 3", "WIDTH = 4")])
def test_sees_code(old, new):
    assert normalised(SOURCE.replace(old, new)) != normalised(SOURCE)


def test_blind_to_descriptions_of_settings_but_not_to_their_bounds():
    text = "a = Field(ge=1, description='number of things')"
    assert normalised(text) == normalised(text.replace("things", "stuff"))
    assert normalised(text) != normalised(text.replace("ge=1", "ge=2"))


def test_stages_see_their_own_modules_only(root):
    scripts = root / "workflow" / "scripts"
    sample, train = modules_of(scripts / "sample.py"), modules_of(scripts / "train.py")
    assert "meanforce.sampling.metadynamics" in sample
    assert "meanforce.potentials.cgnet" not in sample
    assert "meanforce.fitting.gradient" in train
    assert "meanforce.sampling.engine" not in train
    assert "meanforce.dynamics.langevin" not in train
    assert "meanforce.dynamics.langevin" in modules_of(scripts / "train_with_runs.py")
    assert "meanforce.sampling.recompute" not in sample
    assert fingerprint(scripts / "sample.py") != fingerprint(scripts / "train.py")
