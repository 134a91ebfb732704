"""Graphs whose nodes are the rows of X: of nearest neighbours, or given as a sparse matrix or a list of edges."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from estimators.neighbor_search import build_index, index_neighbors
from toymanifold.validation import check_integer, check_scale, error_message

_ROUNDING = 1e-9  # of a weight, by which the two directions of an edge may differ


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


def check_graph(graph: Any, n_nodes: int, owner: str) -> sparse.csr_array:
    """Return a graph as a symmetric adjacency matrix without self-loops, or raise if it is not an undirected graph.

    A node without edges is allowed. Self-loops are left out, and repeated edges add up, as in PyTorch Geometric.

    Parameters
    ----------
    graph : sparse matrix or array-like
        A sparse adjacency matrix (n_nodes, n_nodes) of weights, which are finite and not negative; or an edge_index
        (2, n_edges) of node numbers as in PyTorch Geometric, each edge in both directions and of weight 1.
    n_nodes : int
        Number of rows of X.
    owner : str
        Name of the estimator, for error messages.

    Returns
    -------
    adjacency : csr_array of shape (n_nodes, n_nodes), float64

    Raises
    ------
    TypeError, ValueError
        If it is of another type or size, has an edge in one direction only, or an invalid weight or node.
    """
    directed = _weights(graph, n_nodes, owner) if sparse.issparse(graph) else _counts(graph, n_nodes, owner)
    adjacency = ((directed + directed.T) / 2).tocoo()
    (a, b), mean = adjacency.coords, adjacency.data
    weights = directed[a, b]
    if (one_way := np.abs(weights - mean) > _ROUNDING * mean).any():
        first = int(np.flatnonzero(one_way)[0])
        allowed = "undirected: each edge in both directions, of one weight"
        given = f"weights {weights[first]:g} from node {a[first]} to node {b[first]}"
        raise ValueError(error_message("graph", owner, allowed, f"{given}, {2 * mean[first] - weights[first]:g} back"))
    is_edge = (a != b) & (mean > 0)
    return sparse.csr_array((mean[is_edge], (a[is_edge], b[is_edge])), shape=(n_nodes, n_nodes))


def _weights(graph: Any, n_nodes: int, owner: str) -> sparse.csr_array:
    """Return a sparse matrix of weights as a new array."""
    if graph.shape != (n_nodes, n_nodes):
        allowed = f"of shape ({n_nodes}, {n_nodes}), a node for each row of X"
        raise ValueError(error_message("graph", owner, allowed, f"shape {graph.shape}"))
    if graph.dtype.kind not in "biuf":
        raise TypeError(error_message("graph", owner, "of real weights", f"dtype {graph.dtype}"))
    adjacency = sparse.csr_array(graph, dtype=np.float64, copy=True)
    adjacency.sum_duplicates()
    if (wrong := ~(np.isfinite(adjacency.data) & (adjacency.data >= 0))).any():
        allowed = "of weights that are finite and not negative"
        raise ValueError(error_message("graph", owner, allowed, f"{adjacency.data[wrong][0]:g}"))
    check_scale(adjacency.data, "graph", owner)
    return adjacency


def _counts(graph: Any, n_nodes: int, owner: str) -> sparse.csr_array:
    """Return the matrix of an edge_index: the number of times that an edge is in it."""
    forms = "None, a sparse adjacency matrix or an edge_index of shape (2, n_edges)"
    edges = np.asarray(graph)
    if edges.ndim != 2 or len(edges) != 2:
        given = f"an array of shape {edges.shape}" if edges.ndim else f"a {type(graph).__name__}"
        raise ValueError(error_message("graph", owner, forms, given))
    if edges.dtype.kind not in "iu":
        raise TypeError(error_message("graph", owner, f"{forms} of ints", f"dtype {edges.dtype}"))
    if (wrong := (edges < 0) | (edges >= n_nodes)).any():
        allowed = f"of nodes from 0 to {n_nodes - 1}, the rows of X"
        raise ValueError(error_message("graph", owner, allowed, f"node {edges[wrong][0]}"))
    return sparse.csr_array((np.ones(edges.shape[1]), (edges[0], edges[1])), shape=(n_nodes, n_nodes))
