"""Errors by density and by distance to the boundary, over seeds.

They are measured as `error_density` and `error_distance`, one value for each bin of `studies.registry.bins`.
"""

import re

import pandas as pd

from studies.analysis.comparisons import paired_tests, summary
from studies.analysis.intervals import holm
from studies.analysis.learning_curves import HasFrame, NotMeasured, as_frame
from studies.registry.bins import BY
from studies.registry.errors import unknown
from toymanifold.validation import check_choice

_NAME = re.compile(rf"error_({'|'.join(BY)})_(\d+)")


def is_of_bin(metric: str) -> bool:
    """Return True if a metric is the error in one bin."""
    return _NAME.fullmatch(metric) is not None


def binned(frame: pd.DataFrame, by: str) -> pd.DataFrame:
    """Return the rows of a tidy frame that are errors by density or by distance, with the bin as a column ``bin``."""
    check_choice(by, "by", "binned", BY)
    found = frame["metric"].str.extract(_NAME).set_axis(["by", "bin"], axis=1)
    rows = frame[found["by"] == by]
    return rows.assign(bin=found.loc[rows.index, "bin"].astype(int))


def breakdown_summary(frame: pd.DataFrame | HasFrame, by: str, n_samples: int) -> pd.DataFrame:
    """Summarise the errors of one sample size, by bin, over seeds.

    Parameters
    ----------
    frame : DataFrame or Results
        A tidy frame as from `Results.frame`, of one problem.
    by : {"density", "distance"}
    n_samples : int

    Returns
    -------
    breakdown : DataFrame
        Columns ``learner``, ``bin`` (from 1, the sparsest or the nearest), ``mean``, ``low``, ``high``, ``seeds``: of
        each learner that has the size, in the frame's order. Empty if it is not measured.

    Examples
    --------
    >>> rows = [("net", 100, seed, f"error_density_{k}", 0.1 * k) for k in (1, 2) for seed in range(3)]
    >>> frame = pd.DataFrame(rows, columns=["learner", "n_samples", "seed", "metric", "value"])
    >>> breakdown_summary(frame, "density", 100)[["learner", "bin", "mean", "seeds"]].round(3)
      learner  bin  mean  seeds
    0     net    1   0.1      3
    1     net    2   0.2      3
    """
    frame = as_frame(frame)
    rows = binned(frame[frame["n_samples"] == n_samples], by)
    bins = dict(zip(rows["metric"], rows["bin"], strict=True))
    found = summary(rows)
    return found.assign(bin=found["metric"].map(bins))[["learner", "bin", "mean", "low", "high", "seeds"]]


def breakdown_difference(frame: pd.DataFrame | HasFrame, a: str, b: str, n_samples: int, by: str) -> pd.DataFrame:
    """Compare two learners bin by bin.

    Parameters
    ----------
    frame : DataFrame or Results
        A tidy frame as from `Results.frame`, of one problem.
    a, b : str
        Learners, such as one with a prior and one without.
    n_samples : int
    by : {"density", "distance"}

    Returns
    -------
    difference : DataFrame
        One row per bin, from 1, the sparsest or the nearest: columns ``bin``, ``difference`` (of errors, a - b, paired
        by seed: below zero where `a` is better), ``low``, ``high``, ``p`` and ``seeds`` as in `paired_tests`, and
        ``p_holm``, corrected for the number of bins.

    Raises
    ------
    ValueError
        If it is not measured of both.

    Examples
    --------
    >>> rows = [
    ...     (learner, 100, seed, "error_density_1", error + 0.01 * seed)
    ...     for learner, error in (("net", 0.3), ("net + polar", 0.1))
    ...     for seed in range(3)
    ... ]
    >>> frame = pd.DataFrame(rows, columns=["learner", "n_samples", "seed", "metric", "value"])
    >>> breakdown_difference(frame, "net + polar", "net", 100, "density")[["bin", "difference", "seeds"]].round(3)
       bin  difference  seeds
    0    1        -0.2      3
    """
    frame = as_frame(frame)
    known = [str(name) for name in frame["learner"].unique()]
    for learner in (a, b):
        if learner not in known:
            raise NotMeasured(unknown("learner", learner, known, "the frame"))
    both = frame[frame["learner"].isin((a, b))]
    rows = binned(both[both["n_samples"] == n_samples], by)
    if set(rows["learner"]) != {a, b}:
        raise NotMeasured(f"no errors by {by} of {a!r} and {b!r} at n = {n_samples:,} are in the frame")
    bins = rows[["bin", "metric"]].drop_duplicates().sort_values("bin")
    tests = [
        paired_tests(both, n_samples, metric, against=b).assign(bin=place)
        for place, metric in bins.itertuples(index=False)
    ]
    found = pd.concat(tests, ignore_index=True)[["bin", "difference", "low", "high", "p", "seeds"]]
    return found.assign(p_holm=holm(found["p"]))


def breakdown_size(frame: pd.DataFrame, by: str) -> int | None:
    """Return the largest sample size at which most learners have errors by bin; None if it is not measured."""
    learners = binned(frame, by).groupby("n_samples")["learner"].nunique()
    return None if learners.empty else int(str(learners[learners == learners.max()].index.max()))
