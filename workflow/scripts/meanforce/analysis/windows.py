"""How the weights of umbrella-sampling frames depend on each part of the data.

MBAR's weights of frames are w_n = 1/Σ_k N_k e^{f_k − u_k(x_n)}; Shirts, Chodera, JCP 129, 124105
(2008). The free energies f_k of the windows are uncertain, and with them what windows far apart
weigh: nearly all of the error of a free-energy difference lies there. If the frames of each unit u
(for example a time block of all windows) count m_u times, f solves

    Σ_n m_n [P_kn − δ(n in window k)] = 0,   P_kn = N_k e^{f_k − u_k(x_n)} w_n,

The derivative at m = 1 is, with A = diag(Σ_n P_kn) − P Pᵀ and its pseudoinverse A⁺,

    ∂ln w_n/∂m_u = Σ_k P_kn [A⁺ G_u]_k,   G_uk = Σ_{n in u} [P_kn − δ(n in window k)].
"""

import numpy as np

from meanforce.sampling.mbar import LARGEST_MATRIX, Windows


def response(
    windows: Windows,
    variables: np.ndarray,
    owner: np.ndarray,
    log_weights: np.ndarray,
    units: np.ndarray,
    temperature: float,
) -> np.ndarray:
    """Derivatives ∂ln w_n/∂m_u, shape (n_frames, n_units), float32; rows sum to zero.

    Args:
        windows: of the campaign.
        variables: what they are harmonic in, shape (n_frames, n_variables).
        owner: window in which each frame was sampled, shape (n_frames,).
        log_weights: MBAR's, up to a constant, shape (n_frames,).
        units: of each frame, from 0, shape (n_frames,).
        temperature: K.
    """
    n, n_windows, n_units = len(owner), len(windows.centers), int(units.max()) + 1
    counts = np.bincount(owner, minlength=n_windows)
    step = max(1, LARGEST_MATRIX // n_windows)
    parts = [slice(start, start + step) for start in range(0, n, step)]
    weights = np.exp(log_weights - log_weights.max())
    partition = sum(
        weights[part] @ np.exp(-windows.reduced(variables[part], temperature)) for part in parts
    )

    def shares(part: slice) -> np.ndarray:
        """P_kn, shape (n, n_windows)."""
        boltzmann = np.exp(-windows.reduced(variables[part], temperature))
        return weights[part, None] * boltzmann * (counts / partition)

    products, gradient = np.zeros((n_windows, n_windows)), np.zeros((n_units, n_windows))
    for part in parts:
        found = shares(part)
        products += found.T @ found
        np.add.at(gradient, units[part], found)
    np.add.at(gradient, (units, owner), -1.0)
    # Rounded and thinned free energies leave a little, which no unit is to blame for.
    gradient -= gradient.mean(axis=0)
    curvature = np.diag(products.sum(axis=0)) - products
    shifts = np.linalg.pinv(curvature, rcond=1e-12, hermitian=True) @ gradient.T
    return np.concatenate([(shares(part) @ shifts).astype(np.float32) for part in parts])
