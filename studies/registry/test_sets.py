"""Points at which learners are evaluated: test sets of a problem, and the pixels of a decision map."""

import functools
import threading
import zlib
from collections.abc import Collection, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from studies.registry.bins import Bins, bins
from studies.registry.params import canonical
from studies.registry.predictions import predict
from studies.registry.problems import AnyProblem, shared_problem
from toymanifold import DataProblem, Problem, UniformBox

N_TEST = 50_000
"""Number of points of each test set of a problem of fresh samples."""

MAP_SIZE = 240
"""Pixels along each side of a decision map."""

_LEAST_KEPT = 4  # test sets of problems in a process
_MOST_VALUES = 25_000_000  # of the points of further ones: 200 MB


@dataclass(frozen=True)
class LabelledPoints:
    """Points (n, d) with their labels (n,), read-only, since all learners of a process share them.

    Points of a data set may be a data frame; `rows` are the numbers of their rows in it.
    """

    X: Any
    y: NDArray[Any]
    rows: NDArray[np.intp] | None = None
    _checksum: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("X", "y"):
            if not _is_frame(getattr(self, name)):
                array = np.ascontiguousarray(getattr(self, name)).view()
                array.flags.writeable = False
                object.__setattr__(self, name, array)
        object.__setattr__(self, "_checksum", self._sum())

    @property
    def is_unchanged(self) -> bool:
        """Whether the arrays are as they were; other libraries, such as torch, can write to read-only arrays."""
        return self._sum() == self._checksum

    def _sum(self) -> int:
        return zlib.crc32(self.y.data, _checksum(self.X))


def _is_frame(X: Any) -> bool:
    return hasattr(X, "columns")


def _checksum(X: Any) -> int:
    """Return a checksum of an array, or of a data frame with its columns."""
    if not _is_frame(X):
        return zlib.crc32(X.data)
    from pandas.util import hash_pandas_object

    return zlib.crc32(hash_pandas_object(X).to_numpy().data, zlib.crc32(repr(list(X.columns)).encode()))


@dataclass(frozen=True)
class TestSets:
    """Test sets of a problem, drawn on first use: `N_TEST` points each, or the test rows of a data set.

    They are independent of every training sample, and their labels are without noise even if those of the training
    points are noisy: every error is the learner's. Only the labels of data are as they are.

    Parameters
    ----------
    problem : AnyProblem
    seed : int, default=0
        Test sets of different seeds are independent; those of a data set are its test rows whatever the seed is.
    """

    __test__ = False  # not for pytest to collect

    problem: AnyProblem
    seed: int = 0

    @functools.cached_property
    def density(self) -> LabelledPoints:
        """Points from the sampling density; of a data set its test rows."""
        if isinstance(self.problem, DataProblem):
            return LabelledPoints(*self.problem.test(), np.flatnonzero(self.problem.is_test))
        return self._labelled(self.problem.sample(N_TEST, self._seed, split="test")[0])

    @functools.cached_property
    def uniform(self) -> LabelledPoints:
        """Points uniform over the cube around the region."""
        problem = self._known_everywhere
        box = UniformBox(problem.target.dimension, problem.target.radius)
        return self._labelled(replace(problem, density=box).sample(N_TEST, self._seed + 1, split="test")[0])

    @functools.cached_property
    def bins(self) -> Bins:
        """Fifths of the points `density`, by density and by distance to the boundary."""
        return bins(self._known_everywhere, self.density.X)

    @property
    def are_unchanged(self) -> bool:
        """Whether all points drawn so far are as they were drawn."""
        return all(points.is_unchanged for points in self._drawn)

    @property
    def n_values(self) -> int:
        """Number of coordinates of all points drawn so far, and of the rows of a data set."""
        rows = self.problem.X.size if isinstance(self.problem, DataProblem) else 0
        return int(rows + sum(points.X.size for points in self._drawn))

    @property
    def _drawn(self) -> list[LabelledPoints]:
        return [points for points in list(vars(self).values()) if isinstance(points, LabelledPoints)]

    @property
    def _seed(self) -> int:
        """The seed of the points under the density; the next one is that of the uniform points."""
        return 2 * self.seed

    def _labelled(self, X: NDArray[np.float64]) -> LabelledPoints:
        return LabelledPoints(X, self._known_everywhere.label(X))

    @property
    def _known_everywhere(self) -> Problem:
        if isinstance(self.problem, DataProblem):
            raise TypeError("density and labels of a data set are known at its rows only")
        return self.problem


_KEPT: dict[Hashable, TestSets] = {}  # the last used at the end
_LOCK = threading.Lock()  # of what is kept, since an executor may be one of threads


def _test_sets(name: str, params: Mapping[str, Any], allow: Collection[str], seed: int) -> TestSets:
    """Return test sets that are kept for the next caller: the last ones used, and as many more as are small."""
    key = name, canonical(params), tuple(allow), seed
    with _LOCK:
        tests = _KEPT.pop(key) if key in _KEPT else TestSets(shared_problem(name, params, allow), seed)
        _KEPT[key] = tests
        while len(_KEPT) > _LEAST_KEPT and sum(kept.n_values for kept in _KEPT.values()) > _MOST_VALUES:
            del _KEPT[next(iter(_KEPT))]
    return tests


@contextmanager
def shared_test_sets(
    name: str, params: Mapping[str, Any], allow: Collection[str] = (), seed: int = 0
) -> Iterator[TestSets]:
    """Yield the test sets of a problem, which each process draws once, for one learner to be measured.

    Raises
    ------
    ValueError
        If the learner changed the points. The next learner gets new ones.
    """
    tests = _test_sets(name, params, allow, seed)
    try:
        yield tests
    finally:
        if not tests.are_unchanged:
            with _LOCK:
                _KEPT.clear()
            raise ValueError("the learner changed the points that it was given, so nothing can be measured on them")


def decision_map(estimator: BaseEstimator, half_width: float) -> NDArray[np.bool_]:
    """Return the pixels of the square [-half_width, half_width]^2 for which a fitted classifier predicts class 1.

    Returns
    -------
    inside : ndarray of shape (MAP_SIZE, MAP_SIZE), bool
        Rows from below, columns from the left, as in `map_points`.
    """
    inside: NDArray[np.bool_] = predict(estimator, map_points(half_width), np.dtype(int)) == 1
    return inside.reshape(MAP_SIZE, MAP_SIZE)


def map_points(half_width: float) -> NDArray[np.float64]:
    """Return the centres of the pixels of a decision map, (MAP_SIZE**2, 2), row by row from below."""
    centres = half_width * ((np.arange(MAP_SIZE) + 0.5) * (2 / MAP_SIZE) - 1)
    abscissa, ordinate = np.meshgrid(centres, centres)
    return np.column_stack([abscissa.ravel(), ordinate.ravel()])
