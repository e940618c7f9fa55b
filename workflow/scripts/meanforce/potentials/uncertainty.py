"""Error bars of the curves of a fitted linear potential.

A curve is determined up to a constant, so that it is given relative to its mean over the training
data, or as a difference of two places. The variance is the sum of two parts, see
`fitting.coefficient_errors`: of the noise, from time blocks, and of the penalties, as a prior.
"""

import torch

from meanforce.errors import InputError
from meanforce.potentials.linear import LinearPotential


def curve_with_error(
    potential: LinearPotential, s: torch.Tensor, temperature: float, number: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """A curve relative to its mean over the training data, and its standard error.

    Args:
        potential: fitted.
        s: places, nm or rad, shape (n,).
        temperature: K.
        number: of the curve.

    Returns:
        kJ/mol, each of shape (n,), float64.

    Raises:
        InputError: the model's file was written before error bars were stored.
    """
    _require_errors(potential)
    mean = potential.errors["mean_basis"].double()[_own(potential, number)]
    basis = _contrast(potential, s.double(), number)
    form = potential.temperature_form(torch.tensor([temperature], dtype=torch.float64))
    parts = potential.coefficients.double().reshape(form.shape[1], -1)
    coefficients = (form @ parts)[0, _own(potential, number)]
    energy, _ = potential.curve(s.to(potential.dtype), temperature, number)
    return energy.double() - mean @ coefficients, _error(potential, basis - mean, form, number)


def slope_with_error(
    potential: LinearPotential, s: torch.Tensor, temperature: float, number: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """dU/ds of a curve within the range of its data, and its standard error.

    Args:
        potential: fitted.
        s: places within the range, nm or rad, shape (n,).
        temperature: K.
        number: of the curve.

    Returns:
        kJ/mol/nm or kJ/mol/rad, each of shape (n,), float64.

    Raises:
        InputError: the model's file was written before error bars were stored.
    """
    _require_errors(potential)
    form = potential.temperature_form(torch.tensor([temperature], dtype=torch.float64))
    parts = potential.coefficients.double().reshape(form.shape[1], -1)
    _, slopes = potential.basis_of(s.to(potential.dtype), number)
    slopes = slopes.double()
    value = slopes @ (form @ parts)[0, _own(potential, number)]
    return value, _error(potential, slopes, form, number)


def difference_with_error(
    potential: LinearPotential, ends: tuple[float, float], temperature: float, number: int = 0
) -> tuple[float, float]:
    """U(second) − U(first) of a curve and its standard error, kJ/mol.

    Args:
        potential: fitted.
        ends: two places, nm or rad.
        temperature: K.
        number: of the curve.

    Raises:
        InputError: the model's file was written before error bars were stored.
    """
    _require_errors(potential)
    places = torch.tensor(ends, dtype=torch.float64)
    basis = _contrast(potential, places, number)
    form = potential.temperature_form(torch.tensor([temperature], dtype=torch.float64))
    energy, _ = potential.curve(places.to(potential.dtype), temperature, number)
    error = _error(potential, basis[1:] - basis[:1], form, number)
    return float(energy[1] - energy[0]), float(error[0])


def _require_errors(potential: LinearPotential) -> None:
    if "influences" not in potential.errors:
        raise InputError("model: was stored without errors of its coefficients; fit it again")


def _own(potential: LinearPotential, number: int) -> torch.Tensor:
    count = potential.curves[number].functions
    return potential.of_curves.index[number, :count]


def _contrast(potential: LinearPotential, s: torch.Tensor, number: int) -> torch.Tensor:
    """dU/dc, shape (n, functions), also where the curve continues linearly."""
    low, high = potential.curves[number].range
    inside = s.clamp(low, high)
    value, slope = potential.basis_of(inside.to(potential.dtype), number)
    return value.double() + slope.double() * (s - inside)[:, None]


def _error(
    potential: LinearPotential, contrast: torch.Tensor, form: torch.Tensor, number: int
) -> torch.Tensor:
    own, n_forms = _own(potential, number), form.shape[1]
    size, widest = potential.of_curves.size, potential.of_curves.widest
    whole = (form[:, :, None] * contrast[:, None]).flatten(1)
    rows = torch.cat([own + form * size for form in range(n_forms)])
    influences = potential.errors["influences"].double()[rows]
    sandwich = (whole @ influences).square().sum(1)
    places = torch.cat([torch.arange(len(own)) + form * widest for form in range(n_forms)])
    prior = potential.errors["prior"].double()[number][places][:, places]
    return (sandwich + ((whole @ prior) * whole).sum(1).clamp_min(0)).sqrt()
