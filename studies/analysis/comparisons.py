"""Comparisons at one sample size: means over seeds, outlying seeds, paired differences between learners, and tests."""

import itertools
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studies.analysis.intervals import (
    OF_ALL_POINTS,
    Interval,
    Sentence,
    contrast_noise,
    half_width,
    holm,
    mean_interval,
    number,
    overlap_factor,
    positive_bounds,
    scale_of,
    t_quantile,
    with_exact_bounds,
)
from studies.analysis.learning_curves import (
    Array,
    HasFrame,
    NotMeasured,
    Sampling,
    as_frame,
    by_problem,
    errors_at,
    is_share,
    loss_interval,
    losses,
    sampling_of,
    seeds_left_out,
)
from studies.analysis.verdicts import Estimate
from studies.registry.errors import unknown
from studies.registry.metrics import describe, primary_name

_FAR = 10.0  # robust standard deviations from the other seeds
_NORMAL = 1.4826  # standard deviations of normal numbers in their median absolute deviation
_LEAST_SPREAD = 0.05  # of log losses
_LEAST_SEEDS = 5
_LEAST_LOSSES = 10  # of a learner at all sizes

_TEST_COLUMNS = ["a", "b", "difference", "low", "high", "effect", "won", "p", "seeds", "left_out"]


def interval_of(rows: pd.DataFrame, metric: str) -> Callable[[pd.Series, Sampling, int], Interval]:
    """Return the interval of a metric: `loss_interval` if no value in its rows is negative, else Student's t."""

    def interval(values: pd.Series, sampling: Sampling, n_samples: int) -> Interval:
        if is_positive:
            return loss_interval(values, metric, sampling, n_samples)
        return mean_interval(values, sampling.factor(n_samples, len(values)))

    is_positive = bool((rows["value"] >= 0).all())
    return interval


def summary(frame: pd.DataFrame | HasFrame) -> pd.DataFrame:
    """Summarise all metrics over seeds.

    Parameters
    ----------
    frame : DataFrame or Results
        A tidy frame as from `Results.frame`; a metric with a best value is summarised as its loss.

    Returns
    -------
    summary : DataFrame
        Columns ``learner``, ``n_samples``, ``metric``, ``mean``, ``low``, ``high``, ``seeds``, in the frame's order,
        after ``problem`` where the frame has it. The bounds are NaN for one seed, and for samples of all rows of a data
        set. A share of errors ends at 1, and one of few errors in a known number of test points has an interval at
        least as wide as the exact binomial one.

    Examples
    --------
    >>> rows = [("kNN", n, seed, "accuracy", 1 - (10 + seed) / n) for n in (100, 1000) for seed in range(3)]
    >>> frame = pd.DataFrame(rows, columns=["learner", "n_samples", "seed", "metric", "value"])
    >>> summary(frame).round(4)
      learner  n_samples metric   mean     low    high  seeds
    0     kNN        100  error  0.110  0.0878  0.1379      3
    1     kNN       1000  error  0.011  0.0088  0.0138      3
    """
    frame = losses(as_frame(frame))
    by = [*(["problem"] if "problem" in frame else []), "learner", "n_samples", "metric"]
    groups = frame.groupby(by, sort=False)
    table = groups.size().reset_index(name="seeds")
    table.attrs = frame.attrs
    factor, points = np.empty((2, len(table)))
    for part in by_problem(table).values():
        sampling = sampling_of(part)
        factor[part.index] = overlap_factor(part["n_samples"], sampling.n_rows, part["seeds"])
        points[part.index] = list(map(sampling.n_points, part["metric"], part["seeds"]))
    mean, half = _means(frame["value"].to_numpy(dtype=np.float64), groups.ngroup().to_numpy())
    half *= factor
    is_positive = (frame["value"] >= 0).groupby(frame["metric"]).all()
    positive = table["metric"].map(is_positive).to_numpy(dtype=bool)
    low, high = np.where(positive, positive_bounds(mean, half), (mean - half, mean + half))
    low, high = with_exact_bounds(mean, low, high, np.where(positive, points, np.nan))
    share = positive & table["metric"].map(is_share).to_numpy(dtype=bool)
    high = np.where(share, np.minimum(high, 1.0), high)
    return table.assign(mean=mean, low=low, high=high)[[*by, "mean", "low", "high", "seeds"]]


def _means(values: Array, group: NDArray[np.integer]) -> tuple[Array, Array]:
    """Return the mean of each group of values, and half of its Student's t interval, as `Series.mean` and `std` do.

    Groups of one size are the rows of one matrix, whose sums have the same bits as those of each group alone.
    """
    order, sizes = np.argsort(group, kind="stable"), np.bincount(group)
    starts = np.cumsum(sizes) - sizes
    mean, half = np.empty((2, len(sizes)))
    for size in np.unique(sizes):
        of_size = np.flatnonzero(sizes == size)
        rows = values[order[starts[of_size, None] + np.arange(size)]]
        missing = np.isnan(rows)
        n = size - missing.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):  # no value, or a single one
            mean[of_size] = np.where(missing, 0.0, rows).sum(axis=1) / n
            deviations = np.where(missing, 0.0, rows - mean[of_size, None])
            std = np.sqrt((deviations**2).sum(axis=1) / (n - 1))
        half[of_size] = t_quantile(int(size)) * std / np.sqrt(size)
    return mean, half


@dataclass(frozen=True)
class OutlyingSeeds(Sentence):
    """Seeds whose loss is far from that of the other seeds of the same learner, problem and sample size.

    Attributes
    ----------
    problem : str
        Empty where the study has one problem.
    learner : str
    n_samples : int
    metric : str
    losses : dict of int to float
        Of the outlying seeds, by seed.
    others : tuple of float
        Losses of the other seeds.

    Examples
    --------
    >>> print(OutlyingSeeds("", "net", 1000, "error", {7: 0.0912}, (0.0311, 0.0264, 0.0287, 0.0301)))
    net at n = 1,000: error of 9.1 % with seed 7, 2.6 to 3.1 % with the other 4
    """

    problem: str
    learner: str
    n_samples: int
    metric: str
    losses: dict[int, float]
    others: tuple[float, ...]

    def __str__(self) -> str:
        scale, place = scale_of(self.metric), f"{self.problem}: {self.learner}".removeprefix(": ")
        own = (f"{scale.text(loss, 2)} with seed {seed}" for seed, loss in self.losses.items())
        ends = dict.fromkeys(number(scale.factor * end(self.others), 2) for end in (min, max))
        rest = f"{' to '.join(ends)}{scale.unit} with the other {len(self.others)}"
        heading = describe(self.metric).heading
        return f"{place} at n = {self.n_samples:,}: {heading} of {', '.join([*own, rest])}"


def outlying_seeds(frame: pd.DataFrame | HasFrame) -> list[OutlyingSeeds]:
    """Return seeds with an outlying loss in the primary metric. They are named, and remain in all results.

    The logarithm of the loss is more than 10 robust standard deviations (1.4826 median absolute deviations) from the
    median of the other seeds. The deviation is the largest of three: that of the other seeds, that of the learner's
    seeds over all its sample sizes, and 0.05. For an error, the number of wrong test points must differ as clearly: the
    root of a number of points has a standard deviation of 1/2. An error of 0 counts as half a test point; another loss
    of 0 is left out.

    Parameters
    ----------
    frame : DataFrame or Results
        A tidy frame as from `Results.frame`.

    Returns
    -------
    found : list of OutlyingSeeds
        One for each learner and sample size that has any, in the frame's order. None of fewer than five seeds, nor of a
        learner with fewer than ten losses at all sizes of a problem.

    Examples
    --------
    >>> errors = [0.029, 0.027, 0.030, 0.031, 0.026, 0.028, 0.030, 0.091, 0.029, 0.027]
    >>> rows = [("net", 1000, seed, "error", error) for seed, error in enumerate(errors)]
    >>> frame = pd.DataFrame(rows, columns=["learner", "n_samples", "seed", "metric", "value"])
    >>> print(*outlying_seeds(frame))
    net at n = 1,000: error of 9.1 % with seed 7, 2.6 to 3.1 % with the other 9
    """
    found = []
    for problem, part in by_problem(losses(as_frame(frame))).items():
        if not (metric := primary_name(part["metric"].unique())):
            continue
        rows, n_test = part[part["metric"] == metric], sampling_of(part).n_test
        pairs = rows[["learner", "n_samples"]].drop_duplicates()
        places = list(zip(pairs["learner"], pairs["n_samples"], strict=True))
        table = rows.pivot(index=["learner", "n_samples"], columns="seed", values="value").loc[places]
        far = _is_far(table, n_test if metric in OF_ALL_POINTS else None)
        for place in np.flatnonzero(far.any(axis=1)):
            (learner, n), values = places[place], table.iloc[place]
            own = {int(seed): float(loss) for seed, loss in values[far[place]].items()}
            others = tuple(values[~far[place]].dropna().tolist())
            found.append(OutlyingSeeds(problem, str(learner), int(n), metric, own, others))
    return found


def _is_far(table: pd.DataFrame, n_test: int | None) -> NDArray[np.bool_]:
    """Return True for outlying losses, in a row for each learner and sample size and a column for each seed."""
    found = table.to_numpy(dtype=np.float64)
    kept = np.maximum(found, 0.5 / n_test) if n_test else np.where(found > np.finfo(float).eps, found, np.nan)
    logs, n_seeds = np.log(kept), np.count_nonzero(~np.isnan(kept), axis=1)
    deviations = np.full_like(logs, np.nan)
    measured = n_seeds > 0
    deviations[measured] = np.abs(logs[measured] - np.nanmedian(logs[measured], axis=1, keepdims=True))
    learners = table.index.get_level_values("learner")
    of_learner = pd.Series(deviations.ravel()).groupby(np.repeat(learners, logs.shape[1])).agg(["median", "count"])
    common = of_learner.loc[learners].to_numpy()
    rows = np.flatnonzero((n_seeds >= _LEAST_SEEDS) & (common[:, 1] >= _LEAST_LOSSES))
    far, spread = np.zeros(logs.shape, dtype=bool), np.maximum(_NORMAL * common[rows, 0], _LEAST_SPREAD)
    for seed in range(logs.shape[1] if len(rows) else 0):
        others = np.delete(logs[rows], seed, axis=1)
        centre = np.nanmedian(others, axis=1)
        own = _NORMAL * np.nanmedian(np.abs(others - centre[:, None]), axis=1)
        far[rows, seed] = np.abs(logs[rows, seed] - centre) > _FAR * np.maximum(own, spread)
        if n_test:
            roots = np.sqrt(n_test) * np.abs(np.exp(logs[rows, seed] / 2) - np.exp(centre / 2))
            far[rows, seed] &= 2 * roots > _FAR
    return far


def paired_difference(
    a: pd.Series, b: pd.Series, factors: tuple[float, float] = (1.0, 1.0), n_points: float = np.nan
) -> Interval:
    """Return the mean of a - b over the seeds that both have, with its interval.

    Parameters
    ----------
    a, b : Series
        Indexed by seed.
    factors : tuple of (float, float), default=(1.0, 1.0)
        Of the standard errors of the means of `a` and `b`, where samples are drawn from one data set; see
        `Sampling.factor`.
    n_points : float, default=NaN
        Number of test points of which the values are shares, all seeds together: the difference is not known better
        than they allow, also where all seeds agree. NaN if it is not known.

    Returns
    -------
    difference : Interval

    Raises
    ------
    ValueError
        If they have no seed in common.

    Examples
    --------
    >>> print(paired_difference(pd.Series([0.2, 0.3, 0.4]), pd.Series([0.1, 0.2, 0.3, 0.9])))
    0.1 [0.1, 0.1]
    """
    difference, most = _difference(a, b), float(np.max(factors))
    weighted = (a * (factors[0] / most) - b * (factors[1] / most))[difference.index]
    of_points = t_quantile(len(difference)) * contrast_noise(
        a[difference.index].mean(), b[difference.index].mean(), n_points
    )
    mean, half = float(difference.mean()), float(np.maximum(most * half_width(weighted), of_points))
    return Interval(mean, mean - half, mean + half)


def paired_tests(
    frame: pd.DataFrame | HasFrame, n_samples: int, metric: str = "error", against: str | None = None
) -> pd.DataFrame:
    """Compare learners at one sample size, as one family of tests.

    Parameters
    ----------
    frame : DataFrame or Results
        A tidy frame as from `Results.frame`, of one problem.
    n_samples : int
    metric : str, default="error"
    against : str or None, default=None
        A learner with which each other one is compared; None compares all pairs.

    Returns
    -------
    tests : DataFrame
        One row per pair, none of a single learner; columns:

        ``a``, ``b`` : the learners.
        ``difference``, ``low``, ``high`` : the mean paired difference of errors, a - b, with its interval, which is not
        narrower than the number of test points allows, also where all seeds agree.
        ``effect`` : the difference in standard deviations of itself over seeds, Hedges' g of paired differences
        (Cohen's d_z with the correction for few seeds of Hedges 1981).
        ``won`` : the share of seeds in which the error of `a` is the lower one, ties counted half.
        ``p`` : of the two-sided paired t test.
        ``p_holm`` : the same, corrected by Holm for the number of rows.
        ``seeds`` : number of common seeds.
        ``left_out`` : the seeds of the frame that one of the two lacks at this size, a tuple.

    Raises
    ------
    ValueError
        If nothing of the size and metric is measured, `against` is not among the learners, or two have no common seed.

    Examples
    --------
    >>> errors = {"net": [0.10, 0.12, 0.11], "kNN": [0.20, 0.21, 0.22]}
    >>> rows = [(name, 100, seed, "error", value) for name in errors for seed, value in enumerate(errors[name])]
    >>> frame = pd.DataFrame(rows, columns=["learner", "n_samples", "seed", "metric", "value"])
    >>> paired_tests(frame, 100)[["a", "b", "difference", "p_holm", "seeds"]].round(3)
         a    b  difference  p_holm  seeds
    0  net  kNN        -0.1   0.003      3
    """
    frame = as_frame(frame)
    table, sampling = errors_at(frame, n_samples, metric), sampling_of(frame)
    table = table.reindex(sorted(frame["seed"].unique()))
    if against is None:
        pairs = list(itertools.combinations(table.columns, 2))
    else:
        if against not in table:
            raise NotMeasured(unknown("learner", against, list(map(str, table)), f"the frame at n = {n_samples:,}"))
        pairs = [(learner, against) for learner in table.columns if learner != against]
    tests = pd.DataFrame(
        [_paired_test(table[a], table[b], n_samples, metric, sampling) for a, b in pairs], columns=_TEST_COLUMNS
    )
    return tests.assign(p_holm=holm(tests["p"]))


def _paired_test(a: pd.Series, b: pd.Series, n_samples: int, metric: str, sampling: Sampling) -> dict[str, Hashable]:
    difference = _difference(a, b)
    of_a, of_b = (float(side[difference.index].mean()) for side in (a, b))
    least_error = float(contrast_noise(of_a, of_b, sampling.n_points(metric, len(difference))))
    found = Estimate.of_seeds(difference, sampling.factor(n_samples, len(difference)), least_error)
    interval = found.interval
    return {
        "a": a.name,
        "b": b.name,
        "difference": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "effect": _effect(difference),
        "won": float(np.mean(np.where(difference == 0, 0.5, difference < 0))),
        "p": min(1.0, 2 * min(found.p_above(0), found.p_below(0))),
        "seeds": len(difference),
        "left_out": seeds_left_out(a.index, difference.index),
    }


def _difference(a: pd.Series, b: pd.Series) -> pd.Series:
    difference = (a - b).dropna()
    if difference.empty:
        raise NotMeasured("the two have no seed in common")
    return difference


def _effect(difference: pd.Series) -> float:
    """Hedges' g of paired differences; infinite where all are the same, NaN for a single one."""
    freedom = len(difference) - 1
    if not freedom or not difference.any():
        return 0.0 if freedom else float("nan")
    with np.errstate(divide="ignore", invalid="ignore"):  # two equal differences: infinite, and corrected by 0
        d_z = np.divide(difference.mean(), difference.std(ddof=1))
        return float(d_z * (1 - 3 / (4 * freedom - 1)))
