"""Short names for learners, each with or without a prior: ``make_learner("knn", n_neighbors=3, prior="polar")``.

A net has a prior with ``coordinates`` as a layer. Any other transformer is a step of a pipeline before the net, and
before another learner every prior is, followed by a scaler unless it keeps lengths. A symmetry has other forms too:
around the learner, in its training points or its outputs, or in its kernel. Without a prior a learner gets raw
coordinates, except the tuned SVM, whose grid of gamma needs a scale. Every name is that of a classifier and of a
regressor.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.utils import indexable

from estimators.augmentation import Augmented, Symmetrized
from estimators.kernels import KernelClassifier, KernelRegressor, RFMClassifier, RFMRegressor
from estimators.linear import MinimumNorm
from estimators.neighbors import NeighborsClassifier, NeighborsRegressor
from estimators.nets import Net, NetClassifier, NetRegressor
from estimators.pretrained import Pretrained
from estimators.priors import Invariance, as_any_prior, is_layer
from estimators.random_features import RandomFeaturesClassifier, RandomFeaturesRegressor
from toymanifold.validation import check_choice, check_integer, error_message

Builder = Callable[..., BaseEstimator]

_GAMMAS = [3.0, 10.0, 30.0, 100.0]


class ShuffledFolds(BaseEstimator):
    """Splitter for cross-validation: shuffled folds, of equal shares of every class if they are stratified.

    Parameters
    ----------
    n_splits : int, default=3
    stratified : bool, default=True
    random_state : int, RandomState or None, default=None
        Of the order of the rows. A parameter of the search that has the folds, as ``cv__random_state``.

    Examples
    --------
    >>> folds = ShuffledFolds(2, random_state=0)
    >>> [test.tolist() for _, test in folds.split([[0], [1], [2], [3]], ["a", "a", "b", "b"])]
    [[1, 2], [0, 3]]
    """

    def __init__(self, n_splits: int = 3, *, stratified: bool = True, random_state: Any = None) -> None:
        self.n_splits = n_splits
        self.stratified = stratified
        self.random_state = random_state

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:  # noqa: ARG002
        """Return the number of folds."""
        return self.n_splits

    def split(
        self,
        X: ArrayLike,
        y: ArrayLike,
        groups: Any = None,  # noqa: ARG002
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Yield the rows to fit and the rows to test of each fold.

        Raises
        ------
        ValueError
            If there are fewer rows than folds, or fewer of a class, whose label is named.
        """
        n_samples, owner = len(indexable(X)[0]), f"cross-validation in {self.n_splits} folds"
        if n_samples < self.n_splits:
            raise ValueError(error_message("X", owner, f"of {self.n_splits} rows or more", f"n_samples = {n_samples}"))
        if self.stratified:
            labels, counts = np.unique(np.asarray(y), return_counts=True)
            few = {label: n for label, n in zip(labels.tolist(), counts.tolist(), strict=True) if n < self.n_splits}
            if few:
                found = ", ".join(f"{n} with label {label!r}" for label, n in few.items())
                raise ValueError(error_message("y", owner, f"of {self.n_splits} rows or more of each class", found))
        kind = StratifiedKFold if self.stratified else KFold
        folds: Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]
        folds = kind(self.n_splits, shuffle=True, random_state=self.random_state).split(X, y)
        return folds


def _tuned(machine: BaseEstimator, grid: dict[str, list[float]], *, cv: int = 3) -> Pipeline:
    """Return an RBF machine on standardised inputs whose parameters are chosen by cross-validation in `cv` folds."""
    folds = ShuffledFolds(check_integer(cv, "cv", "svm-tuned", low=2), stratified=is_classifier(machine))
    return make_pipeline(StandardScaler(), GridSearchCV(machine, grid, cv=folds, error_score="raise"))


def _pretrained(
    learners: Mapping[str, Builder],
    *,
    learner: str = "net",
    source: Any = None,
    source_params: dict[str, Any] | None = None,
    n_source: int | None = None,
    freeze: int = 0,
    random_state: Any = None,
    **params: Any,
) -> Pretrained:
    build = learners[check_choice(learner, "learner", "pretrained", learners)]
    return Pretrained(
        build(**params),
        source,
        source_params=source_params,
        n_source=n_source,
        freeze=freeze,
        random_state=random_state,
    )


def _pretrained_builder(learners: Mapping[str, Builder]) -> Builder:
    """Return a builder of `Pretrained` learners, which takes the parameters of the learner along with its own."""
    own, of_net = (inspect.signature(each).parameters.values() for each in (_pretrained, learners["net"]))
    named = {each.name: each for each in own if each.kind is inspect.Parameter.KEYWORD_ONLY}
    others = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in of_net if each.name not in named]
    builder = partial(_pretrained, learners)
    builder.__signature__ = inspect.Signature([*named.values(), *others])  # type: ignore[attr-defined]
    return builder


CLASSIFIERS: dict[str, Builder] = {
    "net": NetClassifier,
    "pretrained": _pretrained_builder({"net": NetClassifier}),
    "knn": NeighborsClassifier,
    "knn-1": partial(NeighborsClassifier, n_neighbors=1),
    "knn-5": partial(NeighborsClassifier, n_neighbors=5),
    "svm": SVC,
    "svm-tuned": partial(_tuned, SVC(), {"C": [1.0, 10.0, 100.0, 1000.0], "gamma": _GAMMAS}),
    "forest": RandomForestClassifier,
    "random-features": RandomFeaturesClassifier,
    "kernel": KernelClassifier,
    "rfm": RFMClassifier,
    "dummy": DummyClassifier,
}

REGRESSORS: dict[str, Builder] = {
    "net": NetRegressor,
    "pretrained": _pretrained_builder({"net": NetRegressor, "minimum-norm": MinimumNorm}),
    "knn": NeighborsRegressor,
    "knn-1": partial(NeighborsRegressor, n_neighbors=1),
    "knn-5": partial(NeighborsRegressor, n_neighbors=5),
    "svm": SVR,
    "svm-tuned": partial(_tuned, SVR(epsilon=0.01), {"C": [1.0, 10.0, 100.0], "gamma": [0.1, 0.3, 1.0, *_GAMMAS]}),
    "forest": RandomForestRegressor,
    "random-features": RandomFeaturesRegressor,
    "kernel": KernelRegressor,
    "rfm": RFMRegressor,
    "dummy": DummyRegressor,
}

CATALOG: dict[str, dict[str, Builder]] = {
    name: {"classification": CLASSIFIERS[name], "regression": REGRESSORS[name]} for name in CLASSIFIERS
}
"""Every learner by name and task."""


def make_learner(name: str, *, task: str = "classification", prior: Any = None, **params: Any) -> BaseEstimator:
    """Return an unfitted learner by its short name.

    Parameters
    ----------
    name : str
        A key of `CATALOG`.
    task : {"classification", "regression"}, default="classification"
    prior : str, transformer, Symmetry or None, default=None
        A name of `estimators.PRIORS`, or any transformer: the change of coordinates before the learner. A symmetry is
        `Invariance(symmetry)`, which has other forms too. None and "none" are no prior.
    **params
        Parameters of the learner's own class.

    Returns
    -------
    estimator : BaseEstimator
        A scikit-learn estimator.

    Examples
    --------
    >>> make_learner("knn", n_neighbors=3)
    NeighborsClassifier(n_neighbors=3)
    >>> make_learner("knn", n_neighbors=3, prior="polar")[0]
    PolarCoordinates()
    """
    builders = CATALOG[check_choice(name, "name", "make_learner", CATALOG)]
    build = builders[check_choice(task, "task", "make_learner", builders)]
    return with_prior(build(**params), prior)


make = make_learner
"""Alias of `make_learner`."""


def with_prior(learner: BaseEstimator, prior: Any) -> BaseEstimator:
    """Return an unfitted learner with a prior: a layer of a net, a step before the learner, or a form of a symmetry.

    Parameters
    ----------
    learner : BaseEstimator
        A net is changed in place, also that of a `Pretrained`, whose source has the prior, too; and so is a kernel
        machine by the form "kernel".
    prior : str, transformer, Symmetry or None
        As in `make_learner`. With None and "none" the learner itself is returned, on raw coordinates.

    Returns
    -------
    estimator : BaseEstimator

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> list(with_prior(SVC(), "polar").named_steps)
    ['polarcoordinates', 'standardscaler', 'svc']
    """
    transformer = as_any_prior(prior, "with_prior")
    if isinstance(transformer, Invariance) and transformer.form != "coordinates":
        return _with_symmetry(learner, transformer)
    if isinstance(learner, Pretrained) and transformer is not None:
        if not isinstance(learner.estimator, Net):
            raise ValueError(error_message("prior", "with_prior", "None before a Pretrained that is not a net", prior))
        return learner.set_params(estimator__prior=prior)
    if isinstance(learner, Net) and (transformer is None or is_layer(transformer)):
        return learner.set_params(prior=prior)
    if transformer is None:
        return learner
    if isinstance(learner, Net):
        return make_pipeline(transformer, learner)  # a net has its own scaler
    if isinstance(learner, Pipeline):
        return make_pipeline(transformer, *(step for _, step in learner.steps))
    scaler = [] if getattr(transformer, "keeps_lengths", False) else [StandardScaler()]
    return make_pipeline(transformer, *scaler, learner)


def _with_symmetry(learner: BaseEstimator, prior: Invariance) -> BaseEstimator:
    """Return a learner with a symmetry in its training points, its kernel or its outputs."""
    symmetry, copies = prior.symmetry, prior.copies
    if prior.form == "kernel":
        if not isinstance(learner, KernelClassifier | KernelRegressor):
            allowed = "another than 'kernel', which is for KernelClassifier and KernelRegressor"
            raise ValueError(error_message("form", f"Invariance for {type(learner).__name__}", allowed, prior.form))
        return learner.set_params(symmetry=symmetry, copies=copies)
    wrapper = Augmented if prior.form == "augmentation" else Symmetrized
    return wrapper(learner, symmetry, copies, random_state=prior.random_state)


def split_prior(learner: BaseEstimator) -> tuple[Any, BaseEstimator]:
    """Return the prior of an unfitted learner, and the learner without it, as `with_prior` joins them.

    A scaler between them is that of the prior.

    Parameters
    ----------
    learner : BaseEstimator
        Not changed.

    Returns
    -------
    prior : transformer or None
        None if there is none.
    learner : BaseEstimator

    Examples
    --------
    >>> split_prior(make_learner("knn", prior="polar"))
    (PolarCoordinates(), NeighborsClassifier())
    """
    match learner:
        case Augmented() | Symmetrized():
            form = "augmentation" if isinstance(learner, Augmented) else "outputs"
            own = {"copies": learner.copies, "random_state": learner.random_state}
            return Invariance(learner.symmetry, form, **own), learner.estimator
        case KernelClassifier() | KernelRegressor() if learner.symmetry is not None:
            prior = Invariance(learner.symmetry, "kernel", copies=learner.copies)
            return prior, clone(learner).set_params(symmetry=None, copies=type(learner)().copies)
        case Net() if (own_prior := as_any_prior(learner.prior, "split_prior")) is not None:
            return own_prior, clone(learner).set_params(prior=None)
        case Pipeline(steps=[(_, prior), *rest]) if rest and is_layer(prior):
            return prior, _without_scaler([step for _, step in rest])
    return None, learner


def _without_scaler(steps: list[Any]) -> BaseEstimator:
    """Return what follows a prior as one learner, without the scaler that `with_prior` puts between them."""
    steps = steps[1:] if len(steps) == 2 and isinstance(steps[0], StandardScaler) else steps
    return steps[0] if len(steps) == 1 else make_pipeline(*steps)
