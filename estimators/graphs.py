"""Graphs whose nodes are the rows of X: given, or of nearest neighbours."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from estimators.neighbor_search import build_index, index_neighbors
from toymanifold.graphs import check_graph
from toymanifold.validation import check_integer


def as_adjacency(graph: Any, X: NDArray[np.floating], n_neighbors: int, owner: str) -> sparse.csr_array:
    """Return the adjacency matrix of a graph of the rows of `X`, for an estimator's parameter `graph`.

    Parameters
    ----------
    graph : sparse matrix, array-like or None
        As for `check_graph`; None is the graph of nearest neighbours.
    X : ndarray of shape (n_nodes, n_features)
        Finite points.
    n_neighbors : int
        At least 1, whether it is used or not.
    owner : str
        Name of the estimator, for error messages.

    Returns
    -------
    adjacency : csr_array of shape (n_nodes, n_nodes), float64
        Symmetric, without self-loops.
    """
    check_integer(n_neighbors, "n_neighbors", owner, low=1)
    return neighbor_graph(X, n_neighbors) if graph is None else check_graph(graph, len(X), owner)


def neighbor_graph(X: NDArray[np.floating], n_neighbors: int) -> sparse.csr_array:
    """Return the symmetric graph of nearest neighbours, all of whose weights are 1.

    Two points are neighbours if one of them is among the `n_neighbors` nearest of the other.

    Parameters
    ----------
    X : ndarray of shape (n_nodes, n_features)
        Finite points.
    n_neighbors : int
        At least 1; with fewer other points, all of them are neighbours.

    Returns
    -------
    adjacency : csr_array of shape (n_nodes, n_nodes), float64
    """
    n_nodes = len(X)
    k = min(n_neighbors, n_nodes - 1)
    nearest = index_neighbors(build_index(X), np.asarray(X, dtype=np.float64), k + 1)[1]
    is_other = nearest != np.arange(n_nodes)[:, None]
    is_other[is_other.all(axis=1), -1] = False  # a point with more than k copies may not be among its own nearest
    ends = np.repeat(np.arange(n_nodes), k), nearest[is_other]
    directed = sparse.csr_array((np.ones(len(ends[0])), ends), shape=(n_nodes, n_nodes))
    return directed.maximum(directed.T)
