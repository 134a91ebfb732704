"""Bins of test points by density and by distance to the boundary, both known in closed form."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from toymanifold import Problem
from toymanifold.validation import check_integer, check_points

BY = ("density", "distance")
"""Quantities by which points are binned."""


@dataclass(frozen=True, eq=False)
class Bins:
    """Test points in bins of equal count, by density and by distance.

    Attributes
    ----------
    density, distance : ndarray of shape (n_points,), int
        Bin of each point, from 0, the sparsest or the nearest.
    density_edges, distance_edges : ndarray of shape (n_bins + 1,)
        Edges in log density and in distance to the boundary; bin k lies between edges k and k + 1.
    """

    density: NDArray[np.intp]
    distance: NDArray[np.intp]
    density_edges: NDArray[np.float64]
    distance_edges: NDArray[np.float64]


def bins(problem: Problem, X: ArrayLike, n_bins: int = 5) -> Bins:
    """Bin points by quantiles of the sampling density and of the distance to the boundary.

    Parameters
    ----------
    problem : Problem
        Its target is a region.
    X : array-like of shape (n_points, dimension)
    n_bins : int, default=5

    Returns
    -------
    bins : Bins
        Where values tie, as under a uniform density, some bins are empty.

    Raises
    ------
    TypeError
        If the problem's target has no boundary.
    ValueError
        If there are fewer points than bins.
    """
    points = check_points(X, problem.dimension, "bins")
    n_bins = check_integer(n_bins, "n_bins", "bins", low=1, high=len(points))
    density, density_edges = _quantile_bins(problem.log_density(points), n_bins)
    distance, distance_edges = _quantile_bins(np.abs(problem.signed_distance(points)), n_bins)
    return Bins(density, distance, density_edges, distance_edges)


def mean_by_bin(errors: ArrayLike, labels: NDArray[np.intp]) -> dict[str, float]:
    """Return the mean error in each bin that is not empty, by the number of the bin from 1.

    Parameters
    ----------
    errors : array-like of shape (n_points,)
        Whether each point is misclassified, or its squared error.
    labels : ndarray of shape (n_points,), int
        The bin of each point, from 0: `Bins.density` or `Bins.distance`.

    Examples
    --------
    >>> mean_by_bin([True, False, True], np.array([0, 0, 2]))
    {'1': 0.5, '3': 1.0}
    """
    counts = np.bincount(labels)
    totals = np.bincount(labels, weights=np.asarray(errors, dtype=np.float64))
    return {str(k + 1): float(totals[k] / counts[k]) for k in np.flatnonzero(counts)}


def _quantile_bins(values: NDArray[np.float64], n_bins: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    edges = np.quantile(values, np.linspace(0, 1, n_bins + 1))
    return np.searchsorted(edges[1:-1], values, side="right"), edges
