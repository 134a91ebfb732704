"""Models of learning curves, and the robust fit of one of them to a mean curve.

All fall to a floor, error(n) = exp(alpha - h(log n)) + c, and differ in their decay h: the parametric models in the
review of Viering and Loog (IEEE TPAMI 45, 2023) that did best on the LCDB (Mohr, Viering, Loog and van Rijn, ECML PKDD
2022).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import OptimizeResult, least_squares

from studies.analysis.intervals import CONFIDENCE, holm, p_above_zero
from studies.analysis.learning_curves import LEAST_NOISE, LearningCurve

Array = NDArray[np.float64]

_ANY_SLOPE, _ANY_PLACE = (0.0, 20.0), (-30.0, 30.0)
_SLOPES, _PLACES, _FLOORS = np.geomspace(0.05, 4, 12), np.linspace(-3, 3, 7), (0.0, 0.5, 0.9, 0.99)
_N_STARTS = 2
_TINY, _HUGE = 1e-300, 500.0  # a floor of 0 has a finite logarithm, and no exponential overflows


class CurveModel(ABC):
    """A parametric model of learning curves.

    Its parameters are held as an array theta = (alpha, shape..., c), without c where there is no floor, and x is log n,
    both in units in which sizes and errors have a geometric mean of 1, so that a fit does not depend on units.

    Attributes
    ----------
    name, formula : str
        As published, turned from accuracies to errors.
    grid : tuple of ndarray
        For each shape parameter, the values among which a fit begins.
    bounds : tuple of (float, float)
        Of each shape parameter.
    has_floor : bool
    is_power_law : bool
        True if it falls to its floor as a power of n when n is large; the exponent is then the first shape parameter.
    """

    name: ClassVar[str]
    formula: ClassVar[str]
    grid: ClassVar[tuple[Array, ...]]
    bounds: ClassVar[tuple[tuple[float, float], ...]]
    has_floor: ClassVar[bool] = True
    is_power_law: ClassVar[bool] = True

    @abstractmethod
    def _decay(self, x: Array, shape: Array) -> Array:
        """Return h at `x`; the shape parameters broadcast against it."""

    @abstractmethod
    def _published(self, log_a: float, c: float, x0: float, shape: Array) -> dict[str, float]:
        """Return the parameters of the formula.

        Parameters
        ----------
        log_a : float
            Logarithm of the amplitude: alpha, as an error.
        c : float
            The floor, as an error.
        x0 : float
            Logarithm of the unit of n, in samples.
        shape : ndarray
        """

    def floor(self, theta: Array) -> float:
        """Return c."""
        return float(theta[-1]) if self.has_floor else 0.0

    def exponent(self, theta: Array) -> float:
        """Return the exponent of the fall to the floor; NaN if the model is not a power law."""
        return float(theta[1]) if self.is_power_law else float("nan")

    def log_error(self, theta: Array, x: Array) -> Array:
        """Return the logarithm of the error at `x`."""
        fall = theta[0] - self._decay(x, self._shape(theta))
        return np.asarray(np.logaddexp(fall, np.log(max(self.floor(theta), _TINY))))

    def parameters(self, theta: Array, log_error_unit: float, x0: float) -> dict[str, float]:
        """Return the parameters of the published formula, in errors and samples."""
        c = self.floor(theta) * float(np.exp(log_error_unit))
        return self._published(theta[0] + log_error_unit, c, x0, self._shape(theta))

    def initial_guesses(self, x: Array, log_mean: Array, noise: Array) -> list[Array]:
        """Return the best of a grid of shapes for each of some floors, the best of these first; see `fit_model`."""
        shapes = np.array(list(product(*self.grid)))
        decay = self._decay(x, shapes.T[:, :, None])
        ranked = []
        for share in _FLOORS if self.has_floor else (0.0,):
            floor = share * np.exp(log_mean.min())
            above = np.log(np.exp(log_mean) - floor)
            weight = (np.exp(above - log_mean) / noise) ** 2
            alpha = (above + decay) @ weight / weight.sum()
            fitted = np.logaddexp(alpha[:, None] - decay, np.log(max(floor, _TINY)))
            cost = np.sum(_residuals(fitted, log_mean, noise) ** 2, axis=1)
            best = int(cost.argmin())
            ranked.append((cost[best], np.array([alpha[best], *shapes[best], *[floor] * self.has_floor])))
        return [theta for _, theta in sorted(ranked, key=lambda pair: pair[0])[:_N_STARTS]]

    def _shape(self, theta: Array) -> Array:
        return theta[1 : 1 + len(self.grid)]


class Pow2(CurveModel):
    """A power law without a floor."""

    name = "pow2"
    formula = "a n^-b"
    grid = (_SLOPES,)
    bounds = (_ANY_SLOPE,)
    has_floor = False

    def _decay(self, x: Array, shape: Array) -> Array:
        (b,) = shape
        return np.asarray(b * x)

    def _published(self, log_a: float, c: float, x0: float, shape: Array) -> dict[str, float]:
        del c
        (b,) = shape
        return {"a": _exp(log_a + b * x0), "b": float(b)}


class Pow3(Pow2):
    """A power law with a floor."""

    name = "pow3"
    formula = "a n^-b + c"
    has_floor = True

    def _published(self, log_a: float, c: float, x0: float, shape: Array) -> dict[str, float]:
        return {**super()._published(log_a, c, x0, shape), "c": c}


class Exp3(CurveModel):
    """An exponential in n."""

    name = "exp3"
    formula = "a exp(-b n) + c"
    grid = (np.linspace(-6, 6, 25),)
    bounds = (_ANY_PLACE,)
    is_power_law = False

    def _decay(self, x: Array, shape: Array) -> Array:
        (rate,) = shape
        return _bounded_exp(x + rate)

    def _published(self, log_a: float, c: float, x0: float, shape: Array) -> dict[str, float]:
        (rate,) = shape
        return {"a": _exp(log_a), "b": _exp(rate - x0), "c": c}


class Pow4(CurveModel):
    """A power law of shifted n."""

    name = "pow4"
    formula = "a (n + d)^-b + c"
    grid = (_SLOPES, _PLACES)
    bounds = (_ANY_SLOPE, _ANY_PLACE)

    def _decay(self, x: Array, shape: Array) -> Array:
        b, place = shape
        return np.asarray(b * np.logaddexp(x, place))

    def _published(self, log_a: float, c: float, x0: float, shape: Array) -> dict[str, float]:
        b, place = shape
        return {"a": _exp(log_a + b * x0), "b": float(b), "c": c, "d": _exp(place + x0)}


class Mmf4(CurveModel):
    """The model of Morgan, Mercer and Flodin: flat at first, a power law at last."""

    name = "mmf4"
    formula = "(a b + c n^d) / (b + n^d)"
    grid = (_SLOPES, _PLACES)
    bounds = (_ANY_SLOPE, _ANY_PLACE)

    def _decay(self, x: Array, shape: Array) -> Array:
        d, place = shape
        return np.asarray(np.logaddexp(0, d * (x - place)))

    def _published(self, log_a: float, c: float, x0: float, shape: Array) -> dict[str, float]:
        d, place = shape
        return {"a": c + _exp(log_a), "b": _exp(d * (place + x0)), "c": c, "d": float(d)}


class Wbl4(CurveModel):
    """The Weibull model: an exponential in a power of n."""

    name = "wbl4"
    formula = "b exp(-a n^d) + c"
    grid = (_SLOPES / 2, _PLACES)
    bounds = (_ANY_SLOPE, _ANY_PLACE)
    is_power_law = False

    def _decay(self, x: Array, shape: Array) -> Array:
        d, rate = shape
        return _bounded_exp(d * x + rate)

    def _published(self, log_a: float, c: float, x0: float, shape: Array) -> dict[str, float]:
        d, rate = shape
        return {"a": _exp(rate - d * x0), "b": _exp(log_a), "c": c, "d": float(d)}


FAMILIES: dict[str, CurveModel] = {model.name: model for model in (Pow2(), Pow3(), Exp3(), Pow4(), Mmf4(), Wbl4())}
"""The models by name, the simplest first; of as many parameters, power laws first."""


def _bounded_exp(value: Array) -> Array:
    return np.asarray(np.exp(np.minimum(value, _HUGE)))


def _exp(value: float) -> float:
    return float(np.exp(min(value, _HUGE)))


def _residuals(fitted: Array, log_mean: Array, noise: Array) -> Array:
    """Return residuals in standard errors; a censored one, where no error is found, by its likelihood.

    With w wrong test points expected the likelihood of none is exp(-w), so that the residual is sqrt(2 w): `log_mean`
    is the logarithm of half an error, and `noise` infinite.
    """
    gap = fitted - log_mean
    return np.where(np.isinf(noise), np.exp(np.minimum(gap, _HUGE) / 2), gap / noise)


def fit_model(model: CurveModel, x: Array, log_mean: Array, noise: Array, start: Array | None = None) -> Array:
    """Fit a model to a mean curve, robustly, in log error.

    Parameters
    ----------
    model : CurveModel
    x, log_mean : ndarray of shape (n_sizes,)
        Logarithms of n and of the mean errors, in units in which theirs have a mean of 0.
    noise : ndarray of shape (n_sizes,)
        Standard errors of `log_mean`. A residual costs its square up to about one of them, its size beyond (soft L1).
        Infinite where there are no errors; `log_mean` is then that of half an error.
    start : ndarray or None, default=None
        Theta of a similar curve, to begin there. None begins at the better of two least squares fits, each from the
        best of a grid of shapes with a given floor.

    Returns
    -------
    theta : ndarray
    """
    low, high = np.transpose([(-np.inf, np.inf), *model.bounds, *[(0.0, np.exp(log_mean.max()))] * model.has_floor])
    scale = np.array([1.0, *[1.0] * len(model.grid), *[np.exp(log_mean.min())] * model.has_floor])

    def fit(theta: Array, loss: str) -> OptimizeResult:
        return least_squares(
            lambda theta: _residuals(model.log_error(theta, x), log_mean, noise),
            np.clip(theta, low, high),
            bounds=(low, high),
            x_scale=scale,
            loss=loss,
            max_nfev=60,
        )

    if start is None:
        least = [fit(theta, "linear") for theta in model.initial_guesses(x, log_mean, noise)]
        start = min(least, key=lambda result: result.cost).x
    return np.asarray(fit(start, "soft_l1").x)


_HELD_OUT = 3
_SAME = 1e-6  # losses so close differ by rounding


@dataclass(frozen=True, eq=False)
class CurveFit:
    """A model fitted to a learning curve, with all seeds and with each of them left out.

    Attributes
    ----------
    model : CurveModel
    curve : LearningCurve
    thetas : ndarray of shape (1 + n_seeds, n_parameters)
        In the model's own units: of all seeds, then with one seed left out each, so that a jackknife runs down the
        rows.
    """

    model: CurveModel
    curve: LearningCurve
    thetas: Array

    @property
    def params(self) -> dict[str, float]:
        """The parameters in the model's formula."""
        x0, log_unit = _units(self.curve)
        return self.model.parameters(self.thetas[0], log_unit, x0)

    def exponents(self) -> Array:
        """Return the exponent, for each row of `thetas`."""
        return np.array([self.model.exponent(theta) for theta in self.thetas])

    def floors(self) -> Array:
        """Return the floor, as an error, for each row of `thetas`."""
        return np.exp(_units(self.curve)[1]) * np.array([self.model.floor(theta) for theta in self.thetas])

    def log_errors(self, n: ArrayLike) -> Array:
        """Return the logarithm of the error at `n`, of any shape (...), as (1 + n_seeds, ...)."""
        x0, log_unit = _units(self.curve)
        x = np.log(np.asarray(n, dtype=np.float64)) - x0
        return log_unit + np.array([self.model.log_error(theta, x) for theta in self.thetas])


def fit_candidates(curve: LearningCurve, models: Sequence[CurveModel]) -> list[CurveFit]:
    """Fit those models that the data do not rule out.

    The model with the smallest residuals is compared with each other one in the direction in which they differ: a model
    is ruled out if the seeds pull it significantly towards the best. The test is Student's t on one number per seed, so
    it needs no covariance between the sizes.
    """
    x, log_mean = _scaled(curve)
    thetas = [fit_model(model, x, log_mean, curve.noise()) for model in models]
    fitted = np.array([model.log_error(theta, x) for model, theta in zip(models, thetas, strict=True)])
    noise = curve.noise()
    best = fitted[np.sqrt(1 + _residuals(fitted, log_mean, noise) ** 2).sum(axis=1).argmin()]
    seeds = _log_errors(curve)
    kept = []
    for model, theta, own in zip(models, thetas, fitted, strict=True):
        pull = (seeds - own) @ ((best - own) / noise**2)
        least_error = LEAST_NOISE * np.linalg.norm((best - own) / noise**2)
        if p_above_zero(pull, least_error) > (1 - CONFIDENCE) / 2:
            kept.append(_with_left_out(curve, model, theta))
    return kept


def simplest_predictor(fits: Sequence[CurveFit]) -> CurveFit:
    """Return the first of some fits whose model extrapolates to the largest sizes as well as any, within noise.

    Each of the largest sizes, three at most, is predicted by a fit to the sizes below it, and the squared residuals in
    log error are compared seed by seed: as good is what is worse by no more than one standard error (the rule of
    Breiman, Friedman, Olshen and Stone, Classification and Regression Trees, 1984).
    """
    curve = fits[0].curve
    x, log_mean = _scaled(curve)
    noise, seeds = curve.noise(), _log_errors(curve)
    losses = np.zeros((len(fits), curve.n_seeds))
    for end in range(max(4, len(x) - _HELD_OUT), len(x)):
        for loss, fit in zip(losses, fits, strict=True):
            theta = fit_model(fit.model, x[:end], log_mean[:end], noise[:end], start=fit.thetas[0])
            loss += _residuals(fit.model.log_error(theta, x[end]), seeds[:, end], noise[end]) ** 2
    worse = losses - losses[losses.mean(axis=1).argmin()]
    allowed = worse.std(axis=1, ddof=1) / np.sqrt(curve.n_seeds) + _SAME
    return fits[int(np.argmax(worse.mean(axis=1) <= allowed))]


def missed_sizes(fit: CurveFit) -> Array:
    """Return the sizes at which a fit misses the mean error significantly: t tests over seeds, corrected by Holm.

    A residual within the noise of the test points, which the seeds may share, does not count. Where there are no
    errors, p is the probability of none.
    """
    x, log_mean = _scaled(fit.curve)
    fitted = fit.model.log_error(fit.thetas[0], x)
    residuals = _log_errors(fit.curve) - fitted
    least = np.maximum(fit.curve.test_noise(), LEAST_NOISE)
    p = 2 * np.minimum(p_above_zero(residuals, least), p_above_zero(-residuals, least))
    noise = fit.curve.noise()
    p_of_none = np.exp(-(_residuals(fitted, log_mean, noise) ** 2) / 2)
    return fit.curve.sizes[holm(np.where(np.isinf(noise), p_of_none, p)) < 1 - CONFIDENCE]


def _with_left_out(curve: LearningCurve, model: CurveModel, theta: Array) -> CurveFit:
    x, noise = _scaled(curve)[0], curve.noise()
    left_out = curve.log_means()[1:] - _units(curve)[1]
    return CurveFit(model, curve, np.array([theta, *(fit_model(model, x, row, noise, theta) for row in left_out)]))


def _units(curve: LearningCurve) -> tuple[float, float]:
    """Return the logarithms of the geometric means of sizes and of mean errors, the units of a fit."""
    return float(np.log(curve.sizes).mean()), float(curve.log_means()[0].mean())


def _scaled(curve: LearningCurve) -> tuple[Array, Array]:
    x0, log_unit = _units(curve)
    return np.log(curve.sizes) - x0, curve.log_means()[0] - log_unit


def _log_errors(curve: LearningCurve) -> Array:
    """Return log errors of each seed, linearised about the mean error so that their mean is its logarithm; scaled."""
    mean = curve.errors.mean(axis=0)
    log_mean = _scaled(curve)[1]
    return log_mean + (curve.widened_errors() - mean) / np.exp(log_mean + _units(curve)[1])
