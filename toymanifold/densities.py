"""Where points fall: densities that know nothing of the region, with log-densities in closed form.

``sample`` is prefix-stable: from generators in the same state, a sample of m is the head of a sample of n. Each
ingredient of a point (which spot, where about it) therefore has a generator of its own.
"""

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from toymanifold.geometry import sphere_area, uniform_on_sphere
from toymanifold.streams import as_generator, chunks
from toymanifold.validation import check_integer, check_points, check_real, error_message


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """Equally likely spherical Gaussian spots.

    Parameters
    ----------
    centers : array-like of shape (n_spots, dimension)
        The spots' means.
    scale : float
        Standard deviation of each spot along each axis, positive.
    """

    centers: NDArray[np.float64]
    scale: float

    def __post_init__(self) -> None:
        centers = np.array(self.centers, dtype=np.float64)
        if centers.ndim != 2 or 0 in centers.shape or not np.isfinite(centers).all():
            allowed = "a finite array of shape (n_spots >= 1, dimension >= 1)"
            raise ValueError(error_message("centers", "GaussianMixture", allowed, self.centers))
        object.__setattr__(self, "centers", centers)
        check_real(self.scale, "scale", "GaussianMixture", low=0, closed="()")

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
        """Place spots uniformly over the cube [-half_width, half_width]^dimension.

        Parameters
        ----------
        n_spots : int, default=20
        scale : float, default=0.15
            Standard deviation of each spot.
        half_width : float, default=1.0
        dimension : int, default=2
        random_state : int, RandomState, Generator or None, default=0
            Of the spots only: where points are then drawn has a seed of its own.
        """
        check_integer(n_spots, "n_spots", "random_spots", low=1)
        check_integer(dimension, "dimension", "random_spots", low=1)
        check_real(half_width, "half_width", "random_spots", low=0, closed="()")
        rng = as_generator(random_state, "random_spots")
        return cls(rng.uniform(-half_width, half_width, (n_spots, dimension)), scale)

    @property
    def dimension(self) -> int:
        """Of the space."""
        return self.centers.shape[1]

    def sample(self, n_samples: int, random_state: Any = None) -> NDArray[np.float64]:
        """Draw points of shape (n_samples, dimension), prefix-stable."""
        n_samples = check_integer(n_samples, "n_samples", "GaussianMixture.sample", low=0)
        which, where = as_generator(random_state, "GaussianMixture.sample").spawn(2)
        X = np.empty((n_samples, self.dimension))
        for rows in chunks(n_samples, self.dimension):
            part = X[rows]
            where.standard_normal(out=part)
            part *= self.scale
            part += np.take(self.centers, which.integers(len(self.centers), size=len(part)), axis=0)
        return X

    def log_density(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the natural logarithm of the density at each row of `X` (n_samples, dimension)."""
        X = check_points(X, self.dimension, "GaussianMixture.log_density")
        norm = math.log(len(self.centers)) + self.dimension * math.log(self.scale * math.sqrt(2 * math.pi))
        log_density = np.empty(len(X))
        for rows in chunks(len(X), len(self.centers)):
            squared = sum((X[rows, j, None] - self.centers[:, j]) ** 2 for j in range(self.dimension))
            log_density[rows] = scipy.special.logsumexp(-squared / (2 * self.scale**2), axis=1) - norm
        return log_density


@dataclass(frozen=True)
class UniformBox:
    """Uniform over the cube [-half_width, half_width]^dimension.

    Parameters
    ----------
    dimension : int, default=2
    half_width : float, default=1.0
    """

    dimension: int = 2
    half_width: float = 1.0

    def __post_init__(self) -> None:
        check_integer(self.dimension, "dimension", "UniformBox", low=1)
        check_real(self.half_width, "half_width", "UniformBox", low=0, closed="()")

    def sample(self, n_samples: int, random_state: Any = None) -> NDArray[np.float64]:
        """Draw points of shape (n_samples, dimension), prefix-stable."""
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
    """Uniform over the ball about the origin.

    Parameters
    ----------
    dimension : int, default=2
    radius : float, default=1.0
    """

    dimension: int = 2
    radius: float = 1.0

    def __post_init__(self) -> None:
        check_integer(self.dimension, "dimension", "UniformBall", low=1)
        check_real(self.radius, "radius", "UniformBall", low=0, closed="()")

    def sample(self, n_samples: int, random_state: Any = None) -> NDArray[np.float64]:
        """Draw points of shape (n_samples, dimension), prefix-stable."""
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
    """Uniform over a sphere about the origin, or over several, each as likely as the others.

    Parameters
    ----------
    dimension : int, default=3
        d >= 2, of the space; the spheres are S^(d-1).
    radii : tuple of float, default=(1.0,)
        Distinct and positive; one for a single sphere.
    """

    dimension: int = 3
    radii: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        check_integer(self.dimension, "dimension", "UniformSphere", low=2)
        for radius in self.radii:
            check_real(radius, "radii", "UniformSphere", low=0, closed="()")
        if len(self.radii) == 0 or len(set(self.radii)) < len(self.radii):
            raise ValueError(error_message("radii", "UniformSphere", "distinct, and one at least", self.radii))

    def sample(self, n_samples: int, random_state: Any = None) -> NDArray[np.float64]:
        """Draw points of shape (n_samples, dimension), prefix-stable."""
        n_samples = check_integer(n_samples, "n_samples", "UniformSphere.sample", low=0)
        direction, which = as_generator(random_state, "UniformSphere.sample").spawn(2)
        X = uniform_on_sphere(n_samples, self.dimension, self.radii[0], direction)
        if len(self.radii) > 1:
            X *= (np.array(self.radii) / self.radii[0])[which.integers(len(self.radii), size=n_samples), None]
        return X

    def log_density(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the natural logarithm of the density at each row of `X`, for an element of the spheres' area.

        A point within 1e-6 of a sphere's radius counts as on it (float32 points do); -inf elsewhere.
        """
        X = check_points(X, self.dimension, "UniformSphere.log_density")
        norms = np.sqrt(np.einsum("ij,ij->i", X, X))
        radii = np.array(self.radii)
        nearest = np.abs(norms[:, None] - radii).argmin(axis=1)
        log_area = np.log([sphere_area(self.dimension, radius) for radius in radii])
        on_sphere = np.abs(norms - radii[nearest]) <= 1e-6 * radii[nearest]
        return np.where(on_sphere, -log_area[nearest] - math.log(len(radii)), -math.inf)
