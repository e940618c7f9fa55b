"""A figure of the report as text."""

import xml.etree.ElementTree as ElementTree
from urllib.parse import unquote


def svg_of(figure) -> str:
    text = unquote(figure.source.removeprefix("data:image/svg+xml,"))
    ElementTree.fromstring(text)  # noqa: S314 - our own text
    return text
