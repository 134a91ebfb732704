"""k nearest neighbours, exact among a million points."""

from typing import Any, Self

import joblib
import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from estimators.base import FLOATS
from estimators.neighbor_search import Index, build_index, index_neighbors
from estimators.worths import worth_to, worth_to_neighbour
from toymanifold.validation import check_choice, check_integer, check_scale, error_message


class _NearestNeighbors(BaseEstimator):
    """Base of the classifier and the regressor: the points and the query."""

    _index: Index

    def __init__(
        self, n_neighbors: int = 5, *, weights: str = "uniform", algorithm: str = "auto", n_jobs: int | None = None
    ) -> None:
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.algorithm = algorithm
        self.n_jobs = n_jobs

    def kneighbors(self, X: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Return the distances and the indices of the nearest training points.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features)

        Returns
        -------
        distances, indices : ndarray of shape (n_queries, n_neighbors)
            The nearest first; of points at equal distance, the lowest index first.
        """
        check_is_fitted(self, "n_samples_fit_")
        self._check_parameters(self.n_samples_fit_)
        queries = validate_data(self, X, dtype=np.float64, reset=False)
        check_scale(queries, "X", type(self).__name__, allow_tiny=True)
        workers = joblib.effective_n_jobs(self.n_jobs)
        squares, indices = index_neighbors(self._index, queries, self.n_neighbors, workers=workers)
        return np.sqrt(squares), indices

    def _fit_points(self, X: NDArray[np.floating]) -> None:
        """Store the validated points `X`, or a tree of them if that is faster."""
        self._check_parameters(len(X))
        check_scale(X, "X", type(self).__name__, dtype=np.float64)
        self.n_samples_fit_ = len(X)
        self._index = build_index(X, self.algorithm)

    def _weighted_neighbors(self, X: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Return the weights and the indices of the neighbours of `X`."""
        distances, indices = self.kneighbors(X)
        return (np.ones_like(distances) if self.weights == "uniform" else _inverse(distances)), indices

    def _check_parameters(self, n_samples: int) -> None:
        owner = type(self).__name__
        check_choice(self.weights, "weights", owner, ("uniform", "distance"))
        check_choice(self.algorithm, "algorithm", owner, ("auto", "tree", "brute"))
        if check_integer(self.n_neighbors, "n_neighbors", owner, low=1) > n_samples:
            allowed = f"at most the number of training points, n_samples={n_samples}"
            raise ValueError(error_message("n_neighbors", owner, allowed, self.n_neighbors))
        if self.n_jobs is not None and (not isinstance(self.n_jobs, int | np.integer) or self.n_jobs == 0):
            raise ValueError(error_message("n_jobs", owner, "None or an int other than 0", self.n_jobs))


class NeighborsClassifier(ClassifierMixin, _NearestNeighbors):
    """Classifier by vote of the k nearest training points, found exactly.

    Parameters
    ----------
    n_neighbors : int, default=5
        At most the number of training points.
    weights : {"uniform", "distance"}, default="uniform"
        The weight of a neighbour: one, or the inverse of its distance. Neighbours at distance 0 outweigh all others.
    algorithm : {"auto", "tree", "brute"}, default="auto"
        The search, which does not change the result; "auto" chooses by the numbers of points and features.
    n_jobs : int or None, default=None
        Threads of a query, as joblib counts them; None is one.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        In a tie the first class is predicted.
    n_samples_fit_ : int
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if `X` has string column names.

    Examples
    --------
    >>> knn = NeighborsClassifier(n_neighbors=3).fit([[0], [1], [2], [3]], ["a", "a", "b", "b"])
    >>> knn.predict_proba([[0.9]])
    array([[0.667, 0.333]])
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Store the points.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Copied into a tree; or kept, not copied.
        y : array-like of shape (n_samples,)
            Labels of any type.

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data are not allowed.
        """
        points, labels = validate_data(self, X, y, dtype=FLOATS)
        check_classification_targets(labels)
        self._fit_points(points)
        self.classes_, self._codes = np.unique(labels, return_inverse=True)
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the share of the votes of each class of `classes_` as (n_samples, n_classes)."""
        weights, indices = self._weighted_neighbors(X)
        shape = len(indices), len(self.classes_)
        ballots = np.arange(shape[0])[:, None] * shape[1] + self._codes[indices]
        votes = np.bincount(ballots.ravel(), weights.ravel(), minlength=shape[0] * shape[1]).reshape(shape)
        return votes / votes.sum(axis=1, keepdims=True)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the class with most votes for each row of `X` (n_samples, n_features)."""
        proba = self.predict_proba(X)
        labels: NDArray[Any] = self.classes_[proba.argmax(axis=1)]
        return labels


class NeighborsRegressor(RegressorMixin, _NearestNeighbors):
    """Regressor by the mean of the k nearest training points, found exactly.

    Parameters are those of `NeighborsClassifier`.

    Attributes
    ----------
    n_samples_fit_ : int
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if `X` has string column names.

    Examples
    --------
    >>> knn = NeighborsRegressor(n_neighbors=2, weights="distance").fit([[0], [1], [2], [3]], [0, 1, 4, 9])
    >>> knn.predict([[2.25], [3]])
    array([5.25, 9.  ])
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Store the points.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Copied into a tree; or kept, not copied.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The predictions are in float32 if these are, else in float64.

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data are not allowed.
        """
        points, targets = validate_data(self, X, y, dtype=FLOATS, y_numeric=True, multi_output=True)
        self._fit_points(points)
        self._targets = targets.astype(np.float32 if targets.dtype == np.float32 else np.float64)
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.floating]:
        """Return the mean of the neighbours of each row of `X` as (n_samples,) or (n_samples, n_outputs)."""
        weights, indices = self._weighted_neighbors(X)
        weights /= weights.sum(axis=1, keepdims=True)
        means: NDArray[np.floating] = np.einsum("ij,ij...->i...", weights, self._targets[indices])
        return means.astype(self._targets.dtype, copy=False)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _inverse(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the inverse distances; in a row with infinite ones, these are 1 and the others 0."""
    with np.errstate(divide="ignore", over="ignore"):
        weights = 1 / distances
    infinite = np.isinf(weights)
    met = infinite.any(axis=1)
    weights[met] = infinite[met]
    return weights


for _kind in (NeighborsClassifier, NeighborsRegressor):
    worth_to.register(_kind, worth_to_neighbour)
