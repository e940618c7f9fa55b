"""Axes of the report's charts: scale, ticks and label."""

import dataclasses
import math

import numpy as np

from meanforce.figures.numbers import SUPERSCRIPTS

TURN = (
    (-math.pi, "−π"), (-math.pi / 2, "−π/2"), (0.0, "0"), (math.pi / 2, "π/2"), (math.pi, "π"),
)  # fmt: skip
"""Ticks of an angle in radians."""


@dataclasses.dataclass(frozen=True)
class Axis:
    """One axis of a chart.

    Attributes:
        label: quantity and unit.
        low: value at its start.
        high: value at its end.
        log: whether it is logarithmic.
        named: values and texts of its ticks, where those are not round numbers.
    """

    label: str
    low: float
    high: float
    log: bool = False
    named: tuple[tuple[float, str], ...] = ()

    def at(self, values: np.ndarray | float) -> np.ndarray:
        """Fractions of the axis, 0 at its start and 1 at its end."""
        values = np.asarray(values, dtype=float)
        if self.log:
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.log(values / self.low) / math.log(self.high / self.low)
        return (values - self.low) / (self.high - self.low)

    def ticks(self) -> list[tuple[float, str]]:
        """Values within the axis and their texts."""
        if self.named:
            return list(self.named)
        if self.log:
            return [(value, number_text(value)) for value in _decades(self.low, self.high)]
        scale = 10.0**self.power
        return [(v, number_text(round(v / scale, 9))) for v in _round(self.low, self.high)]

    @property
    def power(self) -> int:
        """Power of ten that all ticks share, so that their texts stay short; usually 0."""
        if self.log or self.named:
            return 0
        power = math.floor(math.log10(max(abs(self.low), abs(self.high))))
        return power if power < -1 or power > 3 else 0

    @property
    def text(self) -> str:
        """The label, with the power of ten that ticks leave out."""
        if not self.power:
            return self.label
        power = f"10{str(self.power).translate(SUPERSCRIPTS)}"
        name, slash, unit = self.label.partition(" / ")
        return f"{name} / {power} {unit}" if slash else f"{name} / {power}"


def axis_of(label: str, values: np.ndarray, unit: str, *, at_zero: bool = False) -> Axis:
    """Linear axis that holds all finite values; a whole turn gets ticks at multiples of π/2.

    Args:
        label: quantity.
        values: of any shape.
        unit: of the values; empty for pure numbers.
        at_zero: whether the axis starts at 0.
    """
    some = np.asarray(values, dtype=float)
    some = some[np.isfinite(some)]
    low, high = (float(some.min()), float(some.max())) if len(some) else (0.0, 1.0)
    text = f"{label} / {unit}" if unit else label
    if unit == "rad" and high - low > 1.8 * math.pi and low >= -3.2 and high <= 3.2:
        return Axis(text, -math.pi, math.pi, named=TURN)
    if at_zero:
        low, high = min(0.0, low), high + 0.06 * (high - min(0.0, low))
    if high <= low:
        low, high = low - 0.5, high + 0.5
    return Axis(text, low, high)


def number_text(value: float) -> str:
    """A tick's number, with a true minus sign and powers of ten written out where they are long."""
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)) + 1e-9)
    if -4 < exponent < 5:
        return f"{value:g}".replace("-", "−")
    mantissa = f"{value / 10.0**exponent:g}".replace("-", "−")
    power = str(exponent).translate(SUPERSCRIPTS)
    return f"10{power}" if mantissa == "1" else f"{mantissa}·10{power}"


def _round(low: float, high: float) -> list[float]:
    """Four to six round values."""
    rough = (high - low) / 4.5
    scale = 10.0 ** math.floor(math.log10(rough))
    step = min((1.0, 2.0, 2.5, 5.0, 10.0), key=lambda factor: abs(factor * scale - rough)) * scale
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def _decades(low: float, high: float) -> list[float]:
    """Powers of ten; with 2 and 5 between them, or round values, where there would be few."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [10.0**power for power in powers if low <= 10.0**power <= high]
    if len(values) < 3:
        values = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    values = [value for value in values if low * 0.999 <= value <= high * 1.001]
    return values if len(values) > 1 else _round(low, high)
