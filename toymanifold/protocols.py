"""The interfaces that a problem is made of: target, region and density.

A target gives the true label of any point, a region is a target with a boundary, and a density says how points are
sampled. Target and density are independent of each other, which is the point of the toys.
"""

from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

TASKS = ("classification", "regression")
"""The two kinds of problem: labels are classes, or real values."""

UNLABELLED = -1
"""The label of a point that has none, as in scikit-learn."""


class SamePickles:
    """Base of dataclasses with fields that earlier versions do not have.

    While such a field has its default it is not part of a pickle, so pickles of earlier versions are read, and keys
    that are made of pickles stay as they were.
    """

    _added: ClassVar[tuple[str, ...]]

    def __getstate__(self) -> dict[str, Any]:
        def is_new(name: str, value: Any) -> bool:
            default = getattr(type(self), name)
            return value is default or (np.isscalar(value) and bool(value == default))

        return {key: value for key, value in vars(self).items() if key not in self._added or not is_new(key, value)}


class Target(Protocol):
    """Interface of the function that a problem asks a learner for.

    Attributes
    ----------
    dimension : int
        Dimension of the space.
    radius : float
        Radius of the ball about the origin that holds the structure to be learnt.
    n_classes : int or None
        Number of classes, labelled 0 to n_classes - 1; None for regression, whose labels are floats.

    Examples
    --------
    >>> from toymanifold import Ball, Target
    >>> disc: Target = Ball(dimension=2)
    >>> disc.dimension, disc.radius, disc.n_classes
    (2, 1.0, 2)
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
    """Interface of a target that is a region of space with a boundary.

    Attributes
    ----------
    intrinsic_dimension : int
        Dimension of the boundary.

    Examples
    --------
    >>> from toymanifold import Ball, Region
    >>> disc: Region = Ball(dimension=2)
    >>> disc.signed_distance([[0.0, 0.0], [0.0, 3.0]])
    array([-1.,  2.])
    """

    @property
    def intrinsic_dimension(self) -> int: ...  # noqa: D102

    def contains(self, X: ArrayLike) -> NDArray[np.bool_]:
        """Return the mask of the rows of `X` (n_samples, dimension) that lie in the closed region."""
        ...

    def signed_distance(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the Euclidean distance of each row of `X` (n_samples, dimension) to the boundary, negative inside.

        At most 0 where `contains` holds and at least 0 elsewhere; -signed_distance is the margin of a point inside.
        """
        ...

    def boundary(self, n_samples: int) -> NDArray[np.float64]:
        """Return points (n_samples, dimension) of the boundary, evenly spaced or uniformly drawn."""
        ...


@runtime_checkable
class Density(Protocol):
    """Interface of the distribution that points are drawn from.

    Attributes
    ----------
    dimension : int
        Dimension of the space.

    Examples
    --------
    >>> from toymanifold import Density, UniformBox
    >>> isinstance(UniformBox(dimension=2), Density)
    True
    """

    @property
    def dimension(self) -> int: ...  # noqa: D102

    def sample(self, n_samples: int, random_state: Any = None) -> NDArray[np.float64]:
        """Draw points of shape (n_samples, dimension).

        Samples are nested: for one int `random_state`, the sample of m is the head of the sample of n. An int, a
        RandomState, a Generator or None is accepted, as by `toymanifold.streams.as_generator`.
        """
        ...

    def log_density(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the natural logarithm of the density at each row of `X` (n_samples, dimension)."""
        ...
