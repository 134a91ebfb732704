"""Functions on the sphere to be learnt: harmonics, of mean 0 and variance 1 under the uniform density.

As regression their label is their value; as classification, whether it is positive. They are functions of the direction
alone: a point off the sphere has the value of the point that it points at.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from toymanifold.protocols import TASKS
from toymanifold.validation import check_choice, check_integer, check_points, check_real, error_message

_TILE = 64


@dataclass(frozen=True, eq=False)
class SphereFunction(ABC):
    """A function of the direction of a point; base of those below.

    Parameters
    ----------
    task : {"classification", "regression"}, default="classification"
    radius : float, default=1.0
        Of the sphere.
    """

    task: str = "classification"
    radius: float = 1.0

    def __post_init__(self) -> None:
        check_choice(self.task, "task", type(self).__name__, TASKS)
        check_real(self.radius, "radius", type(self).__name__, low=0, closed="()")

    @property
    @abstractmethod
    def dimension(self) -> int:
        """Of the space."""

    @abstractmethod
    def _values(self, U: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the function at unit vectors (n_samples, dimension)."""

    @property
    def n_classes(self) -> int | None:
        """2, or None for regression."""
        return 2 if self.task == "classification" else None

    def values(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the function at each row of `X` (n_samples, dimension)."""
        points = check_points(X, self.dimension, f"{type(self).__name__}.values")
        norms = np.linalg.norm(points, axis=1, keepdims=True)
        return self._values(points / np.where(norms == 0, 1.0, norms))

    def label(self, X: ArrayLike) -> NDArray[Any]:
        """Return the label of each row of `X`: whether the function is positive, or its value."""
        values = self.values(X)
        return values if self.task == "regression" else (values > 0).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Constant(SphereFunction):
    """The function 0 on S^(d-1): nothing to learn, so that noisy labels of it are random labels.

    Parameters
    ----------
    n_features : int
        d >= 2.
    """

    n_features: int = 2

    @property
    def dimension(self) -> int:
        """Of the space."""
        return self.n_features

    def _values(self, U: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.zeros(len(U))


@dataclass(frozen=True, eq=False)
class Harmonic(SphereFunction):
    r"""The zonal spherical harmonic of a degree about an axis.

    :math:`\sqrt{N(d, k)} P_k(\langle u, w \rangle)`, with :math:`P_k` the Legendre polynomial of dimension d (a
    Gegenbauer polynomial scaled to 1 at 1) and N the dimension of the space of harmonics of degree k; Mueller,
    Spherical Harmonics, 1966, lemmas 4 and 10. Degree 1 is linear, with slope :math:`\sqrt{d}` along the axis.

    Parameters
    ----------
    axis : array-like of shape (d,)
        w, d >= 2; brought to length 1.
    degree : int, default=1
        k >= 1.
    """

    axis: ArrayLike = (1.0, 0.0)
    degree: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer(self.degree, "degree", "Harmonic", low=1)
        axis = np.array(self.axis, dtype=np.float64)
        if axis.ndim != 1 or len(axis) < 2 or not np.isfinite(axis).all() or not axis.any():
            raise ValueError(error_message("axis", "Harmonic", "a finite, nonzero array of shape (d >= 2,)", self.axis))
        object.__setattr__(self, "axis", axis / np.linalg.norm(axis))

    @property
    def dimension(self) -> int:
        """Of the space."""
        return len(np.asarray(self.axis))

    def _values(self, U: NDArray[np.float64]) -> NDArray[np.float64]:
        d, k = self.dimension, self.degree
        cosine = np.clip(np.einsum("ij,j->i", U, np.asarray(self.axis)), -1, 1)
        n_harmonics = scipy.special.comb(d + k - 1, k) - scipy.special.comb(d + k - 3, k - 2)
        if d == 2:
            legendre = scipy.special.eval_chebyt(k, cosine)
        else:
            gegenbauer = scipy.special.eval_gegenbauer
            legendre = gegenbauer(k, d / 2 - 1, cosine) / gegenbauer(k, d / 2 - 1, 1.0)
        values: NDArray[np.float64] = np.sqrt(n_harmonics) * legendre
        return values


@dataclass(frozen=True, eq=False)
class Quadratic(SphereFunction):
    r"""A quadratic form of mean 0 and variance 1: a harmonic of degree 2 in general position.

    :math:`u^\top A u` with A symmetric, its trace removed, scaled by
    :math:`\mathrm{Var}(u^\top A u) = 2 \|A\|_F^2 / (d (d + 2))`.

    Parameters
    ----------
    matrix : array-like of shape (d, d)
        d >= 2; its symmetric, traceless part counts, and must not be zero.
    """

    matrix: ArrayLike = ((1.0, 0.0), (0.0, -1.0))

    def __post_init__(self) -> None:
        super().__post_init__()
        matrix = np.array(self.matrix, dtype=np.float64)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) < 2 or not np.isfinite(matrix).all():
            raise ValueError(error_message("matrix", "Quadratic", "a finite array of shape (d >= 2, d)", self.matrix))
        d = len(matrix)
        form = (matrix + matrix.T) / 2
        form -= np.trace(form) / d * np.eye(d)
        size = np.linalg.norm(form)
        if size == 0:
            raise ValueError(error_message("matrix", "Quadratic", "other than a multiple of the identity", self.matrix))
        object.__setattr__(self, "matrix", form * (np.sqrt(d * (d + 2) / 2) / size))

    @property
    def dimension(self) -> int:
        """Of the space."""
        return len(np.asarray(self.matrix))

    def _values(self, U: NDArray[np.float64]) -> NDArray[np.float64]:
        values: NDArray[np.float64] = np.einsum("ij,ij->i", _product(U, np.asarray(self.matrix)), U)
        return values


def _product(X: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return X @ matrix, each row of it the same however many there are.

    BLAS rounds by the shape of its operands, so all rows go through it in tiles of one shape.
    """
    n_tiles = -(-len(X) // _TILE)
    tiles = np.zeros((n_tiles * _TILE, X.shape[1]))
    tiles[: len(X)] = X
    product: NDArray[np.float64] = np.matmul(tiles.reshape(n_tiles, _TILE, -1), matrix)
    return product.reshape(len(tiles), -1)[: len(X)]
