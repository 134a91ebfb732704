"""Short names for learners, each with or without a prior: ``make("knn-1", prior="polar")``.

A net takes the prior as a layer. Any other learner stands behind it in a pipeline, with the new coordinates
standardised; without a prior it is scikit-learn's own, on raw coordinates.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from estimators.nets import NetClassifier
from estimators.priors import as_prior
from toymanifold.validation import check_choice


def tuned_svm(*, cv: int = 3, random_state: int | None = 0) -> GridSearchCV:
    """Return an RBF support vector machine whose C and gamma are chosen by cross-validation.

    Parameters
    ----------
    cv : int, default=3
        Folds, stratified and shuffled.
    random_state : int or None, default=0
        Of the folds.
    """
    grid = {"C": [1.0, 10.0, 100.0, 1000.0], "gamma": [10.0, 30.0, 100.0, 300.0]}
    return GridSearchCV(SVC(), grid, cv=StratifiedKFold(cv, shuffle=True, random_state=random_state))


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
    learner = CATALOG[check_choice(name, "name", "make", CATALOG)]
    if learner is NetClassifier:
        return learner(prior=prior, **params)
    transformer = as_prior(prior, "make")
    if transformer is None:
        return learner(**params)
    return make_pipeline(transformer, StandardScaler(), learner(**params))
