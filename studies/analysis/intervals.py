"""Intervals and tests over seeds, the only thing in a study that is repeated independently.

Training samples of different seeds are fresh and independent, not resamples of one, so Student's t on seeds is right as
it stands: no correction for overlap (Nadeau and Bengio 2003) applies. Points along one curve are nested and therefore
dependent, so what is computed from curves gets its interval by leaving out whole seeds.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from studies.registry.metrics import describe

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate and its confidence interval; NaN bounds where one value gives none.

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


def mean_interval(values: pd.Series) -> Interval:
    """Return the mean of independent values, one a seed, with Student's t interval."""
    mean, half = float(values.mean()), _half_width(values)
    return Interval(mean, mean - half, mean + half)


def positive_mean_interval(values: pd.Series) -> Interval:
    """Return the mean of independent values that cannot be negative, with an interval that is not either.

    Student's t interval of the logarithm of the mean, by the delta method: mean * exp(-+ half / mean).
    """
    mean = float(values.mean())
    if mean == 0:
        return Interval(0.0, 0.0, 0.0)
    factor = float(np.exp(_half_width(values) / mean))
    return Interval(mean, mean / factor, mean * factor)


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
        The statistic of all seeds, then with one of them left out each.
    """
    estimate, *left_out = np.asarray(values, dtype=np.float64)
    half = t_quantile(len(left_out)) * float(jackknife_error(left_out))
    return Interval(float(estimate), float(estimate) - half, float(estimate) + half)


def hull(estimate: Interval, intervals: Iterable[Interval]) -> Interval:
    """Return an estimate with an interval that reaches as far as any of some."""
    intervals = list(intervals)
    return Interval(estimate.mean, min(i.low for i in intervals), max(i.high for i in intervals))


def exponential(interval: Interval) -> Interval:
    """Return the interval of exp(quantity) from that of the quantity."""
    return Interval(*(float(np.exp(value)) for value in (interval.mean, interval.low, interval.high)))


def p_above_zero(values: ArrayLike, least_error: ArrayLike = 0.0) -> NDArray[np.float64]:
    """Return the p-values of one-sided t tests that means are above zero.

    Parameters
    ----------
    values : array-like of shape (n_seeds, ...)
    least_error : array-like, default=0.0
        What the standard error of a mean is at the least. Seeds that all agree leave no doubt: p is then 0 or 1.

    Returns
    -------
    p : ndarray of shape (...)
        1 for a single seed.
    """
    values = np.asarray(values, dtype=np.float64)
    m, mean = len(values), values.mean(axis=0)
    if m < 2:
        return np.ones_like(mean)
    error = np.maximum(values.std(axis=0, ddof=1) / np.sqrt(m), least_error)
    certain = np.where(mean > 0, np.inf, -np.inf)
    t = np.divide(mean, error, out=certain, where=error > 0)
    p: NDArray[np.float64] = stats.t.sf(t, m - 1)
    return p


def holm(p_values: Iterable[float]) -> NDArray[np.float64]:
    """Return p-values adjusted for being a family: comparing each with 0.05 errs anywhere in at most 5 % of families.

    The step-down procedure of Holm (Scandinavian Journal of Statistics 6, 1979).
    """
    p = np.asarray(list(p_values), dtype=np.float64)
    order = np.argsort(p)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return adjusted


def _half_width(values: pd.Series) -> float:
    """Half of Student's t interval; NaN for a single value."""
    return float(t_quantile(len(values)) * values.std(ddof=1) / np.sqrt(len(values)))


@dataclass(frozen=True)
class Scale:
    """How a metric is written: its title, the factor to its unit, and the unit."""

    title: str
    factor: float
    unit: str

    def text(self, value: float) -> str:
        """Return a value with its unit."""
        return number(self.factor * value) + self.unit

    def bounds(self, interval: Interval, digits: int = 3) -> str:
        """Return the ends of an interval, in the unit; empty if it has none, as with one seed."""
        low, high = (number(self.factor * end, digits) for end in (interval.low, interval.high))
        return "" if np.isnan(interval.low) else f"[{low}, {high}]"

    def with_interval(self, interval: Interval) -> str:
        """Return a mean with its unit and interval."""
        return f"{self.text(interval.mean)} {self.bounds(interval)}".rstrip()


def number(value: float, digits: int = 3) -> str:
    """Return a number to some significant digits, with commas between thousands.

    Examples
    --------
    >>> number(10821.8), number(0.0000291234), number(5.0)
    ('10,800', '0.0000291', '5')
    """
    return f"{Decimal(f'{value:.{digits}g}'):,f}"


def scale_of(metric: str) -> Scale:
    """Return how a metric is written."""
    shown = describe(metric)
    return Scale(shown.title, shown.factor, f" {shown.unit}" if shown.unit else "")
