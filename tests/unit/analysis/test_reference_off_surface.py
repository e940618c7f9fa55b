"""A surface beside the reference's data is left out with a warning; all else is judged."""

import numpy as np
import pytest
from comparisons import along_x, by_name, compare

from meanforce.analysis.comparison import axes_of
from meanforce.analysis.metrics.registry import all_rows
from meanforce.analysis.off_surface import fitting_surface
from meanforce.analysis.surface_table import surface_table
from meanforce.errors import InputError


def samples():
    rng = np.random.default_rng(1)
    return [along_x(rng.normal(size=2000)) for _ in range(2)]


def fitted(lower, upper):
    model, reference = samples()
    ends = {"lower": [lower], "upper": [upper]}
    right = compare(model, reference)
    chosen = right.validation.model_copy(update=ends)
    return fitting_surface(chosen, axes_of(chosen, right.variables), reference)


def test_a_surface_that_holds_the_data_is_kept():
    validation, said = fitted(-4.0, 4.0)
    assert validation.surface == ["x"] and said is None


def test_a_surface_that_cuts_the_data_is_kept_with_a_warning():
    validation, said = fitted(0.0, 4.0)
    share = float(said.split("%")[0])
    # Half of a normal distribution, with the error 100 · 0.5/√2000.
    assert share == pytest.approx(50, abs=5 * 1.2)
    assert validation.surface == ["x"] and "but the surface from 0 to 4" in said


def test_a_surface_beside_the_data_is_left_out_and_the_rest_is_judged():
    model, reference = samples()
    with pytest.raises(InputError, match="no frame of the model lies on the surface"):
        compare(model, reference, lower=[10.0], upper=[20.0])
    validation, said = fitted(10.0, 20.0)
    assert said.startswith("100.0% of the reference lies outside") and said.endswith("left out")
    fields = {key: value for key, value in validation if key in ("surface", "lower", "upper")}
    comparison = compare(model, reference, **fields)
    assert comparison.surface is None and len(surface_table(comparison)) == 0
    assert "fes_rmse_x" in by_name(all_rows(comparison))
