"""A learner that is trained on a source before it is trained on its data."""

import copy
import inspect
import numbers
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier
from sklearn.frozen import FrozenEstimator
from sklearn.utils import Tags, get_tags, resample
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _estimator_has, check_is_fitted

from estimators.hashing import hash_of
from toymanifold.builders import PROBLEM_SEED, PROBLEMS
from toymanifold.streams import Split, as_seed, stream
from toymanifold.validation import MAX_SEED, check_choice, check_integer, error_message

N_SOURCE = 10_000
"""Points of a source that is a problem, by default."""

_MOST_KEPT = 128  # fitted sources of a process

_UNFITTED = (
    "The source of Pretrained must be fitted. Got a %(name)s that is not; where it is cloned, as in a grid, wrap it in"
    " sklearn.frozen.FrozenEstimator."
)

_kept: OrderedDict[str, BaseEstimator] = OrderedDict()
"""Fitted sources by the hash of all that they depend on, those that were used last at the end."""


class Pretrained(MetaEstimatorMixin, BaseEstimator):
    """A net that goes on from a net trained on a source.

    The weights are those of the source at first, of which the layers that are frozen keep theirs. The standardisation
    of inputs and targets is that of the source throughout, since the weights are for its units. The optimizer's state,
    the order of points and the history are new. A process keeps the last 128 sources that it has fitted to problems or
    data with an int as `random_state`, and fits none of them again.

    Parameters
    ----------
    estimator : NetClassifier, NetRegressor or MinimumNorm
        The learner, unfitted; a net has its prior inside. A clone of it is fitted to the source, and another one goes
        on from there, each with the full number of steps. `MinimumNorm` takes the source's coefficients as its
        ``source_coef``.
    source : str, tuple of array-like (X, y), fitted estimator or None, default=None
        A problem by its name, as in studies: "spiral", "sphere", "concentric-spheres", "gaussian", "modular" or
        "block-model"; data; or an estimator of the class of `estimator` that is fitted already, which is neither
        changed nor cloned. In a grid, which clones its values, wrap it in ``sklearn.frozen.FrozenEstimator``. None and
        "none" are no source: the learner starts from scratch, with `freeze` = 0. Steps of a pipeline before
        `Pretrained` do not change a source.
    source_params : dict or None, default=None
        Parameters of the problem, as its builder has them: ``{"turns": 2}`` for `toymanifold.spiral_problem`. A
        ``problem_seed`` that is not given is drawn, so that the source has a density of its own. Unlabelled points are
        left out. Not used for other sources.
    n_source : int or None, default=None
        Points of a source that is a problem or data; None is 10,000 of a problem, or all if it has fewer, and all of
        data, of which fewer are drawn at random. Not used for a fitted estimator.
    freeze : int, default=0
        Number of layers, from the input on, whose weights stay those of the source, as does what a prior has learnt; 0
        trains all, `depth` the last one only, and with `depth` + 1 the net is that of the source.
    random_state : int, RandomState, Generator or None, default=None
        Of the source's problem, its sample and the training on it, from a random stream of its own: with the same int
        as that of the data, source and data are independent. Also of `estimator` if its own is None.

    Attributes
    ----------
    estimator_ : estimator
        The fitted learner.
    source_ : estimator or None
        The learner that is fitted to the source.
    classes_ : ndarray of shape (n_classes,)
        Those of the source, if it is a classifier; the data have no others.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if `X` has string column names.

    Examples
    --------
    >>> from estimators import NetClassifier
    >>> from toymanifold import make_spiral
    >>> net = NetClassifier(max_steps=1000, schedule="cosine", random_state=0)
    >>> pretrained = Pretrained(net, "spiral", source_params={"turns": 2}, n_source=3000, random_state=0)
    >>> X, y = make_spiral(30, turns=2, random_state=0)
    >>> test = make_spiral(5000, turns=2, random_state=1)
    >>> pretrained.fit(X, y).score(*test) > net.fit(X, y).score(*test)
    True
    """

    def __init__(
        self,
        estimator: Any,
        source: Any = None,
        *,
        source_params: dict[str, Any] | None = None,
        n_source: int | None = None,
        freeze: int = 0,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.source = source
        self.source_params = source_params
        self.n_source = n_source
        self.freeze = freeze
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to the source, unless it is fitted already, and go on with the data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            With the features of the source, in their order.
        y : array-like of shape (n_samples,)
            For classification, classes of the source.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Of the data, as the learner takes it; those of the source have none.

        Returns
        -------
        self : Pretrained

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data are not allowed, or the data are not like the source.
        """
        self._check_parameters()
        seed = as_seed(self.random_state, "Pretrained")
        rng = stream(seed, Split.SOURCE)
        seed_of_learner, seed_of_source = rng.integers(MAX_SEED, size=2).tolist()
        learner = clone(self.estimator)
        if getattr(learner, "random_state", 0) is None:
            learner.set_params(random_state=seed_of_learner)
        source = self._fitted_source((seed, seed_of_source), rng)
        if source is None:
            check_integer(self.freeze, "freeze", "Pretrained without a source", low=0, high=0)
            self.estimator_ = learner.fit(X, y, sample_weight)
        else:
            _check_features(X, source)
            self.estimator_ = learner._fit_from(source, X, y, sample_weight, freeze=self.freeze)
        self.source_ = source
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the prediction for each row of `X` (n_samples, n_features)."""
        check_is_fitted(self)
        predicted: NDArray[Any] = self.estimator_.predict(X)
        return predicted

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X: ArrayLike) -> NDArray[np.floating]:
        """Return the probability of each class of `classes_` as (n_samples, n_classes)."""
        check_is_fitted(self)
        probabilities: NDArray[np.floating] = self.estimator_.predict_proba(X)
        return probabilities

    @available_if(_estimator_has("gradients"))
    def gradients(self, X: ArrayLike) -> NDArray[np.floating]:
        """Return the gradients of the fitted net, as `estimators.nets.Net.gradients` does."""
        check_is_fitted(self)
        gradients: NDArray[np.floating] = self.estimator_.gradients(X)
        return gradients

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the score of the learner: the accuracy, or the coefficient of determination."""
        check_is_fitted(self)
        return float(self.estimator_.score(X, y, sample_weight))

    @property
    def classes_(self) -> NDArray[Any]:
        """Labels of the classes."""
        classes: NDArray[Any] = self.estimator_.classes_
        return classes

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        return int(self.estimator_.n_features_in_)

    @property
    def feature_names_in_(self) -> NDArray[Any]:
        """Names of the features."""
        names: NDArray[Any] = self.estimator_.feature_names_in_
        return names

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, with `deep` those of the learner too; a source that is an estimator has its own."""
        nested = self.estimator.get_params() if deep and hasattr(self.estimator, "get_params") else {}
        return {**super().get_params(deep=False), **{f"estimator__{name}": value for name, value in nested.items()}}

    def __sklearn_clone__(self) -> Self:
        cloned: Self = super().__sklearn_clone__()
        cloned.source = self.source  # which has weights or data that are not to be copied
        return cloned

    def __sklearn_tags__(self) -> Tags:
        return get_tags(self.estimator)

    def _check_parameters(self) -> None:
        if not hasattr(self.estimator, "_fit_from"):
            raise TypeError(error_message("estimator", "Pretrained", "a net or a MinimumNorm", self.estimator))
        check_integer(self.freeze, "freeze", "Pretrained", low=0)
        if self.n_source is not None:
            check_integer(self.n_source, "n_source", "Pretrained", low=1)
        if self.source_params is not None and not isinstance(self.source_params, Mapping):
            raise TypeError(error_message("source_params", "Pretrained", "a dict or None", self.source_params))

    def _fitted_source(self, seeds: tuple[int, int], rng: np.random.Generator) -> Any:
        """Return the learner fitted to the source, one that is kept if possible; None if there is no source."""
        source = self.source.estimator if isinstance(self.source, FrozenEstimator) else self.source
        if source is None or (isinstance(source, str) and source == "none"):
            return None
        if isinstance(source, BaseEstimator):
            return self._checked(source)
        learner = clone(self.estimator)
        if hasattr(learner, "random_state"):
            learner.set_params(random_state=seeds[1])
        comes_again = isinstance(self.random_state, numbers.Integral)
        if not comes_again or getattr(learner, "callbacks", None):  # which may do anything
            return self._fitted_to(source, learner, rng)
        key = hash_of((learner, source, self.source_params, self.n_source, seeds))
        if key is None:
            return self._fitted_to(source, learner, rng)
        fitted = _kept.pop(key, None) or self._fitted_to(source, learner, rng)
        _kept[key] = fitted
        while len(_kept) > _MOST_KEPT:
            _kept.popitem(last=False)
        return copy.deepcopy(fitted)  # since `source_` may be trained further

    def _fitted_to(self, source: Any, learner: Any, rng: np.random.Generator) -> Any:
        """Return a learner that is fitted to a source that is a problem or data."""
        sample = self._sample(source, rng)
        try:
            return learner.fit(*sample)
        except ValueError as error:
            raise ValueError(f"The learner of Pretrained cannot be fitted to its source: {error}") from error

    def _checked(self, source: BaseEstimator) -> BaseEstimator:
        """Return a source that is an estimator; raise unless it is one of the learner's class, and fitted."""
        if type(source) is not type(self.estimator):
            allowed = f"a {type(self.estimator).__name__}, as the estimator is"
            raise TypeError(error_message("source", "Pretrained", allowed, source))
        check_is_fitted(source, msg=_UNFITTED)
        return source

    def _sample(self, source: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        """Return the points of a source that is a problem or data."""
        if isinstance(source, str):
            return self._sample_of_problem(source, rng)
        if not isinstance(source, tuple) or len(source) != 2:
            allowed = "the name of a problem, a tuple (X, y), a fitted estimator or None"
            given = f"a tuple of {len(source)}" if isinstance(source, tuple) else type(source)
            raise TypeError(error_message("source", "Pretrained", allowed, given))
        if self.n_source is None:
            return source
        n_source = check_integer(self.n_source, "n_source", "Pretrained", low=1, high=np.shape(source[0])[0])
        seed = int(rng.integers(MAX_SEED))
        rows: tuple[Any, Any] = resample(*source, replace=False, n_samples=n_source, random_state=seed)
        return rows

    def _sample_of_problem(self, name: str, rng: np.random.Generator) -> tuple[Any, Any]:
        build = PROBLEMS[check_choice(name, "source", "Pretrained", ["none", *PROBLEMS])]
        known, params = inspect.signature(build).parameters, self.source_params or {}
        if unknown := sorted(params.keys() - known.keys()):
            raise ValueError(error_message("source_params", "Pretrained", f"parameters among {[*known]}", unknown[0]))
        drawn = {PROBLEM_SEED: int(rng.integers(MAX_SEED))} if PROBLEM_SEED in known else {}
        problem = build(**{**drawn, **params})
        task = "classification" if is_classifier(self.estimator) else "regression"
        if problem.task != task:
            allowed = f"a problem of {task}" + ", by the task in source_params" * ("task" in known)
            raise ValueError(error_message("source", "Pretrained", allowed, name))
        most = getattr(problem, "n_train", None)  # of a problem of finitely many points
        n_source = self.n_source or min(N_SOURCE, most or N_SOURCE)
        check_integer(n_source, "n_source", "Pretrained", low=1, high=most)
        X, y = problem.sample(n_source, rng)
        return X[:n_source], y[:n_source]  # unlabelled points come after them


def _check_features(X: Any, source: Any) -> None:
    """Raise if points have another number of features than those of a source."""
    shape: tuple[int, ...] = getattr(X, "shape", ())  # the learner itself checks other kinds of points
    if len(shape) == 2 and shape[1] != source.n_features_in_:
        allowed = f"of the {source.n_features_in_} features of the source"
        raise ValueError(error_message("X", "Pretrained", allowed, f"{shape[1]} features"))
