"""Families of learning curves, and the robust fit of one of them to a mean curve.

All fall to a floor, error(n) = exp(alpha - h(log n)) + c, and a family is its h: the parametric models in the review of
Viering and Loog (IEEE TPAMI 45, 2023) that did best on the LCDB (Mohr, Viering, Loog and van Rijn, ECML PKDD 2022).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import OptimizeResult, least_squares

from studies.analysis.intervals import CONFIDENCE, holm, p_above_zero
from studies.analysis.learning_curves import LEAST_NOISE, LearningCurve

Array = NDArray[np.float64]

_ANY_SLOPE, _ANY_PLACE = (0.0, 20.0), (-30.0, 30.0)
_SLOPES, _PLACES, _FLOORS = np.geomspace(0.05, 4, 12), np.linspace(-3, 3, 7), (0.0, 0.5, 0.9, 0.99)
_N_STARTS = 2
_TINY, _HUGE = 1e-300, 500.0  # a floor of 0 has a logarithm all the same, and no exponential overflows


@dataclass(frozen=True)
class Family:
    """A family of learning curves.

    Its parameters are held as an array theta = (alpha, shape..., c), without c where there is no floor, and x is log n,
    both in units in which sizes and errors have a geometric mean of 1, so that a fit does not depend on units.

    Attributes
    ----------
    name, formula : str
        As published, turned from accuracies to errors.
    decay : callable
        h(x, *shape).
    published : callable
        (log a, c, x0, *shape) to the parameters of the formula; a is the amplitude exp(alpha), and exp(x0) the unit of
        n in samples.
    grid : tuple of ndarray
        For each shape parameter, the values among which a fit begins.
    bounds : tuple of (float, float)
        Of each shape parameter.
    has_floor : bool
    is_power_law : bool
        Whether it falls to its floor as a power of n when n is large; the exponent is then the first shape parameter.
    """

    name: str
    formula: str
    decay: Callable[..., Array]
    published: Callable[..., dict[str, float]]
    grid: tuple[Array, ...]
    bounds: tuple[tuple[float, float], ...]
    has_floor: bool = True
    is_power_law: bool = True

    def floor(self, theta: Array) -> float:
        """Return c."""
        return float(theta[-1]) if self.has_floor else 0.0

    def exponent(self, theta: Array) -> float:
        """Return the exponent of the fall to the floor; NaN where it is no power law."""
        return float(theta[1]) if self.is_power_law else float("nan")

    def log_error(self, theta: Array, x: Array) -> Array:
        """Return the logarithm of the error at `x`."""
        fall = theta[0] - self.decay(x, *theta[1 : 1 + len(self.grid)])
        return np.asarray(np.logaddexp(fall, np.log(max(self.floor(theta), _TINY))))

    def parameters(self, theta: Array, log_error_unit: float, x0: float) -> dict[str, float]:
        """Return the parameters of the published formula, in errors and samples."""
        c = self.floor(theta) * float(np.exp(log_error_unit))
        return self.published(theta[0] + log_error_unit, c, x0, *theta[1 : 1 + len(self.grid)])


def fit_family(family: Family, x: Array, log_mean: Array, noise: Array, start: Array | None = None) -> Array:
    """Fit a family to a mean curve, robustly, in log error.

    Parameters
    ----------
    family : Family
    x, log_mean : ndarray of shape (n_sizes,)
        Logarithms of n and of the mean errors, in units in which theirs have a mean of 0.
    noise : ndarray of shape (n_sizes,)
        Standard errors of `log_mean`. A misfit costs its square up to about one of them, its size beyond (soft L1).
    start : ndarray or None, default=None
        Theta of a similar curve, to begin there. None begins at the better of two least squares, each from the best of
        a grid of shapes with a given floor.

    Returns
    -------
    theta : ndarray
    """
    low, high = np.transpose([(-np.inf, np.inf), *family.bounds, *[(0.0, np.exp(log_mean.max()))] * family.has_floor])
    scale = np.array([1.0, *[1.0] * len(family.grid), *[np.exp(log_mean.min())] * family.has_floor])

    def fit(theta: Array, loss: str) -> OptimizeResult:
        return least_squares(
            lambda theta: (family.log_error(theta, x) - log_mean) / noise,
            np.clip(theta, low, high),
            bounds=(low, high),
            x_scale=scale,
            loss=loss,
            max_nfev=60,
        )

    if start is None:
        least = [fit(theta, "linear") for theta in _starts(family, x, log_mean, noise)]
        start = min(least, key=lambda result: result.cost).x
    return np.asarray(fit(start, "soft_l1").x)


def _starts(family: Family, x: Array, log_mean: Array, noise: Array) -> list[Array]:
    """Return the best of a grid of shapes for each of some floors, the best of these first."""
    shapes = np.array(list(product(*family.grid)))
    decay = family.decay(x, *shapes.T[:, :, None])
    ranked = []
    for share in _FLOORS if family.has_floor else (0.0,):
        floor = share * np.exp(log_mean.min())
        above = np.log(np.exp(log_mean) - floor)
        weight = (np.exp(above - log_mean) / noise) ** 2
        alpha = (above + decay) @ weight / weight.sum()
        fitted = np.logaddexp(alpha[:, None] - decay, np.log(max(floor, _TINY)))
        cost = np.sum(((fitted - log_mean) / noise) ** 2, axis=1)
        best = int(cost.argmin())
        ranked.append((cost[best], np.array([alpha[best], *shapes[best], *[floor] * family.has_floor])))
    return [theta for _, theta in sorted(ranked, key=lambda pair: pair[0])[:_N_STARTS]]


def _exp(value: Array) -> Array:
    return np.asarray(np.exp(np.minimum(value, _HUGE)))


_FAMILIES = (
    Family(
        "pow2",
        "a n^-b",
        lambda x, b: b * x,
        lambda log_a, _, x0, b: {"a": float(_exp(log_a + b * x0)), "b": float(b)},
        (_SLOPES,),
        (_ANY_SLOPE,),
        has_floor=False,
    ),
    Family(
        "pow3",
        "a n^-b + c",
        lambda x, b: b * x,
        lambda log_a, c, x0, b: {"a": float(_exp(log_a + b * x0)), "b": float(b), "c": c},
        (_SLOPES,),
        (_ANY_SLOPE,),
    ),
    Family(
        "exp3",
        "a exp(-b n) + c",
        lambda x, rate: _exp(x + rate),
        lambda log_a, c, x0, rate: {"a": float(_exp(log_a)), "b": float(_exp(rate - x0)), "c": c},
        (np.linspace(-6, 6, 25),),
        (_ANY_PLACE,),
        is_power_law=False,
    ),
    Family(
        "pow4",
        "a (n + d)^-b + c",
        lambda x, b, place: b * np.logaddexp(x, place),
        lambda log_a, c, x0, b, place: {
            "a": float(_exp(log_a + b * x0)),
            "b": float(b),
            "c": c,
            "d": float(_exp(place + x0)),
        },
        (_SLOPES, _PLACES),
        (_ANY_SLOPE, _ANY_PLACE),
    ),
    Family(
        "mmf4",
        "(a b + c n^d) / (b + n^d)",
        lambda x, d, place: np.logaddexp(0, d * (x - place)),
        lambda log_a, c, x0, d, place: {
            "a": c + float(_exp(log_a)),
            "b": float(_exp(d * (place + x0))),
            "c": c,
            "d": float(d),
        },
        (_SLOPES, _PLACES),
        (_ANY_SLOPE, _ANY_PLACE),
    ),
    Family(
        "wbl4",
        "b exp(-a n^d) + c",
        lambda x, d, rate: _exp(d * x + rate),
        lambda log_a, c, x0, d, rate: {
            "a": float(_exp(rate - d * x0)),
            "b": float(_exp(log_a)),
            "c": c,
            "d": float(d),
        },
        (_SLOPES / 2, _PLACES),
        (_ANY_SLOPE, _ANY_PLACE),
        is_power_law=False,
    ),
)

FAMILIES: dict[str, Family] = {family.name: family for family in _FAMILIES}
"""By name, the simplest first; of as many parameters, power laws first."""


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
