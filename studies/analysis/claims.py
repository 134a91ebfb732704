"""What the literature says of a built-in study, beside what was measured.

A claim is checked by a function of the study's tidy frame, registered under the study's name by `claims`, so that it
can be checked on results from a store and on kept ones alike.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from studies.analysis.intervals import Interval, holm, mean_interval, p_above_zero
from studies.registry.registry import Registry

_LEAST_P = 0.01  # that is told

VERDICTS = {True: "seen", False: "not seen", None: "undecided"}
"""What is said of a claim, by whether it holds."""


@dataclass(frozen=True)
class Claim:
    """A statement of the literature, and what was seen of it.

    Parameters
    ----------
    says : str
        The statement, in one sentence.
    source : str
        Paper and place in it.
    measured : str
        What was measured, with an interval.
    holds : bool or None
        Whether what was measured agrees with the statement; None where it cannot tell.
    """

    says: str
    source: str
    measured: str
    holds: bool | None

    @property
    def verdict(self) -> str:
        """In words."""
        return VERDICTS[self.holds]


Check = Callable[[pd.DataFrame], Iterable[Claim]]

CLAIMS: Registry[Check] = Registry("check of the claims about", "studies.library")
"""What checks the claims about each study, by the study's name."""


def claims(study: str) -> Callable[[Check], Check]:
    """Register the decorated function of a frame from `Results.frame` as what checks the claims about a study."""

    def register(check: Check) -> Check:
        CLAIMS.add(study, check)
        return check

    return register


def check_claims(study: str, frame: pd.DataFrame) -> list[Claim]:
    """Return the claims about a study as they stand in its results.

    Parameters
    ----------
    study : str
        Its name.
    frame : DataFrame
        From `Results.frame`.

    Returns
    -------
    claims : list of Claim
        Those of which enough is measured; none about a study that makes no claims.
    """
    return list(CLAIMS[study](frame)) if study in CLAIMS else []


def told_p(p: float) -> str:
    """Return a p-value as text: "p = 0.29", or "p < 0.01"."""
    return f"p = {p:.2f}" if p >= _LEAST_P else f"p < {_LEAST_P}"


def told(interval: Interval, digits: str = ".2f") -> str:
    """Return an interval as text: "0.52 [0.48, 0.56]"."""
    return f"{interval.mean:{digits}} [{interval.low:{digits}}, {interval.high:{digits}}]"


Array = NDArray[np.float64]


class NotMeasured(ValueError):  # noqa: N818 - an answer, not a mistake
    """Too little is measured for a claim or a picture: not two seeds of all that it needs."""


def rows_where(frame: pd.DataFrame, **where: Any) -> pd.DataFrame:
    """Return the rows of a frame with these values of its columns.

    Raises
    ------
    NotMeasured
        If there are none.
    """
    rows = frame
    for column, value in where.items():
        rows = rows[rows[column] == value] if column in rows else rows[:0]
    if rows.empty:
        raise NotMeasured(f"nothing is measured with {_in_words(where)}")
    return rows


def values_of(frame: pd.DataFrame, column: str) -> list[Any]:
    """Return what values a column of a frame has, sorted.

    Raises
    ------
    NotMeasured
        If it has none.
    """
    values = sorted(frame[column].dropna().unique()) if column in frame else []
    if not values:
        raise NotMeasured(f"nothing is measured along {column}")
    return values


def by_seed(
    frame: pd.DataFrame, metric: str, axis: str = "n_samples", *, needs: Iterable[Any] = (), **where: Any
) -> pd.DataFrame:
    """Return a metric as a table of a row for each complete seed and a column for each value of an axis.

    Parameters
    ----------
    frame : DataFrame
        From `Results.frame`.
    metric : str
    axis : str, default="n_samples"
    needs : iterable, default=()
        Values of the axis without which the table is of no use.
    **where
        Values of other columns: of one learner, or of one point of the other axes.

    Raises
    ------
    NotMeasured
        If fewer than two seeds are complete, or a value is missing.
    """
    rows = rows_where(frame, metric=metric, **where)
    if axis not in rows:
        raise NotMeasured(f"nothing is measured along {axis}")
    table = rows.pivot(index="seed", columns=axis, values="value").sort_index(axis=1).dropna()
    if len(table) < 2 or not set(needs) <= set(table.columns):
        raise NotMeasured(f"{metric} is not measured with two seeds or more along {axis}, with {_in_words(where)}")
    return table


def _in_words(where: dict[str, Any]) -> str:
    return ", ".join(f"{column} {value}" for column, value in where.items())


Value = TypeVar("Value")
Result = TypeVar("Result")


def measured(function: Callable[[Value], Result], values: Collection[Value]) -> dict[Value, Result]:
    """Return what a function makes of those values for which enough is measured.

    Raises
    ------
    NotMeasured
        If there are none.
    """
    found = {}
    for value in values:
        with suppress(NotMeasured):
            found[value] = function(value)
    if not found:
        raise NotMeasured(f"nothing is measured for any of {', '.join(map(str, values))}")
    return found


def tell(frame: pd.DataFrame, checks: Iterable[Callable[[pd.DataFrame], Claim]]) -> Iterator[Claim]:
    """Yield those claims about a frame for which enough is measured."""
    for check in checks:
        with suppress(NotMeasured):
            yield check(frame)


def axis_of(table: pd.DataFrame) -> Array:
    """Return the columns of a table from `by_seed` as numbers."""
    return table.columns.to_numpy(dtype=float)


def late(table: pd.DataFrame, least: float) -> pd.DataFrame:
    """Return the columns of a table from `by_seed` that are no smaller than `least`."""
    return table[table.columns[axis_of(table) >= least]]


def slopes(table: pd.DataFrame) -> pd.Series:
    """Return the slope of log value against log column, by least squares for each seed.

    Parameters
    ----------
    table : DataFrame
        From `by_seed`, positive; its columns are positive numbers.
    """
    x = np.log(axis_of(table))
    return pd.Series(np.polyfit(x, np.log(table.to_numpy(dtype=float)).T, 1)[0], index=table.index)


def p_values(values: ArrayLike, theory: ArrayLike, least_error: ArrayLike = 0.0) -> Array:
    """Return the p-values of means over seeds being those of theory, by two-sided t tests.

    Parameters
    ----------
    values : array-like of shape (n_seeds, n)
    theory : array-like of shape (n,)
    least_error : array-like, default=0.0
        What the standard error of a mean is at the least.
    """
    away = np.asarray(values, dtype=float) - np.asarray(theory, dtype=float)
    return 2 * np.minimum(p_above_zero(away, least_error), p_above_zero(-away, least_error))


def least_p(p: Iterable[ArrayLike]) -> float:
    """Return the least of some arrays of p-values, corrected by Holm for all of them."""
    return float(holm(np.concatenate([np.ravel(part) for part in p])).min())


def log_ratio(above: pd.Series, below: pd.Series) -> Interval:
    """Return the mean of log(above / below) over the seeds that both have, with its interval."""
    ratio = (above / below).dropna()
    return mean_interval(pd.Series(np.log(ratio)))


def is_significant(interval: Interval) -> bool | None:
    """Tell whether a quantity is above 0: None where its interval does not say."""
    if interval.low > 0:
        return True
    return False if interval.high < 0 else None


def all_of(verdicts: Iterable[bool | None]) -> bool | None:
    """Tell whether all of some verdicts are so: not if one is not, and None where that is open."""
    found = list(verdicts)
    return False if False in found else None if None in found else True
