"""The interfaces that a problem is made of: target, region and density.

A target gives the true label of any point, a region is a target with a boundary, and a density says how points are
sampled. Target and density are independent of each other, which is the point of the toys.
"""

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

TASKS = ("classification", "regression")
"""The kinds of problem: labels are classes, or real values."""


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


@runtime_checkable
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
