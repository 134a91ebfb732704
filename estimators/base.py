"""The base of estimators that fit functions to targets, as a regressor of values or a classifier of labels.

A `Machine` solves for targets, one column for each function; `ValueTargets` and `LabelTargets` make targets of `y` and
predictions of the fitted functions.
"""

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import Tags, check_array
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from toymanifold.validation import SCALES, check_scale, error_message, max_abs

Array = NDArray[Any]

FLOATS = (np.float64, np.float32)
"""The dtypes of points."""


class Machine(BaseEstimator, ABC):
    """Base of the machines, whose regressors inherit from `ValueTargets` first, classifiers from `LabelTargets`."""

    _unit = 1.0
    """The power of 2 in whose multiples targets are given to a solver, so that squares of them stay finite."""

    @abstractmethod
    def _data(self, X: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
        """Return valid points, float64 or float32, and targets (n_samples, n_targets)."""

    @abstractmethod
    def _values(self, X: ArrayLike) -> Array:
        """Return the fitted functions at `X` as (n_samples, n_targets)."""


class ValueTargets(RegressorMixin, Machine):
    """A regressor: the targets are the values, one column for each output."""

    def _data(self, X: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
        points, values = validate_data(self, X, y, dtype=FLOATS, multi_output=True, y_numeric=True)
        owner = type(self).__name__
        check_scale(points, "X", owner)
        check_scale(values, "y", owner, dtype=points.dtype)
        self._ravel = values.ndim == 1
        self._unit = 2.0 ** math.frexp(max_abs(values))[1]
        return points, values.reshape(len(points), -1) / self._unit

    def predict(self, X: ArrayLike) -> Array:
        """Return the function at `X` (n_samples, n_features), in the shape of the training targets."""
        values = self._values(X)
        return values.ravel() if self._ravel else values

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class LabelTargets(ClassifierMixin, Machine):
    """A classifier: the targets are +-1 in one column for two classes, one-hot columns for more."""

    classes_: Array

    def _data(self, X: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
        points, labels = validate_data(self, X, y, dtype=FLOATS)
        check_scale(points, "X", type(self).__name__)
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        check_classes(self.classes_, type(self).__name__)
        n_classes = len(self.classes_)
        return points, (2 * codes - 1)[:, None] if n_classes == 2 else np.eye(n_classes)[codes]

    def decision_function(self, X: ArrayLike) -> Array:
        """Return the functions at `X`: (n_samples,), positive for the second of two classes, or one for each class."""
        values = self._values(X)
        return values.ravel() if len(self.classes_) == 2 else values

    def predict(self, X: ArrayLike) -> Array:
        """Return the class of the largest function for each row of `X` (n_samples, n_features)."""
        values = self.decision_function(X)
        chosen = values > 0 if values.ndim == 1 else values.argmax(axis=1)
        labels: Array = self.classes_[chosen.astype(np.intp)]
        return labels


def check_classes(classes: Array, owner: str) -> None:
    """Raise unless there are at least two classes."""
    if len(classes) < 2:
        raise ValueError(f"y of {owner} must hold at least 2 classes. Got 1 class: {classes.tolist()[0]!r}.")


def check_weight(sample_weight: Any, X: Array, owner: str) -> Array | None:
    """Return weights as an array (n_samples,) of the type of `X`, non-negative and not all zero; None stays None."""
    if sample_weight is None:
        return None
    weight: Array = check_array(sample_weight, dtype=X.dtype, ensure_2d=False, input_name="sample_weight")
    if weight.shape != (len(X),) or weight.min() < 0 or weight.max() == 0:
        allowed = f"{len(X)} numbers, none negative and not all zero"
        raise ValueError(error_message("sample_weight", owner, allowed, sample_weight))
    check_scale(weight, "sample_weight", owner)
    return weight


def check_bandwidths(units: Array, owner: str) -> None:
    """Raise unless points, in units of the bandwidth, have squares whose products are finite."""
    largest, highest = max_abs(units), math.sqrt(SCALES[units.dtype])
    if not largest <= highest:
        allowed = f"at most {highest:g} bandwidths in absolute value ({units.dtype})"
        raise ValueError(error_message("X", owner, allowed, largest))


def mean_and_std(values: Array, weight: Array | None) -> tuple[Array, Array]:
    """Return the weighted mean and standard deviation of each column; a constant column has 1 for the latter."""
    mean = np.average(values, axis=0, weights=weight)
    std = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weight))
    return mean, np.where(std > 1e-12 * np.abs(mean), std, 1.0)
