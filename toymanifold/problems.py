"""A problem is a target and a density: what is to be learnt, and where one gets to look.

Unless noise is asked for, labels are the target's own: the Bayes error is zero, and every error is the learner's.
"""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy.special import gammaincinv

from toymanifold.densities import Density, GaussianMixture, UniformBox, UniformSphere
from toymanifold.embedding import Embedding
from toymanifold.regions import Ball, Shells, Target
from toymanifold.spirals import Spiral, SpiralBands
from toymanifold.streams import Split, as_seed, blocks, stream
from toymanifold.targets import Constant, Harmonic, Quadratic, SphereFunction
from toymanifold.validation import check_choice, check_integer, check_real, error_message

Sample = tuple[NDArray[Any], NDArray[Any]]

_DTYPES = (np.dtype(np.float64), np.dtype(np.float32))
_SPHERE_TARGETS = ("inside", "linear", "quadratic", "harmonic", "random")


@dataclass(frozen=True)
class Problem:
    """Points from a density, labelled by a target.

    Parameters
    ----------
    target : Target
        What is to be learnt, in its own space.
    density : Density
        Where points fall, in the same space.
    embedding : Embedding or None, default=None
        Places that space in a larger one; None leaves it as it is.
    flip_probability : float, default=0.0
        Chance, in [0, 1], that a sampled label is replaced by one of the other classes, each as likely.
    noise : float, default=0.0
        Standard deviation of Gaussian noise on sampled labels; for targets of regression.
    """

    target: Target
    density: Density
    embedding: Embedding | None = None
    flip_probability: float = 0.0
    noise: float = 0.0

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
        check_real(self.noise, "noise", "Problem", low=0, closed="[)")
        if self.flip_probability and self.target.n_classes is None:
            raise ValueError(error_message("flip_probability", "Problem", "0 for regression", self.flip_probability))
        if self.noise and self.target.n_classes is not None:
            raise ValueError(error_message("noise", "Problem", "0 for classification", self.noise))

    @property
    def dimension(self) -> int:
        """Of the space in which points are given."""
        return self.target.dimension if self.embedding is None else self.embedding.dimension

    def sample(
        self,
        n_samples: int,
        random_state: Any = None,
        *,
        split: str = "train",
        dtype: DTypeLike = np.float64,
        n_jobs: int = 1,
    ) -> Sample:
        """Draw labelled points.

        Samples are nested: with one int seed, the first m rows of a sample of n are the sample of m.

        Parameters
        ----------
        n_samples : int
            At least 1.
        random_state : int, RandomState, Generator or None, default=None
            Only an int gives the same sample again.
        split : {"train", "test"}, default="train"
            No seed's training sample meets any seed's test sample.
        dtype : {float64, float32}, default=float64
            Of X. Labels are those of the points as they are returned.
        n_jobs : int, default=1
            Threads that draw; the sample does not depend on it.

        Returns
        -------
        X : ndarray of shape (n_samples, dimension)
        y : ndarray of shape (n_samples,)
            int64 classes from 0 on, or float64 values.
        """
        n_samples = check_integer(n_samples, "n_samples", "Problem.sample", low=1)
        check_integer(n_jobs, "n_jobs", "Problem.sample", low=1)
        parts = self._parts(n_samples, random_state, split, "Problem.sample")
        X = np.empty((n_samples, self.dimension), dtype=_check_dtype(dtype, "Problem.sample"))
        y = np.empty(n_samples, dtype=np.float64 if self.target.n_classes is None else np.int64)

        def fill(part: tuple[slice, np.random.Generator]) -> None:
            rows, rng = part
            X[rows], y[rows] = self._draw(rows.stop - rows.start, rng, X.dtype)

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
            In all, at least 1.
        batch_size : int
            Rows of each batch but the last, which may have fewer.
        random_state, split, dtype
            As in `sample`: put together, the batches are its sample.

        Yields
        ------
        X : ndarray of shape (batch_size, dimension)
        y : ndarray of shape (batch_size,)
        """
        n_samples = check_integer(n_samples, "n_samples", "Problem.batches", low=1)
        batch_size = check_integer(batch_size, "batch_size", "Problem.batches", low=1)
        parts = self._parts(n_samples, random_state, split, "Problem.batches")
        return _rebatched(self._drawn(parts, _check_dtype(dtype, "Problem.batches")), batch_size)

    def label(self, X: ArrayLike) -> NDArray[Any]:
        """Return the true label, without noise, of any points `X` (n_samples, dimension)."""
        return self.target.label(self._own(X))

    def log_density(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the natural logarithm of the sampling density at any points `X` (n_samples, dimension)."""
        own = self.density.log_density(self._own(X))
        return own if self.embedding is None else own + self.embedding.log_nuisance(X)

    def signed_distance(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the Euclidean distance of points `X` (n_samples, dimension) to the boundary, negative inside.

        Raises
        ------
        TypeError
            If the target is no region.
        """
        if not hasattr(self.target, "signed_distance"):
            raise TypeError(f"{type(self.target).__name__} is no region: it has no boundary to be distant from.")
        # Nuisance directions run along the boundary, so the distance is the one in the figure's own space.
        distance: NDArray[np.float64] = self.target.signed_distance(self._own(X))
        return distance

    def _own(self, X: ArrayLike) -> ArrayLike:
        return X if self.embedding is None else self.embedding.project(X)

    def _parts(
        self, n_samples: int, random_state: Any, split: str, owner: str
    ) -> Iterator[tuple[slice, np.random.Generator]]:
        seed = as_seed(random_state, owner)
        return blocks(n_samples, seed, Split[check_choice(split, "split", owner, ("train", "test")).upper()])

    def _drawn(self, parts: Iterator[tuple[slice, np.random.Generator]], dtype: np.dtype[Any]) -> Iterator[Sample]:
        return (self._draw(rows.stop - rows.start, rng, dtype) for rows, rng in parts)

    def _draw(self, n_samples: int, rng: np.random.Generator, dtype: np.dtype[Any]) -> Sample:
        """Draw the head of one block. Nuisance and label noise have generators of their own: neither moves points."""
        X = self.density.sample(n_samples, rng)
        if self.embedding is not None or self.flip_probability or self.noise:
            nuisance, labels = rng.spawn(2)
        if self.embedding is not None:
            X = self.embedding.embed(X, nuisance)
        X = X.astype(dtype, copy=False)
        y = self.label(X)
        if self.flip_probability:
            chance, other = labels.spawn(2)
            n_classes = self.target.n_classes or 2
            shift = other.integers(1, n_classes, size=n_samples)
            y = np.where(chance.random(n_samples) < self.flip_probability, (y + shift) % n_classes, y)
        if self.noise:
            y = y + self.noise * labels.standard_normal(n_samples)
        return X, y


def spiral_problem(
    *,
    turns: float = 4.0,
    fill: float = 0.5,
    tip: float = math.pi / 2,
    radius: float = 1.0,
    arms: int = 1,
    density: str | Density = "mixture",
    dimension: int = 2,
    nuisance_scale: float = 0.0,
    flip_probability: float = 0.0,
    problem_seed: int = 0,
) -> Problem:
    """Build the project's own toy: inside or outside a closed spiral, or which of several arms.

    Parameters
    ----------
    turns, fill, tip, radius, arms
        Of the `Spiral`.
    density : {"mixture", "uniform", "bands"} or Density, default="mixture"
        "mixture" is `GaussianMixture.random_spots` (20 spots of standard deviation 0.15 radius over the square of the
        spiral), "uniform" the square itself, "bands" the inside of the spiral (`SpiralBands`).
    dimension : int, default=2
        d >= 2, of the space in which the plane of the spiral lies, turned at random.
    nuisance_scale : float, default=0.0
        Standard deviation of the Gaussian nuisance in each of the other d - 2 directions.
    flip_probability : float, default=0.0
        Label noise.
    problem_seed : int, default=0
        Of the mixture's spots and the plane's directions; points and labels have a seed of their own.

    Returns
    -------
    problem : Problem
    """
    owner = "spiral_problem"
    seed = as_seed(check_integer(problem_seed, "problem_seed", owner, low=0), owner)
    spiral = Spiral(turns=turns, fill=fill, tip=tip, radius=radius, arms=arms)
    if not isinstance(density, Density):
        density = _spiral_density(density, spiral, seed)
    check_integer(dimension, "dimension", owner, low=2)
    check_real(nuisance_scale, "nuisance_scale", owner, low=0, closed="[)")
    embedding = None
    if dimension > 2:
        embedding = Embedding.random(dimension, 2, nuisance_scale, rng=stream(seed, Split.FRAME))
    return Problem(spiral, density, embedding, flip_probability=flip_probability)


def sphere_problem(
    *,
    dimension: int = 3,
    radius: float = 1.0,
    target: str = "inside",
    degree: int = 2,
    task: str = "classification",
    flip_probability: float = 0.0,
    noise: float = 0.0,
    ambient_dimension: int | None = None,
    problem_seed: int = 0,
) -> Problem:
    """Build a problem about a sphere: inside or outside it, or a function on it.

    Parameters
    ----------
    dimension : int, default=3
        d >= 2, of the space; the sphere is S^(d-1).
    radius : float, default=1.0
        Of the sphere.
    target : {"inside", "linear", "quadratic", "harmonic", "random"}, default="inside"
        "inside": points are Gaussian about the origin, their median distance from it the radius, so that classes
        balance in any d. All others are uniform on the sphere: "linear" and "harmonic" (of `degree`) about a random
        axis, "quadratic" a random form, all of mean 0 and variance 1; "random" labels that depend on nothing, coin
        tosses or standard normal (the setting of Bubeck and Sellke, A universal law of robustness via isoperimetry,
        NeurIPS 2021).
    degree : int, default=2
        Of the harmonic.
    task : {"classification", "regression"}, default="classification"
        Whether a function's sign is the label, or its value.
    flip_probability : float, default=0.0
        Label noise of classification.
    noise : float, default=0.0
        Standard deviation of the label noise of regression.
    ambient_dimension : int or None, default=None
        At least `dimension`: of a larger space, in which that of the sphere lies, turned at random; None is none.
    problem_seed : int, default=0
        Of the random axis or form, and of the directions of the sphere's space; points and labels have a seed of their
        own.

    Returns
    -------
    problem : Problem
    """
    owner = "sphere_problem"
    check_integer(dimension, "dimension", owner, low=2)
    check_choice(target, "target", owner, _SPHERE_TARGETS)
    seed = as_seed(check_integer(problem_seed, "problem_seed", owner, low=0), owner)
    embedding = None
    if ambient_dimension is not None:
        check_integer(ambient_dimension, "ambient_dimension", owner, low=dimension)
        embedding = Embedding.random(ambient_dimension, dimension, rng=stream(seed, Split.FRAME))
    if target == "inside":
        ball = _ball_problem(dimension, radius, task, flip_probability, noise)
        return replace(ball, embedding=embedding)
    if target == "random":
        _check_noise_free(flip_probability, noise, owner)
        flip_probability, noise = (0.5, 0.0) if task == "classification" else (0.0, 1.0)
    function = _sphere_function(target, dimension, radius, degree, task, stream(seed, Split.TARGET))
    sphere = UniformSphere(dimension, (radius,))
    return Problem(function, sphere, embedding, flip_probability=flip_probability, noise=noise)


def concentric_spheres_problem(
    *, dimension: int = 3, inner: float = 1.0, outer: float = 1.3, flip_probability: float = 0.0
) -> Problem:
    """Build the problem of Gilmer et al., Adversarial Spheres, 2018: on which of two concentric spheres a point lies.

    Parameters
    ----------
    dimension : int, default=3
        d >= 2, of the space; 500 in the paper.
    inner, outer : float, default=1.0, 1.3
        Radii, 0 < inner < outer.
    flip_probability : float, default=0.0
        Label noise.

    Returns
    -------
    problem : Problem
        Points are uniform on the two spheres, each as likely; the label is 1 on the inner one.
    """
    shells = Shells(check_integer(dimension, "dimension", "concentric_spheres_problem", low=2), inner, outer)
    return Problem(shells, UniformSphere(dimension, (inner, outer)), flip_probability=flip_probability)


def _spiral_density(name: str, spiral: Spiral, seed: int) -> Density:
    radius = spiral.radius
    match check_choice(name, "density", "spiral_problem", ("mixture", "uniform", "bands")):
        case "mixture":
            return GaussianMixture.random_spots(scale=0.15 * radius, half_width=radius, random_state=seed)
        case "uniform":
            return UniformBox(half_width=radius)
        case _:
            return SpiralBands(spiral)


def _ball_problem(dimension: int, radius: float, task: str, flip_probability: float, noise: float) -> Problem:
    if task != "classification":
        raise ValueError(error_message("task", "sphere_problem", "'classification' for the target 'inside'", task))
    ball = Ball(dimension, radius)
    median_distance = math.sqrt(2 * gammaincinv(dimension / 2, 0.5))  # of a standard normal vector: chi distribution
    gaussian = GaussianMixture(np.zeros((1, dimension)), radius / median_distance)
    return Problem(ball, gaussian, flip_probability=flip_probability, noise=noise)


def _sphere_function(
    target: str, dimension: int, radius: float, degree: int, task: str, rng: np.random.Generator
) -> SphereFunction:
    match target:
        case "linear":
            return Harmonic(task, radius, axis=rng.standard_normal(dimension))
        case "harmonic":
            return Harmonic(task, radius, axis=rng.standard_normal(dimension), degree=degree)
        case "quadratic":
            return Quadratic(task, radius, matrix=rng.standard_normal((dimension, dimension)))
        case _:
            return Constant(task, radius, n_features=dimension)


def _check_noise_free(flip_probability: float, noise: float, owner: str) -> None:
    for name, value in (("flip_probability", flip_probability), ("noise", noise)):
        if value:
            raise ValueError(error_message(name, owner, "0 for the target 'random', which is all noise", value))


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


def _check_dtype(dtype: DTypeLike, owner: str) -> np.dtype[Any]:
    if dtype is None or np.dtype(dtype) not in _DTYPES:
        raise ValueError(error_message("dtype", owner, "float64 or float32", dtype))
    return np.dtype(dtype)
