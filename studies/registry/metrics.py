"""What is measured on a fitted learner.

A metric is a function of a `Fitted`, registered under its own name by `metric`.
"""

import functools
import inspect
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.metrics import r2_score

from studies.registry.bins import breakdown_values
from studies.registry.registry import Registry
from studies.registry.test_sets import LabelledPoints, TestSets
from toymanifold import CoordinateFunction, OneHotPairs, Problem, UniformBall, UniformBox, UniformSphere


@dataclass(frozen=True)
class Fitted:
    """A fitted learner, and all that it can be measured by.

    Parameters
    ----------
    estimator : BaseEstimator
    tests : TestSets
    seconds : float
        That its fit took.
    n_samples, seed : int
        Of its training points.
    """

    estimator: BaseEstimator
    tests: TestSets
    seconds: float
    n_samples: int
    seed: int

    @property
    def problem(self) -> Problem:
        """What was to be learnt."""
        return self.tests.problem

    @functools.cached_property
    def train(self) -> LabelledPoints:
        """The training points, with the labels that the learner saw."""
        return LabelledPoints(*self.problem.sample(self.n_samples, self.seed))

    @functools.cached_property
    def timed_prediction(self) -> tuple[NDArray[Any], float]:
        """The answers at ``tests.density``, and the seconds that they took."""
        points = self.tests.density.X
        start = time.perf_counter()
        answers: NDArray[Any] = self.estimator.predict(points)
        return answers, time.perf_counter() - start


Measured = float | dict[str, float]
Supports = Callable[[Problem], bool]


@dataclass(frozen=True)
class Metric:
    """A number, or several, of a fitted learner.

    Parameters
    ----------
    function : callable
        From a `Fitted` to a float; or to a dict of floats, each of which is called ``{name of the metric}_{key}``.
    version : str
        Part of the identity of the cells that measure it: to be changed with the code when that alters the number.
    supports : callable
        Whether it can be measured on a `Problem`.
    default : bool
        Whether it is measured in studies that name no metrics.
    """

    function: Callable[[Fitted], Measured]
    version: str
    supports: Supports
    default: bool


METRICS: Registry[Metric] = Registry("metric", "studies.library")
"""All metrics by name, in the order in which they are measured."""


def metric(
    version: str, *, supports: Supports = lambda _: True, default: bool = True
) -> Callable[[Callable[[Fitted], Measured]], Callable[[Fitted], Measured]]:
    """Register the decorated function as a `Metric` under its own name."""

    def register(function: Callable[[Fitted], Measured]) -> Callable[[Fitted], Measured]:
        METRICS.add(function.__name__, Metric(function, version, supports, default))
        return function

    return register


def supported_metrics(problem: Problem, names: Iterable[str] = ()) -> tuple[str, ...]:
    """Return those of the named metrics, or of the default ones if none is named, that suit a problem."""
    wanted = set(names) or {name for name, found in METRICS.items() if found.default}
    return tuple(name for name, found in METRICS.items() if name in wanted and found.supports(problem))


def value_names(names: Iterable[str]) -> list[str]:
    """Return what the values of metrics are called, accuracies also as errors; a `*` stands for keys not known before.

    Examples
    --------
    >>> value_names(["accuracy_train", "error_density"])
    ['accuracy_train', 'error_train', 'error_density_*']
    """
    found: dict[str, None] = {}
    for name in names:
        single = inspect.get_annotations(METRICS[name].function).get("return") is float
        value = name if single else f"{name}_*"
        found |= dict.fromkeys([value, value.replace("accuracy", "error")])
    return list(found)


def measure(names: Iterable[str], fitted: Fitted) -> dict[str, float]:
    """Return the values of metrics by name."""
    values: dict[str, float] = {}
    for name in names:
        measured = METRICS[name].function(fitted)
        if isinstance(measured, dict):
            values |= {f"{name}_{key}": float(value) for key, value in measured.items()}
        else:
            values[name] = float(measured)
    return values


def is_classification(problem: Problem) -> bool:
    """Whether labels are classes."""
    return problem.target.n_classes is not None


def is_regression(problem: Problem) -> bool:
    """Whether labels are values."""
    return problem.target.n_classes is None


def is_uneven(problem: Problem) -> bool:
    """Whether points fall more densely in some places than in others, so that it matters where errors are counted."""
    even = isinstance(problem.density, UniformBall | UniformBox | UniformSphere | OneHotPairs)
    return not even and not isinstance(problem.target, CoordinateFunction)  # of which the cube's corners tell nothing


def has_boundary(problem: Problem) -> bool:
    """Whether labels are those of a region, so that points are at a distance from its boundary."""
    return hasattr(problem.target, "signed_distance")


@metric("1")
def fit_seconds(fitted: Fitted) -> float:
    """Seconds that the fit took."""
    return fitted.seconds


@metric("1")
def predict_seconds(fitted: Fitted) -> float:
    """Seconds that the answers at the test points took."""
    return fitted.timed_prediction[1]


@metric("1", supports=is_classification)
def accuracy(fitted: Fitted) -> float:
    """Share of right answers under the sampling density."""
    return float(np.mean(fitted.timed_prediction[0] == fitted.tests.density.y))


@metric("1", supports=lambda problem: is_classification(problem) and is_uneven(problem))
def accuracy_uniform(fitted: Fitted) -> float:
    """Share of right answers uniformly over the cube about the region."""
    return _accuracy(fitted.estimator, fitted.tests.uniform)


@metric("1", supports=lambda problem: is_classification(problem) and is_uneven(problem))
def accuracy_sparse(fitted: Fitted) -> float:
    """Share of right answers in the sparsest fifth of the sampling density."""
    return _accuracy(fitted.estimator, fitted.tests.sparse)


@metric("1", supports=is_classification, default=False)
def accuracy_train(fitted: Fitted) -> float:
    """Share of the training labels, noise and all, that the learner gives back."""
    return _accuracy(fitted.estimator, fitted.train)


@metric("1", supports=lambda problem: has_boundary(problem) and is_uneven(problem), default=False)
def error_density(fitted: Fitted) -> dict[str, float]:
    """Share of wrong answers in each fifth of the sampling density: `error_density_1` in the sparsest, to `_5`."""
    return _by_bin(fitted, "density")


@metric("1", supports=has_boundary, default=False)
def error_distance(fitted: Fitted) -> dict[str, float]:
    """Share of wrong answers in each fifth by distance to the boundary: `error_distance_1` in the nearest, to `_5`."""
    return _by_bin(fitted, "distance")


@metric("1", supports=is_regression)
def mse(fitted: Fitted) -> float:
    """Mean squared error under the sampling density."""
    return float(np.mean((fitted.timed_prediction[0] - fitted.tests.density.y) ** 2))


@metric("1", supports=is_regression)
def r2(fitted: Fitted) -> float:
    """Coefficient of determination under the sampling density."""
    return float(r2_score(fitted.tests.density.y, fitted.timed_prediction[0]))


@metric("1", supports=lambda problem: is_regression(problem) and is_uneven(problem))
def mse_uniform(fitted: Fitted) -> float:
    """Mean squared error uniformly over the cube about the region."""
    return _mse(fitted.estimator, fitted.tests.uniform)


@metric("1", supports=is_regression, default=False)
def mse_train(fitted: Fitted) -> float:
    """Mean squared error at the training points, against their labels, noise and all."""
    return _mse(fitted.estimator, fitted.train)


def _accuracy(estimator: BaseEstimator, points: LabelledPoints) -> float:
    return float(np.mean(estimator.predict(points.X) == points.y))


def _mse(estimator: BaseEstimator, points: LabelledPoints) -> float:
    return float(np.mean((estimator.predict(points.X) - points.y) ** 2))


def _by_bin(fitted: Fitted, by: str) -> dict[str, float]:
    correct = fitted.timed_prediction[0] == fitted.tests.density.y
    values, name = breakdown_values(correct, fitted.tests.bins), f"error_{by}_"
    return {key.removeprefix(name): value for key, value in values.items() if key.startswith(name)}
