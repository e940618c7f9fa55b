"""`sample`: a CG run in memory is the run that the stage writes."""

import numpy as np
import pytest
import torch
from double_well import LOOKED_AT, DoubleWell, cg_run, settings

from meanforce.core.configuration import Configuration
from meanforce.data.h5md import H5mdReader
from meanforce.dynamics.job import sample_to_file
from meanforce.dynamics.sample import sample

BIAS = {
    "collective_variables": ["x"], "width": [0.15], "bias_factor": 8.0, "build": 2.0,
    "bins": 100, "lower": [-2.0], "upper": [2.0],
}  # fmt: skip
KINDS = {
    "plain": {},
    "biased": {"bias": BIAS},
    "exchange": {"exchange": {"highest": 500.0, "levels": 2, "every": 0.07}},
    "until": {"until": {"r_hat": None, "round_trips": 0.2, "at_most": 20.0}, "bias": BIAS},
}


@pytest.mark.parametrize("kind", KINDS)
def test_frames_in_memory_are_those_in_the_file(tmp_path, kind):
    chosen = settings(chains=8, equilibration=0.5, length=2.0, stride=0.1, **KINDS[kind])
    starts = np.linspace(-1, 1, 24).reshape(8, 1, 3)
    sample_to_file(
        cg_run(DoubleWell(), starts, chosen, 5, LOOKED_AT), tmp_path / "cg.h5", lambda line: None
    )
    generator = torch.Generator().manual_seed(5)
    configuration = Configuration(starts, 300.0)
    found = sample(DoubleWell(), configuration, chosen, generator, LOOKED_AT)
    with H5mdReader(tmp_path / "cg.h5") as reader:
        flat = found.configurations
        np.testing.assert_array_equal(flat.positions.astype("f4"), reader.positions())
        n_chains = found.positions.shape[1]
        np.testing.assert_array_equal(np.repeat(found.times, n_chains), reader.times())
        for name in ("bias_energy", "log_weight"):
            np.testing.assert_array_equal(getattr(found, name).reshape(-1), reader.observable(name))
        assert found.about == reader.parameters
        weights = np.exp(reader.observable("log_weight"))
    assert flat.temperature == found.temperature == 300.0 and flat.cell is None
    np.testing.assert_allclose(found.weights, weights / weights.sum(), rtol=1e-12)


def test_a_generator_goes_on_where_it_was():
    """Sampling in rounds: the second call with the same generator gives other noise."""
    chosen = settings(chains=2, equilibration=0.0, length=0.1, stride=0.1)
    starts = Configuration(np.ones((2, 1, 3)), 300.0)

    def run(generator: torch.Generator) -> np.ndarray:
        return sample(DoubleWell(), starts, chosen, generator, LOOKED_AT).positions

    generator = torch.Generator().manual_seed(1)
    first, second = run(generator), run(generator)
    again = torch.Generator().manual_seed(1)
    np.testing.assert_array_equal(run(again), first)
    np.testing.assert_array_equal(run(again), second)
    assert (first != second).any()
