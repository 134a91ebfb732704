"""Intervals and tests over seeds, the only thing in a study that is repeated independently.

Training samples of different seeds are fresh and independent, so Student's t over seeds needs no correction. Samples
that are drawn from the rows of one data set overlap, and `overlap_factor` makes up for that. Points along one curve are
nested and therefore dependent, so a statistic of curves gets its interval by leaving out whole seeds.
"""

import functools
import html
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.interpolate import BSpline
from scipy.optimize import brentq

from studies.registry.metrics import describe

CONFIDENCE = 0.95

OF_ALL_POINTS = ("error", "error_uniform")
"""Errors on a whole test set."""

_FEW_ERRORS = 10  # from which on Student's t holds at its level


class Sentence:
    """A result that reads as a sentence: `str` returns it, and a notebook shows it."""

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(str(self))}</p>"


@dataclass(frozen=True)
class Interval(Sentence):
    """An estimate and its 95 % confidence interval.

    Attributes
    ----------
    mean : float
        The estimate.
    low, high : float
        The bounds; NaN where there are none, as with one seed.

    Examples
    --------
    >>> change = Interval(0.5, 0.25, 1.0)
    >>> print(change)
    0.5 [0.25, 1]
    >>> f"{100 * change - 10:.1f} %"
    '40.0 [15.0, 90.0] %'
    """

    mean: float
    low: float
    high: float

    def __format__(self, spec: str) -> str:
        """Return the estimate and its interval, each number in the format `spec`, by default to three digits."""
        mean, low, high = (format(value, spec or ".3g") for value in (self.mean, self.low, self.high))
        return mean if np.isnan(self.low) else f"{mean} [{low}, {high}]"

    def __str__(self) -> str:
        return format(self)

    def __add__(self, shift: float) -> Self:
        return replace(self, mean=self.mean + shift, low=self.low + shift, high=self.high + shift)

    def __sub__(self, shift: float) -> Self:
        return self + -shift

    def __mul__(self, factor: float) -> Self:
        low, high = sorted((factor * self.low, factor * self.high))
        return replace(self, mean=factor * self.mean, low=low, high=high)

    __rmul__ = __mul__

    def exp(self) -> Self:
        """Return the interval of exp(quantity)."""
        return replace(self, mean=float(np.exp(self.mean)), low=float(np.exp(self.low)), high=float(np.exp(self.high)))

    def log(self) -> Self:
        """Return the interval of log(quantity)."""
        return replace(self, mean=float(np.log(self.mean)), low=float(np.log(self.low)), high=float(np.log(self.high)))


@dataclass(frozen=True)
class CensoredInterval(Interval):
    """The interval of a positive quantity that may lie outside the measured range.

    Attributes
    ----------
    mean : float
        The estimate. Infinite where the quantity is only known to be more than `low`, 0 where it is only known to be at
        most `high`.
    low, high : float
        The bounds; 0 or infinite where the interval leaves the measured range.

    Examples
    --------
    >>> times = CensoredInterval(4.25, 3.1, 5.15)
    >>> print(times)
    4.25 [3.1, 5.15]
    >>> print(1000 * CensoredInterval(np.inf, 10.0, np.inf))
    more than 10,000
    >>> print(1 / CensoredInterval(4.0, 2.0, np.inf))
    0.25 [at most 0.5]
    """

    @property
    def side(self) -> Literal["", "above", "below"]:
        """Where the quantity lies if that is outside the measured range, from `value`."""
        return "above" if np.isinf(self.mean) else "" if self.mean else "below"

    @property
    def value(self) -> float:
        """The estimate, or the bound where the quantity lies outside the measured range."""
        return {"": self.mean, "above": self.low, "below": self.high}[self.side]

    @property
    def is_open(self) -> bool:
        """True if neither an estimate nor a bound is known."""
        return not 0 < self.value < np.inf

    def __rtruediv__(self, numerator: float) -> Self:
        mean, high, low = (numerator / value if value else np.inf for value in (self.mean, self.low, self.high))
        return replace(self, mean=mean, low=low, high=high)

    def value_text(self, form: int | str = 3) -> str:
        """Return the estimate as text, or in which direction it lies from the end of the measured range.

        Parameters
        ----------
        form : int or str, default=3
            Number of significant digits, or a format.
        """
        words = {"": "", "above": "more than ", "below": "at most "}
        return words[self.side] + _formatted(self.value, form)

    def bounds_text(self, form: int | str = 3) -> str:
        """Return the bounds as text, formatted as in `value_text`; empty where there is no estimate."""
        low, high = (_formatted(end, form) if 0 < end < np.inf else "" for end in (self.low, self.high))
        if self.side:
            return ""
        if low and high:
            return f"[{low}, {high}]"
        return f"[at least {low}]" if low else f"[at most {high}]" if high else "[unbounded]"

    def __format__(self, spec: str) -> str:
        """Return the estimate and its interval, each number in the format `spec`, by default to three digits."""
        return f"{self.value_text(spec or 3)} {self.bounds_text(spec or 3)}".rstrip()


def overlap_factor(n_samples: ArrayLike, n_rows: int | None, n_seeds: ArrayLike) -> NDArray[np.float64]:
    """Return the factor of the standard error of a mean over seeds, if their samples are drawn from the same rows.

    Two samples of a share f of all rows have that share in common, and errors on them a correlation of about f. So the
    variance s^2 over k seeds is only 1 - f of that of fresh samples, and the variance of their mean is
    s^2 (1 / k + f / (1 - f)): the argument of Nadeau and Bengio (Machine Learning 52, 2003), for one fixed test set in
    place of one that is drawn anew each time.

    Parameters
    ----------
    n_samples : array-like
        Sample sizes.
    n_rows : int or None
        Number of rows from which samples are drawn without replacement; None for fresh samples.
    n_seeds : array-like

    Returns
    -------
    factor : ndarray
        1 for fresh samples, and NaN for samples of all rows, which say nothing of other samples.

    Examples
    --------
    >>> overlap_factor([100, 500, 1000], 1000, 9)
    array([1.41421356, 3.16227766,        nan])
    """
    f = np.asarray(n_samples) / (np.inf if n_rows is None else n_rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.sqrt(1 + np.asarray(n_seeds) * f / (1 - f))
    return np.where(f < 1, factor, np.nan)


def mean_interval(values: pd.Series, factor: float = 1.0) -> Interval:
    """Return the mean of values, one per seed, with Student's t interval.

    Parameters
    ----------
    values : Series
    factor : float, default=1.0
        Of the standard error, from `overlap_factor`.
    """
    mean, half = float(values.mean()), factor * half_width(values)
    return Interval(mean, mean - half, mean + half)


def positive_mean_interval(values: pd.Series, factor: float = 1.0) -> Interval:
    """Return the mean of values that cannot be negative, one per seed, with an interval above 0.

    Student's t interval of the logarithm of the mean, by the delta method: mean * exp(-+ half / mean).

    Parameters
    ----------
    values : Series
    factor : float, default=1.0
        Of the standard error, from `overlap_factor`.
    """
    mean = float(values.mean())
    low, high = positive_bounds(mean, factor * half_width(values))
    return Interval(mean, float(low), float(high))


def bounded_mean_interval(values: ArrayLike, least: float, most: float) -> Interval:
    """Return the mean of values between two bounds with an interval that needs no other assumption.

    The interval of Gaffke (*Three test statistics for a nonparametric one-sided hypothesis on the mean of a nonnegative
    variable*, Mathematical Methods of Statistics 14, 2005): its upper end is the quantile of the mean of the values and
    `most`, weighted by a draw from the uniform distribution on the simplex, and its lower end that with `least`. Of
    values that are the bounds themselves it is the exact interval of Clopper and Pearson; of many values it is that of
    the central limit theorem. That it never holds too seldom is conjectured, and no counterexample is known
    (Learned-Miller and Thomas, arXiv 1905.06208, 2019).

    Parameters
    ----------
    values : array-like of shape (n,)
        Independent.
    least, most : float
        The bounds.

    Examples
    --------
    >>> print(bounded_mean_interval([1, 1, 1, 1], least=1, most=5))
    1 [1, 3.41]
    """
    found = np.asarray(values, dtype=np.float64)
    low = _weighted_quantile(np.append(found, least), (1 - CONFIDENCE) / 2)
    high = _weighted_quantile(np.append(found, most), (1 + CONFIDENCE) / 2)
    return Interval(float(found.mean()), low, high)


def _weighted_quantile(values: NDArray[np.float64], share: float) -> float:
    """Return a quantile of the mean of values whose weights are uniform on the simplex.

    Its distribution function is a B-spline with the values as knots and coefficients 0 and 1 (Curry and Schoenberg,
    1966).
    """
    knots, degree = np.sort(values), len(values) - 1
    if knots[0] == knots[-1]:
        return float(knots[0])
    ends = [[place] * (degree + 1) for place in (knots[0] - 1, knots[-1] + 1)]
    below = BSpline(np.concatenate([ends[0], knots, ends[1]]), np.arange(2 * degree + 2) > degree, degree)
    return float(brentq(lambda mean: below(mean) - share, knots[0], knots[-1]))


def positive_bounds(mean: ArrayLike, half: ArrayLike) -> tuple[NDArray[np.float64], ...]:
    """Return the ends of intervals above 0, as in `positive_mean_interval`.

    Parameters
    ----------
    mean, half : array-like
        Means, and half of Student's t intervals. Where that is NaN, there is no interval, also of a mean of 0.
    """
    mean, nothing = np.asarray(mean), 0.0 * np.asarray(half)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # a mean of 0; a ratio beyond all numbers
        ratio = np.exp(half / mean)
        return np.where(mean == 0, nothing, mean / ratio), np.where(mean == 0, nothing, mean * ratio)


def with_exact_bounds(
    mean: ArrayLike, low: ArrayLike, high: ArrayLike, n_points: ArrayLike
) -> tuple[NDArray[np.float64], ...]:
    """Return the ends of intervals of mean errors; if fewer than ten points are wrong, at least those of exact ones.

    Seeds without a wrong test point agree, and Student's t takes that for certainty. The bounds of Clopper and Pearson
    (Biometrika 26, 1934) do not.

    Parameters
    ----------
    mean, low, high : array-like
        Means over seeds, and their t intervals; NaN where there is none.
    n_points : array-like
        Number of test points of which a mean is a share, all seeds together; NaN where it is not known.

    Examples
    --------
    >>> low, high = with_exact_bounds([0.0, 0.1], [0.0, 0.08], [0.0, 0.13], 250_000)
    >>> high.round(7)
    array([1.48e-05, 1.30e-01])
    """
    mean, low, high, n = np.broadcast_arrays(*(np.asarray(each, float) for each in (mean, low, high, n_points)))
    wrong = mean * n
    few = wrong < _FEW_ERRORS
    low, high, wrong, right = low.copy(), high.copy(), wrong[few], (n - wrong)[few]
    tail = (1 - CONFIDENCE) / 2
    exact_low = np.where(wrong > 0, stats.beta.ppf(tail, np.maximum(wrong, np.finfo(float).tiny), right + 1), 0.0)
    low[few] = np.minimum(low[few], exact_low)
    high[few] = np.maximum(high[few], stats.beta.ppf(1 - tail, wrong + 1, right))
    return low, high


def contrast_noise(
    a: ArrayLike, b: ArrayLike, n_points: ArrayLike, weights: tuple[float, float] = (1.0, 1.0)
) -> NDArray[np.float64]:
    """Return the standard error that test points alone give a difference of two mean errors, at the least.

    If either has fewer than ten wrong points, seeds show too little of their noise, and all of them count. Of more,
    seeds do, and points on which both are wrong cancel. In either case one point more than was counted is wrong, half
    of it for each, since seeds that agree on every point would otherwise be certain.

    Parameters
    ----------
    a, b : array-like
        Mean errors.
    n_points : array-like
        Number of test points of which they are shares, all seeds together; NaN where it is not known.
    weights : tuple of (float, float), default=(1.0, 1.0)
        The difference is ``weights[0] * a - weights[1] * b``.

    Returns
    -------
    error : ndarray
        0 where the number of test points is not known.

    Examples
    --------
    >>> contrast_noise([0.0, 0.05], [0.0, 0.05], 10_000)
    array([0.0001, 0.0001])
    """
    wrong_a, wrong_b = (np.multiply(error, n_points) for error in (a, b))
    few = np.minimum(wrong_a, wrong_b) < _FEW_ERRORS
    variance = sum(
        weight**2 * (np.where(few, wrong, 0.0) + 0.5) for weight, wrong in zip(weights, (wrong_a, wrong_b), strict=True)
    )
    return np.nan_to_num(np.sqrt(variance) / n_points)


@functools.cache
def t_quantile(n_seeds: int) -> float:
    """Return the half width of a two-sided interval in standard errors; NaN for one seed."""
    return float(stats.t.ppf((1 + CONFIDENCE) / 2, n_seeds - 1)) if n_seeds > 1 else float("nan")


def jackknife_error(left_out: ArrayLike) -> NDArray[np.float64]:
    """Return the standard error of a statistic from its values with one seed left out each.

    Parameters
    ----------
    left_out : array-like of shape (n_seeds, ...)

    Returns
    -------
    error : ndarray of shape (...)
        Efron and Tibshirani, An Introduction to the Bootstrap (1993), equation 11.5.
    """
    values = np.asarray(left_out, dtype=np.float64)
    m = len(values)
    error: NDArray[np.float64] = np.sqrt((m - 1) / m * np.sum((values - values.mean(axis=0)) ** 2, axis=0))
    return error


def jackknife_interval(values: ArrayLike) -> Interval:
    """Return a statistic with Student's t interval from its jackknife over seeds.

    Parameters
    ----------
    values : array-like of shape (1 + n_seeds,)
        The statistic of all seeds, then with one seed left out each.
    """
    estimate, *left_out = np.asarray(values, dtype=np.float64)
    half = t_quantile(len(left_out)) * float(jackknife_error(left_out))
    return Interval(float(estimate), float(estimate) - half, float(estimate) + half)


def hull(estimate: Interval, intervals: Iterable[Interval]) -> Interval:
    """Return an estimate with an interval that covers all of some intervals."""
    intervals = list(intervals)
    return Interval(estimate.mean, min(i.low for i in intervals), max(i.high for i in intervals))


def p_above_zero(values: ArrayLike, least_error: ArrayLike = 0.0, factor: float = 1.0) -> NDArray[np.float64]:
    """Return the p-values of one-sided t tests that means are above zero.

    Parameters
    ----------
    values : array-like of shape (n_seeds, ...)
    least_error : array-like, default=0.0
        Lower bound on the standard error of a mean. Where it is 0 and all seeds agree, p is 0 or 1.
    factor : float, default=1.0
        Of the standard error, from `overlap_factor`.

    Returns
    -------
    p : ndarray of shape (...)
        1 for a single seed, and where the factor is NaN.
    """
    values = np.asarray(values, dtype=np.float64)
    m, mean = len(values), values.mean(axis=0)
    if m < 2 or np.isnan(factor):
        return np.ones_like(mean)
    error = np.maximum(factor * values.std(axis=0, ddof=1) / np.sqrt(m), least_error)
    certain = np.where(mean > 0, np.inf, -np.inf)
    t = np.divide(mean, error, out=certain, where=error > 0)
    p: NDArray[np.float64] = stats.t.sf(t, m - 1)
    return p


def holm(p_values: Iterable[float]) -> NDArray[np.float64]:
    """Return p-values adjusted for their number: with the limit 0.05, at most 5 % of families hold a false positive.

    Parameters
    ----------
    p_values : iterable of float
        Of one family of tests.

    Returns
    -------
    adjusted : ndarray
        By the step-down procedure of Holm (Scandinavian Journal of Statistics 6, 1979).

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    p = np.asarray(list(p_values), dtype=np.float64)
    order = np.argsort(p)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return adjusted


def half_width(values: pd.Series) -> float:
    """Return half of Student's t interval; NaN for a single value."""
    return float(t_quantile(len(values)) * values.std(ddof=1) / np.sqrt(len(values)))


@dataclass(frozen=True)
class Scale:
    """How a metric is written: its title, the factor to its unit, and the unit."""

    title: str
    factor: float
    unit: str

    @property
    def difference_unit(self) -> str:
        """The unit of a difference of two values."""
        return " percentage points" if self.unit == " %" else self.unit

    def text(self, value: float, digits: int = 3) -> str:
        """Return a value with its unit."""
        return number(self.factor * value, digits) + self.unit

    def bounds(self, interval: Interval, digits: int = 3) -> str:
        """Return the ends of an interval, in the unit; empty if it has none, as with one seed."""
        low, high = (number(self.factor * end, digits) for end in (interval.low, interval.high))
        return "" if np.isnan(interval.low) else f"[{low}, {high}]"

    def with_interval(self, interval: Interval) -> str:
        """Return a mean with its unit and interval."""
        return f"{self.text(interval.mean)} {self.bounds(interval)}".rstrip()


def zero_text(metric: str, n_test: int | None) -> str:
    """Return a value of 0 in words: of an error the number of test points of which none is wrong."""
    if describe(metric).unit != "%":
        return "0"
    return f"none in {n_test:,}" if n_test and metric in OF_ALL_POINTS else "none"


def number(value: float, digits: int = 3) -> str:
    """Return a number to some significant digits, with commas between thousands.

    Examples
    --------
    >>> number(10821.8), number(0.0000291234), number(5.0)
    ('10,800', '0.0000291', '5')
    """
    return f"{Decimal(f'{value:.{digits}g}'):,f}"


def _formatted(value: float, form: int | str) -> str:
    return number(value, form) if isinstance(form, int) else format(value, form)


def scale_of(metric: str, *, on_rows: bool = False) -> Scale:
    """Return how a metric is written; with `on_rows` one that is measured on the test rows of a data set."""
    shown = describe(metric)
    title = shown.title.replace("under the sampling density", "on the test rows") if on_rows else shown.title
    return Scale(title, shown.factor, f" {shown.unit}" if shown.unit else "")
