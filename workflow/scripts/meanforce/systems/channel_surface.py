"""The channel: a potential whose mean force depends on temperature, in closed form.

V(r, y) = V₀(r) + ½ k(r) y², with r the distance of A and B and y the distance of Y from their
middle. With u = (r − r₀)/a and a step s(r) = ½[1 + tanh(c u)] from one well to the other,

    V₀ = B (u² − 1)² + ΔE s,    k = K exp(−λ s).

Integrating out Y, three Gaussians, gives the potential of mean force of A and B, up to a constant,

    W(r; T) = V₀ + (3/2) kT ln k = B (u² − 1)² + (ΔE − T ΔS) s,    ΔS = (3/2) λ R:

the far well is higher by the energy ΔE, and wider along y by the entropy ΔS. The wells are level at
ΔE/ΔS = 350 K. With all three coordinates of Y instead of one, the noise of the mean force,
½ k′ y², is smaller by √3 for the same ΔS; and V does not change when all particles are moved or
turned together. The spring's other force, k y/2 on A and on B alike, does no work along r.
"""

import numpy as np

from meanforce.settings.systems.channel import ChannelSettings
from meanforce.systems.exact import ExactPmf
from meanforce.units import kt

BARRIER = 9.5
"""B, kJ/mol: 3.3 kT at 350 K."""
MIDDLE = 1.8
"""r₀, nm. The far well is less than twice as far as the near one: longer bonds count as broken."""
HALF_WIDTH = 0.3
"""a, nm: half the distance of the wells."""
STEEPNESS = 1.2
"""c: the step is wide enough that mean forces are no noisier than necessary."""
STIFFNESS = 400.0
"""K, kJ/mol/nm²."""
SOFTENING = 4.0
"""λ: the spring is softer by a factor of 28 in the far well."""
LEVEL_AT = 350.0
"""Temperature at which the wells are level, K."""
ENERGY = 1.5 * SOFTENING * kt(LEVEL_AT)
"""ΔE, kJ/mol."""

EXPRESSION = (
    f"{BARRIER!r}*(u^2-1)^2 + {ENERGY!r}*s"
    f" + 0.5*{STIFFNESS!r}*exp(-{SOFTENING!r}*s)"
    "*((x3-0.5*(x1+x2))^2 + (y3-0.5*(y1+y2))^2 + (z3-0.5*(z1+z2))^2);"
    f" s = 0.5*(1+tanh({STEEPNESS!r}*u)); u = (distance(p1,p2)-{MIDDLE!r})/{HALF_WIDTH!r}"
)
"""V in OpenMM's notation, of the particles A, B and Y in this order."""


def step(r: np.ndarray) -> np.ndarray:
    """s(r), from 0 to 1."""
    return 0.5 * (1.0 + np.tanh(STEEPNESS * (r - MIDDLE) / HALF_WIDTH))


def bare(r: np.ndarray) -> np.ndarray:
    """V₀(r) in kJ/mol, of r in nm."""
    u = (r - MIDDLE) / HALF_WIDTH
    return BARRIER * (u * u - 1.0) ** 2 + ENERGY * step(r)


def stiffness(r: np.ndarray) -> np.ndarray:
    """k(r) in kJ/mol/nm², of r in nm."""
    return STIFFNESS * np.exp(-SOFTENING * step(r))


def energy(r: np.ndarray, y: np.ndarray) -> np.ndarray:
    """V(r, y) in kJ/mol at distances in nm (arrays that broadcast)."""
    return bare(r) + 0.5 * stiffness(r) * np.square(y)


def slope(r: np.ndarray, y: np.ndarray) -> np.ndarray:
    """∂V/∂r in kJ/mol/nm."""
    u, s = (r - MIDDLE) / HALF_WIDTH, step(r)
    ds = 2.0 * STEEPNESS / HALF_WIDTH * s * (1.0 - s)
    wells = 4.0 * BARRIER / HALF_WIDTH * u * (u * u - 1.0)
    return wells + ds * (ENERGY - 0.5 * SOFTENING * stiffness(r) * np.square(y))


def pmf(r: np.ndarray, temperature: float) -> np.ndarray:
    """Exact potential of mean force of A and B, kJ/mol, minimum 0.

    Args:
        r: distances of A and B in nm, shape (n,).
        temperature: in K.
    """
    values = bare(r) + 1.5 * kt(temperature) * np.log(stiffness(r))
    return values - values.min()


EXACT = ExactPmf(ChannelSettings, pmf, wells=(1.2, 2.4), barrier=(1.6, 2.0))
