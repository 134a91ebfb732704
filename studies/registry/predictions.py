"""Predictions of learners, checked before anything is measured on them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

_NUMBERS = "biuf"


def predict(estimator: BaseEstimator, X: Any, labels: np.dtype[Any]) -> NDArray[Any]:
    """Return an estimator's predictions.

    NumPy would compare arrays of other shapes and kinds with the labels, too, and the result would be a wrong number.

    Parameters
    ----------
    estimator : BaseEstimator
        A fitted estimator.
    X : ndarray or DataFrame of shape (n_samples, n_features)
    labels : dtype
        Type of the problem's labels.

    Returns
    -------
    predictions : ndarray of shape (n_samples,)
        A list of predictions is an array here, and a column, (n_samples, 1), has one dimension.

    Raises
    ------
    ValueError
        If the predictions have another shape, cannot equal the labels, or are not finite.
    """
    return check_predictions(estimator.predict(X), len(X), labels)


def check_predictions(returned: object, n_samples: int, labels: np.dtype[Any]) -> NDArray[Any]:
    """Return what an estimator has returned from ``predict`` as an array; see `predict`."""
    if isinstance(returned, np.ma.MaskedArray):
        raise ValueError("predict must return a prediction for each point. Got a masked array instead.")
    predictions = np.asarray(returned)
    if predictions.shape not in ((n_samples,), (n_samples, 1)):
        raise ValueError(
            f"predict must return an array of shape ({n_samples},) or ({n_samples}, 1). Got shape {predictions.shape}"
            " instead."
        )
    if not _comparable(predictions.dtype, labels):
        raise ValueError(
            f"predict must return values that can equal the problem's, which are {labels}. Got {predictions.dtype}"
            " instead."
        )
    if predictions.dtype.kind == "f" and not np.isfinite(predictions).all():
        raise ValueError(
            f"predict must return finite numbers. Got NaN or infinity for {np.sum(~np.isfinite(predictions)):,} of"
            f" {n_samples:,} points instead."
        )
    if predictions.dtype.kind == "f" and labels.kind != "f" and (predictions != np.rint(predictions)).any():
        fraction = predictions[predictions != np.rint(predictions)][0]
        raise ValueError(f"predict must return labels, which are whole numbers. Got {fraction} instead.")
    return predictions.ravel()


def _comparable(predictions: np.dtype[Any], labels: np.dtype[Any]) -> bool:
    if labels.kind in _NUMBERS:
        return predictions.kind in _NUMBERS
    return predictions.kind == labels.kind
