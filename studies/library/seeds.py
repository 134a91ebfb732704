"""What claims about built-in studies have in common: values and slopes by seed, and a curve of them."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from studies.inference import Interval, mean_interval


def by_seed(frame: pd.DataFrame, metric: str, axis: str = "n_samples", **where: Any) -> pd.DataFrame:
    """Return a metric as a table of a row for each seed and a column for each value of an axis.

    Parameters
    ----------
    frame : DataFrame
        From `Results.frame`.
    metric : str
    axis : str, default="n_samples"
    **where
        Values of other columns: of one learner, or of one point of the other axes.
    """
    rows = frame[frame["metric"] == metric]
    for column, value in where.items():
        rows = rows[rows[column] == value]
    return rows.pivot(index="seed", columns=axis, values="value").sort_index(axis=1).dropna()


def slope(table: pd.DataFrame) -> Interval:
    """Return the slope of log value against log column, by least squares for each seed, with its interval over seeds.

    Parameters
    ----------
    table : DataFrame
        From `by_seed`, positive; its columns are positive numbers.
    """
    x = np.log(table.columns.to_numpy(dtype=float))
    slopes = np.polyfit(x, np.log(table.to_numpy(dtype=float)).T, 1)[0]
    return mean_interval(pd.Series(slopes))


def log_ratio(above: pd.Series, below: pd.Series) -> Interval:
    """Return the mean of log(above / below) over the seeds that both have, with its interval."""
    ratio = (above / below).dropna()
    return mean_interval(pd.Series(np.log(ratio)))


def beyond_doubt(interval: Interval) -> bool | None:
    """Tell whether a quantity is above 0: None where its interval does not say."""
    if interval.low > 0:
        return True
    return False if interval.high < 0 else None


def draw(ax: Axes, table: pd.DataFrame, **look: Any) -> None:
    """Draw the median over seeds against the columns of a table from `by_seed`, the band being the middle half."""
    x = table.columns.to_numpy(dtype=float)
    (line,) = ax.plot(x, table.median(), **{"marker": "o", "markersize": 4, **look})
    ax.fill_between(x, table.quantile(0.25), table.quantile(0.75), color=line.get_color(), alpha=0.18, lw=0)
