"""Common look of all figures; colours are safe for colour-blind readers (Okabe–Ito, cividis)."""

import matplotlib

matplotlib.use("Agg")

REFERENCE = "#000000"
MODEL = "#D55E00"
SURFACE = "cividis"
DIFFERENCE = "PuOr"

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


def label(name: str, unit: str) -> str:
    """Axis label of a collective variable; numbers have no unit."""
    shown = LABELS.get(name, name)
    return f"{shown} / {unit}" if unit else shown
