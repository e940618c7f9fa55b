"""A finished figure of the report: a picture and its alternative text."""

import base64
import dataclasses
import re
from pathlib import Path
from urllib.parse import quote


@dataclasses.dataclass(frozen=True)
class Figure:
    """A picture with its alternative text.

    Attributes:
        source: data URI; the page needs no other file.
        alt: what the picture shows, for those who do not see it.
        width: in pixels, so that the page does not jump when it appears; 0 where unknown.
        height: the same.
    """

    source: str
    alt: str
    width: int = 0
    height: int = 0


def svg_figure(svg: str, alt: str) -> Figure:
    """Figure of an SVG text that names its size first, as `chart.drawing` does."""
    size = re.search(r" width='(\d+)' height='(\d+)'", svg)
    return Figure(
        "data:image/svg+xml," + quote(svg, safe=" =:/;,()'.-+"), alt, *map(int, size.groups())
    )


def png_figure(path: Path, alt: str) -> Figure:
    """Figure of a PNG file; its header holds its size."""
    data = path.read_bytes()
    width, height = (int.from_bytes(data[start : start + 4], "big") for start in (16, 20))
    source = "data:image/png;base64," + base64.b64encode(data).decode()
    return Figure(source, alt, width, height)
