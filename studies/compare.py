"""Means over seeds, and paired differences between learners, with intervals.

Training samples of different seeds are independent, not resamples of one, so Student's t on seeds is right as it
stands: no correction for overlap (Nadeau and Bengio 2003) applies. The test points are the same for all cells; at
50,000 of them their own error is small beside that of the seeds.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate and its confidence interval; NaN bounds where one value gives none."""

    mean: float
    low: float
    high: float


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


def errors(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the accuracies, turned into errors: 1 - accuracy."""
    rows = frame[frame["metric"].str.startswith("accuracy")]
    return rows.assign(value=1 - rows["value"], metric=rows["metric"].str.replace("accuracy", "error"))


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
        interval = positive_mean_interval(values)
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
    difference = (a - b).dropna()
    if difference.empty:
        raise ValueError("the two have no seed in common")
    return mean_interval(difference)


def _half_width(values: pd.Series) -> float:
    """Half of Student's t interval; NaN for a single value."""
    if len(values) < 2:
        return float("nan")
    quantile = stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)
    return float(quantile * values.std(ddof=1) / np.sqrt(len(values)))
