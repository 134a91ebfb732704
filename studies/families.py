"""Families of learning curves, and the robust fit of one of them to a mean curve.

All fall to a floor, error(n) = exp(alpha - h(log n)) + c, and a family is its h: the parametric models in the review of
Viering and Loog (IEEE TPAMI 45, 2023) that did best on the LCDB (Mohr, Viering, Loog and van Rijn, ECML PKDD 2022).
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, least_squares

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
