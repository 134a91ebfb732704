"""Comparisons at one sample size: means over seeds, paired differences between learners, tests and sizes of effects."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
from scipy import stats

from studies.analysis.intervals import CONFIDENCE, Interval, holm, mean_interval, p_above_zero, positive_mean_interval
from studies.analysis.learning_curves import errors_at
from toymanifold.validation import error_message


def loss_interval(values: pd.Series, metric: str) -> Interval:
    """Return the mean of a loss over seeds with its interval, which ends at 1 where the loss is a share of errors."""
    interval = positive_mean_interval(values)
    return replace(interval, high=min(interval.high, 1.0)) if metric.startswith("error") else interval


def interval_of(rows: pd.DataFrame, metric: str) -> Callable[[pd.Series], Interval]:
    """Return what makes the intervals of a metric: `loss_interval` where no value in its rows is negative, else t."""
    return partial(loss_interval, metric=metric) if (rows["value"] >= 0).all() else mean_interval


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """Summarise a tidy frame of errors or seconds over its seeds.

    Returns
    -------
    summary : DataFrame
        Columns ``learner``, ``n_samples``, ``metric``, ``mean``, ``low``, ``high``, ``seeds``; in the frame's order.
    """
    by = ["learner", "n_samples", "metric"]
    rows = []
    for key, values in frame.groupby(by, sort=False)["value"]:
        interval = loss_interval(values, str(key[-1]))
        rows.append((*key, interval.mean, interval.low, interval.high, len(values)))
    return pd.DataFrame(rows, columns=[*by, "mean", "low", "high", "seeds"])


def paired_difference(a: pd.Series, b: pd.Series) -> Interval:
    """Return the mean of a - b over the seeds that both have, with its interval.

    Parameters
    ----------
    a, b : Series
        Indexed by seed.

    Raises
    ------
    ValueError
        If they have no seed in common.
    """
    return mean_interval(_difference(a, b))


def paired_tests(
    frame: pd.DataFrame, n_samples: int, metric: str = "error", against: str | None = None
) -> pd.DataFrame:
    """Compare learners at one sample size, as one family of tests.

    Parameters
    ----------
    frame : DataFrame
        From `Results.frame`, of one problem.
    n_samples : int
    metric : str, default="error"
    against : str or None, default=None
        A learner with which each other one is compared; None compares all pairs.

    Returns
    -------
    tests : DataFrame
        One row a pair, columns:

        ``a``, ``b`` : the learners.
        ``difference``, ``low``, ``high`` : the mean paired difference of errors, a - b, with its interval.
        ``effect`` : the difference in standard deviations of itself over seeds, Hedges' g of paired differences
        (Cohen's d_z with the correction for few seeds of Hedges 1981).
        ``won`` : the share of seeds in which the error of `a` is the lower one, ties counted half.
        ``p`` : of the two-sided paired t test.
        ``p_holm`` : the same, corrected by Holm for the number of rows.
        ``seeds`` : how many both have.
    """
    table = errors_at(frame, n_samples, metric)
    if against is None:
        pairs = list(itertools.combinations(table.columns, 2))
    else:
        pairs = [(learner, against) for learner in table.columns if learner != against]
    tests = pd.DataFrame([_paired_test(table, a, b) for a, b in pairs])
    return tests.assign(p_holm=holm(tests["p"]))


def _paired_test(table: pd.DataFrame, a: str, b: str) -> dict[str, str | float]:
    difference = _difference(table[a], table[b])
    interval = mean_interval(difference)
    return {
        "a": a,
        "b": b,
        "difference": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "effect": _effect(difference),
        "won": float(np.mean(np.where(difference == 0, 0.5, difference < 0))),
        "p": min(1.0, 2 * float(min(p_above_zero(difference), p_above_zero(-difference)))),
        "seeds": len(difference),
    }


def _difference(a: pd.Series, b: pd.Series) -> pd.Series:
    difference = (a - b).dropna()
    if difference.empty:
        raise ValueError("the two have no seed in common")
    return difference


def _effect(difference: pd.Series) -> float:
    """Hedges' g of paired differences; infinite where all are the same, NaN for a single one."""
    freedom = len(difference) - 1
    if not freedom or not difference.any():
        return 0.0 if freedom else float("nan")
    with np.errstate(divide="ignore", invalid="ignore"):  # two equal differences: infinite, and corrected by 0
        d_z = np.divide(difference.mean(), difference.std(ddof=1))
        return float(d_z * (1 - 3 / (4 * freedom - 1)))


@dataclass(frozen=True, eq=False)
class Ranking:
    """Mean ranks of learners over problems.

    Attributes
    ----------
    ranks : Series
        Mean rank by learner, the best (lowest) first.
    p : float
        Of Friedman's test that all learners are alike. Where it is above 0.05 no difference is to be read.
    critical_difference : float
        Two mean ranks that are further apart are of different learners (Nemenyi's test, all pairs at once).
    groups : tuple of tuple of str
        The largest groups of learners within one critical difference, which a diagram joins by a bar.
    """

    ranks: pd.Series
    p: float
    critical_difference: float
    groups: tuple[tuple[str, ...], ...]


def rank_learners(errors: pd.DataFrame) -> Ranking:
    """Rank learners on each of several problems, and compare their mean ranks.

    Parameters
    ----------
    errors : DataFrame
        One row a problem, one column a learner: at least 2 rows and 3 columns, and none missing. Ties share a rank.

    Returns
    -------
    ranking : Ranking

    Raises
    ------
    ValueError
        If there are fewer rows or columns, or values are missing.
    """
    n_problems, n_learners = errors.shape
    if n_problems < 2 or n_learners < 3 or errors.isna().any(axis=None):
        allowed = "of 2 or more problems (rows) and 3 or more learners (columns), with none missing"
        raise ValueError(error_message("errors", "rank_learners", allowed, f"shape {errors.shape}"))
    ranks = errors.rank(axis=1).mean().sort_values(kind="stable")
    p = 1.0 if (errors.nunique(axis=1) == 1).all() else stats.friedmanchisquare(*errors.to_numpy().T).pvalue
    quantile = stats.studentized_range.ppf(CONFIDENCE, n_learners, np.inf) / np.sqrt(2)
    critical = float(quantile * np.sqrt(n_learners * (n_learners + 1) / (6 * n_problems)))
    return Ranking(ranks, float(p), critical, _groups(ranks, critical))


def _groups(ranks: pd.Series, critical: float) -> tuple[tuple[str, ...], ...]:
    values = ranks.to_numpy()
    ends = np.searchsorted(values, values + critical, side="right")
    spans = [(start, end) for start, end in enumerate(ends) if end - start > 1]
    largest = [span for i, span in enumerate(spans) if i == 0 or span[1] > spans[i - 1][1]]
    return tuple(tuple(ranks.index[start:end]) for start, end in largest)
