"""Frames kept of a stream, whose length is not known while it comes."""

import numpy as np
import pytest

from meanforce.sampling.external.kept import KeptFrames


@pytest.mark.parametrize("total", [1, 7, 20, 21, 1000, 4097])
@pytest.mark.parametrize("size", [1, 8, 300])
def test_frames_are_evenly_spaced_and_as_many_as_wanted(total, size):
    kept = KeptFrames(10)
    for start in range(0, total, size):
        kept.add({"x": np.arange(start, min(start + size, total)) * 2.0})
    numbers = kept.numbers
    assert min(total, 10) <= len(numbers) <= 20
    assert numbers[0] == 0 and len(set(np.diff(numbers))) <= 1
    # The last one is less than a step from the end.
    assert total - numbers[-1] <= (np.diff(numbers)[0] if len(numbers) > 1 else 1)
    np.testing.assert_array_equal(kept.array("x"), 2.0 * numbers)
