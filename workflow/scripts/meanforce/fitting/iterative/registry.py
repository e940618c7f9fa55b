"""All methods of fitting, those that make CG runs included. One line for each kind."""

from meanforce.fitting import (
    boltzmann_inversion,
    hypernetted_chain,
    inverse_monte_carlo,
    registry,
    relative_entropy,
)

KINDS: dict[str, registry.Method] = registry.KINDS | {
    "boltzmann_inversion": boltzmann_inversion.fit,
    "hypernetted_chain": hypernetted_chain.fit,
    "inverse_monte_carlo": inverse_monte_carlo.fit,
    "relative_entropy": relative_entropy.fit,
}
