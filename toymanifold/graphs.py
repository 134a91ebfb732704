"""Graphs whose nodes are the rows of X, given as a sparse matrix or as a list of edges."""

from typing import TYPE_CHECKING, Any

import numpy as np

from toymanifold.validation import check_scale, error_message

if TYPE_CHECKING:
    from scipy import sparse

_ROUNDING = 1e-9  # of the mean of both directions of an edge, by which a weight may differ from it


def check_graph(graph: Any, n_nodes: int, owner: str) -> "sparse.csr_array":
    """Return a graph as a symmetric adjacency matrix without self-loops, or raise if it is not an undirected graph.

    A node without edges is allowed. Self-loops are left out, and repeated edges add up.

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
    from scipy import sparse

    directed = _weights(graph, n_nodes, owner) if sparse.issparse(graph) else _counts(graph, n_nodes, owner)
    adjacency = ((directed + directed.T) / 2).tocoo()
    (a, b), mean = adjacency.coords, adjacency.data
    weights = directed[a, b]
    rounding = _rounding(graph.dtype) if sparse.issparse(graph) else 0.0
    if (one_way := np.abs(weights - mean) > rounding * mean).any():
        first = int(np.flatnonzero(one_way)[0])
        allowed = "undirected: each edge in both directions, of one weight"
        given = f"weights {weights[first]:g} from node {a[first]} to node {b[first]}"
        raise ValueError(error_message("graph", owner, allowed, f"{given}, {2 * mean[first] - weights[first]:g} back"))
    is_edge = (a != b) & (mean > 0)
    return sparse.csr_array((mean[is_edge], (a[is_edge], b[is_edge])), shape=(n_nodes, n_nodes))


def _weights(graph: Any, n_nodes: int, owner: str) -> "sparse.csr_array":
    """Return a sparse matrix of weights as a new array."""
    from scipy import sparse

    if graph.shape != (n_nodes, n_nodes):
        allowed = f"of shape ({n_nodes}, {n_nodes}), a node for each row of X"
        raise ValueError(error_message("graph", owner, allowed, f"shape {graph.shape}"))
    if graph.dtype.kind not in "biuf":
        raise TypeError(error_message("graph", owner, "of real weights", f"dtype {graph.dtype}"))
    adjacency = sparse.csr_array(graph.astype(np.float64))  # before small ints are added up
    adjacency.sum_duplicates()
    if (wrong := ~(np.isfinite(adjacency.data) & (adjacency.data >= 0))).any():
        allowed = "of weights that are finite and not negative"
        raise ValueError(error_message("graph", owner, allowed, f"{adjacency.data[wrong][0]:g}"))
    check_scale(adjacency.data, "graph", owner)
    return adjacency


def _rounding(dtype: np.dtype[Any]) -> float:
    """Return by how much of the mean of two directions each may differ from it: sums of a few weights are rounded."""
    return max(_ROUNDING, 8 * float(np.finfo(dtype).eps)) if dtype.kind == "f" else _ROUNDING


def _counts(graph: Any, n_nodes: int, owner: str) -> "sparse.csr_array":
    """Return the matrix of an edge_index: the number of times that an edge is in it."""
    from scipy import sparse

    forms = "None, a sparse adjacency matrix or an edge_index of shape (2, n_edges)"
    try:
        edges = np.asarray(graph)
    except (TypeError, ValueError, RuntimeError) as error:  # a ragged list; a tensor that is sparse or has a gradient
        raise TypeError(error_message("graph", owner, forms, f"a {type(graph).__name__}: {error}")) from error
    if edges.ndim != 2 or len(edges) != 2:
        given = f"an array of shape {edges.shape}" if edges.ndim else f"a {type(graph).__name__}"
        raise ValueError(error_message("graph", owner, forms, given))
    if edges.size and edges.dtype.kind not in "iu":
        raise TypeError(error_message("graph", owner, f"{forms} of ints", f"dtype {edges.dtype}"))
    if (wrong := (edges < 0) | (edges >= n_nodes)).any():
        allowed = f"of nodes from 0 to {n_nodes - 1}, the rows of X"
        raise ValueError(error_message("graph", owner, allowed, f"node {edges[wrong][0]}"))
    return sparse.csr_array((np.ones(edges.shape[1]), tuple(edges.astype(np.int64))), shape=(n_nodes, n_nodes))
