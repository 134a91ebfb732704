"""Verdicts on quantities whose tolerated ranges are stated before they are measured.

The rule is one for claims and questions: a quantity whose 95 % interval lies inside its range is in it, one whose
interval lies outside is not, and anything else is inconclusive. Noise widens intervals, so it never makes a verdict.
Verdicts of one study are one family of tests, corrected by Holm.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from studies.analysis.intervals import CONFIDENCE, Interval, holm, jackknife_error, number, t_quantile

VERDICTS = {True: "supported", False: "not supported", None: "inconclusive"}
"""The word for each verdict."""

POWER = 0.8
"""The probability with which a detectable difference is detected."""

OF_LOGS = "of logarithms"
"""Unit of a `Requirement` on a logarithm, whose differences are factors."""

_ROUNDING = 1e-12  # of the largest value; values of seeds that differ by less agree


@dataclass(frozen=True)
class Estimate:
    """An estimate with its standard error.

    Attributes
    ----------
    mean : float
    error : float
        Its standard error; NaN if there is none, as with one seed.
    freedom : int
        Degrees of freedom of the standard error.

    Examples
    --------
    >>> found = Estimate.of_seeds([1.0, 2.0, 3.0])
    >>> print(found.interval)
    2 [-0.484, 4.48]
    >>> round(found.detectable, 2)
    3.1
    """

    mean: float
    error: float
    freedom: int

    @classmethod
    def of_seeds(cls, values: ArrayLike, factor: float = 1.0, least_error: float = 0.0) -> Self:
        """Return the mean of values, one per seed.

        Parameters
        ----------
        values : array-like of shape (n_seeds,)
        factor : float, default=1.0
            Of the standard error, from `overlap_factor`.
        least_error : float, default=0.0
            Lower bound on the standard error, for an error that all seeds share.
        """
        found = np.asarray(values, dtype=np.float64)
        if len(found) < 2:
            return cls(float(found.mean()), np.nan, 0)
        spread = float(found.std(ddof=1))
        if spread < _ROUNDING * float(np.abs(found).max()):
            spread = 0.0
        error = np.maximum(factor * spread / np.sqrt(len(found)), least_error)
        return cls(float(found.mean()), float(error), len(found) - 1)

    @classmethod
    def of_jackknife(cls, values: ArrayLike) -> Self:
        """Return a statistic of all seeds, from its values with all seeds and then with one seed left out each."""
        estimate, *left_out = np.asarray(values, dtype=np.float64)
        error = float(jackknife_error(left_out)) if len(left_out) > 1 else np.nan
        return cls(float(estimate), error, len(left_out) - 1)

    @classmethod
    def of_interval(cls, interval: Interval, n_seeds: int) -> Self:
        """Return the estimate of a t interval over seeds, by the longer of its two sides."""
        half = max(interval.mean - interval.low, interval.high - interval.mean)
        return cls(interval.mean, half / t_quantile(n_seeds), n_seeds - 1)

    @property
    def interval(self) -> Interval:
        """The estimate with Student's t interval."""
        half = t_quantile(self.freedom + 1) * self.error
        return Interval(self.mean, self.mean - half, self.mean + half)

    @property
    def detectable(self) -> float:
        """The smallest distance from a bound that a two-sided t test detects with a power of 80 %."""
        return float((t_quantile(self.freedom + 1) + stats.t.ppf(POWER, self.freedom)) * self.error)

    def p_above(self, bound: float, *, strictly: bool = True) -> float:
        """Return the p-value of the one-sided t test that the quantity is above a bound.

        Without a standard error it is 1. Where all seeds agree it is 0 or 1; on the bound itself 0 unless `strictly`.
        """
        if np.isnan(self.error):
            return 1.0
        distance = self.mean - bound
        if self.error == 0 or np.isinf(distance):
            return 0.0 if distance > 0 or (distance == 0 and not strictly) else 1.0
        return float(stats.t.sf(distance / self.error, self.freedom))

    def p_below(self, bound: float, *, strictly: bool = True) -> float:
        """Return the p-value of the one-sided t test that the quantity is below a bound; see `p_above`."""
        return Estimate(-self.mean, self.error, self.freedom).p_above(-bound, strictly=strictly)


@dataclass(frozen=True)
class Requirement:
    """A quantity and the range in which it is claimed to be.

    Attributes
    ----------
    estimate : Estimate
    low, high : float, default=-inf, inf
        The tolerated range, stated before measuring, without its ends: where all seeds agree on a difference of 0,
        that is not above 0.
    factor : float, default=1.0
        Factor to the unit in which it is printed, such as 100.
    unit : str, default=""
        With a space before it, such as " points"; or `OF_LOGS`.
    """

    estimate: Estimate
    low: float = -np.inf
    high: float = np.inf
    factor: float = 1.0
    unit: str = ""

    @property
    def detectable(self) -> str:
        """The smallest distance from the range that would have been detected with a power of 80 %, in words."""
        distance = self.estimate.detectable
        if self.unit == OF_LOGS:
            return f"by a factor of {number(float(np.exp(distance)), 3)}"
        return f"of {number(self.factor * distance, 2)}{self.unit}"

    @property
    def p_inside(self) -> float:
        """The p-value of being inside the range: at most 0.05 if the 95 % interval is."""
        return min(1.0, 2 * max(self.estimate.p_above(self.low), self.estimate.p_below(self.high)))

    @property
    def p_outside(self) -> float:
        """The p-value of being outside the range: at most 0.05 if the 95 % interval is."""
        below, above = self.estimate.p_below(self.low, strictly=False), self.estimate.p_above(self.high, strictly=False)
        return min(1.0, 2 * min(below, above))


def verdict_of(interval: Interval, low: float, high: float) -> bool | None:
    """Return the verdict on one quantity by itself, from its 95 % interval and its tolerated range.

    Examples
    --------
    >>> [verdict_of(Interval(2.0, 1.9, 2.1), *bounds) for bounds in [(1.5, 3), (3, 4), (2, 3)]]
    [True, False, None]
    """
    if low <= interval.low and interval.high <= high:
        return True
    return False if interval.high < low or interval.low > high else None


def verdicts(claims: Iterable[Sequence[Requirement]]) -> list[bool | None]:
    """Return the verdict on each of several claims, as one family of tests.

    A claim is supported (True) if all its quantities are inside their ranges, and not supported (False) if any is
    outside, corrected by Holm for their number. Of all claims at most 5 % of families hold a wrong verdict, by Holm
    once more.

    Parameters
    ----------
    claims : iterable of sequence of Requirement
        One without quantities, because they cannot be estimated, is inconclusive.

    Returns
    -------
    verdicts : list of bool or None
        None is inconclusive.

    Examples
    --------
    >>> near_two = Estimate.of_seeds([1.9, 2.0, 2.1, 2.0])
    >>> verdicts([[Requirement(near_two, 1, 3)], [Requirement(near_two, high=1)], [Requirement(near_two, 1.99, 2.01)]])
    [True, False, None]
    """
    pairs = [p_values(parts) for parts in claims]
    decided = holm(min(pair) for pair in pairs) <= 1 - CONFIDENCE
    return [p_inside <= p_outside if sure else None for sure, (p_inside, p_outside) in zip(decided, pairs, strict=True)]


def p_values(parts: Sequence[Requirement]) -> tuple[float, float]:
    """Return the p-values of all quantities of a claim being inside their ranges, and of one being outside."""
    if not parts:
        return 1.0, 1.0
    return max(part.p_inside for part in parts), float(holm(part.p_outside for part in parts).min())
