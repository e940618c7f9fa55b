"""Progress reports of validation: each metric is a step."""

import numpy as np
from comparisons import along_x, compare
from progress_lines import phases_of, progress_of

from meanforce import progress
from meanforce.analysis.metrics.registry import METRICS, all_rows
from meanforce.progress import Progress


def test_each_metric_is_a_step(monkeypatch):
    monkeypatch.setattr(progress, "FIRST", 0.0)
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    rng, lines = np.random.default_rng(1), []
    model, reference = (along_x(rng.normal(size=500)) for _ in range(2))
    comparison = compare(model, reference, lower=[-5.0], upper=[5.0])
    steps = Progress(lines.append, len(METRICS))
    rows = all_rows(comparison, steps.step)
    steps.finish()
    phases = phases_of(lines)
    assert len(phases) == len(METRICS)
    assert {"divergence", "force error", "slow modes"} <= set(phases)
    expected = [np.floor(1000 * number / len(METRICS)) / 10 for number in range(len(METRICS))]
    assert [line.percent for line in progress_of(lines)[:-1]] == expected
    # Without steps it gives the same rows.
    rng = np.random.default_rng(1)
    model, reference = (along_x(rng.normal(size=500)) for _ in range(2))
    again = all_rows(compare(model, reference, lower=[-5.0], upper=[5.0]))
    assert repr(rows) == repr(again)
