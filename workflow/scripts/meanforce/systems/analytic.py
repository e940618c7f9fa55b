"""Builders of the systems whose potential of mean force is known; they need no files."""

from meanforce.settings.systems import ExactlySolvableSettings
from meanforce.systems import channel, muller_brown
from meanforce.systems.prepared import Prepared

BUILDERS = {
    "muller_brown": muller_brown.build,
    "channel": channel.build,
}


def build(settings: ExactlySolvableSettings) -> Prepared:
    """Build the system that the settings describe."""
    return BUILDERS[settings.kind](settings)
