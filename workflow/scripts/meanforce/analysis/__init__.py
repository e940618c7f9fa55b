"""How a model compares with its reference: samples, surfaces, errors and verdicts."""
