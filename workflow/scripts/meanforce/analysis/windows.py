"""How the weights of umbrella-sampling frames depend on each part of a replica's data.

MBAR's weights of frames are w_n = 1/Σ_k N_k e^{f_k − u_k(x_n)}; Shirts, Chodera, JCP 129, 124105
(2008). The free energies f_k of the windows are uncertain, and with them the weights of distant
windows: nearly all of the error of a free-energy difference lies there. If the frames of each unit
u (for example a time block of all windows) count m_u times, f solves

    Σ_n m_n [P_kn − δ(n in window k)] = 0,   P_kn = N_k e^{f_k − u_k(x_n)} w_n,

The derivative at m = 1 is, with A = diag(Σ_n P_kn) − P Pᵀ and its pseudoinverse A⁺,

    ∂ln w_n/∂m_u = Σ_k P_kn [A⁺ G_u]_k,   G_uk = Σ_{n in u} [P_kn − δ(n in window k)].

This leaves a constant open. It follows from what weights are normalised to: as a replica counts by
its number of frames, Σ_n m_n w_n = Σ_n m_n and, with n_u of its n frames in unit u and
p_n = w_n/Σ_n' w_n',

    Σ_n p_n ∂ln w_n/∂m_u = n_u/n − Σ_{n in u} p_n.

Among several replicas this decides how they share the weight; within a single one it cancels.
Units of a replica change the weights of no other one, as each has free energies of its own. A unit
that is a whole replica changes none at all, as Σ_u G_u = 0.
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
        variables: of a replica's frames, what windows are harmonic in, (n_frames, n_variables).
        owner: window in which each frame was sampled, shape (n_frames,).
        log_weights: MBAR's, up to a constant, shape (n_frames,).
        units: of each frame, shape (n_frames,): parts of the replica, from 0.
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

    # p_n, and Σ_n p_n P_kn.
    normed, common = weights / weights.sum(), np.zeros(n_windows)
    products, gradient = np.zeros((n_windows, n_windows)), np.zeros((n_units, n_windows))
    for part in parts:
        found = shares(part)
        products += found.T @ found
        common += normed[part] @ found
        np.add.at(gradient, units[part], found)
    np.add.at(gradient, (units, owner), -1.0)
    # Rounded and thinned free energies leave a small remainder, which is not due to any unit.
    gradient -= gradient.mean(axis=0)
    curvature = np.diag(products.sum(axis=0)) - products
    shifts = np.linalg.pinv(curvature, rcond=1e-12, hermitian=True) @ gradient.T
    # As Σ_k P_kn = 1, a constant added to all shifts is added to the derivatives of all frames.
    wanted = np.bincount(units, minlength=n_units) / n - np.bincount(units, normed, n_units)
    shifts += wanted - common @ shifts
    return np.concatenate([(shares(part) @ shifts).astype(np.float32) for part in parts])
