"""Points at which learners are evaluated: test sets of a problem, and the pixels of a decision map."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from studies.registry.bins import Bins, bins
from studies.registry.params import canonical
from studies.registry.problems import build_problem
from toymanifold import Problem, UniformBox

N_TEST = 50_000
"""Number of points of each test set."""

MAP_SIZE = 240
"""Pixels along each side of a decision map."""

_SPARSE_SHARE = 5  # the sparsest fifth
_TEST_SEED = 0
_UNIFORM_SEED = 1  # another seed, so that the uniform points are independent of the others


@dataclass(frozen=True)
class LabelledPoints:
    """Points (n, d) with their labels (n,)."""

    X: NDArray[np.float64]
    y: NDArray[Any]


@dataclass(frozen=True)
class TestSets:
    """Test sets of a problem, of `N_TEST` points each, drawn on first use.

    They are independent of every training sample, and their labels are without noise even if those of the training
    points are noisy: every error is the learner's.
    """

    __test__ = False  # not for pytest to collect

    problem: Problem

    @functools.cached_property
    def density(self) -> LabelledPoints:
        """Points from the sampling density."""
        return self._labelled(self.problem.sample(N_TEST, _TEST_SEED, split="test")[0])

    @functools.cached_property
    def uniform(self) -> LabelledPoints:
        """Points uniform over the cube around the region."""
        box = UniformBox(self.problem.target.dimension, self.problem.target.radius)
        return self._labelled(replace(self.problem, density=box).sample(N_TEST, _UNIFORM_SEED, split="test")[0])

    @functools.cached_property
    def sparse(self) -> LabelledPoints:
        """Points from the sparsest fifth of the sampling density, by probability mass."""
        X, _ = self.problem.sample(_SPARSE_SHARE * N_TEST, _TEST_SEED, split="test")
        return self._labelled(X[np.argsort(self.problem.log_density(X), kind="stable")[:N_TEST]])

    @functools.cached_property
    def bins(self) -> Bins:
        """Fifths of the points `density`, by density and by distance to the boundary."""
        return bins(self.problem, self.density.X)

    def _labelled(self, X: NDArray[np.float64]) -> LabelledPoints:
        return LabelledPoints(X, self.problem.label(X))


@functools.lru_cache(maxsize=4)
def _test_sets(name: str, canonical_params: str) -> TestSets:
    return TestSets(build_problem(name, json.loads(canonical_params)))


def test_sets(name: str, params: Mapping[str, Any]) -> TestSets:
    """Return the test sets of a problem by its name and parameters; each process draws them once."""
    return _test_sets(name, canonical(params))


test_sets.__test__ = False  # type: ignore[attr-defined]


def decision_map(estimator: BaseEstimator, half_width: float) -> NDArray[np.bool_]:
    """Return where in the square [-half_width, half_width]^2 a fitted classifier predicts class 1.

    Returns
    -------
    inside : ndarray of shape (MAP_SIZE, MAP_SIZE), bool
        Rows from below, columns from the left, as in `map_points`.
    """
    inside: NDArray[np.bool_] = np.asarray(estimator.predict(map_points(half_width)) == 1)
    return inside.reshape(MAP_SIZE, MAP_SIZE)


def map_points(half_width: float) -> NDArray[np.float64]:
    """Return the centres of the pixels of a decision map, (MAP_SIZE**2, 2), row by row from below."""
    centres = half_width * ((np.arange(MAP_SIZE) + 0.5) * (2 / MAP_SIZE) - 1)
    abscissa, ordinate = np.meshgrid(centres, centres)
    return np.column_stack([abscissa.ravel(), ordinate.ravel()])
