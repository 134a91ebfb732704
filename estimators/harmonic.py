"""Harmonic functions on a graph of labelled and unlabelled points."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from estimators.base import FLOATS
from estimators.graphs import as_adjacency
from estimators.neighbor_search import build_index, index_neighbors
from estimators.unlabelled import encode_labels
from toymanifold.protocols import UNLABELLED
from toymanifold.validation import check_scale, error_message

Array = NDArray[Any]

_LOST = 1e-6  # of the values of all classes of a point, which are 1 together


class HarmonicClassifier(ClassifierMixin, BaseEstimator):
    """Classifier of labelled and unlabelled points by harmonic functions on their graph.

    A class has the value 1 at its labelled points and 0 at those of other classes; at each unlabelled point its value
    is the mean over the neighbours in the graph, by the weights of the edges. That is the solution of Zhu, Ghahramani
    and Lafferty (Semi-supervised learning using Gaussian fields and harmonic functions, ICML 2003), found exactly by a
    sparse factorisation. `sklearn.semi_supervised.LabelPropagation` iterates on a directed graph of neighbours instead.

    In a component of the graph without any label, the values are the shares of the classes among the labels.
    In the plane time is nearly linear in the number of unlabelled points; in many dimensions the factors fill up, at
    worst in cubic time and quadratic memory.

    Parameters
    ----------
    graph : sparse matrix, array-like or None, default=None
        None is the symmetric graph of nearest neighbours: two points are neighbours if one of them is among the nearest
        of the other, all with weight 1. Otherwise a graph whose nodes are the rows of X: a symmetric sparse adjacency
        matrix (n_samples, n_samples) of weights, or an edge_index (2, n_edges) as in PyTorch Geometric, with each edge
        in both directions. Self-loops are left out, and repeated edges add up.
    n_neighbors : int, default=10
        Number of nearest neighbours, in the graph and for new points; with fewer points, all of them.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        In a tie the first class is predicted.
    label_distributions_ : ndarray of shape (n_samples, n_classes)
        Values of the classes at the training points.
    transduction_ : ndarray of shape (n_samples,)
        Labels of the training points: those given, and for the others the class of the largest value.
    graph_ : csr_array of shape (n_samples, n_samples)
        Weights of the edges.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if `X` has string column names.

    Examples
    --------
    >>> harmonic = HarmonicClassifier(n_neighbors=2).fit([[0], [1], [2], [3], [4]], [0, -1, -1, -1, 1])
    >>> harmonic.label_distributions_[1], harmonic.predict([[0.4]])
    (array([0.75, 0.25]), array([0]))
    """

    uses_unlabelled = True

    def __init__(self, graph: Any = None, n_neighbors: int = 10) -> None:
        self.graph = graph
        self.n_neighbors = n_neighbors

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Find the values of the classes at the training points.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Labelled and unlabelled points.
        y : array-like of shape (n_samples,)
            Labels of any type; -1, or "-1" among strings, marks an unlabelled point.

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data are not allowed, or no point has a label.
        """
        points, labels = validate_data(self, X, y, dtype=FLOATS)
        owner = type(self).__name__
        check_scale(points, "X", owner, dtype=np.float64)
        self.classes_, codes = encode_labels(labels, owner)
        is_labelled = codes != UNLABELLED
        self.graph_ = as_adjacency(self.graph, points, self.n_neighbors, owner)
        self.label_distributions_ = _extended(self.graph_, is_labelled, np.eye(len(self.classes_))[codes[is_labelled]])
        self.transduction_ = self.classes_[self.label_distributions_.argmax(axis=1)]
        if not np.allclose(self.label_distributions_.sum(axis=1), 1, rtol=0, atol=_LOST):
            allowed = "of weights in which no tie to a label is lost to rounding beside the others"
            given = f"weights from {self.graph_.data.min():g} to {self.graph_.data.max():g}"
            raise ValueError(error_message("graph", owner, allowed, given))
        self._index, self._n_nearest = build_index(points), min(self.n_neighbors, len(points))
        return self

    def predict_proba(self, X: ArrayLike) -> Array:
        """Return the values of the classes as (n_samples, n_classes).

        Each is the mean over the nearest training points, labelled and unlabelled, whatever the graph is: a new point
        has no edges (Delalleau, Bengio and Le Roux, Efficient non-parametric function induction in semi-supervised
        learning, AISTATS 2005). A point of the training data has its own value, of several copies that of the first.
        """
        check_is_fitted(self, "classes_")
        points = validate_data(self, X, dtype=np.float64, reset=False)
        check_scale(points, "X", type(self).__name__, allow_tiny=True)
        k = self._n_nearest
        squares, nearest = index_neighbors(self._index, points, k)
        weights = np.full(squares.shape, 1 / k)
        weights[squares[:, 0] == 0] = np.eye(1, k)
        values: Array = np.einsum("ij,ij...->i...", weights, self.label_distributions_[nearest])
        return values

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the class of the largest value for each row of `X` (n_samples, n_features)."""
        best = self.predict_proba(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[best]
        return labels


def _extended(graph: sparse.csr_array, is_known: NDArray[np.bool_], known: Array) -> Array:
    """Return the harmonic extension of functions from some nodes to all; it is unique where a known node is connected.

    Parameters
    ----------
    graph : csr_array of shape (n_nodes, n_nodes)
        Symmetric, without self-loops.
    is_known : ndarray of bool, of shape (n_nodes,)
    known : ndarray of shape (n_known, n_functions)
        Values at the known nodes; elsewhere, nodes that are not connected with one have their mean.
    """
    component = connected_components(graph, directed=False)[1]
    is_solved = ~is_known & np.isin(component, component[is_known])
    values = np.broadcast_to(known.mean(axis=0), (len(is_known), known.shape[1])).copy()
    values[is_known] = known
    if is_solved.any():
        laplacian = (sparse.diags_array(graph.sum(axis=1)) - graph).tocsr()
        inner = laplacian[is_solved][:, is_solved].tocsc()
        values[is_solved] = _solve(inner, graph[is_solved][:, is_known] @ known)
    return values


def _solve(laplacian: sparse.csc_array, values: Array) -> Array:
    """Return the solution for a symmetric, diagonally dominant matrix; NaN if it is singular by rounding."""
    try:
        solver = splu(laplacian, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    except RuntimeError:  # SuperLU finds it exactly singular
        return np.full(values.shape, np.nan)
    solution: Array = solver.solve(values)
    return solution
