"""scikit-learn's scorers as metrics, by their names in `sklearn.metrics.get_scorer_names`.

A scorer ``neg_...`` is best at 0, any other at 1. It supports the kinds of labels for which calls confirm this: perfect
predictions have the best score, predictions with one mistake no better one, and predictions that are all wrong a worse
one. So scorers of clusterings and of multilabel problems support none, nor does one whose best value is another.
"""

import functools
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.utils.metaestimators import available_if

from studies.registry.metrics import METRICS, Fitted, metric
from studies.registry.predictions import check_scores
from studies.registry.problems import AnyProblem
from toymanifold import DataProblem

_SPELLINGS = {
    "auc": "AUC",
    "brier": "Brier",
    "corrcoef": "correlation coefficient",
    "d2": "D²",
    "f1": "F1",
    "jaccard": "Jaccard",
    "matthews": "Matthews",
    "ovo": "OvO",
    "ovr": "OvR",
    "poisson": "Poisson",
    "roc": "ROC",
}
_REPEATS = 6  # of each label, where a scorer is tried
_MANY = 3  # classes; of more it is not tried, since some scorers take the square of their number


class _Regressor(RegressorMixin, BaseEstimator):
    """A fitted regressor that predicts given labels."""

    def __init__(self, labels: NDArray[Any]) -> None:
        self.labels = labels

    def fit(self, _X: object, _y: object) -> "_Regressor":
        return self

    def predict(self, _X: object) -> NDArray[Any]:
        return self.labels


class _Classifier(ClassifierMixin, BaseEstimator):
    """A fitted classifier that predicts given labels, with certainty."""

    def __init__(self, labels: NDArray[Any], n_classes: int) -> None:
        self.labels = labels
        self.n_classes = n_classes
        self.classes_ = np.arange(n_classes)

    def fit(self, _X: object, _y: object) -> "_Classifier":
        return self

    def predict(self, _X: object) -> NDArray[Any]:
        return self.labels

    def predict_proba(self, _X: object) -> NDArray[np.float64]:
        return np.eye(self.n_classes)[self.labels]


class _Checked:
    """A fitted learner as scorers see it: its answers are checked, and it knows all classes of the problem.

    A class without a training point has probability 0.
    """

    def __init__(self, fitted: Fitted) -> None:
        self._estimator = fitted.estimator
        self._fitted = fitted
        if fitted.problem.task == "classification":
            self.classes_ = np.union1d(fitted.tests.density.y, fitted.estimator.classes_)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._estimator, name)

    def predict(self, X: NDArray[np.float64]) -> NDArray[Any]:  # noqa: ARG002  those of the tests
        return self._fitted.predict(self._fitted.tests.density)

    @available_if(lambda checked: hasattr(checked._estimator, "predict_proba"))
    def predict_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        known = self._estimator.classes_
        answers = self._fitted.ask("predict_proba", self._fitted.tests.density)
        found = check_scores(answers, "predict_proba", (len(X), len(known)))
        probabilities = np.zeros((len(X), len(self.classes_)))
        probabilities[:, np.searchsorted(self.classes_, known)] = found
        return probabilities

    @available_if(lambda checked: hasattr(checked._estimator, "decision_function"))
    def decision_function(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        n_classes = len(self.classes_)
        shape = (len(X), n_classes) if n_classes > 2 else (len(X),)
        return check_scores(self._estimator.decision_function(X), "decision_function", shape)


def _register(name: str) -> None:
    """Register a scorer as a metric."""

    def measure(fitted: Fitted) -> float:
        points = fitted.tests.density
        try:
            return float(get_scorer(name)(_Checked(fitted), points.X, points.y))
        except AttributeError as error:
            if hasattr(fitted.estimator, "predict_proba"):
                raise
            learner = type(fitted.estimator).__name__
            raise ValueError(
                f"the metric {name!r} needs probabilities or scores of classes, which {learner} does not predict; wrap"
                " it in sklearn.calibration:CalibratedClassifierCV"
            ) from error

    measure.__name__ = measure.__qualname__ = name
    measure.__doc__ = f"scikit-learn's scorer {name!r} under the sampling density."
    best = _best(name)
    words = " ".join(_SPELLINGS.get(word, word) for word in name.removeprefix("neg_").split("_"))
    metric(
        "1",
        title=f"{best:g} - {words}" if best else words[0].upper() + words[1:],
        heading=f"{best:g} - {words}" if best else words,
        best=best,
        supports=lambda problem: _is_scored(name, _n_classes(problem)),
        default=False,
    )(measure)


def _best(name: str) -> float:
    return 0.0 if name.startswith("neg_") else 1.0


def _n_classes(problem: AnyProblem) -> int | None:
    """Return the number of classes; None for regression."""
    if isinstance(problem, DataProblem):
        return None if problem.classes is None else len(problem.classes)
    return problem.target.n_classes


@functools.cache
def _is_scored(name: str, n_classes: int | None) -> bool:
    """Return whether a scorer is for regression, or for so many classes, and has the best value that its name says.

    Most scorers of regressions accept the codes of classes, too, but would measure nothing of them.
    """
    if n_classes is not None and _is_scored(name, None):
        return False
    if n_classes is not None and n_classes > _MANY:
        return _is_scored(name, _MANY)
    truth, wrong = _labels(n_classes)
    one_mistake = np.concatenate([wrong[:1], truth[1:]])
    learners = (
        _Regressor(labels) if n_classes is None else _Classifier(labels, n_classes)
        for labels in (truth, one_mistake, wrong)
    )
    try:
        with warnings.catch_warnings(action="ignore"):
            best, near, far = (get_scorer(name)(learner, truth[:, None], truth) for learner in learners)
    except (AttributeError, ValueError):  # for labels of another kind
        return False
    return bool(np.isclose(best, _best(name)) and near <= best and far < best)


def _labels(n_classes: int | None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return labels, and others of which each is wrong."""
    if n_classes is None:
        values = 1.5 + np.arange(_REPEATS)
        return values, values[::-1]
    labels = np.arange(n_classes * _REPEATS) % n_classes
    return labels, (labels + 1) % n_classes


for _name in get_scorer_names():
    if _name not in METRICS:  # of accuracy and r2 there are our own
        _register(_name)
