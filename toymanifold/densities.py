"""Where points fall: densities that know nothing of the region, with log-densities in closed form.

``sample`` is prefix-stable: from generators in the same state, a sample of m is the head of a sample of n. Each
ingredient of a point (which spot, where about it) therefore has a generator of its own.
"""

import math
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from toymanifold.streams import as_generator
from toymanifold.validation import check_integer, check_points, check_real, refusal


class Density(Protocol):
    """What a problem needs of a density: ``dimension``, ``sample`` and ``log_density``."""

    @property
    def dimension(self) -> int: ...  # noqa: D102

    def sample(self, n_samples: int, random_state: Any = None) -> NDArray[np.float64]:
        """Draw points of shape (n_samples, dimension), prefix-stable."""
        ...

    def log_density(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the natural logarithm of the density at each row of `X` (n_samples, dimension)."""
        ...


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
            raise ValueError(refusal("centers", "GaussianMixture", allowed, self.centers))
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
        X = where.standard_normal((n_samples, self.dimension))
        X *= self.scale
        X += self.centers[which.integers(len(self.centers), size=n_samples)]
        return X

    def log_density(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the natural logarithm of the density at each row of `X` (n_samples, dimension)."""
        X = check_points(X, self.dimension, "GaussianMixture.log_density")
        squared = sum((X[:, j, None] - self.centers[:, j]) ** 2 for j in range(self.dimension))
        norm = math.log(len(self.centers)) + self.dimension * math.log(self.scale * math.sqrt(2 * math.pi))
        return logsumexp(-squared / (2 * self.scale**2), axis=1) - norm


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
