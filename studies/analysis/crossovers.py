"""Where one learner overtakes another, and how many samples make up for a prior.

Both are read from interpolated curves, and both intervals are found by inversion: they hold all n at which the paired
difference of log errors is not told from zero by Student's t on the jackknife over seeds. By Fieller's argument such an
interval holds the true n as often as the t interval there holds zero, however curved the curves.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.optimize import isotonic_regression

from studies.analysis.intervals import Interval, jackknife_error, t_quantile
from studies.analysis.learning_curves import LearningCurve, paired_curves
from toymanifold.validation import error_message

Array = NDArray[np.float64]

_GRID = 500


def comparable_curves(frame: pd.DataFrame, a: str, b: str, metric: str) -> tuple[LearningCurve, LearningCurve]:
    """Return the curves of two learners on common seeds, at least two."""
    curves = paired_curves(frame, a, b, metric)
    if curves[0].n_seeds < 2:
        raise ValueError(f"{a!r} and {b!r} have one seed in common, and an interval needs 2")
    return curves


def log_grid(first: float, last: float) -> Array:
    """Return logarithms of sizes, evenly spaced, near enough for linear interpolation between them."""
    return np.linspace(np.log(first), np.log(last), _GRID)


def falling(log_means: Array) -> Array:
    """Return curves, one a row, each replaced by the falling one that is closest."""
    return np.array([isotonic_regression(row, increasing=False).x for row in log_means])


def interpolated(log_means: Array, sizes: Array, log_n: Array) -> Array:
    """Return curves, one a row, at `log_n` within their `sizes`; monotone wherever they are (Fritsch, Carlson 1980)."""
    log_sizes = np.log(sizes)
    within = np.clip(log_n, log_sizes[0], log_sizes[-1])  # the logarithm of an end may round beyond it
    return np.asarray(PchipInterpolator(log_sizes, log_means, axis=1)(within))


def difference_band(x: Array, y: Array) -> tuple[Array, Array]:
    """Return x - y of all seeds, and half the width of its t interval.

    Parameters
    ----------
    x, y : ndarray of shape (1 + n_seeds, ...)
        Of all seeds, then with each left out.
    """
    gap = x - y
    return gap[0], t_quantile(len(gap) - 1) * jackknife_error(gap[1:])


def crossing_size(log_n: Array, level: Array, i: int) -> float:
    """Return the n at which `level` crosses zero between places i and i + 1."""
    step = level[i] / (level[i] - level[i + 1])
    return float(np.exp(log_n[i] + step * (log_n[i + 1] - log_n[i])))


@dataclass(frozen=True)
class Crossover:
    """Where one learner overtakes another.

    Attributes
    ----------
    a, b : str
        The learners.
    measured : tuple of (float, float)
        The sizes between which both are measured.
    n : Interval or None
        Of the last crossing; None where none is seen. Below the interval one learner is ahead beyond doubt, above it
        the other; inside it they are not told apart.
    count : int
        How many crossings are seen.
    winner : str or None
        Who is ahead after the last crossing, or wherever they are told apart; None where they never are.
    lead : tuple of (float, float) or None
        The first and the last size at which the winner is ahead beyond doubt, after the last crossing if there is one.
    """

    a: str
    b: str
    measured: tuple[float, float]
    n: Interval | None
    count: int
    winner: str | None
    lead: tuple[float, float] | None

    def __str__(self) -> str:
        first, last = self.measured
        if self.winner is None or self.lead is None:
            return f"None seen from {first:,.0f} to {last:,.0f}: {self.a} and {self.b} are not told apart."
        if self.n is not None:
            several = f", the last of {self.count} crossings" if self.count > 1 else ""
            return (
                f"{self.winner} is ahead from n = {self.n.mean:,.0f} [{self.n.low:,.0f}, {self.n.high:,.0f}]{several}."
            )
        if self.lead == self.measured:
            return f"None in range: {self.winner} is ahead from {first:,.0f} to {last:,.0f}."
        ahead = f"{self.winner} is ahead from {self.lead[0]:,.0f} to {self.lead[1]:,.0f}"
        return f"None seen from {first:,.0f} to {last:,.0f}: {ahead}, and beyond these they are not told apart."


@dataclass(frozen=True)
class DataEquivalence:
    """How many times the samples of one learner another needs for the same error.

    Attributes
    ----------
    a, b : str
        The learners: `b` is to match `a`.
    n : float
        Samples of `a`.
    ratio : Interval
        Samples of `b` divided by `n`. The mean is infinite where `b` has not come down to the error at its largest
        size, and 0 where it is below already at its smallest; so is a bound that is not within these sizes.
    measured : tuple of (float, float)
        The ratios of the smallest and the largest size of `b`.
    """

    a: str
    b: str
    n: float
    ratio: Interval
    measured: tuple[float, float]

    def __str__(self) -> str:
        matched = f"the samples that {self.a} has at n = {self.n:,.0f}"
        if np.isinf(self.ratio.mean):
            return f"{self.b} needs more than {self.ratio.low:.3g} times {matched}: outside the measured range."
        if self.ratio.mean == 0:
            return f"{self.b} needs less than {self.ratio.high:.3g} times {matched}: outside the measured range."
        low = f"{self.ratio.low:.3g}" if self.ratio.low > 0 else f"below {self.measured[0]:.3g}"
        high = f"{self.ratio.high:.3g}" if np.isfinite(self.ratio.high) else f"above {self.measured[1]:.3g}"
        return f"{self.b} needs {self.ratio.mean:.3g} times [{low}, {high}] {matched}."


class NoEquivalence(ValueError):  # noqa: N818 - an answer, not a mistake
    """A curve rises, so that no single size belongs to an error.

    Attributes
    ----------
    estimate : DataEquivalence
        What it would be on the closest falling curves.
    """

    def __init__(self, reason: str, estimate: DataEquivalence) -> None:
        super().__init__(f"no data equivalence: {reason}")
        self.estimate = estimate


def crossover(frame: pd.DataFrame, a: str, b: str, metric: str = "error") -> Crossover:
    """Find where two learning curves cross.

    Parameters
    ----------
    frame : DataFrame
        From `Results.frame`, of one problem.
    a, b : str
        Learners, with at least two seeds in common.
    metric : str, default="error"

    Returns
    -------
    crossover : Crossover
        A crossing is seen where first one learner is ahead beyond doubt, and then the other.
    """
    curves = comparable_curves(frame, a, b, metric)
    first, last = max(c.sizes[0] for c in curves), min(c.sizes[-1] for c in curves)
    if first >= last:
        raise ValueError(f"{a!r} and {b!r} are measured at no common range of sizes")
    measured = (float(first), float(last))
    log_n = log_grid(first, last)
    gap, half = difference_band(*(interpolated(c.log_means(), c.sizes, log_n) for c in curves))
    ahead = np.where(np.abs(gap) > half, np.sign(gap), 0)
    seen = np.flatnonzero(ahead)
    if not len(seen):
        return Crossover(a, b, measured, None, 0, None, None)
    turns = np.flatnonzero(np.diff(ahead[seen]))
    start = seen[turns[-1] + 1] if len(turns) else seen[0]
    side = ahead[start]  # 1 where the error of b is the lower one
    margin = side * gap - half
    lead = (
        crossing_size(log_n, margin, start - 1) if start else measured[0],
        crossing_size(log_n, margin, seen[-1]) if seen[-1] + 1 < len(log_n) else measured[1],
    )
    n = None
    if len(turns):
        before = seen[turns[-1]]
        turn = before + np.flatnonzero(side * gap[before:start] <= 0)[-1]
        n = Interval(crossing_size(log_n, gap, turn), crossing_size(log_n, -side * gap - half, before), lead[0])
    return Crossover(a, b, measured, n, len(turns), b if side > 0 else a, lead)


def data_equivalence(frame: pd.DataFrame, a: str, b: str, n: float, metric: str = "error") -> DataEquivalence:
    """Find how many times the samples that learner `a` has at `n` learner `b` needs for the same error.

    Parameters
    ----------
    frame : DataFrame
        From `Results.frame`, of one problem.
    a, b : str
        Learners, with at least two seeds in common.
    n : float
        Samples of `a`, within its measured sizes.
    metric : str, default="error"

    Returns
    -------
    equivalence : DataEquivalence
        On the falling curves that are closest to the mean errors.

    Raises
    ------
    ValueError
        If `n` is outside the sizes of `a`.
    NoEquivalence
        If the error of either rises somewhere, beyond doubt.
    """
    of_a, of_b = comparable_curves(frame, a, b, metric)
    first, last = of_a.sizes[[0, -1]]
    if not first <= n <= last:
        raise ValueError(error_message("n", "data_equivalence", f"within the sizes of {a!r}, [{first:g}, {last:g}]", n))
    log_n = log_grid(*of_b.sizes[[0, -1]])
    target = interpolated(falling(of_a.log_means()), of_a.sizes, np.log([n]))
    gap, half = difference_band(interpolated(falling(of_b.log_means()), of_b.sizes, log_n), target)
    smallest, largest = (float(size / n) for size in of_b.sizes[[0, -1]])
    ratio = Interval(
        _first_not_above(log_n, gap) / n,
        min(_first_not_above(log_n, gap - half) / n, largest),
        max(_last_not_below(log_n, gap + half) / n, smallest),
    )
    found = DataEquivalence(a, b, float(n), ratio, (smallest, largest))
    for learner, curve in ((a, of_a), (b, of_b)):
        for low, high in curve.rises():
            raise NoEquivalence(f"the error of {learner!r} rises from n = {low:,.0f} to {high:,.0f}", found)
    return found


def _first_not_above(log_n: Array, level: Array) -> float:
    """Return the n from which `level` is not above zero: infinite if there is none, 0 if it is below from the first."""
    reached = np.flatnonzero(level <= 0)
    if not len(reached):
        return float("inf")
    if reached[0] == 0:
        return 0.0 if level[0] < 0 else float(np.exp(log_n[0]))
    return crossing_size(log_n, level, reached[0] - 1)


def _last_not_below(log_n: Array, level: Array) -> float:
    """Return the n to which `level` is not below zero: infinite if it is not at the last, 0 if it is from the first."""
    above = np.flatnonzero(level >= 0)
    if not len(above):
        return 0.0
    return float("inf") if above[-1] + 1 == len(level) else crossing_size(log_n, level, above[-1])
