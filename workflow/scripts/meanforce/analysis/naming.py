"""What metrics of the baseline are called; apart, so that the report needs no PyTorch for it."""

SUFFIX, ERROR, REFERENCE = "_baseline", "_error", "_reference"
"""Ends of metrics' names; `_error` comes last, as verdicts go by it."""

MODEL, BASELINE = "model", "baseline"
"""Where an error comes from."""


def baseline_name(metric: str) -> str:
    """What a model's metric is called for the baseline."""
    stem = metric.removesuffix(ERROR)
    return stem + SUFFIX + metric[len(stem) :]


def judged(metric: str) -> tuple[str, str]:
    """The metric as it is called for the model, and whose it is: `MODEL` or `BASELINE`."""
    stem = metric.removesuffix(ERROR)
    if not stem.endswith(SUFFIX):
        return metric, MODEL
    return stem.removesuffix(SUFFIX) + metric[len(stem) :], BASELINE
