"""Short names for learners, each with or without a prior: ``make("knn-1", prior="polar")``.

A net takes the prior as a layer. Any other learner stands behind it in a pipeline, with the new coordinates
standardised; without a prior it is scikit-learn's own, on raw coordinates (but for the tuned SVM, whose grid of gamma
needs a scale).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from estimators.nets import NetClassifier
from estimators.priors import as_prior
from toymanifold.validation import check_choice


def tuned_svm(*, cv: int = 3) -> Pipeline:
    """Return an RBF support vector machine on standardised inputs, C and gamma chosen by cross-validation.

    Parameters
    ----------
    cv : int, default=3
        Folds.
    """
    grid = {"C": [1.0, 10.0, 100.0, 1000.0], "gamma": [3.0, 10.0, 30.0, 100.0]}
    search = GridSearchCV(SVC(), grid, cv=KFold(cv), error_score="raise")
    return make_pipeline(StandardScaler(), search)


CATALOG: dict[str, Callable[..., BaseEstimator]] = {
    "net": NetClassifier,
    "knn-1": partial(KNeighborsClassifier, n_neighbors=1),
    "knn-5": partial(KNeighborsClassifier, n_neighbors=5),
    "svm": SVC,
    "svm-tuned": tuned_svm,
    "forest": RandomForestClassifier,
}
"""Every learner by name."""


def make(name: str, *, prior: Any = None, **params: Any) -> BaseEstimator:
    """Return an unfitted learner by its short name.

    Parameters
    ----------
    name : str
        A key of `CATALOG`.
    prior : None, {"polar-sincos", "polar", "phase"} or Prior, default=None
        What the learner is told of the problem.
    **params
        Of the learner itself, as its class takes them.

    Returns
    -------
    estimator : BaseEstimator
        A scikit-learn estimator.

    Examples
    --------
    >>> make("knn-5")
    KNeighborsClassifier()
    >>> make("knn-1", prior="polar")[0]
    PolarCoordinates()
    """
    build = CATALOG[check_choice(name, "name", "make", CATALOG)]
    if build is NetClassifier:
        return build(prior=prior, **params)
    learner, transformer = build(**params), as_prior(prior, "make")
    if transformer is None:
        return learner
    scaled = learner if isinstance(learner, Pipeline) else make_pipeline(StandardScaler(), learner)
    return make_pipeline(transformer, *(step for _, step in scaled.steps))
