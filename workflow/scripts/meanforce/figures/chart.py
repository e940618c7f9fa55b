"""Charts as SVG text: one panel with lines, bands, marks and images.

Written by hand because a report may hold a thousand panels: a profile with its difference takes
9 kB and 2 ms here, but 31 kB and 73 ms as an SVG of matplotlib. The scripts of Vega-Lite (0.83 MB)
or Bokeh (1.27 MB) alone are larger than a page with 60 figures (0.64 MB), which also has to be read
with scripts turned off.
"""

import base64
import dataclasses
import html
import itertools

import numpy as np

from meanforce.figures import style
from meanforce.figures.axes import Axis

SHAPES = {
    "circle": "M-3.6 0a3.6 3.6 0 1 0 7.2 0a3.6 3.6 0 1 0-7.2 0z",
    "diamond": "M0-5L5 0L0 5L-5 0z",
    "triangle": "M0-4.8L4.6 3.6L-4.6 3.6z",
    "square": "M-3.6-3.6H3.6V3.6H-3.6z",
}


BOLD = 0.62
"""Mean width of a bold character, over its height."""

HALO = " stroke='#fff' stroke-width='3' paint-order='stroke'"
"""Keeps a text apart from lines behind it."""


@dataclasses.dataclass(frozen=True)
class Frame:
    """Size of a panel and of what is kept free around its axes, in pixels."""

    width: float = 320
    height: float = 236
    left: float = 50
    right: float = 10
    top: float = 26
    bottom: float = 42

    @property
    def across(self) -> float:
        """Width between the axes' ends."""
        return self.width - self.left - self.right

    @property
    def up(self) -> float:
        """Height between the axes' ends."""
        return self.height - self.top - self.bottom


class Panel:
    """A chart being drawn; coordinates are the axes' values.

    Args:
        x: horizontal axis.
        y: vertical axis.
        title: text above it.
        frame: its size.
        grid: whether ticks of x continue as thin lines.
    """

    def __init__(
        self, x: Axis, y: Axis, title: str = "", frame: Frame | None = None, grid: bool = False
    ) -> None:
        self._x, self._y, self.frame = x, y, frame or Frame()
        self._behind: list[str] = []
        self._parts: list[str] = []
        self._outside: list[str] = []
        self._draw_axes(title, grid)

    def line(
        self, x: np.ndarray, y: np.ndarray, colour: str, width: float = 1.7, dash: str = ""
    ) -> None:
        """A line, broken where a value is not finite."""
        dashes = f" stroke-dasharray='{dash}'" if dash else ""
        self._parts.append(
            f"<path d='{''.join(self._runs(x, y))}' fill='none' stroke='{colour}'"
            f" stroke-width='{width}' stroke-linejoin='round'{dashes}/>"
        )

    def band(self, x: np.ndarray, low: np.ndarray, high: np.ndarray, colour: str) -> None:
        """The area between two lines, where both are finite."""
        x, low, high = (np.asarray(values, dtype=float) for values in (x, low, high))
        shapes = []
        for part in _finite_runs(low, high):
            there = zip(*self._pixels(x[part], high[part]), strict=True)
            back = zip(*self._pixels(x[part][::-1], low[part][::-1]), strict=True)
            points = "L".join(f"{a:.1f} {b:.1f}" for a, b in itertools.chain(there, back))
            shapes.append(f"M{points}z")
        self._behind.append(
            f"<path d='{''.join(shapes)}' fill='{colour}' fill-opacity='.22' stroke='none'/>"
        )

    def level(self, y: float, text: str = "", width: float = 1.0) -> None:
        """A dashed horizontal line, with a text on it."""
        frame, (_, at) = self.frame, self._pixels(self._x.low, y)
        self._parts.append(
            f"<path d='M{frame.left} {at:.1f}H{frame.width - frame.right}' fill='none'"
            f" stroke='{style.REFERENCE}' stroke-width='{width}' stroke-dasharray='5 3'/>"
        )
        if text:
            self._parts.append(
                _text(frame.width - frame.right - 3, at - 4, text, "end", 10.5, HALO)
            )

    def note(self, text: str, colour: str, row: int) -> None:
        """A line of a legend, in the upper right corner."""
        x, y = self.frame.width - self.frame.right - 3, self.frame.top + 12 + 13 * row
        self._parts.append(_text(x, y, text, "end", 10.5, f"{HALO} style='fill:{colour}'"))

    def mark(
        self, x: float, y: float, shape: str, colour: str, error: float = 0.0, along: str = "y",
        filled: bool = True,
    ) -> None:  # fmt: skip
        """A mark with its error bar, along x or y; its clipped part is not drawn."""
        (column, row) = self._pixels(x, y)
        if np.isfinite(error) and error > 0:
            aside, above = (error, 0.0) if along == "x" else (0.0, error)
            a, b = self._clipped(x - aside, y - above)
            c, d = self._clipped(x + aside, y + above)
            self._parts.append(
                f"<path d='M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}' stroke='{colour}' stroke-width='1.2'/>"
            )
        self._parts.append(
            f"<path d='{SHAPES[shape]}' transform='translate({column:.1f} {row:.1f})'"
            f" fill='{colour if filled else '#fff'}' stroke='{colour}' stroke-width='1.3'/>"
        )

    def tick(self, x: float, y: float, along: str = "x", colour: str = style.REFERENCE) -> None:
        """A short bar, for a noise floor; `along` is the axis it lies along."""
        column, row = self._pixels(x, y)
        move = "m-6 0h12" if along == "x" else "m0-6v12"
        self._parts.append(
            f"<path d='M{column:.1f} {row:.1f}{move}' stroke='{colour}' stroke-width='2'/>"
        )

    def image(self, png: bytes) -> None:
        """Pixels over the whole panel, first row on top."""
        frame = self.frame
        self._behind.append(
            f"<image x='{frame.left}' y='{frame.top}' width='{frame.across}' height='{frame.up}'"
            f" preserveAspectRatio='none' style='image-rendering:pixelated' href='{_uri(png)}'/>"
        )

    def colour_bar(self, png: bytes, axis: Axis) -> None:
        """A bar of colours on the right; the frame has to leave room for it."""
        frame = self.frame
        x, top = frame.width - frame.right + 8, frame.top
        self._outside.append(
            f"<image x='{x}' y='{top}' width='9' height='{frame.up}' preserveAspectRatio='none'"
            f" href='{_uri(png)}'/>"
        )
        for value, text in axis.ticks():
            row = top + frame.up * (1.0 - float(axis.at(value)))
            self._outside.append(_text(x + 13, row + 4, text, "start", size=10.5))

    def body(self) -> str:
        """Everything that was drawn, as SVG elements."""
        frame = self.frame
        inside = "".join(self._behind + self._parts)
        return (
            f"<svg x='{frame.left}' y='{frame.top}' width='{frame.across}' height='{frame.up}'"
            f" viewBox='{frame.left} {frame.top} {frame.across} {frame.up}'>{inside}</svg>"
            + "".join(self._outside)
        )

    def _draw_axes(self, title: str, grid: bool) -> None:
        frame = self.frame
        right, bottom = frame.width - frame.right, frame.height - frame.bottom
        out = self._outside
        for value, text in self._x.ticks():
            column, _ = self._pixels(value, self._y.low)
            out.append(f"<path d='M{column:.1f} {bottom}v4' stroke='#333'/>")
            out.append(_text(column, bottom + 16, text, "middle"))
            if grid:
                self._behind.append(f"<path d='M{column:.1f} {frame.top}V{bottom}' stroke='#ddd'/>")
        for value, text in self._y.ticks():
            _, row = self._pixels(self._x.low, value)
            out.append(f"<path d='M{frame.left} {row:.1f}h-4' stroke='#333'/>")
            out.append(_text(frame.left - 7, row + 4, text, "end"))
        out.append(
            f"<path d='M{frame.left} {frame.top}V{bottom}H{right}' fill='none' stroke='#333'/>"
        )
        middle = 0.5 * (frame.left + right)
        if self._x.text:
            out.append(_text(middle, frame.height - 8, self._x.text, "middle", size=12))
        if self._y.text:
            row = 0.5 * (frame.top + bottom)
            turned = f" transform='rotate(-90 13 {row:.1f})'"
            out.append(_text(13, row, self._y.text, "middle", size=12, more=turned))
        if title:
            room = (frame.width - frame.left) / (BOLD * len(title))
            size = round(min(12.5, room), 1)
            out.append(_text(frame.left, 16, title, "start", size, " font-weight='600'"))

    def _pixels(self, x: np.ndarray | float, y: np.ndarray | float) -> tuple:
        frame = self.frame
        column = frame.left + self._x.at(x) * frame.across
        row = frame.top + (1.0 - self._y.at(y)) * frame.up
        return column, row

    def _clipped(self, x: float, y: float) -> tuple[float, float]:
        """Pixels of a point, drawn to the nearest edge where a logarithm has none."""
        return self._pixels(
            max(x, self._x.low) if self._x.log else x, max(y, self._y.low) if self._y.log else y
        )

    def _runs(self, x: np.ndarray, y: np.ndarray) -> list[str]:
        columns, rows = self._pixels(x, y)
        points = [f"{a:.1f} {b:.1f}" for a, b in zip(columns, rows, strict=True)]
        return ["M" + "L".join(points[part]) for part in _finite_runs(columns, rows)]


def drawing(panels: list[Panel]) -> str:
    """SVG file of panels one below the other."""
    width = max(panel.frame.width for panel in panels)
    height = sum(panel.frame.height for panel in panels)
    parts, top = [], 0.0
    for panel in panels:
        parts.append(f"<g transform='translate(0 {top:g})'>{panel.body()}</g>")
        top += panel.frame.height
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width:g}' height='{height:g}'"
        f" viewBox='0 0 {width:g} {height:g}' font-family='system-ui,sans-serif'>"
        + "".join(parts)
        + "</svg>"
    )


def _finite_runs(*columns: np.ndarray) -> list[slice]:
    """Stretches of at least two rows in which all columns are finite."""
    good = np.all([np.isfinite(column) for column in columns], axis=0)
    ends = np.flatnonzero(np.diff(np.concatenate([[False], good, [False]]).astype(int)))
    pairs = zip(ends[::2], ends[1::2], strict=True)
    return [slice(start, end) for start, end in pairs if end - start > 1]


def _text(x: float, y: float, text: str, anchor: str, size: float = 11, more: str = "") -> str:
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' font-size='{size}' fill='#222'"
        f"{more}>{html.escape(text)}</text>"
    )


def _uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()
