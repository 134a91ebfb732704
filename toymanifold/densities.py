"""Densities that are independent of the target, with log-densities in closed form.

Samples are nested: from generators in the same state, the sample of m is the head of the sample of n. Each ingredient
of a point (its spot, its offset from the spot) therefore has its own generator.
"""

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from toymanifold.geometry import log_sphere_area, uniform_on_sphere
from toymanifold.streams import as_generator, chunks
from toymanifold.validation import SCALES, check_integer, check_length, check_points, error_message


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """Mixture of equally likely spherical Gaussians, called spots.

    Parameters
    ----------
    centers : array-like of shape (n_spots, dimension)
        Means of the spots.
    scale : float
        Standard deviation of each spot along each axis, positive.

    Examples
    --------
    >>> from toymanifold import GaussianMixture
    >>> normal = GaussianMixture(centers=[[0.0, 0.0]], scale=1.0)
    >>> normal.log_density([[0.0, 0.0], [3.0, 4.0]])
    array([ -1.8379, -14.3379])
    """

    centers: NDArray[np.float64]
    scale: float

    def __post_init__(self) -> None:
        centers = np.array(self.centers, dtype=np.float64)
        largest = SCALES[centers.dtype]
        if centers.ndim != 2 or 0 in centers.shape or not (np.abs(centers) <= largest).all():
            allowed = f"an array of shape (n_spots >= 1, dimension >= 1), at most {largest:g} in absolute value"
            raise ValueError(error_message("centers", "GaussianMixture", allowed, self.centers))
        object.__setattr__(self, "centers", centers)
        check_length(self.scale, "scale", "GaussianMixture")

    @classmethod
    def random_spots(
        cls,
        n_spots: int = 20,
        scale: float = 0.15,
        *,
        half_width: float = 1.0,
        dimension: int = 2,
        random_state: Any = 0,
    ) -> Self:
        """Draw the centers of the spots uniformly from the cube [-half_width, half_width]^dimension.

        Parameters
        ----------
        n_spots : int, default=20
            Number of spots.
        scale : float, default=0.15
            Standard deviation of each spot.
        half_width : float, default=1.0
            Half the side of the cube.
        dimension : int, default=2
            Dimension of the space.
        random_state : int, RandomState, Generator or None, default=0
            Seed of the centers; `sample` has its own.

        Returns
        -------
        density : GaussianMixture
            Mixture about these centers.
        """
        check_integer(n_spots, "n_spots", "random_spots", low=1)
        check_integer(dimension, "dimension", "random_spots", low=1)
        check_length(half_width, "half_width", "random_spots")
        rng = as_generator(random_state, "random_spots")
        return cls(rng.uniform(-half_width, half_width, (n_spots, dimension)), scale)

    @property
    def dimension(self) -> int:
        """Dimension of the space."""
        return self.centers.shape[1]

    def sample(self, n_samples: int, random_state: Any = None) -> NDArray[np.float64]:
        """Draw points of shape (n_samples, dimension), nested."""
        n_samples = check_integer(n_samples, "n_samples", "GaussianMixture.sample", low=0)
        spot, offset = as_generator(random_state, "GaussianMixture.sample").spawn(2)
        X = np.empty((n_samples, self.dimension))
        for rows in chunks(n_samples, self.dimension):
            part = X[rows]
            offset.standard_normal(out=part)
            part *= self.scale
            part += np.take(self.centers, spot.integers(len(self.centers), size=len(part)), axis=0)
        return X

    def log_density(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the natural logarithm of the density at each row of `X` (n_samples, dimension)."""
        X = check_points(X, self.dimension, "GaussianMixture.log_density")
        norm = math.log(len(self.centers)) + self.dimension * math.log(self.scale * math.sqrt(2 * math.pi))
        log_density = np.empty(len(X))
        for rows in chunks(len(X), len(self.centers)):
            squared = sum((X[rows, j, None] - self.centers[:, j]) ** 2 for j in range(self.dimension))
            with np.errstate(over="ignore"):  # so far from a spot that its density is 0
                log_density[rows] = scipy.special.logsumexp(-squared / (2 * self.scale**2), axis=1) - norm
        return log_density


@dataclass(frozen=True)
class UniformBox:
    """Uniform distribution over the cube [-half_width, half_width]^dimension.

    Parameters
    ----------
    dimension : int, default=2
        Dimension d >= 1 of the space.
    half_width : float, default=1.0
        Half the side of the cube.

    Examples
    --------
    >>> from toymanifold import UniformBox
    >>> UniformBox(dimension=2).log_density([[0.5, 0.5], [0.5, 1.5]])
    array([-1.3863,    -inf])
    """

    dimension: int = 2
    half_width: float = 1.0

    def __post_init__(self) -> None:
        check_integer(self.dimension, "dimension", "UniformBox", low=1)
        check_length(self.half_width, "half_width", "UniformBox")

    def sample(self, n_samples: int, random_state: Any = None) -> NDArray[np.float64]:
        """Draw points of shape (n_samples, dimension), nested."""
        n_samples = check_integer(n_samples, "n_samples", "UniformBox.sample", low=0)
        rng = as_generator(random_state, "UniformBox.sample")
        return rng.uniform(-self.half_width, self.half_width, (n_samples, self.dimension))

    def log_density(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the natural logarithm of the density at each row of `X`; -inf outside the cube."""
        X = check_points(X, self.dimension, "UniformBox.log_density")
        inside = (np.abs(X) <= self.half_width).all(axis=1)
        return np.where(inside, -self.dimension * math.log(2 * self.half_width), -math.inf)


@dataclass(frozen=True)
class UniformBall:
    """Uniform distribution over a ball about the origin.

    Parameters
    ----------
    dimension : int, default=2
        Dimension d >= 1 of the space.
    radius : float, default=1.0
        Radius of the ball, in [1e-100, 1e100].

    Examples
    --------
    >>> from toymanifold import UniformBall
    >>> UniformBall(dimension=2).log_density([[0.5, 0.5], [0.5, 1.5]])
    array([-1.1447,    -inf])
    """

    dimension: int = 2
    radius: float = 1.0

    def __post_init__(self) -> None:
        check_integer(self.dimension, "dimension", "UniformBall", low=1)
        check_length(self.radius, "radius", "UniformBall")

    def sample(self, n_samples: int, random_state: Any = None) -> NDArray[np.float64]:
        """Draw points of shape (n_samples, dimension), nested."""
        n_samples = check_integer(n_samples, "n_samples", "UniformBall.sample", low=0)
        direction, distance = as_generator(random_state, "UniformBall.sample").spawn(2)
        X = uniform_on_sphere(n_samples, self.dimension, self.radius, direction)
        X *= (distance.random(n_samples) ** (1 / self.dimension))[:, None]
        return X

    def log_density(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the natural logarithm of the density at each row of `X`; -inf outside the ball."""
        X = check_points(X, self.dimension, "UniformBall.log_density")
        half = self.dimension / 2
        volume = half * math.log(math.pi) - scipy.special.gammaln(half + 1) + self.dimension * math.log(self.radius)
        return np.where(np.einsum("ij,ij->i", X, X) <= self.radius**2, -volume, -math.inf)


@dataclass(frozen=True)
class UniformSphere:
    """Uniform distribution over a sphere about the origin, or over several spheres, each of them as likely.

    Parameters
    ----------
    dimension : int, default=3
        Dimension d >= 2 of the space; the spheres are S^(d-1).
    radii : tuple of float, default=(1.0,)
        Radii of the spheres, positive and distinct.

    Examples
    --------
    >>> import numpy as np
    >>> from toymanifold import UniformSphere
    >>> X = UniformSphere(dimension=3, radii=(1.0, 2.0)).sample(100, random_state=0)
    >>> np.unique(np.linalg.norm(X, axis=1).round(9))
    array([1., 2.])
    """

    dimension: int = 3
    radii: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        check_integer(self.dimension, "dimension", "UniformSphere", low=2)
        for radius in self.radii:
            check_length(radius, "radii", "UniformSphere")
        if len(self.radii) == 0 or len(set(self.radii)) < len(self.radii):
            raise ValueError(error_message("radii", "UniformSphere", "distinct, at least one", self.radii))

    def sample(self, n_samples: int, random_state: Any = None) -> NDArray[np.float64]:
        """Draw points of shape (n_samples, dimension), nested."""
        n_samples = check_integer(n_samples, "n_samples", "UniformSphere.sample", low=0)
        direction, which = as_generator(random_state, "UniformSphere.sample").spawn(2)
        X = uniform_on_sphere(n_samples, self.dimension, self.radii[0], direction)
        if len(self.radii) > 1:
            X *= (np.array(self.radii) / self.radii[0])[which.integers(len(self.radii), size=n_samples), None]
        return X

    def log_density(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the natural logarithm of the density at each row of `X`, with respect to the area of the spheres.

        A point is on a sphere if its distance from the origin is the radius to within a share of 1e-6, which allows for
        float32; elsewhere the result is -inf.
        """
        X = check_points(X, self.dimension, "UniformSphere.log_density")
        norms = np.sqrt(np.einsum("ij,ij->i", X, X))
        radii = np.array(self.radii)
        nearest = np.abs(norms[:, None] - radii).argmin(axis=1)
        log_area = np.array([log_sphere_area(self.dimension, radius) for radius in radii])
        on_sphere = np.abs(norms - radii[nearest]) <= 1e-6 * radii[nearest]
        return np.where(on_sphere, -log_area[nearest] - math.log(len(radii)), -math.inf)
