"""Where errors are: by the density of the points and by their distance to the boundary, both exact here."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from toymanifold import Problem
from toymanifold.validation import check_integer, check_points, error_message

BY = ("density", "distance")
"""What points are put into bins by."""


@dataclass(frozen=True, eq=False)
class Bins:
    """Test points in bins of equal count, by density and by distance.

    Attributes
    ----------
    density, distance : ndarray of shape (n_points,), int
        The bin of each point, 0 the sparsest and 0 the nearest.
    density_edges, distance_edges : ndarray of shape (n_bins + 1,)
        In log density, and in distance to the boundary: bin k is from edge k to edge k + 1.
    """

    density: NDArray[np.intp]
    distance: NDArray[np.intp]
    density_edges: NDArray[np.float64]
    distance_edges: NDArray[np.float64]


def bins(problem: Problem, X: ArrayLike, n_bins: int = 5) -> Bins:
    """Put points into bins by quantiles of the sampling density and of the distance to the boundary.

    Parameters
    ----------
    problem : Problem
        Of a region.
    X : array-like of shape (n_points, dimension)
    n_bins : int, default=5

    Returns
    -------
    bins : Bins

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


def breakdown(errors: ArrayLike, bins: Bins) -> pd.DataFrame:
    """Return the mean error in each bin.

    Parameters
    ----------
    errors : array-like of shape (n_points,)
        Of each point: whether it is classified wrongly, or its squared error.
    bins : Bins

    Returns
    -------
    breakdown : DataFrame
        Columns ``by`` (density or distance), ``bin`` (from 1, the sparsest and the nearest), ``low`` and ``high`` (its
        edges), ``points``, ``error`` (NaN in a bin that is empty, as all but one are where the density is uniform).
    """
    values = np.asarray(errors, dtype=np.float64)
    if values.shape != bins.density.shape:
        raise ValueError(
            error_message("errors", "breakdown", f"of shape {bins.density.shape}", f"shape {values.shape}")
        )
    return pd.concat(
        [
            _by(values, "density", bins.density, bins.density_edges),
            _by(values, "distance", bins.distance, bins.distance_edges),
        ],
        ignore_index=True,
    )


def breakdown_values(correct: ArrayLike, bins: Bins) -> dict[str, float]:
    """Return the error in each bin that is not empty, as metrics: ``error_density_1``, ..., ``error_distance_1``, ...

    Parameters
    ----------
    correct : array-like of shape (n_points,), bool
        Whether each point is classified rightly.
    bins : Bins
    """
    table = breakdown(~np.asarray(correct, dtype=bool), bins)
    table = table[table["points"] > 0]
    names = "error_" + table["by"] + "_" + table["bin"].astype(str)
    return dict(zip(names, table["error"].astype(float), strict=True))


def _quantile_bins(values: NDArray[np.float64], n_bins: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    edges = np.quantile(values, np.linspace(0, 1, n_bins + 1))
    return np.searchsorted(edges[1:-1], values, side="right"), edges


def _by(values: NDArray[np.float64], by: str, labels: NDArray[np.intp], edges: NDArray[np.float64]) -> pd.DataFrame:
    n_bins = len(edges) - 1
    points = np.bincount(labels, minlength=n_bins)
    total = np.bincount(labels, weights=values, minlength=n_bins)
    return pd.DataFrame(
        {
            "by": by,
            "bin": np.arange(1, n_bins + 1),
            "low": edges[:-1],
            "high": edges[1:],
            "points": points,
            "error": np.divide(total, points, out=np.full(n_bins, np.nan), where=points > 0),
        }
    )
