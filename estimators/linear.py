"""Least squares that starts from given coefficients: the closed form of a linear model that is trained further."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_array
from sklearn.utils.validation import _check_feature_names, _check_n_features, check_is_fitted, validate_data

from estimators.base import check_weight
from toymanifold.validation import check_integer, check_scale, error_message

Array = NDArray[np.float64]


class MinimumNorm(RegressorMixin, BaseEstimator):
    r"""Least squares without a constant, as near as possible to given coefficients.

    The coefficients are :math:`w = w_s + X^+ (y - X w_s)`: of those with the least squared error the ones nearest to
    :math:`w_s`, and the limit of gradient descent that starts there. From as many points as features on nothing is left
    of :math:`w_s`.

    Parameters
    ----------
    source_coef : array-like of shape (n_features,) or None, default=None
        :math:`w_s`; None is 0, which gives the least squares of minimum norm.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if `X` has string column names.

    References
    ----------
    Dar, LeJeune, Baraniuk, The common intuition to transfer learning can win or lose: case studies for linear
    regression, 2021, arXiv:2103.05621.

    Examples
    --------
    >>> MinimumNorm([1.0, 1.0]).fit([[1.0, 0.0]], [3.0]).coef_
    array([3., 1.])
    """

    def __init__(self, source_coef: ArrayLike | None = None) -> None:
        self.source_coef = source_coef

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Find the coefficients.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Of each point's squared error.

        Returns
        -------
        self : MinimumNorm

        Raises
        ------
        ValueError
            If the data are not allowed, or `source_coef` has not a number for each feature.
        """
        points, values = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        check_scale(points, "X", "MinimumNorm")
        check_scale(values, "y", "MinimumNorm", dtype=points.dtype)
        weight = check_weight(sample_weight, points, "MinimumNorm")
        start = self._start(points.shape[1])
        root = 1.0 if weight is None else np.sqrt(weight)
        residual = root * (values - points @ start)
        self.coef_: Array = start + np.linalg.lstsq(np.reshape(root, (-1, 1)) * points, residual, rcond=None)[0]
        return self

    def predict(self, X: ArrayLike) -> Array:
        """Return the value of each row of `X` (n_samples, n_features)."""
        check_is_fitted(self)
        values: Array = validate_data(self, X, dtype=np.float64, reset=False) @ self.coef_
        return values

    def _start(self, n_features: int) -> Array:
        if self.source_coef is None:
            return np.zeros(n_features)
        given = np.asarray(self.source_coef)
        if given.shape != (n_features,) or given.dtype.kind not in "iuf":
            allowed = f"of shape ({n_features},), a number for each feature"
            raise ValueError(
                error_message("source_coef", "MinimumNorm", allowed, f"shape {given.shape}, {given.dtype}")
            )
        start: Array = check_array(given, dtype=np.float64, ensure_2d=False, input_name="source_coef")
        check_scale(start, "source_coef", "MinimumNorm")
        return start

    def _fit_from(self, source: Self, X: ArrayLike, y: Any, sample_weight: Any = None, *, freeze: int = 0) -> Self:
        """Fit from the coefficients of a fitted `MinimumNorm`."""
        check_integer(freeze, "freeze", "Pretrained(MinimumNorm)", low=0, high=0)
        _check_n_features(source, X, reset=False)
        if hasattr(source, "feature_names_in_"):
            _check_feature_names(source, X, reset=False)
        return self.set_params(source_coef=source.coef_).fit(X, y, sample_weight)
