"""All methods of fitting, those that make CG runs included. One line for each kind."""

from meanforce.fitting import boltzmann_inversion, registry

KINDS: dict[str, registry.Method] = registry.KINDS | {
    "boltzmann_inversion": boltzmann_inversion.fit,
}
