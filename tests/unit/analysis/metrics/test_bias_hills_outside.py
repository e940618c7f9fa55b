"""Row `bias_hills_outside`: only of runs whose bias has ends."""

import dataclasses

import numpy as np
import pytest
from comparisons import along_x, by_name, compare

from meanforce.analysis.kinds import Group, Measure
from meanforce.analysis.metrics import convergence


@pytest.mark.parametrize("share", [None, 0.0, 0.25])
def test_the_share_of_hills_is_a_property_of_the_run(share):
    rng = np.random.default_rng(1)
    chains = np.repeat(np.arange(8), 100)
    model, reference = (along_x(rng.normal(size=800), chains=chains) for _ in range(2))
    model = dataclasses.replace(model, hills_outside=share)
    found = by_name(convergence.rows(compare(model, reference)))
    assert ("bias_hills_outside" in found) == (share is not None)
    if share is None:
        return
    row = found["bias_hills_outside"]
    assert (row.value, row.noise_floor, row.unit) == (share, 0.0, "")
    assert row.measure == Measure.CONVERGENCE and row.quantity.group == Group.CONVERGENCE
