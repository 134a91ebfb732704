"""What is to be learnt: targets, and among them regions, whose membership and boundary are known in closed form.

A target gives the true label of any point. A region also answers ``contains`` and ``signed_distance``. Neither knows
how points are sampled: that is the density's affair, and the independence of the two is the point of the toy.
"""

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

from toymanifold.streams import as_generator, chunks
from toymanifold.validation import check_integer, check_points, check_real


class Target(Protocol):
    """What a problem needs of that which is to be learnt.

    Attributes
    ----------
    dimension : int
        Of the space.
    radius : float
        What is worth looking at lies in the ball of this radius about the origin.
    n_classes : int or None
        Labels are 0 to n_classes - 1; None for a target of regression, whose labels are floats.
    """

    @property
    def dimension(self) -> int: ...  # noqa: D102

    @property
    def radius(self) -> float: ...  # noqa: D102

    @property
    def n_classes(self) -> int | None: ...  # noqa: D102

    def label(self, X: ArrayLike) -> NDArray[Any]:
        """Return the true label of each row of `X` (n_samples, dimension), int64 or float64."""
        ...


class Region(Target, Protocol):
    """A target that is a region of space with a boundary."""

    @property
    def intrinsic_dimension(self) -> int:
        """Of the boundary."""
        ...

    def contains(self, X: ArrayLike) -> NDArray[np.bool_]:
        """Tell for each row of `X` (n_samples, dimension) whether it lies in the closed region."""
        ...

    def signed_distance(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return for each row of `X` (n_samples, dimension) the Euclidean distance to the region's boundary.

        At most 0 where `contains` holds and at least 0 elsewhere; -signed_distance is the margin of a point inside.
        """
        ...


@dataclass(frozen=True)
class Ball:
    """The closed ball about the origin, whose boundary is the sphere S^(d-1).

    Parameters
    ----------
    dimension : int, default=3
        d >= 1, of the space.
    radius : float, default=1.0
    """

    dimension: int = 3
    radius: float = 1.0

    def __post_init__(self) -> None:
        check_integer(self.dimension, "dimension", "Ball", low=1)
        check_real(self.radius, "radius", "Ball", low=0, closed="()")

    n_classes = 2

    @property
    def surface_area(self) -> float:
        """Area of the sphere: the length of the circle in the plane, 2 on the line."""
        return sphere_area(self.dimension, self.radius)

    @property
    def intrinsic_dimension(self) -> int:
        """Of the boundary, the sphere."""
        return self.dimension - 1

    def contains(self, X: ArrayLike) -> NDArray[np.bool_]:
        """Tell which points of `X` (n_samples, dimension) lie in the closed ball."""
        X = check_points(X, self.dimension, "Ball.contains")
        inside: NDArray[np.bool_] = np.einsum("ij,ij->i", X, X) <= self.radius**2
        return inside

    def label(self, X: ArrayLike) -> NDArray[np.int64]:
        """Return 1 for points of `X` (n_samples, dimension) inside and 0 for those outside."""
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
            At least 1.
        random_state : int, RandomState, Generator or None, default=None

        Returns
        -------
        X : ndarray of shape (n_samples, dimension)
            From one seed, a smaller sample is the head of a larger one.
        """
        n_samples = check_integer(n_samples, "n_samples", "Ball.boundary", low=1)
        return uniform_on_sphere(n_samples, self.dimension, self.radius, as_generator(random_state, "Ball.boundary"))


@dataclass(frozen=True)
class Shells:
    """Two concentric spheres: a point belongs to the nearer one.

    The boundary between the classes that leaves the widest margin is the sphere midway. Gilmer et al., Adversarial
    Spheres, 2018, take d = 500 and radii 1 and 1.3.

    Parameters
    ----------
    dimension : int, default=3
        d >= 1, of the space.
    inner, outer : float, default=1.0, 1.3
        Radii of the spheres, 0 < inner < outer.
    """

    dimension: int = 3
    inner: float = 1.0
    outer: float = 1.3

    n_classes = 2

    def __post_init__(self) -> None:
        check_integer(self.dimension, "dimension", "Shells", low=1)
        check_real(self.inner, "inner", "Shells", low=0, closed="()")
        check_real(self.outer, "outer", "Shells", low=self.inner, closed="()")

    @property
    def radius(self) -> float:
        """Of the outer sphere."""
        return self.outer

    @property
    def intrinsic_dimension(self) -> int:
        """Of the spheres."""
        return self.dimension - 1

    @property
    def margin(self) -> float:
        """Distance of either sphere from the boundary between the classes."""
        return (self.outer - self.inner) / 2

    @property
    def _inside(self) -> Ball:
        return Ball(self.dimension, (self.inner + self.outer) / 2)

    def contains(self, X: ArrayLike) -> NDArray[np.bool_]:
        """Tell which points of `X` (n_samples, dimension) are no nearer to the outer sphere than to the inner."""
        return self._inside.contains(X)

    def label(self, X: ArrayLike) -> NDArray[np.int64]:
        """Return 1 for points of `X` (n_samples, dimension) nearer to the inner sphere, 0 for the outer."""
        return self._inside.label(X)

    def signed_distance(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the distance of `X` (n_samples, dimension) to the sphere midway, negative where `contains` holds."""
        return self._inside.signed_distance(X)

    def boundary(self, n_samples: int, random_state: Any = None) -> NDArray[np.float64]:
        """Draw points (n_samples, dimension) uniformly from the sphere midway."""
        return self._inside.boundary(n_samples, random_state)


def signed(distance: NDArray[np.float64], inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Give distances the sign of a signed distance: negative inside."""
    return np.where(inside, -distance, distance)


def sphere_area(dimension: int, radius: float) -> float:
    """Return the area of the sphere of a radius in R^dimension."""
    return math.exp(
        math.log(2) + dimension / 2 * math.log(math.pi) - gammaln(dimension / 2) + (dimension - 1) * math.log(radius)
    )


def uniform_on_sphere(n_samples: int, dimension: int, radius: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw points (n_samples, dimension) uniformly from the sphere: Gaussian points, brought to one length."""
    X = np.empty((n_samples, dimension))
    for rows in chunks(n_samples, dimension):
        part = X[rows]
        rng.standard_normal(out=part)
        part *= (radius / np.sqrt(np.einsum("ij,ij->i", part, part)))[:, None]
    return X
