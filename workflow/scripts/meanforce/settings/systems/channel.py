"""System kind `channel`."""

from typing import ClassVar, Literal

from meanforce.settings.systems.base import ExactlySolvableSettings


class ChannelSettings(ExactlySolvableSettings):
    """Particles A and B with two wells along their distance, and Y that makes them depend on T.

    A spring binds Y to the middle of A and B and becomes softer as their distance grows, so the far
    well has the higher energy and the higher entropy.
    """

    exact_atoms: ClassVar[tuple[str, ...]] = ("A", "B")
    exact_kind: ClassVar[str] = "distance"

    kind: Literal["channel"]
