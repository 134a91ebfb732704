"""Comparisons at one sample size: means over seeds, paired differences between learners, tests and sizes of effects."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from studies.curves import errors_at
from studies.inference import Interval, holm, mean_interval, p_above_zero, positive_mean_interval


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
