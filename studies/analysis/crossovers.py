"""Where one learner overtakes another, and how many samples one needs to match another.

Both are read from interpolated curves, and both intervals are found by inversion: they hold all n at which the paired
difference of log errors does not differ from zero by Student's t on the jackknife over seeds. By Fieller's argument
such an interval holds the true n as often as the t interval there holds zero, however curved the curves.
"""

import itertools
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.optimize import isotonic_regression

from studies.analysis.intervals import CensoredInterval, Interval, Sentence, jackknife_error, t_quantile
from studies.analysis.learning_curves import HasFrame, LearningCurve, NotMeasured, paired_curves
from studies.registry.metrics import shown_name
from toymanifold.validation import error_message

Array = NDArray[np.float64]
Curves = tuple[LearningCurve, LearningCurve]

_GRID = 500
_MOST_PAIRED = 12  # learners; of more there are too many pairs to read


def comparable_curves(frame: pd.DataFrame | HasFrame, a: str, b: str, metric: str, n_test: int | None = None) -> Curves:
    """Return the curves of two learners on common seeds, at least two, and at two sizes each at least."""
    if shown_name(metric) != metric:
        raise ValueError(f"{metric!r} is not a loss, which falls with n; its loss is {shown_name(metric)!r}")
    curves = paired_curves(frame, a, b, metric, n_test)
    if curves[0].n_seeds < 2:
        raise NotMeasured(f"{a!r} and {b!r} have one seed in common, and an interval needs 2")
    for learner, curve in zip((a, b), curves, strict=True):
        if len(curve.sizes) < 2:
            raise NotMeasured(f"{learner!r} is measured at one sample size, and a curve needs 2")
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
class Crossover(Sentence):
    """The sample size from which one learner is ahead of another.

    Attributes
    ----------
    a, b : str
        The learners.
    measured : tuple of (float, float)
        The smallest and the largest size between which both are measured.
    n : Interval or None
        Size of the last crossing; None without a crossing. Below the interval one learner is significantly ahead,
        above it the other; inside it they do not differ significantly.
    count : int
        Number of crossings.
    winner : str or None
        The learner that is ahead after the last crossing, or wherever they differ; None where they never do.
    lead : tuple of (float, float) or None
        The first and the last size at which the winner is significantly ahead, after the last crossing if there is one.
    left_out : tuple of int, default=()
        Seeds that are not compared, since errors of one of the learners are missing.

    Examples
    --------
    >>> print(Crossover("net", "SVM", (100, 10_000), Interval(1869, 1531, 4495), 1, "SVM", (4495, 10_000)))
    SVM is ahead of net from n = 1,869 [1,531, 4,495]
    """

    a: str
    b: str
    measured: tuple[float, float]
    n: Interval | None
    count: int
    winner: str | None
    lead: tuple[float, float] | None
    left_out: tuple[int, ...] = ()

    def __str__(self) -> str:
        if self.winner is None or self.lead is None:
            return f"{self.a} and {self.b} do not differ significantly from n = {_sizes(self.measured)}"
        ahead = f"{self.winner} is ahead of {self.b if self.winner == self.a else self.a} from n ="
        if self.n is not None:
            return f"{ahead} {self.n:,.0f}{self._which()}"
        if self.lead == self.measured:
            return f"{ahead} {_sizes(self.lead)}, with no crossing"
        return f"{ahead} {_sizes(self.lead)}; elsewhere in {_sizes(self.measured)} they do not differ significantly"

    def standing(self, learner: str) -> str:
        """Return how a learner stands to the other at equal n, as a verb phrase.

        Parameters
        ----------
        learner : str
            `a` or `b`.
        """
        first, last = (f"{size:,.0f}" for size in self.measured)
        ahead = self.winner == learner
        if self.winner is None or self.lead is None:
            return f"does not differ significantly up to {last}"
        if self.n is not None:
            return f"{'overtakes' if ahead else 'falls behind'} at {self.n:,.0f}{self._which()}"
        if self.lead == self.measured:
            return f"is ahead from {first} on" if ahead else f"is behind all the way to {last}"
        return f"is {'ahead' if ahead else 'behind'} from {_sizes(self.lead)}, elsewhere not significantly"

    def _which(self) -> str:
        return f", the last of {self.count} crossings" if self.count > 1 else ""


def _sizes(ends: tuple[float, float]) -> str:
    return f"{ends[0]:,.0f} to {ends[1]:,.0f}"


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
        "less than" where it is below that error already at its smallest, and open where the interval leaves the sizes
        of `b`.
    left_out : tuple of int, default=()
        Seeds that are not compared, since errors of one of the learners are missing.

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
        if self.times.side == "above":
            return f"{self.b} does not reach {self.a} with up to {self.n_samples.value:,.0f} training points"
        return f"{self.b} needs {self.n_samples_text()} training points to match {self.a}"

    def __str__(self) -> str:
        times = f"{self.times.value_text()} times {self.times.bounds_text()}".rstrip()
        beyond = ", outside the measured range" if self.times.side else ""
        return f"{self.b} needs {times} the samples that {self.a} has at n = {self.n:,.0f}{beyond}"


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
        A crossing is where first one learner is significantly ahead, and then the other.

    Raises
    ------
    ValueError
        If a learner or metric is not in the frame, or fewer than two seeds or no range of sizes are common.

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
    steep is ahead of shallow from n = 214 [214, 214]
    """
    curves = comparable_curves(frame, a, b, metric, n_test)
    return replace(crossover_of(a, b, curves), left_out=curves[0].left_out)


def crossover_of(a: str, b: str, curves: Curves) -> Crossover:
    """Find where the curves of two learners cross, as `crossover` does."""
    first, last = max(c.sizes[0] for c in curves), min(c.sizes[-1] for c in curves)
    if first >= last:
        raise NotMeasured(f"{a!r} and {b!r} are measured at no common range of sizes")
    measured = (float(first), float(last))
    log_n = log_grid(first, last)
    gap, half = difference_band(*(interpolated(c.log_means(), c.sizes, log_n) for c in curves))
    ahead = np.where(np.abs(gap) > half, np.sign(gap), 0)
    significant = np.flatnonzero(ahead)
    if not len(significant):
        return Crossover(a, b, measured, None, 0, None, None)
    turns = np.flatnonzero(np.diff(ahead[significant]))
    start = significant[turns[-1] + 1] if len(turns) else significant[0]
    side = ahead[start]  # 1 where the error of b is the lower one
    margin = side * gap - half
    lead = (
        crossing_size(log_n, margin, start - 1) if start else measured[0],
        crossing_size(log_n, margin, significant[-1]) if significant[-1] + 1 < len(log_n) else measured[1],
    )
    n = None
    if len(turns):
        before = significant[turns[-1]]
        turn = before + np.flatnonzero(side * gap[before:start] <= 0)[-1]
        n = Interval(crossing_size(log_n, gap, turn), crossing_size(log_n, -side * gap - half, before), lead[0])
    return Crossover(a, b, measured, n, len(turns), b if side > 0 else a, lead)


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
        A tidy frame as from `Results.frame`, of one problem.
    a, b : str
        Learners, with at least two seeds in common.
    n : float
        Samples of `a`, within its measured sizes.
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
        If a learner or metric is not in the frame, fewer than two seeds are common, or `n` is outside the sizes of `a`.
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
    curves = comparable_curves(frame, a, b, metric, n_test)
    return replace(equivalence_of(a, b, n, curves), left_out=curves[0].left_out)


def equivalence_of(a: str, b: str, n: float, curves: Curves) -> DataEquivalence:
    """Find the data equivalence of two learners from their curves, as `data_equivalence` does."""
    of_a, of_b = curves
    first, last = of_a.sizes[[0, -1]]
    if not first <= n <= last:
        raise ValueError(error_message("n", "data_equivalence", f"within the sizes of {a!r}, [{first:g}, {last:g}]", n))
    log_n = log_grid(*of_b.sizes[[0, -1]])
    target = interpolated(falling(of_a.log_means()), of_a.sizes, np.log([n]))
    gap, half = difference_band(interpolated(falling(of_b.log_means()), of_b.sizes, log_n), target)
    smallest, largest = (float(size / n) for size in of_b.sizes[[0, -1]])
    times = CensoredInterval(
        _first_not_above(log_n, gap) / n,
        min(_first_not_above(log_n, gap - half) / n, largest),
        max(_last_not_below(log_n, gap + half) / n, smallest),
    )
    found = DataEquivalence(a, b, float(n), times)
    for learner, curve in ((a, of_a), (b, of_b)):
        for low, high in curve.rises():
            raise NoEquivalence(f"the error of {learner!r} rises from n = {low:,.0f} to {high:,.0f}", found)
    if times.is_open:
        raise NoEquivalence("neither an estimate nor a bound is within the measured sizes", found)
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
