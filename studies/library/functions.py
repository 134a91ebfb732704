"""Fitted learners as functions of tensors, so that they can be asked for gradients."""

from collections.abc import Callable

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor

from estimators import NetClassifier, NetRegressor, RandomFeaturesRegressor
from estimators.diagnostics import as_double
from studies.registry.metrics import Fitted

Function = Callable[[Tensor], Tensor]


def value(fitted: Fitted) -> Function:
    """Return what a fitted regressor predicts: a net, or a model on random ReLU features.

    Returns
    -------
    function : callable
        Maps points (n, d) in float64 to values (n,).
    """
    estimator = fitted.estimator
    if isinstance(estimator, NetRegressor):
        return _net_value(estimator, fitted.train.y)
    if isinstance(estimator, RandomFeaturesRegressor) and estimator.kind == "relu":
        return _features_value(estimator)
    raise TypeError(f"no function of tensors is known of {estimator!r}")


def margin(estimator: BaseEstimator) -> Function:
    """Return by how much a net of two classes prefers the second: points (n, d) in float64 to (n,)."""
    if not isinstance(estimator, NetClassifier):
        raise TypeError(f"no function of tensors is known of {estimator!r}")
    module = as_double(estimator.net_.module_)

    def difference(X: Tensor) -> Tensor:
        logits = module(X)
        return logits[:, 1] - logits[:, 0]

    return difference


def _net_value(estimator: NetRegressor, labels: np.ndarray) -> Function:
    module = as_double(estimator.net_.module_)
    mean, std = (float(labels.mean()), float(labels.std())) if estimator.standardize else (0.0, 1.0)
    return lambda X: module(X)[:, 0] * std + mean


def _features_value(estimator: RandomFeaturesRegressor) -> Function:
    weights = torch.from_numpy(estimator.features_.weights_ / estimator.features_.bandwidth_)
    coef = torch.from_numpy(estimator.coef_[:, 0] * np.sqrt(2 / len(weights)))
    return lambda X: (X @ weights.T).clamp(min=0) @ coef
