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


def check_scores(returned: object, method: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return what an estimator has returned from ``predict_proba`` or ``decision_function`` as an array.

    Raises
    ------
    ValueError
        If it has another shape, or numbers that are not finite.
    """
    scores = np.asarray(returned, dtype=np.float64)
    if scores.shape != shape:
        raise ValueError(f"{method} must return an array of shape {shape}. Got shape {scores.shape} instead.")
    if not np.isfinite(scores).all():
        raise ValueError(
            f"{method} must return finite numbers. Got NaN or infinity for"
            f" {np.sum(~np.isfinite(scores).reshape(shape[0], -1).all(axis=1)):,} of {shape[0]:,} points instead."
        )
    return scores
