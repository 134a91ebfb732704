"""What claims and pictures of built-in studies have in common: values and slopes by seed, and a curve of them."""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator
from numpy.typing import ArrayLike, NDArray

from studies.claims import Claim
from studies.figures.ink import set_scale, tidy
from studies.inference import Interval, holm, mean_interval, p_above_zero

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


def beyond_doubt(interval: Interval) -> bool | None:
    """Tell whether a quantity is above 0: None where its interval does not say."""
    if interval.low > 0:
        return True
    return False if interval.high < 0 else None


def all_of(verdicts: Iterable[bool | None]) -> bool | None:
    """Tell whether all of some verdicts are so: not if one is not, and None where that is open."""
    found = list(verdicts)
    return False if False in found else None if None in found else True


def draw(ax: Axes, table: pd.DataFrame, **look: Any) -> None:
    """Draw the median over seeds against the columns of a table from `by_seed`, the band being the middle half."""
    x = axis_of(table)
    (line,) = ax.plot(x, table.median(), **{"marker": "o", "markersize": 4, **look})
    ax.fill_between(x, table.quantile(0.25), table.quantile(0.75), color=line.get_color(), alpha=0.18, lw=0)


def finish(ax: Axes, **legend: Any) -> Axes:
    """Give axes their legend and grid, and readable ticks where they are logarithmic and have none of their own."""
    ax.legend(**{"frameon": False, "fontsize": 8, **legend})
    for axis, scale in ((ax.xaxis, ax.get_xscale()), (ax.yaxis, ax.get_yscale())):
        if scale == "log" and not isinstance(axis.get_major_locator(), FixedLocator):
            set_scale(axis, log=True)
    tidy(ax)
    return ax
