"""Meta-estimators that give any learner a symmetry: by images of its training points, or of the points it predicts."""

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import Tags, check_random_state, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _estimator_has, check_is_fitted, validate_data

from estimators.base import FLOATS
from estimators.unlabelled import uses_unlabelled
from toymanifold import Symmetry
from toymanifold.validation import check_integer, error_message

Array = NDArray[Any]


class _WithSymmetry(MetaEstimatorMixin, BaseEstimator, ABC):
    """Base of the two: an estimator, a symmetry and a number of images."""

    estimator_: Any

    def __init__(self, estimator: Any, symmetry: Symmetry, copies: int = 30, *, random_state: Any = None) -> None:
        self.estimator = estimator
        self.symmetry = symmetry
        self.copies = copies
        self.random_state = random_state

    def _check_parameters(self) -> None:
        owner = type(self).__name__
        if not isinstance(self.symmetry, Symmetry):
            raise TypeError(error_message("symmetry", owner, "a toymanifold.Symmetry", self.symmetry))
        check_integer(self.copies, "copies", owner, low=1)

    def _fit_data(self, X: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
        self._check_parameters()
        points, targets = validate_data(
            self, X, y, dtype=FLOATS, multi_output=True, ensure_min_features=self.symmetry.min_features
        )
        return points, targets

    def _points(self, X: ArrayLike) -> Array:
        check_is_fitted(self, "estimator_")
        points: Array = validate_data(self, X, dtype=FLOATS, reset=False)
        return points

    @abstractmethod
    def _outputs(self, method: str, X: ArrayLike) -> Array:
        """Return what a method of the fitted estimator gives for `X`."""

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X: ArrayLike) -> Array:
        """Return the probabilities of the classes at `X` (n_samples, n_features)."""
        return self._outputs("predict_proba", X)

    @available_if(_estimator_has("decision_function"))
    def decision_function(self, X: ArrayLike) -> Array:
        """Return the decision function at `X` (n_samples, n_features)."""
        return self._outputs("decision_function", X)

    @property
    def uses_unlabelled(self) -> bool:
        """True if the estimator learns from points with y = -1 too."""
        return uses_unlabelled(self.estimator)

    @property
    def classes_(self) -> Array:
        """Classes of the fitted classifier."""
        classes: Array = self.estimator_.classes_
        return classes

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy of a classifier, or the R^2 of a regressor, at `X` (n_samples, n_features)."""
        score = accuracy_score if is_classifier(self) else r2_score
        return float(score(y, self.predict(X), sample_weight=sample_weight))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.estimator_type = inner.estimator_type
        tags.target_tags = inner.target_tags
        tags.classifier_tags, tags.regressor_tags = inner.classifier_tags, inner.regressor_tags
        for kind in filter(None, (tags.classifier_tags, tags.regressor_tags)):
            kind.poor_score = True  # on data without the symmetry
        tags.non_deterministic = inner.non_deterministic
        return tags


class Augmented(_WithSymmetry):
    """A learner that is fitted to images of its training points under a symmetry, with their labels.

    With all images of a finite group of isometries, one nearest neighbour is that of the quotient, and kernel ridge
    regression is that with the averaged kernel and the ridge divided by the size of the group (Mei, Misiakiewicz and
    Montanari, Learning with invariances in random features and kernel models, COLT 2021).

    Images of a point may fall on both sides of a split that the learner itself makes, as for early stopping: a search
    over parameters has the augmented learner inside, not outside.

    Parameters
    ----------
    estimator : estimator
        A classifier or regressor, of which a clone is fitted.
    symmetry : Symmetry
        Group that does not change labels.
    copies : int, default=30
        Number of images of each point, the point itself among them. A finite group of at most so many elements gives
        all its images, each once; any other gives random ones, of each point by itself.
    random_state : int, RandomState or None, default=None
        Of random images; the estimator has its own.

    Attributes
    ----------
    estimator_ : estimator
        The fitted clone.
    classes_ : ndarray of shape (n_classes,)
        Of a classifier.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if `X` has string column names.

    Examples
    --------
    >>> from estimators import Augmented, NeighborsRegressor
    >>> from toymanifold import Antipodal
    >>> knn = Augmented(NeighborsRegressor(n_neighbors=1), Antipodal())
    >>> knn.fit([[1.0, 0.0], [0.0, 1.0]], [5.0, 7.0]).predict([[-0.9, 0.1]])
    array([5.])
    """

    def fit(self, X: ArrayLike, y: ArrayLike, **params: Any) -> Self:
        """Fit the estimator to images of the points.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Labels or values.
        **params
            Of the estimator's own ``fit``. An array-like of n_samples, such as `sample_weight`, is one for each point
            and holds for all its images.

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data are not allowed.
        """
        points, targets = self._fit_data(X, y)
        seed = int(check_random_state(self.random_state).randint(2**31))
        images = self.symmetry.orbit(points, self.copies, seed)
        repeated = {key: _repeated(value, len(points), len(images)) for key, value in params.items()}
        self.estimator_ = clone(self.estimator).fit(
            images.reshape(-1, images.shape[2]), _repeated(targets, len(points), len(images)), **repeated
        )
        return self

    def predict(self, X: ArrayLike) -> Array:
        """Return the predictions of the fitted estimator at `X` (n_samples, n_features)."""
        return self._outputs("predict", X)

    def _outputs(self, method: str, X: ArrayLike) -> Array:
        points = self._points(X)
        outputs: Array = getattr(self.estimator_, method)(points)
        return outputs


class Symmetrized(_WithSymmetry):
    """A learner whose outputs are averaged over images of the points that it predicts, under a symmetry.

    It is fitted without the symmetry. The outputs are the values of a regressor; of a classifier they are its
    probabilities, or its decision function, one value for each class, if it has no probabilities.

    Parameters
    ----------
    estimator : estimator
        A regressor, or a classifier of one output with probabilities or a decision function, of which a clone is
        fitted.
    symmetry : Symmetry
        Group that does not change labels.
    copies : int, default=30
        Number of images of each point. A finite group of at most so many elements gives all its images; any other the
        same random elements for all points.
    random_state : int, RandomState or None, default=None
        Of random elements, which are drawn in `fit`; the estimator has its own.

    Attributes
    ----------
    estimator_ : estimator
        The fitted clone.
    elements_ : ndarray of shape (n_images, ...)
        Elements of the group over whose images outputs are averaged.
    classes_ : ndarray of shape (n_classes,)
        Of a classifier.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if `X` has string column names.

    Examples
    --------
    >>> from estimators import NeighborsRegressor, Symmetrized
    >>> from toymanifold import Antipodal
    >>> knn = Symmetrized(NeighborsRegressor(n_neighbors=1), Antipodal())
    >>> knn.fit([[1.0, 0.0], [0.0, 1.0]], [5.0, 7.0]).predict([[0.9, 0.1]])
    array([6.])
    """

    elements_: Array

    def fit(self, X: ArrayLike, y: ArrayLike, **params: Any) -> Self:
        """Fit the estimator to the points themselves.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Labels, of one output, or values.
        **params
            Of the estimator's own ``fit``.

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data are not allowed.
        """
        points, targets = self._fit_data(X, y)
        if is_classifier(self):
            self._check_classifier(targets)
        seed = int(check_random_state(self.random_state).randint(2**31))
        self._fitted_symmetry = self.symmetry
        self.elements_ = self.symmetry.elements(self.copies, seed)
        self.estimator_ = clone(self.estimator).fit(points, targets, **params)
        if is_classifier(self) and not hasattr(self, "predict_proba"):
            self._check_decision()
        return self

    def predict(self, X: ArrayLike) -> Array:
        """Return the mean of the values, or the class of the largest mean output, at `X` (n_samples, n_features)."""
        if not is_classifier(self):
            return self._outputs("predict", X)
        outputs = self._outputs("predict_proba" if hasattr(self, "predict_proba") else "decision_function", X)
        chosen = outputs > 0 if outputs.ndim == 1 else outputs.argmax(axis=1)
        labels: Array = self.classes_[chosen.astype(np.intp)]
        return labels

    def _check_classifier(self, y: Array) -> None:
        """Raise if the classifier has no outputs to average, or more targets than one."""
        if y.ndim > 1 and y.shape[1] > 1:
            raise ValueError(error_message("y", "Symmetrized", "of one output for a classifier", f"shape {y.shape}"))
        if not any(hasattr(self.estimator, method) for method in ("predict_proba", "decision_function")):
            allowed = "a classifier with predict_proba or decision_function"
            raise TypeError(error_message("estimator", "Symmetrized", allowed, self.estimator))

    def _check_decision(self) -> None:
        """Raise if the decision function has a value for each pair of classes, whose largest names no class."""
        if len(self.classes_) == 2:
            return
        fitted = getattr(self.estimator_, "best_estimator_", self.estimator_)
        for name, value in fitted.get_params().items():
            if name.split("__")[-1] == "decision_function_shape" and value == "ovo":
                allowed = "a classifier with an output for each class, not for each pair of classes"
                raise ValueError(error_message("estimator", "Symmetrized", allowed, f"{name}='ovo'"))

    def _outputs(self, method: str, X: ArrayLike) -> Array:
        points = self._points(X)
        images = (self._fitted_symmetry.move(points, self.elements_[i : i + 1]) for i in range(len(self.elements_)))
        mean: Array = sum(getattr(self.estimator_, method)(image) for image in images) / len(self.elements_)
        return mean


def _repeated(value: Any, n_samples: int, n_images: int) -> Any:
    """Return an array of n_samples rows once for each image, anything else as it is."""
    if np.ndim(value) == 0 or len(value) != n_samples:
        return value
    rows = np.asarray(value)
    return np.concatenate([rows] * n_images)
