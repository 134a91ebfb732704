"""Two rules for the bandwidth of a kernel: the median distance between points, and the marginal likelihood."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.spatial.distance import pdist

from estimators.kernels.functions import Kernel
from estimators.kernels.solvers import log_marginal_likelihood

Array = NDArray[Any]

Shape = Callable[[float, Array | None], Kernel]
"""A kernel as a function of its bandwidth and metric."""

RULES = ("median", "marginal-likelihood")

_RANGE = 100.0  # of a search: the largest factor on the median distance
_COARSE = 17  # bandwidths tried first, 1.8 apart: a spiral has three maxima under the Gaussian kernel
_PRECISION = 1e-3  # relative, of a search


def choose_bandwidth(
    rule: str, shape: Shape, metric: Array | None, X: Array, Y: Array, ridge: float, weight: Array | None
) -> float:
    """Return the bandwidth by one of the `RULES`.

    Parameters
    ----------
    rule : str
    shape : callable
        The kernel of a bandwidth and a metric.
    metric : ndarray of shape (d, d) or (d,), or None
        Of the kernel.
    X : ndarray of shape (n, d)
    Y : ndarray of shape (n, n_targets)
    ridge : float
    weight : ndarray of shape (n,) or None
        Positive.
    """
    median = median_distance(shape(1.0, metric).to_units(X), weight)
    Y = Y[:, (Y != 0).any(axis=0)]
    if rule == "median" or not Y.size:
        return median

    def loss(exponent: float) -> float:
        return -log_marginal_likelihood(shape(median * _RANGE**exponent, metric), X, Y, ridge, weight)

    grid = np.linspace(-1, 1, _COARSE)
    best = int(np.argmin([loss(exponent) for exponent in grid]))
    bounds = grid[max(best - 1, 0)], grid[min(best + 1, _COARSE - 1)]
    options = {"xatol": _PRECISION / np.log(_RANGE)}
    return float(median * _RANGE ** minimize_scalar(loss, bounds=bounds, method="bounded", options=options).x)


def median_distance(X: Array, weight: Array | None = None) -> float:
    """Return the median distance between unequal rows of `X`, the median rule for a bandwidth; 1 if all are equal.

    With weights a pair counts as the product of its two, so that a weight of 2 is the same as two copies.
    """
    unit = 2.0 ** math.frexp(np.abs(X).max())[1]  # so that the squares of small distances are not 0
    distances = pdist(X.astype(np.float64) / unit)
    first, second = np.triu_indices(len(X), 1)
    pairs = np.ones(len(distances)) if weight is None else weight[first] * weight[second]
    apart = distances > 1e-9 * distances.max(initial=0)
    if not apart.any():
        return 1.0
    distances, pairs = distances[apart], pairs[apart]
    order = distances.argsort()
    below = pairs[order].cumsum()
    return float(unit * distances[order][below.searchsorted(below[-1] / 2)])
