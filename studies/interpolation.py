"""Learning curves between their sizes: monotone interpolation of log error against log n."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.optimize import isotonic_regression

from studies.curves import LearningCurve, paired_curves
from studies.inference import jackknife_error, t_quantile

Array = NDArray[np.float64]

_GRID = 500


def comparable_curves(frame: pd.DataFrame, a: str, b: str, metric: str) -> tuple[LearningCurve, LearningCurve]:
    """Return the curves of two learners on common seeds, at least two."""
    curves = paired_curves(frame, a, b, metric)
    if curves[0].n_seeds < 2:
        raise ValueError(f"{a!r} and {b!r} have one seed in common, and an interval needs 2")
    return curves


def log_grid(first: float, last: float) -> Array:
    """Return logarithms of sizes, evenly spaced, near enough for linear interpolation between them."""
    return np.linspace(np.log(first), np.log(last), _GRID)


def falling(log_means: Array) -> Array:
    """Return curves, one a row, each replaced by the falling one that is closest."""
    return np.array([isotonic_regression(row, increasing=False).x for row in log_means])


def interpolated(log_means: Array, sizes: Array, log_n: Array) -> Array:
    """Return curves, one a row, at `log_n` within their `sizes`; monotone wherever they are (Fritsch, Carlson 1980)."""
    log_sizes = np.log(sizes)
    within = np.clip(log_n, log_sizes[0], log_sizes[-1])  # the logarithm of an end may round beyond it
    return np.asarray(PchipInterpolator(log_sizes, log_means, axis=1)(within))


def difference_band(x: Array, y: Array) -> tuple[Array, Array]:
    """Return x - y of all seeds, and half the width of its t interval.

    Parameters
    ----------
    x, y : ndarray of shape (1 + n_seeds, ...)
        Of all seeds, then with each left out.
    """
    gap = x - y
    return gap[0], t_quantile(len(gap) - 1) * jackknife_error(gap[1:])


def crossing_size(log_n: Array, level: Array, i: int) -> float:
    """Return the n at which `level` crosses zero between places i and i + 1."""
    step = level[i] / (level[i] - level[i + 1])
    return float(np.exp(log_n[i] + step * (log_n[i + 1] - log_n[i])))
