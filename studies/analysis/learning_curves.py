"""Learning curves as measured: the errors of one learner by seed and sample size, and what follows without a model.

The curve is the expected error against n, and each seed is one independent draw of the whole curve.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studies.analysis.intervals import (
    OF_ALL_POINTS,
    Interval,
    Sentence,
    contrast_noise,
    holm,
    jackknife_interval,
    overlap_factor,
    p_above_zero,
    positive_mean_interval,
    with_exact_bounds,
)
from studies.registry.errors import unknown
from studies.registry.metrics import best_value, describe, shown_name
from studies.registry.test_sets import N_TEST
from studies.spec.cells import Cell
from toymanifold.validation import check_integer, error_message

Array = NDArray[np.float64]

LEAST_NOISE = 1e-4
"""Smallest relative standard error that a mean error is given."""

_PRIOR_SEEDS = 4
_DECADE = 10.1  # sizes are rounded


class NotMeasured(ValueError):  # noqa: N818 - not an error of the caller
    """Too little is measured for an answer, a claim or a plot: not two seeds, or not all that it needs."""


class HasFrame(Protocol):
    """An object with a tidy frame, such as `Results`."""

    def frame(self) -> pd.DataFrame:
        """Return the tidy frame."""


@dataclass(frozen=True)
class Sampling(Sentence):
    """The rows from which the training samples of a problem are drawn, and the points on which errors are measured.

    Attributes
    ----------
    n_rows : int or None
        Number of rows of one data set, from which every seed draws its sample without replacement; None if each seed
        has a fresh sample.
    n_test : int or None
        Number of test points; None if it is not known.
    own_test : bool, default=False
        True if each seed has test points of its own.
    on_rows : bool, default=False
        True if the test points are rows of a data set.

    Examples
    --------
    >>> print(Sampling(1500, 500, on_rows=True))
    Training samples are drawn from the 1,500 rows of one data set. Intervals are corrected for their overlap and hold
    for this data set, with its 500 test rows.
    """

    n_rows: int | None
    n_test: int | None
    own_test: bool = False
    on_rows: bool = False

    def __str__(self) -> str:
        if self.n_rows is None:
            return "Each seed has a fresh training sample."
        test = "" if self.n_test is None else f", with its {self.n_test:,} test rows"
        return (
            f"Training samples are drawn from the {self.n_rows:,} rows of one data set. Intervals are corrected for"
            f" their overlap and hold for this data set{test}."
        )

    @classmethod
    def of(cls, cell: Cell) -> Self:
        """Return the sampling of a cell. The test sets of fresh samples have `N_TEST` points."""
        n_rows, n_test = cell.rows or (None, N_TEST)
        return cls(None if cell.fresh_problem else n_rows, n_test, cell.fresh_problem, bool(cell.rows))

    def factor(self, n_samples: int, n_seeds: int) -> float:
        """Return the factor of the standard error of a mean over seeds; see `overlap_factor`."""
        return float(overlap_factor(n_samples, self.n_rows, n_seeds))

    def n_points(self, metric: str, n_seeds: int) -> float:
        """Return the number of test points of which a mean over seeds is a share; NaN if it is not of a known number.

        Points that all seeds share count once.
        """
        if self.n_test is None or metric not in OF_ALL_POINTS:
            return np.nan
        return float(self.n_test * (n_seeds if self.own_test else 1))


def loss_interval(values: pd.Series, metric: str, sampling: Sampling, n_samples: int) -> Interval:
    """Return the mean of a loss over seeds with its interval: that of curves, tables, plots and sentences.

    It is above 0; that of a share of errors ends at 1, and is at least the exact one where few points are wrong.

    Parameters
    ----------
    values : Series
        Losses, one per seed, none negative.
    metric : str
    sampling : Sampling
    n_samples : int
    """
    interval = positive_mean_interval(values, sampling.factor(n_samples, len(values)))
    points = sampling.n_points(metric, len(values))
    low, high = with_exact_bounds(interval.mean, interval.low, interval.high, points)
    return Interval(interval.mean, float(low), min(float(high), 1.0) if is_share(metric) else float(high))


def is_share(metric: str) -> bool:
    """Return True for a share of errors, which is at most 1."""
    return metric.startswith("error")


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """The errors of one learner by seed and sample size.

    Parameters
    ----------
    sizes : array-like of shape (n_sizes,)
        Numbers of samples, rising.
    errors : array-like of shape (n_seeds, n_sizes)
        One nested curve per row.
    n_test : int or None, default=None
        Number of test points of which an error is a share; None if it is not a share of a known number. A mean error of
        0 counts as half an error in `n_test` points, since it is only known to be below one.
    n_rows : int or None, default=None
        Number of rows of one data set, more than any size, from which the samples of all seeds are drawn; None for
        fresh samples. Deviations from the mean are then multiplied by `overlap_factor` wherever an interval or a test
        comes of them.
    own_test : bool, default=False
        True if each seed has `n_test` points of its own.
    metric : str or None, default=None
        Name of the loss. None takes "error" if `n_test` is given.
    left_out : tuple of int, default=()
        Seeds of the study, or of the other learner of a pair, that are not in the curve since some of their errors are
        missing.

    Raises
    ------
    ValueError
        If shapes do not fit, sizes do not rise or reach `n_rows`, errors are negative or not finite, or their mean is 0
        without `n_test`.

    Notes
    -----
    The arrays are copies that cannot be written to, and curves of the same numbers are equal.

    Examples
    --------
    >>> curve = LearningCurve([100, 400, 1600], [[0.2, 0.1, 0.05], [0.24, 0.12, 0.06]])
    >>> print(curve.local_exponent())
    0.5 [0.5, 0.5]
    >>> print(curve)
    n      error (2 seeds)
    100    0.22 [0.0693, 0.698]
    400    0.11 [0.0347, 0.349]
    1,600  0.055 [0.0173, 0.175]
    """

    sizes: Array
    errors: Array
    n_test: int | None = None
    n_rows: int | None = None
    own_test: bool = False
    metric: str | None = None
    left_out: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("sizes", "errors"):
            values = np.array(getattr(self, name), dtype=np.float64)
            values.flags.writeable = False  # so that its hash stays
            object.__setattr__(self, name, values)
        _check(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LearningCurve) and self._content() == other._content()

    def __hash__(self) -> int:
        return hash(self._content())

    def _as_table(self) -> pd.DataFrame:
        errors = list(map(str, self.intervals()))
        seeds = f"error ({self.n_seeds} seed{'s' if self.n_seeds > 1 else ''})"
        return pd.DataFrame({"n": [f"{n:,.0f}" for n in self.sizes], seeds: errors})

    def __str__(self) -> str:
        table = self._as_table()
        lines = [tuple(table.columns), *table.itertuples(index=False, name=None)]
        width = max(len(n) for n, _ in lines)
        return "\n".join(f"{n:{width}}  {error}" for n, error in lines)

    def _repr_html_(self) -> str:
        return self._as_table().to_html(index=False, border=0)

    def _content(self) -> tuple[Hashable, ...]:
        return self.sizes.tobytes(), self.errors.tobytes(), self.n_test, self.n_rows, self.own_test, self.metric

    def _factors(self) -> Array:
        return overlap_factor(self.sizes, self.n_rows, self.n_seeds)

    @property
    def n_seeds(self) -> int:
        """Number of curves."""
        return len(self.errors)

    def intervals(self) -> list[Interval]:
        """Return the mean error at each size with its interval, as in `studies.analysis.summary`."""
        metric = self.metric or ("error" if self.n_test else "")
        sampling = Sampling(self.n_rows, self.n_test, self.own_test)
        columns = zip(self.errors.T, self.sizes, strict=True)
        return [loss_interval(pd.Series(errors), metric, sampling, int(n)) for errors, n in columns]

    def log_means(self) -> Array:
        """Return the logarithm of the mean error at each size, of all seeds and with one seed left out each.

        Returns
        -------
        log_means : ndarray of shape (1 + n_seeds, n_sizes)
            Fits and comparisons are functions of one row, so their jackknife runs down the rows.
        """
        total, m = self.errors.sum(axis=0), self.n_seeds
        left_out = (total - self.errors) / (m - 1) if m > 1 else self.errors
        means = np.vstack([total / m, left_out])
        logs = np.log(np.maximum(means, 0.5 / self.n_test if self.n_test else 0.0))
        return logs if self.n_rows is None else logs[0] + self._factors() * (logs - logs[0])

    def widened_errors(self) -> Array:
        """Return the errors with their deviations from the mean multiplied by `overlap_factor`.

        Returns
        -------
        errors : ndarray of shape (n_seeds, n_sizes)
            Student's t of these, and of differences between their columns, allows for the overlap of the samples. The
            errors themselves for fresh samples.
        """
        mean = self.errors.mean(axis=0)
        return self.errors if self.n_rows is None else mean + self._factors() * (self.errors - mean)

    def noise(self) -> Array:
        """Return the standard errors of the mean errors, relative to them.

        Few seeds estimate a variance poorly, so that of each size is drawn towards the average over sizes, as if that
        had 4 more degrees of freedom: the moderation of Smyth (Statistical Applications in Genetics and Molecular
        Biology 3, 2004). The result is no smaller than the noise of the test points.

        Returns
        -------
        noise : ndarray of shape (n_sizes,)
            Infinite where `has_errors` is False.
        """
        mean, measured = np.exp(self.log_means()[0]), self.has_errors()
        own = self.errors.var(axis=0, ddof=1) / mean**2
        freedom = self.n_seeds - 1
        average = own[measured].mean() if measured.any() else 0.0
        moderated = (freedom * own + _PRIOR_SEEDS * average) / (freedom + _PRIOR_SEEDS)
        spread = np.maximum(self._factors() * np.sqrt(moderated), self.test_noise())
        return np.where(measured, np.maximum(spread / np.sqrt(self.n_seeds), LEAST_NOISE), np.inf)

    def has_errors(self) -> NDArray[np.bool_]:
        """Return, for each size, True if seeds have half an error or more on average.

        A smaller mean has no logarithm worth the name: all it says is that the error is small.
        """
        least = 0.5 / self.n_test if self.n_test else 0.0
        return np.asarray(self.errors.mean(axis=0) >= least * (1 - 1e-9))

    def test_noise(self) -> Array:
        """Return the standard errors that test points alone give one seed's errors, relative to them: (n_sizes,)."""
        means = np.exp(self.log_means()[0])
        return np.sqrt(1 / (self.n_test * means)) if self.n_test else np.zeros_like(means)

    def with_errors(self) -> tuple[Array, Array]:
        """Return the sizes with errors, and their columns of `log_means`."""
        measured = self.has_errors()
        return self.sizes[measured], self.log_means()[:, measured]

    def rises(self) -> list[tuple[float, float]]:
        """Return the consecutive sizes between which the error rises significantly.

        One-sided paired t tests over seeds, corrected for their number by Holm: as in LCDB 1.1 (Yan, Mohr and Viering,
        arXiv 2505.15657, 2025), which finds 15 % of learning curves ill-behaved. The difference is not known better
        than the test points allow.
        """
        mean = self.errors.mean(axis=0)
        least_error = contrast_noise(mean[1:], mean[:-1], self.n_test or np.nan)
        p = holm(p_above_zero(np.diff(self.widened_errors(), axis=1), least_error))
        return [(self.sizes[i], self.sizes[i + 1]) for i in np.flatnonzero(p < 0.05)]

    def local_exponent(self) -> Interval:
        """Return minus the slope of log error against log n over the last decade of n, which needs no model.

        Returns
        -------
        exponent : Interval
            The slope of a least squares line, to the largest size with errors, with Student's t on the jackknife over
            seeds. Where the last decade has one size, it is that from the size before. NaN where fewer than two sizes
            have errors.
        """
        sizes, logs = self.with_errors()
        if len(sizes) < 2:
            return Interval(float("nan"), float("nan"), float("nan"))
        last = slice(min(int(np.searchsorted(sizes, sizes[-1] / _DECADE)), len(sizes) - 2), None)
        return jackknife_interval(-np.polyfit(np.log(sizes[last]), logs[:, last].T, 1)[0])


def losses(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame in which each metric with a best value is its loss, the distance from it: accuracies are errors.

    Their rows come first where the name of the loss is another one.
    """
    names = frame["metric"].unique()
    shown = frame["metric"].map({name: shown_name(name) for name in names})
    best = frame["metric"].map({name: best_value(name) for name in names}).astype(float)
    turned = frame.assign(metric=shown, value=(best - frame["value"]).abs().where(best.notna(), frame["value"]))
    renamed = shown != frame["metric"]
    return pd.concat([turned[renamed], turned[~renamed]])


def problem_of(frame: pd.DataFrame) -> str:
    """Return the label of the problem of a frame's first row; empty where there is one problem, or no row."""
    return str(frame["problem"].iloc[0]) if "problem" in frame and len(frame) else ""


def sampling_of(frame: pd.DataFrame) -> Sampling:
    """Return the sampling of a frame's problem, from ``frame.attrs``.

    Parameters
    ----------
    frame : DataFrame
        Of one problem. The attributes of `Sampling` are values in ``frame.attrs``, or dicts of values by problem, as
        `Results.frame` sets them.
    """
    problem = problem_of(frame)
    found = (frame.attrs.get(name) for name in ("n_rows", "n_test", "own_test", "on_rows"))
    n_rows, n_test, own_test, on_rows = (value.get(problem) if isinstance(value, dict) else value for value in found)
    return Sampling(n_rows, n_test, bool(own_test), bool(on_rows) or n_rows is not None)


def by_problem(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the rows of each problem by its label; the label is "" where the study has one problem."""
    if "problem" not in frame:
        return {"": frame}
    return {str(problem): part for problem, part in frame.groupby("problem", sort=False)}


def learning_curve(
    frame: pd.DataFrame | HasFrame, learner: str, metric: str = "error", n_test: int | None = None
) -> LearningCurve:
    """Return a learner's curve from a study's results.

    Parameters
    ----------
    frame : DataFrame or Results
        A tidy frame as from `Results.frame`, of one problem: columns ``learner``, ``n_samples``, ``seed``, ``metric``
        and ``value``.
    learner : str
    metric : str, default="error"
        Name of a metric, or of the loss of a metric with a best value: ``error...`` is 1 minus the accuracy.
    n_test : int or None, default=None
        Number of test points of which ``error...`` is a share. None takes ``frame.attrs["n_test"]``, which
        `Results.frame` sets; without it, the number is taken to be unknown.

    Returns
    -------
    curve : LearningCurve
        Of the sizes that at least half of the seeds have, and the seeds that have all of these; the other seeds of the
        frame are `left_out`. Where samples are drawn from ``frame.attrs["n_rows"]`` rows, it has no size of all rows,
        at which there is no interval.

    Raises
    ------
    ValueError
        If there is no such learner or metric, or there are two values for one cell.

    Examples
    --------
    >>> rows = [("kNN", n, seed, "accuracy", 1 - (1 + 0.1 * seed) / n**0.5) for n in (100, 400) for seed in range(3)]
    >>> frame = pd.DataFrame(rows, columns=["learner", "n_samples", "seed", "metric", "value"])
    >>> learning_curve(frame, "kNN", n_test=50_000).errors
    array([[0.1  , 0.05 ],
           [0.11 , 0.055],
           [0.12 , 0.06 ]])
    """
    frame = as_frame(frame)
    table = _table(frame, learner, metric)
    return _curve(table, table.index, frame["seed"], metric, _sampling(frame, metric, n_test))


def paired_curves(
    frame: pd.DataFrame | HasFrame, a: str, b: str, metric: str = "error", n_test: int | None = None
) -> tuple[LearningCurve, LearningCurve]:
    """Return the curves of two learners on the seeds that both have.

    Parameters
    ----------
    frame, metric, n_test
        As for `learning_curve`.
    a, b : str
        Learners.

    Returns
    -------
    curves : tuple of (LearningCurve, LearningCurve)
        The other seeds of the frame are `left_out`.

    Raises
    ------
    ValueError
        If the two have no seed in common.

    Examples
    --------
    >>> rows = [(name, n, seed, "mse", 1 / n) for name in ("a", "b") for n in (10, 100) for seed in range(2)]
    >>> frame = pd.DataFrame(rows, columns=["learner", "n_samples", "seed", "metric", "value"])
    >>> a, b = paired_curves(frame[:-2], "a", "b", "mse")
    >>> a.errors.shape, b.errors.shape
    ((2, 2), (2, 1))
    """
    frame = as_frame(frame)
    tables = _table(frame, a, metric), _table(frame, b, metric)
    common = tables[0].index.intersection(tables[1].index)
    if common.empty:
        raise NotMeasured(f"{a!r} and {b!r} have no seed in common")
    seeds, sampling = frame["seed"], _sampling(frame, metric, n_test)
    return _curve(tables[0], common, seeds, metric, sampling), _curve(tables[1], common, seeds, metric, sampling)


def seeds_left_out(known: Iterable[int], used: Iterable[int]) -> tuple[int, ...]:
    """Return the known seeds that are not used, in order."""
    return tuple(sorted(map(int, {*known} - {*used})))


def as_frame(results: pd.DataFrame | HasFrame) -> pd.DataFrame:
    """Return a tidy frame: the one given, or that of results."""
    return results if isinstance(results, pd.DataFrame) else results.frame()


def errors_at(frame: pd.DataFrame | HasFrame, n_samples: int, metric: str = "error") -> pd.DataFrame:
    """Return the errors of all learners at one sample size; see `learning_curve`.

    Returns
    -------
    errors : DataFrame
        One row per seed, one column per learner, in the frame's order.

    Raises
    ------
    ValueError
        If nothing of that size and metric is there, or there are two values for one cell.
    """
    frame = as_frame(frame)
    rows = _rows(frame[frame["n_samples"] == n_samples], metric, f"n = {n_samples:,}")
    return pivot_by_seed(rows, "learner")[rows["learner"].unique()]


def pivot_by_seed(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the values of one metric with a row for each seed and a column for each value of a column."""
    return rows.pivot(index="seed", columns=column, values="value")


def _rows(frame: pd.DataFrame, metric: str, of: str) -> pd.DataFrame:
    """Select a metric, or the loss of one."""
    if metric not in set(frame["metric"]):
        frame = losses(frame)
    rows = frame[frame["metric"] == metric]
    if rows.empty:
        known = [name for name in dict.fromkeys(frame["metric"]) if describe(str(name)).is_loss]
        raise NotMeasured(
            f"no {metric!r} of {of} is in the frame; its losses are {', '.join(map(repr, known)) or 'none'}"
        )
    if rows.duplicated(["learner", "n_samples", "seed"]).any():
        raise ValueError(f"there are several values of {metric!r} for one cell of {of}: choose one problem first")
    return rows


def _table(frame: pd.DataFrame, learner: str, metric: str) -> pd.DataFrame:
    """Pivot the errors of complete seeds: one row per seed, one column per size."""
    known = [str(name) for name in frame["learner"].unique()]
    if known and learner not in known:
        raise NotMeasured(unknown("learner", learner, known, "the frame"))
    rows = _rows(frame[frame["learner"] == learner], metric, repr(learner))
    n_rows = sampling_of(frame).n_rows
    if n_rows is not None:
        rows = rows[rows["n_samples"] < n_rows]
    table = pivot_by_seed(rows, "n_samples").sort_index(axis=1)
    complete = table.dropna(axis=1, thresh=(len(table) + 1) // 2).dropna()
    if complete.empty:
        raise NotMeasured(f"no seed has {metric!r} of {learner!r} at all sizes that half of the seeds have")
    return complete


def _sampling(frame: pd.DataFrame, metric: str, n_test: int | None) -> Sampling:
    """Return the sampling of a frame's problem, with the number of test points only if a metric is a share of them."""
    found = sampling_of(frame)
    if not metric.startswith("error"):
        return replace(found, n_test=None)
    if n_test is None:
        return found
    return replace(found, n_test=check_integer(n_test, "n_test", "learning_curve", low=1))


def _curve(
    table: pd.DataFrame, seeds: pd.Index, known: Iterable[int], metric: str, sampling: Sampling
) -> LearningCurve:
    return LearningCurve(
        table.columns.to_numpy(),
        table.loc[seeds].to_numpy(),
        sampling.n_test,
        sampling.n_rows,
        sampling.own_test,
        metric,
        seeds_left_out(known, seeds),
    )


def _check(curve: LearningCurve) -> None:
    sizes, values = curve.sizes, curve.errors
    if sizes.ndim != 1 or not len(sizes) or not np.all(np.diff(sizes, prepend=0) > 0):
        raise ValueError(error_message("sizes", "LearningCurve", "positive numbers, rising", sizes))
    if curve.n_rows is not None and sizes[-1] >= curve.n_rows:
        raise ValueError(
            error_message("n_rows", "LearningCurve", f"above the largest size, {sizes[-1]:g}", curve.n_rows)
        )
    if values.ndim != 2 or not len(values) or values.shape[1] != len(sizes):
        allowed = f"an array of shape (n_seeds, {len(sizes)})"
        raise ValueError(error_message("errors", "LearningCurve", allowed, f"shape {values.shape}"))
    if not np.all(np.isfinite(values) & (values >= 0)):
        raise ValueError(error_message("errors", "LearningCurve", "finite and 0 or more", values))
    if curve.n_test is None and np.any(np.count_nonzero(values, axis=0) < min(2, len(values))):
        raise ValueError(
            error_message("n_test", "LearningCurve", "given where all errors of a size are 0, or all but one", None)
        )
