"""The toy of arithmetic modulo p: a finite table of which some cells are given and the others are to be predicted.

It is the toy of grokking (Power et al., Grokking: generalization beyond overfitting on small algorithmic datasets,
2022).
"""

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from toymanifold.problems import Problem, Sample
from toymanifold.streams import Split, as_generator, as_seed, stream
from toymanifold.validation import (
    check_choice,
    check_dtype,
    check_integer,
    check_points,
    check_real,
    check_seed,
    error_message,
)

OPERATIONS = {"add": np.add, "subtract": np.subtract, "multiply": np.multiply}
"""The operations, by name, whose remainder is the label."""


@dataclass(frozen=True)
class ModularOperation:
    """The remainder modulo p of the sum, difference or product of two numbers, each one-hot in p coordinates.

    Parameters
    ----------
    modulus : int
        Modulus p >= 2.
    operation : {"add", "subtract", "multiply"}, default="add"
        Operation on the two numbers.

    Examples
    --------
    >>> from toymanifold import ModularOperation, OneHotPairs
    >>> pairs = OneHotPairs(modulus=3).encode([8, 5])  # (2, 2) and (1, 2)
    >>> ModularOperation(modulus=3).label(pairs)
    array([1, 0])
    """

    modulus: int
    operation: str = "add"

    radius = math.sqrt(2)

    def __post_init__(self) -> None:
        check_integer(self.modulus, "modulus", "ModularOperation", low=2)
        check_choice(self.operation, "operation", "ModularOperation", OPERATIONS)

    @property
    def dimension(self) -> int:
        """Dimension of the space, 2 p."""
        return 2 * self.modulus

    @property
    def n_classes(self) -> int:
        """Number of classes, p."""
        return self.modulus

    def label(self, X: ArrayLike) -> NDArray[np.int64]:
        """Return the labels of `X` (n_samples, 2 p): the numbers are the largest coordinates of its two halves."""
        points = check_points(X, self.dimension, "ModularOperation.label")
        a, b = np.divmod(_pairs(points), self.modulus)
        labels: NDArray[np.int64] = OPERATIONS[self.operation](a, b) % self.modulus
        return labels


@dataclass(frozen=True)
class OneHotPairs:
    """The uniform distribution over the p^2 pairs of numbers below p, each number one-hot.

    Parameters
    ----------
    modulus : int
        Number p >= 2 of values of each number.

    Examples
    --------
    >>> from toymanifold import OneHotPairs
    >>> OneHotPairs(modulus=3).encode([5])
    array([[0., 1., 0., 0., 0., 1.]])
    """

    modulus: int

    def __post_init__(self) -> None:
        check_integer(self.modulus, "modulus", "OneHotPairs", low=2)

    @property
    def dimension(self) -> int:
        """Dimension of the space, 2 p."""
        return 2 * self.modulus

    def encode(self, pairs: ArrayLike) -> NDArray[np.float64]:
        """Return the one-hot rows (n, 2 p) of pairs (n,); the pair (a, b) has the number a p + b."""
        a, b = np.divmod(np.asarray(pairs), self.modulus)
        points = np.zeros((len(a), self.dimension))
        rows = np.arange(len(a))
        points[rows, a] = points[rows, self.modulus + b] = 1.0
        return points

    def sample(self, n_samples: int, random_state: Any = None) -> NDArray[np.float64]:
        """Draw points of shape (n_samples, 2 p), with replacement and nested."""
        n_samples = check_integer(n_samples, "n_samples", "OneHotPairs.sample", low=0)
        rng = as_generator(random_state, "OneHotPairs.sample")
        return self.encode(rng.integers(self.modulus**2, size=n_samples))

    def log_density(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the logarithm of the probability of each row of `X` (n_samples, 2 p); -inf if it is not a pair."""
        points = check_points(X, self.dimension, "OneHotPairs.log_density")
        is_pair = (points == self.encode(_pairs(points))).all(axis=1)
        return np.where(is_pair, -2 * math.log(self.modulus), -math.inf)


@dataclass(frozen=True)
class ModularProblem(Problem):
    """A table of p^2 pairs, of which a share is kept for testing and occurs in no training sample.

    Training samples are drawn from the other pairs without replacement, in an order that depends on the seed, so they
    are nested. Test samples are drawn with replacement.

    Parameters
    ----------
    target : ModularOperation
        Operation that gives the labels.
    density : OneHotPairs
        Pairs of the same modulus.
    embedding : None, default=None
        Not supported.
    flip_probability, noise : float, default=0.0
        Not supported: labels are noise-free.
    n_unlabelled : int, default=0
        Not supported.
    test_fraction : float, default=0.25
        Share of the table, in (0, 1), that is kept for testing.
    problem_seed : int, default=0
        Seed of the choice of the pairs for testing.

    Examples
    --------
    >>> from toymanifold import ModularOperation, ModularProblem, OneHotPairs
    >>> problem = ModularProblem(ModularOperation(5), OneHotPairs(5), test_fraction=0.2)
    >>> problem.n_train
    20
    """

    test_fraction: float = 0.25
    problem_seed: int = 0

    def __post_init__(self) -> None:
        owner = "ModularProblem"
        super().__post_init__()
        check_real(self.test_fraction, "test_fraction", owner, low=0, high=1, closed="()")
        check_seed(self.problem_seed, "problem_seed", owner)
        for name in ("embedding", "flip_probability", "n_unlabelled"):
            if getattr(self, name):
                raise ValueError(error_message(name, owner, "left at its default", getattr(self, name)))

    @functools.cached_property
    def _pools(self) -> dict[Split, NDArray[np.int64]]:
        order = stream(self.problem_seed, Split.TARGET).permutation(self._pairs.modulus**2)
        n_test = min(max(1, round(self.test_fraction * len(order))), len(order) - 1)
        return {Split.TEST: order[:n_test], Split.TRAIN: order[n_test:]}

    @property
    def _pairs(self) -> OneHotPairs:
        return self.density  # type: ignore[return-value]

    @property
    def n_train(self) -> int:
        """Number of pairs that training samples are drawn from."""
        return len(self._pools[Split.TRAIN])

    def sample(
        self,
        n_samples: int,
        random_state: Any = None,
        *,
        split: str = "train",
        dtype: DTypeLike = np.float64,
        n_jobs: int = 1,
    ) -> Sample:
        """Draw labelled pairs, as `Problem.sample` does, in one thread; for training, at most `n_train` of them."""
        owner = "ModularProblem.sample"
        check_integer(n_jobs, "n_jobs", owner, low=1)
        part = Split[check_choice(split, "split", owner, ("train", "test")).upper()]
        most = self.n_train if part is Split.TRAIN else None
        n_samples = check_integer(n_samples, "n_samples", owner, low=1, high=most)
        rng, pool = stream(as_seed(random_state, owner), part), self._pools[part]
        pairs = rng.permutation(pool)[:n_samples] if part is Split.TRAIN else rng.choice(pool, n_samples)
        X = self._pairs.encode(pairs).astype(check_dtype(dtype, owner), copy=False)
        return X, self.label(X)

    def batches(
        self,
        n_samples: int,
        batch_size: int,
        random_state: Any = None,
        *,
        split: str = "train",
        dtype: DTypeLike = np.float64,
    ) -> Iterator[Sample]:
        """Yield a sample in batches, as `Problem.batches` does."""
        batch_size = check_integer(batch_size, "batch_size", "ModularProblem.batches", low=1)
        X, y = self.sample(n_samples, random_state, split=split, dtype=dtype)
        rows = (slice(start, start + batch_size) for start in range(0, n_samples, batch_size))
        return ((X[part], y[part]) for part in rows)


def modular_problem(
    *, modulus: int = 31, operation: str = "add", test_fraction: float = 0.25, problem_seed: int = 0
) -> ModularProblem:
    """Build the problem of completing a table of arithmetic modulo p.

    Parameters
    ----------
    modulus : int, default=31
        Modulus p >= 2.
    operation : {"add", "subtract", "multiply"}, default="add"
        Operation on the two numbers of a pair.
    test_fraction : float, default=0.25
        Share of the p^2 pairs, in (0, 1), that is kept for testing and occurs in no training sample.
    problem_seed : int, default=0
        Seed of the choice of the pairs for testing.

    Returns
    -------
    problem : ModularProblem
        Problem of classification with p classes.

    Examples
    --------
    >>> from toymanifold import modular_problem
    >>> problem = modular_problem(modulus=7)
    >>> X, y = problem.sample(problem.n_train, random_state=0)
    >>> X.shape, y.shape
    ((37, 14), (37,))
    """
    target = ModularOperation(modulus, operation)
    return ModularProblem(target, OneHotPairs(modulus), test_fraction=test_fraction, problem_seed=problem_seed)


def _pairs(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the number a p + b of the pair that each row of `points` (n_samples, 2 p) stands for."""
    modulus = points.shape[1] // 2
    a, b = points[:, :modulus].argmax(axis=1), points[:, modulus:].argmax(axis=1)
    return a * modulus + b
