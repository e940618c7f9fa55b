"""Colour maps as pictures: values on a grid become a small palette PNG."""

import io

import matplotlib
import numpy as np
from PIL import Image

LEVELS = 255
"""Colours of a picture; one more stands for missing values, which are transparent."""


def pixels(values: np.ndarray, name: str, low: float, high: float) -> bytes:
    """PNG with one pixel per value; values beyond the range get its last colours.

    Args:
        values: shape (n_x, n_y); x runs to the right and y upwards. NaN is left out.
        name: of a matplotlib colour map.
        low: value of the first colour.
        high: value of the last one.
    """
    fractions = np.clip((values - low) / (high - low), 0.0, 1.0)
    missing = ~np.isfinite(values)
    indices = np.where(missing, 0.0, fractions * (LEVELS - 1)).round().astype(np.uint8)
    indices[missing] = LEVELS
    image = Image.fromarray(np.ascontiguousarray(indices.T[::-1]))
    image = image.convert("P")
    image.putpalette([*palette(name).ravel(), 255, 255, 255])
    file = io.BytesIO()
    image.save(file, "PNG", transparency=LEVELS, optimize=True)
    return file.getvalue()


def bar(name: str) -> bytes:
    """PNG of a vertical colour bar, its last colour on top."""
    return pixels(np.linspace(0.0, 1.0, 64)[None], name, 0.0, 1.0)


def palette(name: str) -> np.ndarray:
    """Red, green and blue of a map's colours, 0 to 255, shape (LEVELS, 3)."""
    colours = matplotlib.colormaps[name](np.linspace(0.0, 1.0, LEVELS))[:, :3]
    return (255 * colours).round().astype(np.uint8)
