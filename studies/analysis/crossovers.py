"""Where one learner overtakes another, and how many samples one needs to match another.

Both are read from interpolated curves, and both intervals are found by inversion: they hold all n at which the paired
difference of log errors does not differ from zero by Student's t on the jackknife over seeds. By Fieller's argument
such an interval holds the true n as often as the t interval there holds zero, however curved the curves. Of fewer than
ten wrong test points the difference is known no better than by their exact bounds.
"""

import itertools
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.optimize import isotonic_regression

from estimators.worths import PredictedWorth
from studies.analysis.intervals import (
    CensoredInterval,
    Interval,
    Sentence,
    contrast_noise,
    jackknife_error,
    t_quantile,
    with_exact_bounds,
)
from studies.analysis.learning_curves import (
    HasFrame,
    LearningCurve,
    NotMeasured,
    as_frame,
    paired_curves,
    problem_of,
    sampling_of,
)
from studies.analysis.predictions import predicted_worth, prediction_text
from studies.registry.metrics import shown_name
from studies.registry.params import joined
from toymanifold.validation import check_real, error_message

Array = NDArray[np.float64]
Curves = tuple[LearningCurve, LearningCurve]

ROUNDING = 1e-9
"""Of numbers read from interpolated curves; what differs by less is equal."""

_GRID = 500
_MOST_PAIRED = 12  # learners; of more there are too many pairs to read


def comparable_curves(frame: pd.DataFrame | HasFrame, a: str, b: str, metric: str, n_test: int | None = None) -> Curves:
    """Return the curves of two learners on common seeds, at least two.

    Their number of test points is that of all seeds together.
    """
    if shown_name(metric) != metric:
        raise ValueError(f"{metric!r} is not a loss, which falls with n; its loss is {shown_name(metric)!r}")
    frame = as_frame(frame)
    of_a, of_b = paired_curves(frame, a, b, metric, n_test)
    if of_a.n_seeds < 2:
        raise NotMeasured(f"{a!r} and {b!r} have one seed in common, and an interval needs 2")
    if of_a.n_test and sampling_of(frame).own_test:
        of_a, of_b = (replace(curve, n_test=of_a.n_test * of_a.n_seeds, own_test=False) for curve in (of_a, of_b))
    return of_a, of_b


def log_grid(first: float, last: float) -> Array:
    """Return logarithms of sizes, evenly spaced, near enough for linear interpolation between them."""
    return np.linspace(np.log(first), np.log(last), _GRID)


def falling(log_means: Array) -> Array:
    """Return curves, one a row, each replaced by the falling one that is closest."""
    return np.array([isotonic_regression(row, increasing=False).x for row in log_means])


def interpolated(log_means: Array, sizes: Array, log_n: Array) -> Array:
    """Return curves, one a row, at `log_n` within their `sizes`; monotone wherever they are (Fritsch, Carlson 1980)."""
    if len(sizes) == 1:
        return np.repeat(log_means, len(log_n), axis=1)
    log_sizes = np.log(sizes)
    within = np.clip(log_n, log_sizes[0], log_sizes[-1])  # the logarithm of an end may round beyond it
    return np.asarray(PchipInterpolator(log_sizes, log_means, axis=1)(within))


def _with_bounds(curve: LearningCurve) -> Array:
    """Return the rows of `log_means`, and below them the lower and the upper bounds that test points set.

    Bounds are exact where fewer than ten test points are wrong. Elsewhere they are the means.
    """
    mean = curve.errors.mean(axis=0)
    bounds = with_exact_bounds(mean, mean, mean, curve.n_test or np.nan)
    return np.vstack([curve.log_means(), np.log(np.maximum(bounds, np.finfo(float).tiny))])


def difference_band(x: Array, y: Array, n_points: float) -> tuple[Array, Array, Array]:
    """Return x - y of all seeds, and the ends of its interval.

    Parameters
    ----------
    x, y : ndarray of shape (3 + n_seeds, ...)
        Logarithms of mean errors: of all seeds, with each left out, and their bounds.
    n_points : float
        Number of test points, all seeds together; NaN if it is not known.
    """
    gap = x[:-2] - y[:-2]
    mean_x, mean_y = np.exp(x[0]), np.exp(y[0])
    of_points = contrast_noise(mean_x, mean_y, n_points) / np.maximum(mean_x, mean_y)
    half = t_quantile(len(gap) - 1) * np.maximum(jackknife_error(gap[1:]), of_points)
    return gap[0], np.minimum(gap[0] - half, x[-2] - y[-1]), np.maximum(gap[0] + half, x[-1] - y[-2])


def crossing_size(log_n: Array, level: Array, i: int) -> float:
    """Return the n at which `level` crosses zero between places i and i + 1."""
    step = level[i] / (level[i] - level[i + 1])
    return float(np.exp(log_n[i] + step * (log_n[i + 1] - log_n[i])))


@dataclass(frozen=True)
class Crossover(Sentence):
    """The learner that is ahead at each measured size, and the size at which the curves of two learners cross.

    Attributes
    ----------
    a, b : str
        The learners.
    sizes : tuple of float
        The sizes at which both are measured.
    leaders : tuple of str or None
        The learner that is significantly ahead at each of them; None where neither is.
    n : Interval or None
        Size of the last crossing, between a size at which one is ahead and a larger one at which the other is; None
        without a crossing. Inside the interval they do not differ significantly.
    left_out : tuple of int, default=()
        Seeds that are not compared, since errors of one of the learners are missing.

    Examples
    --------
    >>> leaders = ("net", "net", "net", None, "SVM")
    >>> print(Crossover("net", "SVM", (100, 316, 1000, 3162, 10_000), leaders, Interval(1869, 1531, 4495)))
    net and SVM cross at n = 1,869 [1,531, 4,495]: net is ahead at n = 100 to 1,000, SVM at n = 10,000
    """

    a: str
    b: str
    sizes: tuple[float, ...]
    leaders: tuple[str | None, ...]
    n: Interval | None
    left_out: tuple[int, ...] = ()

    @property
    def winner(self) -> str | None:
        """The learner that is ahead after the last crossing, or wherever they differ; None where they never do."""
        return next((leader for leader in reversed(self.leaders) if leader), None)

    @property
    def count(self) -> int:
        """Number of crossings."""
        return len(self._runs) - 1 if self._runs else 0

    @property
    def lead(self) -> tuple[float, ...]:
        """The sizes at which the winner is ahead, after the last crossing if there is one."""
        return self._runs[-1] if self._runs else ()

    @property
    def _runs(self) -> list[tuple[float, ...]]:
        """The sizes at which one learner is ahead, up to the next crossing."""
        led = [(size, leader) for size, leader in zip(self.sizes, self.leaders, strict=True) if leader]
        return [tuple(size for size, _ in run) for _, run in itertools.groupby(led, key=lambda pair: pair[1])]

    def __str__(self) -> str:
        if self.winner is None:
            measured = f"{len(self.sizes)} measured sizes, n = {self._listed(self.sizes)}"
            return f"{self.a} and {self.b} do not differ significantly at any of {measured}"
        other = self.b if self.winner == self.a else self.a
        if self.n is None:
            return f"{self.winner} is ahead of {other} at {self._share()}, n = {self._listed(self.lead)}{self._rest()}"
        before, after = (self._listed(run) for run in self._runs[-2:])
        crossing = f"{self.a} and {self.b} cross at n = {self.n:,.0f}{self._which()}"
        return f"{crossing}: {other} is ahead at n = {before}, {self.winner} at n = {after}"

    def standing(self, learner: str) -> str:
        """Return how a learner stands to the other at equal n, as a verb phrase.

        Parameters
        ----------
        learner : str
            `a` or `b`.
        """
        ahead = self.winner == learner
        if self.winner is None:
            return f"does not differ significantly at any of {len(self.sizes)} sizes"
        if self.n is not None:
            return f"{'overtakes' if ahead else 'falls behind'} at {self.n:,.0f}{self._which()}"
        return f"is {'ahead' if ahead else 'behind'} at {self._share()}, {self._listed(self.lead)}{self._rest()}"

    def _share(self) -> str:
        """Return in words at how many of the sizes the winner is ahead."""
        if self.lead == self.sizes:
            return f"all {len(self.sizes)} measured sizes"
        return f"{len(self.lead)} of {len(self.sizes)} measured sizes"

    def _rest(self) -> str:
        return "" if self.lead == self.sizes else "; at the others they do not differ significantly"

    def _which(self) -> str:
        return f", the last of {self.count} crossings" if self.count > 1 else ""

    def _listed(self, sizes: tuple[float, ...]) -> str:
        """Return some of the sizes in words: the first and the last of more than two in a row."""
        start = self.sizes.index(sizes[0])
        words = [f"{size:,.0f}" for size in sizes]
        if len(sizes) > 2 and self.sizes[start : start + len(sizes)] == sizes:
            return f"{words[0]} to {words[-1]}"
        return joined(words)


@dataclass(frozen=True)
class DataEquivalence(Sentence):
    """The number of samples that one learner needs for the error of another.

    Attributes
    ----------
    a, b : str
        The learners: `b` is to match `a`.
    n : float
        Samples of `a`.
    times : CensoredInterval
        Samples of `b` divided by `n`. It is "more than" where `b` at its largest size is still above the error of `a`,
        "at most" where it is not above that error already at its smallest, and open where the interval leaves the sizes
        of `b`.
    left_out : tuple of int, default=()
        Seeds that are not compared, since errors of one of the learners are missing.
    is_tie : bool, default=False
        True if the measured error of `b` at its smallest size is that of `a`, and the true ones may differ in either
        direction: as where no test point is wrong.
    predicted : PredictedWorth or None, default=None
        What theory says of `times`, where `a` is `b` with a prior of which it says something.

    Examples
    --------
    >>> found = DataEquivalence("net + polar", "net", 1000, CensoredInterval(4.25, 3.1, 5.15))
    >>> print(found)
    net needs 4.25 times [3.1, 5.15] the samples that net + polar has at n = 1,000
    >>> print(found.n_samples)
    4,250 [3,100, 5,150]
    """

    a: str
    b: str
    n: float
    times: CensoredInterval
    left_out: tuple[int, ...] = ()
    is_tie: bool = False
    predicted: PredictedWorth | None = None

    @property
    def n_samples(self) -> CensoredInterval:
        """Samples of `b`."""
        return self.n * self.times

    def n_samples_text(self, *, interval: bool = True) -> str:
        """Return the samples of `b` as text; a bound, which as a rule is a measured size, in full."""
        value = self.n_samples.value_text(",.0f" if self.times.side else 3)
        return f"{value} {self.n_samples.bounds_text()}".rstrip() if interval else value

    def clause(self) -> str:
        """Return the samples that `b` needs as a clause, or up to how many it does not reach `a`."""
        target = f"{self.a} with {self.n:,.0f}"
        if self.times.side == "above":
            return f"{self.b} with up to {self.n_samples.value:,.0f} training points does not reach {target}"
        return f"{self.b} needs {self.n_samples_text()} training points to match {target}"

    def __str__(self) -> str:
        times = f"{self.times.value_text()} times {self.times.bounds_text()}".rstrip()
        beyond = ", outside the measured range" if self.times.side else ""
        if self.is_tie:
            beyond = ": with as many, its measured error is the same"
        theory = f"; {prediction_text(self.predicted, self.times)}" if self.predicted else ""
        return f"{self.b} needs {times} the samples that {self.a} has at n = {self.n:,.0f}{beyond}{theory}"


class NoEquivalence(Sentence, ValueError):  # noqa: N818 - an answer, not a mistake
    """A curve rises, so that no single size belongs to an error, or even a bound is outside the measured sizes.

    Attributes
    ----------
    estimate : DataEquivalence
        The equivalence of the closest falling curves.
    """

    def __init__(self, reason: str, estimate: DataEquivalence) -> None:
        super().__init__(f"no data equivalence: {reason}")
        self.estimate = estimate


def crossover(
    frame: pd.DataFrame | HasFrame, a: str, b: str, metric: str = "error", n_test: int | None = None
) -> Crossover:
    """Find where two learning curves cross.

    Parameters
    ----------
    frame : DataFrame or Results
        A tidy frame as from `Results.frame`, of one problem.
    a, b : str
        Learners, with at least two seeds in common.
    metric : str, default="error"
    n_test : int or None, default=None
        As in `learning_curve`.

    Returns
    -------
    crossover : Crossover
        A crossing is between two measured sizes, at one of which one learner is significantly ahead, and at the other
        the other.

    Raises
    ------
    ValueError
        If a learner or metric is not in the frame, or fewer than two seeds or sizes are common.

    Examples
    --------
    >>> import pandas as pd
    >>> laws = {"steep": lambda n: 6 * n**-0.6, "shallow": lambda n: 1.2 * n**-0.3}
    >>> frame = pd.DataFrame(
    ...     [
    ...         (name, n, seed, "error", law(n) * (1 + 0.1 * seed))
    ...         for name, law in laws.items()
    ...         for n in (100, 1000, 10_000)
    ...         for seed in range(3)
    ...     ],
    ...     columns=["learner", "n_samples", "seed", "metric", "value"],
    ... )
    >>> print(crossover(frame, "steep", "shallow"))
    steep and shallow cross at n = 214 [214, 214]: shallow is ahead at n = 100, steep at n = 1,000 and 10,000
    """
    curves = comparable_curves(frame, a, b, metric, n_test)
    return replace(crossover_of(a, b, curves), left_out=curves[0].left_out)


def crossover_of(a: str, b: str, curves: Curves) -> Crossover:
    """Find where the curves of two learners cross, as `crossover` does."""
    sizes = np.intersect1d(curves[0].sizes, curves[1].sizes)
    if len(sizes) < 2:
        common = "one sample size" if len(sizes) else "no sample size"
        raise NotMeasured(f"{a!r} and {b!r} have {common} in common, and a crossover needs 2")
    log_n = np.union1d(log_grid(*sizes[[0, -1]]), np.log(sizes))
    of_a, of_b = (interpolated(_with_bounds(curve), curve.sizes, log_n) for curve in curves)
    gap, low, high = difference_band(of_a, of_b, curves[0].n_test or np.nan)
    ahead = np.select([low > ROUNDING, high < -ROUNDING], [1, -1], 0)  # 1 where the error of b is the lower one
    at = np.searchsorted(log_n, np.log(sizes))
    leaders = tuple({1: b, -1: a, 0: None}[int(side)] for side in ahead[at])
    led = at[ahead[at] != 0]
    turns = np.flatnonzero(np.diff(ahead[led]))
    n = None
    if len(turns):
        between = slice(led[turns[-1]], led[turns[-1] + 1] + 1)
        band = (gap, low, high) if ahead[led[-1]] > 0 else (-gap, -high, -low)
        n = _crossing(log_n[between], *(level[between] for level in band))
    return Crossover(a, b, tuple(sizes.tolist()), leaders, n)


def _crossing(log_n: Array, level: Array, low: Array, high: Array) -> Interval:
    """Return the n at which a level crosses zero upwards, from significantly below it to significantly above."""
    last = np.flatnonzero(high < -ROUNDING)[-1]
    first = last + np.flatnonzero(low[last:] > ROUNDING)[0]
    turn = last + np.flatnonzero(level[last:first] <= 0)[-1]
    places = (crossing_size(log_n, *place) for place in ((level, turn), (high, last), (low, first - 1)))
    return Interval(*places)


def find_crossovers(frame: pd.DataFrame, metric: str = "error") -> list[Crossover]:
    """Return the crossovers of all pairs of learners whose curves cross; none of more than a dozen learners.

    Parameters
    ----------
    frame : DataFrame
        A tidy frame as from `Results.frame`, of one problem.
    metric : str, default="error"
    """
    learners = [str(learner) for learner in frame["learner"].unique()]
    pairs = itertools.combinations(learners if len(learners) <= _MOST_PAIRED else [], 2)
    found = []
    for a, b in pairs:
        with suppress(ValueError):  # too little is measured of the two
            found.append(crossover(frame, a, b, metric))
    return [each for each in found if each.n is not None]


def data_equivalence(
    frame: pd.DataFrame | HasFrame, a: str, b: str, n: float, metric: str = "error", n_test: int | None = None
) -> DataEquivalence:
    """Find how many times the samples that learner `a` has at `n` learner `b` needs for the same error.

    Parameters
    ----------
    frame : DataFrame or Results
        A tidy frame as from `Results.frame`, of one problem. Results know what theory says of the prior of `a`.
    a, b : str
        Learners, with at least two seeds in common.
    n : float
        Samples of `a`, within its measured sizes. It may be the only one.
    metric : str, default="error"
    n_test : int or None, default=None
        As in `learning_curve`.

    Returns
    -------
    equivalence : DataEquivalence
        On the falling curves that are closest to the mean errors.

    Raises
    ------
    ValueError
        If a learner or metric is not in the frame, fewer than two seeds are common, `b` is measured at one size, or `n`
        is outside the sizes of `a`.
    NoEquivalence
        If the error of either rises significantly somewhere, or neither an estimate nor a bound is within the
        measured sizes.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame(
    ...     [
    ...         (name, n, seed, "error", (n * head_start) ** -0.5 * (1 + 0.1 * seed))
    ...         for name, head_start in (("plain", 1), ("informed", 4))
    ...         for n in (100, 1000, 10_000)
    ...         for seed in range(3)
    ...     ],
    ...     columns=["learner", "n_samples", "seed", "metric", "value"],
    ... )
    >>> print(data_equivalence(frame, "informed", "plain", n=1000))
    plain needs 4 times [4, 4] the samples that informed has at n = 1,000
    """
    check_real(n, "n", "data_equivalence", low=0, closed="()")
    rows = as_frame(frame)
    curves = comparable_curves(rows, a, b, metric, n_test)
    found = replace(equivalence_of(a, b, n, curves), left_out=curves[0].left_out)
    study = getattr(frame, "study", None)  # of results, but not of a frame
    if study is None:
        return found
    problem = problem_of(rows[rows["metric"].map(shown_name) == metric])
    return replace(found, predicted=predicted_worth(study, a, b, n, problem))


def equivalence_of(a: str, b: str, n: float, curves: Curves) -> DataEquivalence:
    """Find the data equivalence of two learners from their curves, as `data_equivalence` does."""
    of_a, of_b = curves
    first, last = of_a.sizes[[0, -1]]
    if len(of_b.sizes) < 2:
        raise NotMeasured(f"{b!r} is measured at one sample size, and a curve needs 2")
    if not first <= n <= last:
        raise ValueError(error_message("n", "data_equivalence", f"within the sizes of {a!r}, [{first:g}, {last:g}]", n))
    log_n = log_grid(*of_b.sizes[[0, -1]])
    target = interpolated(falling(_with_bounds(of_a)), of_a.sizes, np.log([n]))
    rows = interpolated(falling(_with_bounds(of_b)), of_b.sizes, log_n)
    gap, low, high = difference_band(rows, target, of_a.n_test or np.nan)
    smallest, largest = (float(size / n) for size in of_b.sizes[[0, -1]])
    times = CensoredInterval(
        _first_not_above(log_n, gap) / n,
        min(_first_not_above(log_n, low) / n, largest),
        max(_last_not_below(log_n, high) / n, smallest),
    )
    found = DataEquivalence(a, b, float(n), times)
    if abs(gap[0]) <= ROUNDING and times.is_open:
        found = replace(found, times=CensoredInterval(0.0, 0.0, smallest), is_tie=True)
    for learner, curve in ((a, of_a), (b, of_b)):
        for start, end in curve.rises():
            raise NoEquivalence(f"the error of {learner!r} rises from n = {start:,.0f} to {end:,.0f}", found)
    if found.times.is_open:
        verb, further = ("does not reach", "larger") if found.times.side == "above" else ("begins below", "smaller")
        error = f"the error that {a!r} has at n = {n:,.0f}"
        more = f"the difference is not significant: measure more seeds or {further} sizes"
        raise NoEquivalence(f"{b!r} {verb} {error}, but {more}", found)
    return found


def _first_not_above(log_n: Array, level: Array) -> float:
    """Return the n from which `level` is not above zero: infinite if there is none, 0 if it is not from the first."""
    reached = np.flatnonzero(level <= ROUNDING)
    if not len(reached):
        return float("inf")
    return 0.0 if reached[0] == 0 else crossing_size(log_n, level, reached[0] - 1)


def _last_not_below(log_n: Array, level: Array) -> float:
    """Return the n to which `level` is not below zero: infinite if it is not at the last, 0 if it is from the first."""
    above = np.flatnonzero(level >= -ROUNDING)
    if not len(above):
        return 0.0
    return float("inf") if above[-1] + 1 == len(level) else crossing_size(log_n, level, above[-1])
