"""A problem: points drawn from a density and labelled by a target.

Without noise, labels are the target's own: the Bayes error is zero, and every error is the learner's.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from toymanifold.embedding import Embedding
from toymanifold.protocols import UNLABELLED, Density, SamePickles, Target
from toymanifold.streams import Split, as_seed, blocks
from toymanifold.validation import (
    SCALES,
    check_choice,
    check_dtype,
    check_integer,
    check_length,
    check_real,
    error_message,
)

Sample = tuple[NDArray[Any], NDArray[Any]]


class Part(NamedTuple):
    """A block of a sample: its rows, its generator, and whether they have labels."""

    rows: slice
    rng: np.random.Generator
    is_labelled: bool


@dataclass(frozen=True)
class Problem(SamePickles):
    """Points drawn from a density and labelled by a target.

    Parameters
    ----------
    target : Target
        Function that gives the true labels.
    density : Density
        Distribution of the points, in the space of the target.
    embedding : Embedding or None, default=None
        Isometry from that space into a larger one; None for the space itself.
    flip_probability : float, default=0.0
        Probability, in [0, 1], that a sampled label is replaced by another class, each of them as likely; for
        classification.
    noise : float, default=0.0
        Standard deviation of Gaussian noise on sampled labels; for regression.
    n_unlabelled : int, default=0
        Number of points without a label, y = -1, that are appended to a training sample; for classification.

    Examples
    --------
    >>> from toymanifold import Ball, Problem, UniformBox
    >>> problem = Problem(Ball(dimension=2), UniformBox(dimension=2))
    >>> X, y = problem.sample(1000, random_state=0)
    >>> problem.task, X.shape, y.shape
    ('classification', (1000, 2), (1000,))
    """

    target: Target
    density: Density
    embedding: Embedding | None = None
    flip_probability: float = 0.0
    noise: float = 0.0
    n_unlabelled: int = 0

    _added = ("n_unlabelled",)

    def __post_init__(self) -> None:
        if self.target.dimension != self.density.dimension:
            allowed = f"of the target's dimension, {self.target.dimension}"
            raise ValueError(error_message("density", "Problem", allowed, f"dimension {self.density.dimension}"))
        if self.embedding is not None and self.embedding.n_directions != self.target.dimension:
            allowed = f"of the target's dimension, {self.target.dimension}"
            raise ValueError(
                error_message("embedding", "Problem", allowed, f"{self.embedding.n_directions} directions")
            )
        check_real(self.flip_probability, "flip_probability", "Problem", low=0, high=1)
        check_real(self.noise, "noise", "Problem", low=0, high=SCALES[np.dtype(np.float64)])
        if self.flip_probability and self.task == "regression":
            raise ValueError(error_message("flip_probability", "Problem", "0 for regression", self.flip_probability))
        if self.noise and self.task == "classification":
            raise ValueError(error_message("noise", "Problem", "0 for classification", self.noise))
        check_integer(self.n_unlabelled, "n_unlabelled", "Problem", low=0)
        if self.n_unlabelled and self.task == "regression":
            raise ValueError(error_message("n_unlabelled", "Problem", "0 for regression", self.n_unlabelled))

    @property
    def dimension(self) -> int:
        """Dimension of the space in which points are given."""
        return self.target.dimension if self.embedding is None else self.embedding.dimension

    @property
    def task(self) -> str:
        """Kind of labels: "classification" or "regression"."""
        return "regression" if self.target.n_classes is None else "classification"

    def sample(
        self,
        n_samples: int,
        random_state: Any = None,
        *,
        split: str = "train",
        dtype: DTypeLike = np.float64,
        n_jobs: int = 1,
    ) -> Sample:
        """Draw labelled points, and after them the unlabelled ones of a training sample.

        Samples are nested: with one int seed, the first m labelled rows of a sample of n are those of a sample of m.
        The unlabelled rows do not depend on the number of labelled ones.

        Parameters
        ----------
        n_samples : int
            Number of labelled points, at least 1.
        random_state : int, RandomState, Generator or None, default=None
            Seed of points and label noise. An int gives the same sample every time; a RandomState or Generator is
            advanced.
        split : {"train", "test"}, default="train"
            Stream of random numbers; the test stream is independent of the training streams of all seeds.
        dtype : {float64, float32}, default=float64
            Type of X. Labels are those of the points after rounding to it, so a radius of the target outside
            [1e-20, 1e20] is refused for float32.
        n_jobs : int, default=1
            Number of threads; the sample does not depend on it.

        Returns
        -------
        X : ndarray of shape (n_samples + n_unlabelled, dimension)
            Points; of the test stream n_samples rows.
        y : ndarray of shape (n_samples + n_unlabelled,)
            Labels: int64 classes from 0 on, or float64 values; -1 for the unlabelled points.
        """
        n_samples = check_integer(n_samples, "n_samples", "Problem.sample", low=1)
        check_integer(n_jobs, "n_jobs", "Problem.sample", low=1)
        parts = self._parts(n_samples, random_state, split, "Problem.sample")
        n_rows = n_samples + self._n_unlabelled(split)
        X = np.empty((n_rows, self.dimension), dtype=self._check_dtype(dtype, "Problem.sample"))
        y = np.empty(n_rows, dtype=np.float64 if self.task == "regression" else np.int64)

        def fill(part: Part) -> None:
            X[part.rows], y[part.rows] = self._draw(part, X.dtype)

        if n_jobs == 1:
            for part in parts:
                fill(part)
        else:
            with ThreadPoolExecutor(n_jobs) as executor:
                list(executor.map(fill, parts))
        return X, y

    def batches(
        self,
        n_samples: int,
        batch_size: int,
        random_state: Any = None,
        *,
        split: str = "train",
        dtype: DTypeLike = np.float64,
    ) -> Iterator[Sample]:
        """Yield a sample in batches, in constant memory.

        Parameters
        ----------
        n_samples : int
            Number of labelled points in all, at least 1.
        batch_size : int
            Number of points in a batch; the last one may have fewer.
        random_state : int, RandomState, Generator or None, default=None
            Seed, as in `sample`: concatenated, the batches are its sample.
        split : {"train", "test"}, default="train"
            Stream of random numbers, as in `sample`.
        dtype : {float64, float32}, default=float64
            Type of X.

        Yields
        ------
        X : ndarray of shape (batch_size, dimension)
            Points.
        y : ndarray of shape (batch_size,)
            Labels.
        """
        n_samples = check_integer(n_samples, "n_samples", "Problem.batches", low=1)
        batch_size = check_integer(batch_size, "batch_size", "Problem.batches", low=1)
        parts = self._parts(n_samples, random_state, split, "Problem.batches")
        return _rebatched(self._drawn(parts, self._check_dtype(dtype, "Problem.batches")), batch_size)

    def label(self, X: ArrayLike) -> NDArray[Any]:
        """Return the true labels, without noise, of points `X` (n_samples, dimension)."""
        return self.target.label(self._own(X))

    def log_density(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the natural logarithm of the sampling density at points `X` (n_samples, dimension)."""
        own = self.density.log_density(self._own(X))
        return own if self.embedding is None else own + self.embedding.log_nuisance(X)

    def signed_distance(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the Euclidean distance of points `X` (n_samples, dimension) to the boundary, negative inside.

        Raises
        ------
        TypeError
            If the target is not a `Region`.
        """
        if not hasattr(self.target, "signed_distance"):
            raise TypeError(
                f"Problem.signed_distance needs a target that is a Region. Got {type(self.target).__name__} instead."
            )
        # Nuisance directions run along the boundary, so the distance is the one in the target's own space.
        distance: NDArray[np.float64] = self.target.signed_distance(self._own(X))
        return distance

    def _own(self, X: ArrayLike) -> ArrayLike:
        return X if self.embedding is None else self.embedding.project(X)

    def _check_dtype(self, dtype: DTypeLike, owner: str) -> np.dtype[Any]:
        checked = check_dtype(dtype, owner)
        check_length(self.target.radius, "radius", f"{owner} in {checked}", dtype=checked)
        return checked

    def _n_unlabelled(self, split: str) -> int:
        return self.n_unlabelled if split == "train" else 0

    def _parts(self, n_samples: int, random_state: Any, split: str, owner: str) -> Iterator[Part]:
        """Return the blocks of a sample, first those with labels."""
        seed = as_seed(random_state, owner)
        labelled = blocks(n_samples, seed, Split[check_choice(split, "split", owner, ("train", "test")).upper()])
        others = blocks(self._n_unlabelled(split), seed, Split.UNLABELLED, start=n_samples)
        return chain((Part(*block, True) for block in labelled), (Part(*block, False) for block in others))

    def _drawn(self, parts: Iterator[Part], dtype: np.dtype[Any]) -> Iterator[Sample]:
        return (self._draw(part, dtype) for part in parts)

    def _draw(self, part: Part, dtype: np.dtype[Any]) -> Sample:
        """Draw the head of a block. Nuisance and label noise have their own generators, so neither moves points."""
        n_samples, rng = part.rows.stop - part.rows.start, part.rng
        X = self.density.sample(n_samples, rng)
        if self.embedding is not None or self.flip_probability or self.noise:
            nuisance, labels = rng.spawn(2)
        if self.embedding is not None:
            X = self.embedding.embed(X, nuisance)
        X = X.astype(dtype, copy=False)
        if not part.is_labelled:
            return X, np.full(n_samples, UNLABELLED)
        y = self.label(X)
        if self.flip_probability:
            y = self._flipped(y, labels)
        if self.noise:
            y = y + self.noise * labels.standard_normal(n_samples)
        return X, y

    def _flipped(self, y: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """Replace labels by other classes, with the flip probability."""
        chance, other = rng.spawn(2)
        n_classes = self.target.n_classes or 2
        shift = other.integers(1, n_classes, size=len(y))
        return np.where(chance.random(len(y)) < self.flip_probability, (y + shift) % n_classes, y)


def _rebatched(parts: Iterator[Sample], batch_size: int) -> Iterator[Sample]:
    """Cut and join parts of any size into batches of one size, the last one perhaps smaller."""
    pieces: list[Sample] = []
    missing = batch_size
    for X, y in parts:
        while len(X) >= missing:
            yield _joined([*pieces, (X[:missing], y[:missing])])
            X, y = X[missing:], y[missing:]
            pieces, missing = [], batch_size
        if len(X):
            pieces.append((X, y))
            missing -= len(X)
    if pieces:
        yield _joined(pieces)


def _joined(pieces: list[Sample]) -> Sample:
    if len(pieces) == 1:
        return pieces[0]
    Xs, ys = zip(*pieces, strict=True)
    return np.concatenate(Xs), np.concatenate(ys)
