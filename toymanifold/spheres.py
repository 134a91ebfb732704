"""The toys about spheres: inside or outside a ball, two concentric spheres, functions on a sphere."""

import functools
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from toymanifold.densities import GaussianMixture, UniformSphere
from toymanifold.embedding import RandomEmbedding
from toymanifold.geometry import log_sphere_area, signed, uniform_on_sphere
from toymanifold.harmonics import (
    GROUPS,
    Constant,
    Harmonic,
    Quadratic,
    SectoralHarmonic,
    SphereFunction,
    invariant_form,
    quarter_turn,
)
from toymanifold.problems import Problem
from toymanifold.streams import Split, as_generator, stream
from toymanifold.validation import (
    check_choice,
    check_integer,
    check_length,
    check_points,
    check_real,
    check_seed,
    error_message,
)

_SYMMETRIC = (*GROUPS, "cyclic-turns")
_TARGETS = ("inside", "linear", "quadratic", "harmonic", *_SYMMETRIC, "random")
_OF_PLANES = ("joint-turns", "cyclic-turns")


@dataclass(frozen=True)
class Ball:
    """The closed ball about the origin, whose boundary is the sphere S^(d-1).

    Parameters
    ----------
    dimension : int, default=3
        Dimension d >= 1 of the space.
    radius : float, default=1.0
        Radius of the sphere, in [1e-100, 1e100].

    Examples
    --------
    >>> from toymanifold import Ball
    >>> ball = Ball(dimension=3)
    >>> ball.label([[0.0, 0.0, 0.5], [0.0, 0.0, 1.5]])
    array([1, 0])
    >>> ball.signed_distance([[0.0, 0.0, 0.5], [0.0, 0.0, 1.5]])
    array([-0.5,  0.5])
    """

    dimension: int = 3
    radius: float = 1.0

    n_classes = 2

    def __post_init__(self) -> None:
        check_integer(self.dimension, "dimension", "Ball", low=1)
        check_length(self.radius, "radius", "Ball")

    @property
    def surface_area(self) -> float:
        """Area of the sphere; in the plane the length of the circle, on the line 2.

        Raises
        ------
        ValueError
            If it is too large for a float.
        """
        try:
            return math.exp(log_sphere_area(self.dimension, self.radius))
        except OverflowError:
            allowed = f"smaller for an area in dimension {self.dimension}, which is too large for a float"
            raise ValueError(error_message("radius", "Ball", allowed, self.radius)) from None

    @property
    def intrinsic_dimension(self) -> int:
        """Dimension of the boundary, d - 1."""
        return self.dimension - 1

    def contains(self, X: ArrayLike) -> NDArray[np.bool_]:
        """Return the mask of the points of `X` (n_samples, dimension) in the closed ball."""
        X = check_points(X, self.dimension, "Ball.contains")
        inside: NDArray[np.bool_] = np.einsum("ij,ij->i", X, X) <= self.radius**2
        return inside

    def label(self, X: ArrayLike) -> NDArray[np.int64]:
        """Return the labels of `X` (n_samples, dimension): 1 inside and 0 outside."""
        return self.contains(X).astype(np.int64)

    def signed_distance(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the distance of `X` (n_samples, dimension) to the sphere, negative where `contains` holds."""
        X = check_points(X, self.dimension, "Ball.signed_distance")
        distance = np.abs(np.sqrt(np.einsum("ij,ij->i", X, X)) - self.radius)
        return signed(distance, self.contains(X))

    def boundary(self, n_samples: int, random_state: Any = None) -> NDArray[np.float64]:
        """Draw points uniformly from the sphere.

        Parameters
        ----------
        n_samples : int
            Number of points, at least 1.
        random_state : int, RandomState, Generator or None, default=None
            Seed of the points.

        Returns
        -------
        X : ndarray of shape (n_samples, dimension)
            Points of the sphere; for one int seed, samples are nested.
        """
        n_samples = check_integer(n_samples, "n_samples", "Ball.boundary", low=1)
        return uniform_on_sphere(n_samples, self.dimension, self.radius, as_generator(random_state, "Ball.boundary"))


@dataclass(frozen=True)
class Shells:
    """Two concentric spheres, each the class of the points that are nearest to it.

    The boundary between the classes is the sphere midway, which leaves the widest margin. Gilmer et al., Adversarial
    Spheres, 2018, take d = 500 and radii 1 and 1.3.

    Parameters
    ----------
    dimension : int, default=3
        Dimension d >= 1 of the space.
    inner, outer : float, default=1.0, 1.3
        Radii of the spheres, 0 < inner < outer.

    Examples
    --------
    >>> from toymanifold import Shells
    >>> Shells(dimension=2).label([[1.0, 0.0], [1.3, 0.0]])
    array([1, 0])
    >>> Shells(dimension=2).margin
    0.15
    """

    dimension: int = 3
    inner: float = 1.0
    outer: float = 1.3

    n_classes = 2

    def __post_init__(self) -> None:
        check_integer(self.dimension, "dimension", "Shells", low=1)
        check_length(self.inner, "inner", "Shells")
        check_length(self.outer, "outer", "Shells")
        check_real(self.outer, "outer", "Shells", low=self.inner, closed="()")

    @property
    def radius(self) -> float:
        """Radius of the outer sphere."""
        return self.outer

    @property
    def intrinsic_dimension(self) -> int:
        """Dimension of the boundary, d - 1."""
        return self.dimension - 1

    @property
    def margin(self) -> float:
        """Distance of either sphere from the boundary between the classes."""
        return (self.outer - self.inner) / 2

    @property
    def _inside(self) -> Ball:
        return Ball(self.dimension, (self.inner + self.outer) / 2)

    def contains(self, X: ArrayLike) -> NDArray[np.bool_]:
        """Return the mask of the points of `X` (n_samples, dimension) that are nearest to the inner sphere."""
        return self._inside.contains(X)

    def label(self, X: ArrayLike) -> NDArray[np.int64]:
        """Return the labels of `X` (n_samples, dimension): 1 nearest to the inner sphere, 0 nearest to the outer."""
        return self._inside.label(X)

    def signed_distance(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the distance of `X` (n_samples, dimension) to the sphere midway, negative where `contains` holds."""
        return self._inside.signed_distance(X)

    def boundary(self, n_samples: int, random_state: Any = None) -> NDArray[np.float64]:
        """Draw points (n_samples, dimension) uniformly from the sphere midway."""
        return self._inside.boundary(n_samples, random_state)


def sphere_problem(
    *,
    dimension: int = 3,
    radius: float = 1.0,
    target: str = "inside",
    degree: int = 2,
    n_coordinates: int = 2,
    task: str = "classification",
    flip_probability: float = 0.0,
    noise: float = 0.0,
    n_unlabelled: int = 0,
    ambient_dimension: int | None = None,
    problem_seed: int = 0,
) -> Problem:
    """Build a problem about a sphere: inside or outside it, or a function on it.

    Parameters
    ----------
    dimension : int, default=3
        Dimension d >= 2 of the space; the sphere is S^(d-1).
    radius : float, default=1.0
        Radius of the sphere, in [1e-100, 1e100].
    target : str, default="inside"
        Function that gives the labels.

        - "inside" is the `Ball`. Points are Gaussian about the origin, with the radius as their median distance from
          it, so that classes balance in any d. For all other targets points are uniform on the sphere.
        - "linear" and "harmonic" are a `Harmonic` about a random axis, of degree 1 and of `degree`.
        - "quadratic" is a random `Quadratic`, which is even: the antipode of a point has its label.
        - "sign-flips", "rotations", "joint-turns" and "cyclic-shifts" are random `Quadratic` forms that are kept by the
          symmetry of this name of the first `n_coordinates` coordinates.
        - "cyclic-turns" is a `SectoralHarmonic` of `degree` k, kept by joint turns of the planes of these coordinates
          by 1/k, and by no smaller ones.
        - "random" labels are independent of the points: coin tosses, or standard normal values (the setting of Bubeck
          and Sellke, A universal law of robustness via isoperimetry, NeurIPS 2021).
    degree : int, default=2
        Degree of the harmonic or of cyclic turns, at most 1000.
    n_coordinates : int, default=2
        Number of the first coordinates on which the symmetry of a target acts, from 2 to `dimension`.
    task : {"classification", "regression"}, default="classification"
        Kind of labels: the sign of the function, or its value.
    flip_probability : float, default=0.0
        Probability that a label is replaced by the other class; for classification.
    noise : float, default=0.0
        Standard deviation of Gaussian noise on labels; for regression.
    n_unlabelled : int, default=0
        Number of points without a label, y = -1, that are appended to a training sample; for classification.
    ambient_dimension : int or None, default=None
        Dimension of a larger space, at least `dimension`, in which the space of the sphere lies, rotated at random.
    problem_seed : int, default=0
        Seed of the random axis or form and of the rotation.

    Returns
    -------
    problem : Problem
        Target `Ball`, with boundary and signed distance, or `SphereFunction`.

    Examples
    --------
    >>> from toymanifold import sphere_problem
    >>> problem = sphere_problem(dimension=5, target="harmonic", degree=3, task="regression")
    >>> X, y = problem.sample(1000, random_state=0)
    >>> problem.task, X.shape, y.dtype
    ('regression', (1000, 5), dtype('float64'))
    """
    owner = "sphere_problem"
    check_integer(dimension, "dimension", owner, low=2)
    check_choice(target, "target", owner, _TARGETS)
    if target in _SYMMETRIC:
        _check_coordinates(target, dimension, n_coordinates, owner)
    seed = check_seed(problem_seed, "problem_seed", owner)
    embedding = None
    if ambient_dimension is not None:
        check_integer(ambient_dimension, "ambient_dimension", owner, low=dimension)
        embedding = RandomEmbedding(ambient_dimension, dimension, functools.partial(stream, seed, Split.FRAME))
    if target == "inside":
        ball = _ball_problem(dimension, radius, task, flip_probability, noise)
        return replace(ball, embedding=embedding, n_unlabelled=n_unlabelled)
    if target == "random":
        _check_noise_free(flip_probability, noise, owner)
        flip_probability, noise = (0.5, 0.0) if task == "classification" else (0.0, 1.0)
    function = _sphere_function(target, dimension, radius, degree, n_coordinates, task, stream(seed, Split.TARGET))
    sphere = UniformSphere(dimension, (radius,))
    return Problem(
        function, sphere, embedding, flip_probability=flip_probability, noise=noise, n_unlabelled=n_unlabelled
    )


def concentric_spheres_problem(
    *,
    dimension: int = 3,
    inner: float = 1.0,
    outer: float = 1.3,
    flip_probability: float = 0.0,
    n_unlabelled: int = 0,
) -> Problem:
    """Build the problem of two concentric spheres (Gilmer et al., Adversarial Spheres, 2018).

    Parameters
    ----------
    dimension : int, default=3
        Dimension d >= 2 of the space; 500 in the paper.
    inner, outer : float, default=1.0, 1.3
        Radii of the spheres, 0 < inner < outer.
    flip_probability : float, default=0.0
        Probability that a label is replaced by the other class.
    n_unlabelled : int, default=0
        Number of points without a label, y = -1, that are appended to a training sample.

    Returns
    -------
    problem : Problem
        Points uniform on the two spheres, each of them as likely; the label is 1 on the inner one, 0 on the outer.

    Examples
    --------
    >>> from toymanifold import concentric_spheres_problem
    >>> X, y = concentric_spheres_problem(dimension=500).sample(1000, random_state=0)
    >>> X.shape, y.shape
    ((1000, 500), (1000,))
    """
    shells = Shells(check_integer(dimension, "dimension", "concentric_spheres_problem", low=2), inner, outer)
    density = UniformSphere(dimension, (inner, outer))
    return Problem(shells, density, flip_probability=flip_probability, n_unlabelled=n_unlabelled)


def _ball_problem(dimension: int, radius: float, task: str, flip_probability: float, noise: float) -> Problem:
    if task != "classification":
        raise ValueError(error_message("task", "sphere_problem", "'classification' for the target 'inside'", task))
    ball = Ball(dimension, radius)
    # The length of a standard normal vector has the chi distribution.
    median_distance = math.sqrt(2 * scipy.special.gammaincinv(dimension / 2, 0.5))
    gaussian = GaussianMixture(np.zeros((1, dimension)), radius / median_distance)
    return Problem(ball, gaussian, flip_probability=flip_probability, noise=noise)


def _sphere_function(
    target: str, dimension: int, radius: float, degree: int, n_coordinates: int, task: str, rng: np.random.Generator
) -> SphereFunction:
    match target:
        case "linear":
            return Harmonic(task, radius, axis=rng.standard_normal(dimension))
        case "harmonic":
            return Harmonic(task, radius, axis=rng.standard_normal(dimension), degree=degree)
        case "quadratic":
            return Quadratic(task, radius, matrix=rng.standard_normal((dimension, dimension)))
        case "cyclic-turns":
            axis = rng.standard_normal((1, n_coordinates))
            plane = np.zeros((2, dimension))
            plane[:, :n_coordinates] = np.vstack([axis, quarter_turn(axis)]) / np.linalg.norm(axis)
            return SectoralHarmonic(task, radius, plane=plane, degree=degree)
        case "random":
            return Constant(task, radius, n_features=dimension)
        case group:
            form = invariant_form(rng.standard_normal((dimension, dimension)), group, n_coordinates)
            return Quadratic(task, radius, matrix=form)


def _check_coordinates(target: str, dimension: int, n_coordinates: int, owner: str) -> None:
    """Raise if a symmetry cannot act on so many coordinates, or keeps no quadratic form but a constant."""
    check_integer(n_coordinates, "n_coordinates", owner, low=2, high=dimension)
    if target in _OF_PLANES and n_coordinates % 2:
        raise ValueError(error_message("n_coordinates", owner, f"even for the target {target!r}", n_coordinates))
    is_constant = target == "rotations" or (target == "joint-turns" and n_coordinates == 2)
    if is_constant and n_coordinates == dimension:
        allowed = f"less than the dimension, {dimension}, for the target {target!r}"
        raise ValueError(error_message("n_coordinates", owner, allowed, n_coordinates))


def _check_noise_free(flip_probability: float, noise: float, owner: str) -> None:
    for name, value in (("flip_probability", flip_probability), ("noise", noise)):
        if value:
            raise ValueError(error_message(name, owner, "0 for the target 'random', whose labels are all noise", value))
