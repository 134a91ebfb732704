"""Answers to the questions of a study, each of which asks if a learner is better than another by more than a margin.

Errors a and b are compared by contrasts that are linear in them, such as a - (1 - m) b for a being lower than b by more
than a margin m, so seeds are paired, ratios need no logarithm and errors of 0 are values like any other. No contrast is
known better than the number of test points allows, also where all seeds agree.
"""

import functools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studies.analysis.intervals import CONFIDENCE, Interval, contrast_noise, holm, number, scale_of, t_quantile
from studies.analysis.verdicts import Estimate
from studies.spec.sections import Margin


@dataclass(frozen=True)
class Comparison:
    """The losses of two learners at sample sizes of their own, by seed.

    Attributes
    ----------
    a, b : Series
        Indexed by seed; `a` is the one that may be lower.
    factors : tuple of (float, float)
        Of their standard errors, from `Sampling.factor`.
    metric : str
    margin : Margin
        The difference up to which they count as equal.
    n_points : float, default=NaN
        Number of test points of which the losses are shares, all seeds together; NaN if they are not, or it is not
        known.
    """

    a: pd.Series
    b: pd.Series
    factors: tuple[float, float]
    metric: str
    margin: Margin
    n_points: float = np.nan

    @property
    def p_yes(self) -> float:
        """The p-value of a being lower than b by more than the margin."""
        return min(1.0, 2 * self._beyond(1).p_below(0))

    @property
    def p_no(self) -> float:
        """The p-value of a being higher than b by more than the margin."""
        return min(1.0, 2 * self._beyond(-1).p_above(0))

    @property
    def p_equal(self) -> float:
        """The p-value of a difference within the margin."""
        return min(
            1.0, 2 * max(self._beyond(1).p_above(0, strictly=False), self._beyond(-1).p_below(0, strictly=False))
        )

    @property
    def difference(self) -> Estimate:
        """The difference a - b."""
        return self._contrast(1, 1, 0)

    def _beyond(self, side: int) -> Estimate:
        """Return a contrast that is 0 where a is lower (side 1) or higher (side -1) than b by just the margin."""
        if self.margin.is_relative:
            return self._contrast(1, 1 - side * self.margin.value, 0)
        return self._contrast(1, 1, side * self.margin.value / scale_of(self.metric).factor)

    def _contrast(self, of_a: float, of_b: float, shift: float) -> Estimate:
        """Return the estimate of ``of_a * a - of_b * b + shift``."""
        a, b = self._pairs
        error = self._error_of_seeds(of_a, of_b)
        if self._seeds_agree:
            error = float(np.hypot(error, self._of_points(of_a, of_b)))
        return Estimate(float(np.mean(of_a * a - of_b * b)) + shift, error, len(a) - 1)

    @functools.cached_property
    def _pairs(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The losses on the seeds that both have."""
        common = self.a.index.intersection(self.b.index)
        return self.a[common].to_numpy(dtype=float), self.b[common].to_numpy(dtype=float)

    @functools.cached_property
    def _seeds_agree(self) -> bool:
        """True if seeds show less noise of the difference than test points alone give it.

        Then both are added, of any contrast, so that the tests and the interval of the ratio agree.
        """
        return self._of_points(1, 1) > self._error_of_seeds(1, 1)

    def _error_of_seeds(self, of_a: float, of_b: float) -> float:
        """Return the standard error of a contrast from its spread over seeds."""
        a, b = self._pairs
        largest = float(np.max(self.factors))
        return Estimate.of_seeds((self.factors[0] * of_a * a - self.factors[1] * of_b * b) / largest, largest).error

    def _of_points(self, of_a: float, of_b: float) -> float:
        """Return the standard error that test points alone give a contrast."""
        a, b = self._pairs
        return float(contrast_noise(a.mean(), b.mean(), self.n_points, (of_a, of_b)))

    @property
    def ratio(self) -> Interval | None:
        """The ratio a / b with the interval of Fieller; None if a mean is not positive, or the interval is unbounded.

        It is the set of all ratios r of which the contrast a - r b is not significantly different from 0, so it lies
        outside a relative margin just where `p_yes` or `p_no` is at most 0.05, and within it where `p_equal` is.
        """
        whole, a, b = self._contrast(1, 1, 0), self._contrast(1, 0, 0), self._contrast(0, -1, 0)
        t = t_quantile(whole.freedom + 1)
        covariance = (a.error**2 + b.error**2 - whole.error**2) / 2
        cross, square = a.mean * b.mean - t**2 * covariance, b.mean**2 - (t * b.error) ** 2
        if min(a.mean, b.mean) <= 0 or not square > 0:
            return None
        half = float(np.sqrt(max(cross**2 - square * (a.mean**2 - (t * a.error) ** 2), 0.0)))
        return Interval(a.mean / b.mean, (cross - half) / square, (cross + half) / square)


def compare(comparisons: Iterable[Comparison]) -> list[str]:
    """Return the answer to each of several comparisons, as one family of tests.

    Each is *Yes* or *No* if a is significantly lower or higher than b by more than the margin, *Equal* if the
    difference is significantly within it, and else *Cannot tell*, with the difference that would have been missed. At
    most 5 % of families hold a wrong one (Holm).
    """
    comparisons = list(comparisons)
    p_values = [(each.p_yes, each.p_no, each.p_equal) for each in comparisons]
    adjusted = holm(min(each) for each in p_values)
    return [
        _answer(each, p.index(min(p)) if p_holm <= 1 - CONFIDENCE else None, corrected=min(p) <= 1 - CONFIDENCE)
        for each, p, p_holm in zip(comparisons, p_values, adjusted, strict=True)
    ]


def _answer(comparison: Comparison, verdict: int | None, *, corrected: bool) -> str:
    means, apart, unit = _means(comparison), _apart(comparison), _units(comparison)[3].strip()
    if comparison.margin.unit not in (None, unit):
        return f'Cannot tell: {means}, but the margin is {comparison.margin}, and must be in "{unit}" or a share.'
    if np.isnan(comparison.difference.error):
        return f"Cannot tell: {means}, without an interval."
    if verdict is not None:
        return f"{('Yes', 'No', f'Equal to within {comparison.margin}')[verdict]}: {means}, {apart}."
    interval = comparison.difference.interval
    if corrected:
        return f"Cannot tell: {means}, {apart}, not significant after correction for the number of questions."
    if interval.low > 0 or interval.high < 0:
        return f"Cannot tell whether by more than {comparison.margin}: {means}, {apart}."
    return f"Cannot tell: {means}, {apart}; a difference under {_missed(comparison)} would have been missed."


def _means(comparison: Comparison) -> str:
    factor, digits, unit, _ = _units(comparison)
    a, b = (factor * side.mean() for side in (comparison.a, comparison.b))
    return f"{a:{digits}}{unit} against {b:{digits}}{unit}"


def _apart(comparison: Comparison) -> str:
    """Return how far a is from b in words: relative to b if the margin is and both are positive."""
    ratio = comparison.ratio if comparison.margin.is_relative else None
    factor, digits, _, unit = _units(comparison)
    change = factor * comparison.difference.interval if ratio is None else 100 * (ratio - 1)
    if change.mean == 0:
        points = "" if np.isnan(comparison.n_points) else f" on {comparison.n_points:,.0f} test points"
        return f"no difference{points}"
    word, apart = ("higher", change) if change.mean > 0 else ("lower", -1 * change)
    if ratio is None:
        return f"{word} by {apart:{digits}}{unit}"
    mean, low, high = (number(value, 2) for value in (apart.mean, apart.low, apart.high))
    return f"{word} by {mean} % [{low}, {high}]"


def _missed(comparison: Comparison) -> str:
    """Return the largest difference that is missed more often than in 20 % of measurements."""
    detectable, b = comparison.difference.detectable, float(comparison.b.mean())
    if comparison.margin.is_relative and b > 0:
        return f"{number(100 * detectable / b, 2)} %"
    factor, *_, points = _units(comparison)
    return f"{number(factor * detectable, 2)}{points}"


def _units(comparison: Comparison) -> tuple[float, str, str, str]:
    """Return the factor of a loss to its unit, a format, and the units of values and of differences."""
    scale = scale_of(comparison.metric)
    return scale.factor, ".2f" if scale.unit == " %" else ".3g", scale.unit, scale.difference_unit
