"""Numbers as the report writes them."""

import math
from collections.abc import Mapping
from typing import Any

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float, error: float = math.nan) -> str:
    """A number to three significant digits, or to the second one of its standard error.

    Very small and very large ones get a power of ten, which number and error share. Empty for NaN.
    """
    if not math.isfinite(value):
        return "" if math.isnan(value) else "∞" if value > 0 else "−∞"
    known = math.isfinite(error) and error > 0
    size = max(abs(value), error if known else 0.0)
    exponent = math.floor(math.log10(size)) if size > 0 else 0
    power = 0 if -4 < exponent < 5 else exponent
    scaled, spread = value / 10.0**power, error / 10.0**power
    if known:
        digits = max(0, 1 - math.floor(math.log10(spread)))
        text = f"{scaled:.{digits}f} ± {spread:.{digits}f}"
    else:
        text = f"{scaled:.3g}" if abs(scaled) < 1000 else f"{scaled:.0f}"
    if power:
        text = f"({text})" if known else text
        text += f"·10{str(power).translate(SUPERSCRIPTS)}"
    return text.replace("-", "−")


def counted(value: float) -> str:
    """A large number to three significant digits, in thousands, millions or billions."""
    if not math.isfinite(value):
        return ""
    for unit, name in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= unit:
            return f"{value / unit:.3g}{name}"
    return f"{value:.3g}"


def at_error(savings: Mapping[str, Any]) -> str:
    """At which error a factor holds, where it is not the mean over all; with a space before."""
    if math.isnan(savings["atomistic_time"]):
        return ""
    unit = savings["unit"] if isinstance(savings["unit"], str) else ""
    return f" at {savings['error']:.2g} {unit}".rstrip()
