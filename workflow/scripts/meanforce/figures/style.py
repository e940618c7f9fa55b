"""Common look of all figures; colours are safe for colour-blind readers (Okabe–Ito, cividis)."""

import matplotlib

matplotlib.use("Agg")

REFERENCE = "#000000"
MODEL = "#D55E00"
SURFACE = "cividis"
DIFFERENCE = "PuOr"
SHADES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#595959")
"""Colours of things of one sort."""

matplotlib.rcParams.update(
    {
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "figure.dpi": 110,
        "savefig.bbox": "tight",
        "svg.hashsalt": "meanforce",
    }
)

LABELS = {"phi": "φ", "psi": "ψ"}


def shown(name: str) -> str:
    """A collective variable's name as people write it."""
    return LABELS.get(name, name)


def label(name: str, unit: str) -> str:
    """Axis label of a collective variable; numbers have no unit."""
    return f"{shown(name)} / {unit}" if unit else shown(name)
