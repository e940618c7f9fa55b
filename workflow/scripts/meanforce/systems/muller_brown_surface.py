"""The Müller–Brown potential in the scaling of the biased-force-matching work, in NumPy.

V(x, y) = Σ A exp[a(x−x₀)² + b(x−x₀)(y−y₀) + c(y−y₀)²]; Müller, Brown, Theor. Chim. Acta 53,
75 (1979), rescaled as by Chen, Görlich, Fuchs, Zavadlav (2025). Energies are in units of kT at
300 K, lengths in nm.
"""

import numpy as np

from meanforce.settings.systems.muller_brown import MullerBrownSettings
from meanforce.systems.exact import ExactPmf
from meanforce.units import kt

ENERGY_UNIT = kt(300.0)
"""The energy unit of the published constants, in kJ/mol: kT at 300 K."""

TERMS = (
    (-17.3, -0.0039, 0.0, -0.0391, 48.0, 8.0),
    (-8.7, -0.0039, 0.0, -0.0391, 32.0, 16.0),
    (-14.7, -0.0254, 0.043, -0.0254, 24.0, 32.0),
    (1.3, 0.00273, 0.0023, 0.00273, 16.0, 24.0),
)
"""(A, a, b, c, x₀, y₀) of each term."""

X_RANGE = (0.0, 60.0)
Y_RANGE = (-20.0, 60.0)


def energy(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Potential energy in kJ/mol at positions in nm (arrays that broadcast)."""
    total = 0.0
    for height, a, b, c, x0, y0 in TERMS:
        dx, dy = x - x0, y - y0
        total = total + height * np.exp(a * dx * dx + b * dx * dy + c * dy * dy)
    return ENERGY_UNIT * total


def pmf(x: np.ndarray, temperature: float, n_y: int = 801) -> np.ndarray:
    """Exact potential of mean force of x, −kT ln ∫ exp(−V(x, y)/kT) dy, by quadrature.

    Args:
        x: positions in nm, shape (n,).
        temperature: in K.
        n_y: points of the trapezoidal rule over `Y_RANGE`; the default is exact to 1e-9 kJ/mol from
            50 K to 400 K.

    Returns:
        kJ/mol, shape (n,), minimum 0.
    """
    y = np.linspace(*Y_RANGE, n_y)
    kT = kt(temperature)
    exponent = -energy(np.asarray(x)[:, None], y[None, :]) / kT
    largest = exponent.max(axis=1, keepdims=True)
    integral = np.trapezoid(np.exp(exponent - largest), y, axis=1)
    values = -kT * (np.log(integral) + largest[:, 0])
    return values - values.min()


EXACT = ExactPmf(MullerBrownSettings, pmf, wells=(15.0, 50.0), barrier=(26.0, 38.0))
