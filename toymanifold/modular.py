"""Arithmetic modulo p: a finite table of which some cells are seen, and the others are to be filled in.

The toy of grokking (Power et al., Grokking: generalization beyond overfitting on small algorithmic datasets, 2022).
"""

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from toymanifold.problems import Problem, Sample
from toymanifold.streams import Split, as_seed, stream
from toymanifold.validation import check_choice, check_integer, check_points, check_real

OPERATIONS = {"add": np.add, "subtract": np.subtract, "multiply": np.multiply}
"""What is done with two numbers before the remainder is taken."""


@dataclass(frozen=True)
class ModularOperation:
    """The label of a pair (a, b), one-hot after one-hot in 2 p coordinates: (a + b) mod p, or another operation.

    Parameters
    ----------
    modulus : int
        p >= 2.
    operation : {"add", "subtract", "multiply"}, default="add"
    """

    modulus: int
    operation: str = "add"

    radius = math.sqrt(2)

    def __post_init__(self) -> None:
        check_integer(self.modulus, "modulus", "ModularOperation", low=2)
        check_choice(self.operation, "operation", "ModularOperation", OPERATIONS)

    @property
    def dimension(self) -> int:
        """Of the space, 2 p."""
        return 2 * self.modulus

    @property
    def n_classes(self) -> int:
        """The modulus."""
        return self.modulus

    def label(self, X: ArrayLike) -> NDArray[np.int64]:
        """Return the label of each row of `X` (n_samples, 2 p): of the largest coordinate in each half."""
        points = check_points(X, self.dimension, "ModularOperation.label")
        a, b = points[:, : self.modulus].argmax(axis=1), points[:, self.modulus :].argmax(axis=1)
        labels: NDArray[np.int64] = OPERATIONS[self.operation](a, b) % self.modulus
        return labels


@dataclass(frozen=True)
class OneHotPairs:
    """The uniform distribution over the p^2 pairs, each of them two one-hot vectors.

    Parameters
    ----------
    modulus : int
        p >= 2.
    """

    modulus: int

    @property
    def dimension(self) -> int:
        """Of the space, 2 p."""
        return 2 * self.modulus

    def encode(self, pairs: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return pairs, numbered from 0 to p^2 - 1 as a p + b, as (n, 2 p) one-hot rows."""
        a, b = np.divmod(pairs, self.modulus)
        points = np.zeros((len(pairs), self.dimension))
        rows = np.arange(len(pairs))
        points[rows, a] = points[rows, self.modulus + b] = 1.0
        return points

    def sample(self, n_samples: int, random_state: Any = None) -> NDArray[np.float64]:
        """Draw points of shape (n_samples, 2 p), with replacement."""
        rng = np.random.default_rng(random_state)
        return self.encode(rng.integers(self.modulus**2, size=n_samples))

    def log_density(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return -2 log p, the logarithm of the probability of each row of `X` (n_samples, 2 p), which is a pair."""
        return np.full(len(check_points(X, self.dimension, "OneHotPairs.log_density")), -2 * math.log(self.modulus))


@dataclass(frozen=True)
class ModularProblem(Problem):
    """A table of p^2 pairs, a share of which is kept for testing: no training sample has any of them.

    Training samples are drawn from the others *without* replacement, in an order that the seed decides, so they are
    nested; test samples are drawn with replacement.

    Parameters
    ----------
    target, density, embedding, flip_probability, noise
        Of a `Problem`: a `ModularOperation` and `OneHotPairs`, and none of the rest.
    test_fraction : float, default=0.25
        Share of the table, in (0, 1), kept for testing.
    problem_seed : int, default=0
        Of the choice of these pairs.
    """

    test_fraction: float = 0.25
    problem_seed: int = 0

    @functools.cached_property
    def _pools(self) -> dict[Split, NDArray[np.int64]]:
        order = stream(self.problem_seed, Split.TARGET).permutation(self.target.dimension**2 // 4)
        n_test = min(max(1, round(self.test_fraction * len(order))), len(order) - 1)
        return {Split.TEST: order[:n_test], Split.TRAIN: order[n_test:]}

    @property
    def n_train(self) -> int:
        """The number of pairs that training samples are drawn from."""
        return len(self._pools[Split.TRAIN])

    def sample(
        self,
        n_samples: int,
        random_state: Any = None,
        *,
        split: str = "train",
        dtype: DTypeLike = np.float64,
        n_jobs: int = 1,  # noqa: ARG002
    ) -> Sample:
        """Draw labelled pairs, as `Problem.sample` does; for training, at most `n_train` of them."""
        owner = "ModularProblem.sample"
        part = Split[check_choice(split, "split", owner, ("train", "test")).upper()]
        most = self.n_train if part is Split.TRAIN else None
        n_samples = check_integer(n_samples, "n_samples", owner, low=1, high=most)
        rng, pool = stream(as_seed(random_state, owner), part), self._pools[part]
        pairs = rng.permutation(pool)[:n_samples] if part is Split.TRAIN else rng.choice(pool, n_samples)
        X = self.density.encode(pairs)  # type: ignore[attr-defined]
        return X.astype(dtype, copy=False), self.label(X)

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
        X, y = self.sample(n_samples, random_state, split=split, dtype=dtype)
        for start in range(0, n_samples, batch_size):
            yield X[start : start + batch_size], y[start : start + batch_size]


def modular_problem(
    *, modulus: int = 31, operation: str = "add", test_fraction: float = 0.25, problem_seed: int = 0
) -> ModularProblem:
    """Build the problem of filling in a table of arithmetic modulo p.

    Parameters
    ----------
    modulus : int, default=31
        p >= 2.
    operation : {"add", "subtract", "multiply"}, default="add"
    test_fraction : float, default=0.25
        Share of the p^2 pairs, in (0, 1), that no training sample has.
    problem_seed : int, default=0
        Of the choice of these pairs.

    Returns
    -------
    problem : ModularProblem
    """
    owner = "modular_problem"
    target = ModularOperation(modulus, operation)
    check_real(test_fraction, "test_fraction", owner, low=0, high=1, closed="()")
    seed = as_seed(check_integer(problem_seed, "problem_seed", owner, low=0), owner)
    return ModularProblem(target, OneHotPairs(modulus), test_fraction=test_fraction, problem_seed=seed)
