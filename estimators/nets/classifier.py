"""The net that classifies."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets, unique_labels

from estimators.base import check_classes
from estimators.nets.base import Floats, Net
from toymanifold.validation import error_message


class NetClassifier(ClassifierMixin, Net):
    """A fully connected classifier trained with AdamW.

    Its parameters are those of `estimators.nets.Net`; `loss` is "cross_entropy" (the default), "focal", `FocalLoss`
    with gamma = 2, or "one_hot_squared_error", `OneHotSquaredError`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)

    Examples
    --------
    >>> from toymanifold import make_spiral
    >>> X, y = make_spiral(500, random_state=0)
    >>> net = NetClassifier(prior="phase", epochs=50, random_state=0).fit(X, y)
    >>> net.score(*make_spiral(500, random_state=1)) > 0.95
    True
    """

    _losses = ("cross_entropy", "focal", "one_hot_squared_error")

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train for one epoch on more points.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        classes : array-like of shape (n_classes,) or None, default=None
            All classes that may occur in any call; those of `y` if None in the first call, not needed in later ones.
        sample_weight : array-like of shape (n_samples,) or None, default=None

        Returns
        -------
        self : NetClassifier
        """
        return self._fit(X, y, sample_weight, fresh=not self.__sklearn_is_fitted__(), epochs=1, classes=classes)

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Return the probability of each class of `classes_` as (n_samples, n_classes)."""
        from estimators.nets import building

        outputs = self._outputs(X)
        return building.probabilities(self._trained.params["loss"], outputs)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the likeliest class of each row of `X` (n_samples, n_features)."""
        codes = self._outputs(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[codes]
        return labels

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = self._has_lossy_prior()
        return tags

    def _encode(self, y: Any, fresh: bool, classes: ArrayLike | None) -> NDArray[np.int64]:
        check_classification_targets(y)
        if fresh:
            self.classes_ = unique_labels(y) if classes is None else np.unique(np.asarray(classes))
            check_classes(self.classes_, "NetClassifier")
        codes = np.searchsorted(self.classes_, y).clip(max=len(self.classes_) - 1)
        unknown = np.asarray(y)[self.classes_[codes] != y]
        if len(unknown):
            known = f"among the classes of the first fit, {self.classes_.tolist()}"
            raise ValueError(error_message("y", "NetClassifier", known, unknown.tolist()[0]))
        return codes.astype(np.int64)

    def _n_outputs(self, target: NDArray[Any]) -> int:  # noqa: ARG002
        return len(self.classes_)

    def _strata(self, target: NDArray[np.int64]) -> NDArray[np.int64]:
        rare = self.classes_[np.bincount(target, minlength=len(self.classes_)) == 1]
        if len(rare):
            allowed = "of 2 rows or more of each class if early_stopping holds some out"
            raise ValueError(error_message("y", "NetClassifier", allowed, f"1 row of {rare.tolist()[0]!r}"))
        return target

    def _n_classes(self) -> int:
        return len(self.classes_)
