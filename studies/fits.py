"""Families fitted to one learning curve: which of them its data allow, and which of these foretells it best."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from studies.curves import LEAST_NOISE, LearningCurve
from studies.families import Family, fit_family
from studies.inference import CONFIDENCE, holm, p_above_zero

Array = NDArray[np.float64]

_HELD_OUT = 3
_SAME = 1e-6  # losses so close differ by rounding


@dataclass(frozen=True, eq=False)
class Fit:
    """A family fitted to a learning curve, with all seeds and with each of them left out.

    Attributes
    ----------
    family : Family
    curve : LearningCurve
    thetas : ndarray of shape (1 + n_seeds, n_parameters)
        In the family's own units: of all seeds, then with one left out each, so that a jackknife runs down the rows.
    """

    family: Family
    curve: LearningCurve
    thetas: Array

    @property
    def params(self) -> dict[str, float]:
        """The parameters in the family's formula."""
        x0, log_unit = _units(self.curve)
        return self.family.parameters(self.thetas[0], log_unit, x0)

    def exponents(self) -> Array:
        """Return the exponent, for each row of `thetas`."""
        return np.array([self.family.exponent(theta) for theta in self.thetas])

    def floors(self) -> Array:
        """Return the floor, as an error, for each row of `thetas`."""
        return np.exp(_units(self.curve)[1]) * np.array([self.family.floor(theta) for theta in self.thetas])

    def log_errors(self, n: ArrayLike) -> Array:
        """Return the logarithm of the error at `n`, of any shape (...), as (1 + n_seeds, ...)."""
        x0, log_unit = _units(self.curve)
        x = np.log(np.asarray(n, dtype=np.float64)) - x0
        return log_unit + np.array([self.family.log_error(theta, x) for theta in self.thetas])


def fit_candidates(curve: LearningCurve, families: Sequence[Family]) -> list[Fit]:
    """Fit those families that the data do not rule out.

    The family that misses the mean curve least is compared with each other one in the direction in which they differ:
    one that the seeds pull, beyond doubt, towards the best is out. The test is Student's t on one number a seed, so it
    needs no covariance between the sizes.
    """
    x, log_mean = _scaled(curve)
    thetas = [_fitted(curve, family) for family in families]
    fitted = np.array([family.log_error(theta, x) for family, theta in zip(families, thetas, strict=True)])
    noise = curve.noise()
    best = fitted[np.sqrt(1 + ((fitted - log_mean) / noise) ** 2).sum(axis=1).argmin()]
    seeds = _log_errors(curve)
    kept = []
    for family, theta, own in zip(families, thetas, fitted, strict=True):
        pull = (seeds - own) @ ((best - own) / noise**2)
        least_error = LEAST_NOISE * np.linalg.norm((best - own) / noise**2)
        if p_above_zero(pull, least_error) > (1 - CONFIDENCE) / 2:
            kept.append(_with_left_out(curve, family, theta))
    return kept


def simplest_predictor(fits: Sequence[Fit]) -> Fit:
    """Return the first of some fits whose family foretells the largest sizes as well as any, within noise.

    Each of the largest sizes, three at most, is foretold by a fit to the sizes below it, and the squared misses in log
    error are compared seed by seed: as good is what is worse by no more than one standard error (the rule of Breiman,
    Friedman, Olshen and Stone, Classification and Regression Trees, 1984).
    """
    curve = fits[0].curve
    x, log_mean = _scaled(curve)
    noise, seeds = curve.noise(), _log_errors(curve)
    losses = np.zeros((len(fits), curve.n_seeds))
    for end in range(max(4, len(x) - _HELD_OUT), len(x)):
        for loss, fit in zip(losses, fits, strict=True):
            theta = fit_family(fit.family, x[:end], log_mean[:end], noise[:end], start=fit.thetas[0])
            loss += ((seeds[:, end] - fit.family.log_error(theta, x[end])) / noise[end]) ** 2
    worse = losses - losses[losses.mean(axis=1).argmin()]
    allowed = worse.std(axis=1, ddof=1) / np.sqrt(curve.n_seeds) + _SAME
    return fits[int(np.argmax(worse.mean(axis=1) <= allowed))]


def missed_sizes(fit: Fit) -> Array:
    """Return the sizes at which a fit misses the mean error, beyond doubt: t tests over seeds, corrected by Holm.

    A miss within the noise of the test points, which the seeds may share, is none.
    """
    x, _ = _scaled(fit.curve)
    residuals = _log_errors(fit.curve) - fit.family.log_error(fit.thetas[0], x)
    least = np.maximum(fit.curve.test_noise(), LEAST_NOISE)
    one_sided = np.minimum(p_above_zero(residuals, least), p_above_zero(-residuals, least))
    return fit.curve.sizes[holm(2 * one_sided) < 1 - CONFIDENCE]


def _with_left_out(curve: LearningCurve, family: Family, theta: Array) -> Fit:
    x, noise = _scaled(curve)[0], curve.noise()
    left_out = curve.log_means()[1:] - _units(curve)[1]
    return Fit(family, curve, np.array([theta, *(fit_family(family, x, row, noise, theta) for row in left_out)]))


def _fitted(curve: LearningCurve, family: Family) -> Array:
    return fit_family(family, *_scaled(curve), curve.noise())


def _units(curve: LearningCurve) -> tuple[float, float]:
    """Return the logarithms of the geometric means of sizes and of mean errors: what a fit takes for 1."""
    return float(np.log(curve.sizes).mean()), float(curve.log_means()[0].mean())


def _scaled(curve: LearningCurve) -> tuple[Array, Array]:
    x0, log_unit = _units(curve)
    return np.log(curve.sizes) - x0, curve.log_means()[0] - log_unit


def _log_errors(curve: LearningCurve) -> Array:
    """Return log errors of each seed, linearised about the mean error so that their mean is its logarithm; scaled."""
    mean = curve.errors.mean(axis=0)
    log_mean = _scaled(curve)[1]
    return log_mean + (curve.errors - mean) / np.exp(log_mean + _units(curve)[1])
