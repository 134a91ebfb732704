"""What is measured: problems by name, the fresh points of each, and the metrics of a fitted learner on them."""

import functools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from toymanifold import Problem, UniformBox, sphere_problem, spiral_problem

MEASUREMENT = 2
"""Part of every cell's identity: raised when a change here alters what a stored cell would measure."""

N_TEST = 50_000
"""Fresh points for each of the three accuracies."""

MAP_SIZE = 240
"""Pixels along each side of a decision map."""

_SPARSE_SHARE = 5  # the sparsest fifth
_TEST_SEED = 0
_UNIFORM_SEED = 1  # another seed, so that the uniform points do not replay the draws of the others

PROBLEMS: dict[str, Callable[..., Problem]] = {"spiral": spiral_problem, "sphere": sphere_problem}
"""Builders of problems by name."""


@dataclass(frozen=True)
class TestPoints:
    """Labelled points that no training seed reaches."""

    __test__ = False  # not for pytest to collect

    X: NDArray[np.float64]
    y: NDArray[np.int64]


@dataclass(frozen=True)
class TestSets:
    """The test points of a problem, drawn once for all cells.

    Attributes
    ----------
    density : TestPoints
        From the sampling density.
    uniform : TestPoints
        Uniform over the cube about the region.
    sparse : TestPoints
        From the sampling density where it is lowest: its sparsest fifth by probability mass.
    """

    __test__ = False

    density: TestPoints
    uniform: TestPoints
    sparse: TestPoints


def build_problem(name: str, params: dict[str, Any]) -> Problem:
    """Return the problem of a name and its parameters."""
    return PROBLEMS[name](**params)


def make_test_sets(problem: Problem) -> TestSets:
    """Draw the `TestSets` of a problem, `N_TEST` points in each."""
    X, y = problem.sample(_SPARSE_SHARE * N_TEST, _TEST_SEED, split="test")
    sparsest = np.argsort(problem.log_density(X), kind="stable")[:N_TEST]
    box = UniformBox(problem.target.dimension, problem.target.radius)
    uniform = replace(problem, density=box).sample(N_TEST, _UNIFORM_SEED, split="test")
    return TestSets(
        density=TestPoints(X[:N_TEST], y[:N_TEST]),
        uniform=TestPoints(*uniform),
        sparse=TestPoints(X[sparsest], y[sparsest]),
    )


@functools.lru_cache(maxsize=4)
def _test_sets(name: str, canonical_params: str) -> TestSets:
    return make_test_sets(build_problem(name, json.loads(canonical_params)))


def test_sets(name: str, params: dict[str, Any]) -> TestSets:
    """Return the `TestSets` of a problem by name and parameters; drawn once in a process."""
    return _test_sets(name, json.dumps(params, sort_keys=True))


test_sets.__test__ = False  # type: ignore[attr-defined]


def measure(estimator: BaseEstimator, tests: TestSets) -> dict[str, float]:
    """Return the metrics of a fitted classifier.

    Returns
    -------
    values : dict
        ``accuracy`` under the sampling density, ``accuracy_uniform``, ``accuracy_sparse``, and ``predict_seconds``,
        the time taken for the `N_TEST` points of the first.
    """
    start = time.perf_counter()
    accuracy = _accuracy(estimator, tests.density)
    return {
        "predict_seconds": time.perf_counter() - start,
        "accuracy": accuracy,
        "accuracy_uniform": _accuracy(estimator, tests.uniform),
        "accuracy_sparse": _accuracy(estimator, tests.sparse),
    }


def decision_map(estimator: BaseEstimator, half_width: float) -> NDArray[np.bool_]:
    """Return where in the square [-half_width, half_width]^2 a fitted classifier answers 1.

    Returns
    -------
    inside : ndarray of shape (MAP_SIZE, MAP_SIZE), bool
        Row i is the i-th ordinate from below, column j the j-th abscissa from the left; see `map_points`.
    """
    inside: NDArray[np.bool_] = np.asarray(estimator.predict(map_points(half_width)) == 1)
    return inside.reshape(MAP_SIZE, MAP_SIZE)


def map_points(half_width: float) -> NDArray[np.float64]:
    """Return the pixel centres of a decision map as (MAP_SIZE**2, 2), row by row from below."""
    centres = half_width * ((np.arange(MAP_SIZE) + 0.5) * (2 / MAP_SIZE) - 1)
    abscissa, ordinate = np.meshgrid(centres, centres)
    return np.column_stack([abscissa.ravel(), ordinate.ravel()])


def _accuracy(estimator: BaseEstimator, points: TestPoints) -> float:
    return float(np.mean(estimator.predict(points.X) == points.y))
