"""Where a learner errs, and where a prior helps: errors by density and by distance to the boundary, over seeds.

They are measured as `error_density` and `error_distance`, one value for each of `studies.strata`'s bins.
"""

import re

import pandas as pd

from studies.analysis.comparisons import paired_tests, summary
from studies.analysis.intervals import holm
from studies.registry.bins import BY
from toymanifold.validation import check_choice

_NAME = re.compile(rf"error_({'|'.join(BY)})_(\d+)")


def is_of_bin(metric: str) -> bool:
    """Whether a metric is the error in one bin."""
    return _NAME.fullmatch(metric) is not None


def binned(frame: pd.DataFrame, by: str) -> pd.DataFrame:
    """Return the rows of a tidy frame that are errors by density or by distance, with the bin as a column ``bin``."""
    check_choice(by, "by", "binned", BY)
    found = frame["metric"].str.extract(_NAME).set_axis(["by", "bin"], axis=1)
    rows = frame[found["by"] == by]
    return rows.assign(bin=found.loc[rows.index, "bin"].astype(int))


def breakdown_summary(frame: pd.DataFrame, by: str, n_samples: int) -> pd.DataFrame:
    """Summarise the errors of one sample size, by bin, over seeds.

    Parameters
    ----------
    frame : DataFrame
        From `Results.frame`, of one problem.
    by : {"density", "distance"}
    n_samples : int

    Returns
    -------
    breakdown : DataFrame
        Columns ``learner``, ``bin`` (from 1, the sparsest or the nearest), ``mean``, ``low``, ``high``, ``seeds``: of
        each learner that has the size, in the frame's order. Empty where it is not measured.
    """
    rows = binned(frame[frame["n_samples"] == n_samples], by)
    bins = dict(zip(rows["metric"], rows["bin"], strict=True))
    found = summary(rows)
    return found.assign(bin=found["metric"].map(bins))[["learner", "bin", "mean", "low", "high", "seeds"]]


def breakdown_difference(frame: pd.DataFrame, a: str, b: str, n_samples: int, by: str) -> pd.DataFrame:
    """Compare two learners bin by bin: where a prior helps, and where it harms.

    Parameters
    ----------
    frame : DataFrame
        From `Results.frame`, of one problem.
    a, b : str
        Learners, such as one with a prior and one without.
    n_samples : int
    by : {"density", "distance"}

    Returns
    -------
    difference : DataFrame
        One row a bin, from 1, the sparsest or the nearest: columns ``bin``, ``difference`` (of errors, a - b, paired by
        seed: below zero where `a` is better), ``low``, ``high``, ``p`` and ``seeds`` as in `paired_tests`, and
        ``p_holm``, corrected for the number of bins.

    Raises
    ------
    ValueError
        If it is not measured of both.
    """
    both = frame[frame["learner"].isin((a, b))]
    rows = binned(both[both["n_samples"] == n_samples], by)
    if set(rows["learner"]) != {a, b}:
        raise ValueError(f"no errors by {by} of {a!r} and {b!r} at n = {n_samples:,} are in the frame")
    bins = rows[["bin", "metric"]].drop_duplicates().sort_values("bin")
    tests = [
        paired_tests(both, n_samples, metric, against=b).assign(bin=place)
        for place, metric in bins.itertuples(index=False)
    ]
    found = pd.concat(tests, ignore_index=True)[["bin", "difference", "low", "high", "p", "seeds"]]
    return found.assign(p_holm=holm(found["p"]))


def breakdown_size(frame: pd.DataFrame, by: str) -> int | None:
    """Return the largest sample size at which most learners have errors by bin; None where it is not measured."""
    learners = binned(frame, by).groupby("n_samples")["learner"].nunique()
    return None if learners.empty else int(str(learners[learners == learners.max()].index.max()))
