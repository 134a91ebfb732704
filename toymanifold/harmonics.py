"""Functions on the sphere: harmonics, with mean 0 and variance 1 under the uniform density.

Some are kept by a group of rotations or reflections. The label is the value of the function for regression, and its
sign for classification. The functions depend on the direction of a point alone, so they are defined off the sphere too.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from toymanifold.geometry import binary_scale
from toymanifold.protocols import TASKS
from toymanifold.validation import check_choice, check_integer, check_length, check_points, error_message

GROUPS = ("sign-flips", "rotations", "joint-turns", "cyclic-shifts")
"""Groups of which `invariant_form` gives the quadratic forms, by the names of `toymanifold.symmetries`."""

_TILE = 64


@dataclass(frozen=True, eq=False)
class SphereFunction(ABC):
    """Base class of functions on the sphere: targets that depend on the direction of a point alone.

    Parameters
    ----------
    task : {"classification", "regression"}, default="classification"
        Kind of labels: the sign of the function, or its value.
    radius : float, default=1.0
        Radius of the sphere, in [1e-100, 1e100].

    Examples
    --------
    >>> from toymanifold import Harmonic, SphereFunction
    >>> isinstance(Harmonic(), SphereFunction)
    True
    """

    task: str = "classification"
    radius: float = 1.0

    def __post_init__(self) -> None:
        check_choice(self.task, "task", type(self).__name__, TASKS)
        check_length(self.radius, "radius", type(self).__name__)

    @property
    @abstractmethod
    def dimension(self) -> int:
        """Dimension of the space."""

    @abstractmethod
    def _values(self, U: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the function at unit vectors (n_samples, dimension)."""

    @property
    def n_classes(self) -> int | None:
        """Number of classes, 2; None for regression."""
        return 2 if self.task == "classification" else None

    def values(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the function at each row of `X` (n_samples, dimension)."""
        points = check_points(X, self.dimension, f"{type(self).__name__}.values")
        points = points * binary_scale(points)
        norms = np.linalg.norm(points, axis=1, keepdims=True)
        return self._values(points / np.where(norms == 0, 1.0, norms))

    def label(self, X: ArrayLike) -> NDArray[Any]:
        """Return the labels of `X` (n_samples, dimension): 1 or 0 for the sign of the function, or its value."""
        values = self.values(X)
        return values if self.task == "regression" else (values > 0).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Constant(SphereFunction):
    """The function 0 on S^(d-1); with label noise, its labels are independent of the points.

    Parameters
    ----------
    task : {"classification", "regression"}, default="classification"
        Kind of labels: the sign of the function, or its value.
    radius : float, default=1.0
        Radius of the sphere, in [1e-100, 1e100].
    n_features : int, default=2
        Dimension d >= 2 of the space.

    Examples
    --------
    >>> from toymanifold import Constant
    >>> Constant(n_features=3).label([[1.0, 0.0, 0.0]])
    array([0])
    """

    n_features: int = 2

    @property
    def dimension(self) -> int:
        """Dimension of the space."""
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
    task : {"classification", "regression"}, default="classification"
        Kind of labels: the sign of the function, or its value.
    radius : float, default=1.0
        Radius of the sphere, in [1e-100, 1e100].
    axis : array-like of shape (d,), default=(1.0, 0.0)
        Axis w, d >= 2, which is scaled to length 1.
    degree : int, default=1
        Degree k, in [1, 1000]: each point takes time in proportion to it.

    Examples
    --------
    >>> from toymanifold import Harmonic
    >>> Harmonic("regression", axis=[0.0, 0.0, 1.0], degree=2).label([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    array([ 2.23607, -1.11803])
    """

    axis: ArrayLike = (1.0, 0.0)
    degree: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer(self.degree, "degree", "Harmonic", low=1, high=1000)
        axis = np.array(self.axis, dtype=np.float64)
        if axis.ndim != 1 or len(axis) < 2 or not np.isfinite(axis).all() or not axis.any():
            raise ValueError(error_message("axis", "Harmonic", "a finite, nonzero array of shape (d >= 2,)", self.axis))
        axis *= binary_scale(axis)
        object.__setattr__(self, "axis", axis / np.linalg.norm(axis))
        if not np.isfinite(scipy.special.comb(self.dimension + self.degree - 1, self.degree)):
            allowed = f"lower in dimension {self.dimension}, where the number of harmonics is too large for a float"
            raise ValueError(error_message("degree", "Harmonic", allowed, self.degree))

    @property
    def dimension(self) -> int:
        """Dimension of the space."""
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
class SectoralHarmonic(SphereFunction):
    r"""The sectoral spherical harmonic of a degree in a plane: a rosette of as many petals.

    :math:`c \, \mathrm{Re} (\langle u, p \rangle + i \langle u, q \rangle)^k` with p and q orthonormal and
    :math:`c^2 = 2 \, \Gamma(k + d/2) / (k! \, \Gamma(d/2))`. It is kept by turns of the plane by 1/k, and by no smaller
    ones.

    Parameters
    ----------
    task : {"classification", "regression"}, default="classification"
        Kind of labels: the sign of the function, or its value.
    radius : float, default=1.0
        Radius of the sphere, in [1e-100, 1e100].
    plane : array-like of shape (2, d), default=((1.0, 0.0), (0.0, 1.0))
        Orthonormal vectors p and q, d >= 2.
    degree : int, default=3
        Degree k, in [1, 1000].

    Examples
    --------
    >>> from toymanifold import SectoralHarmonic
    >>> rosette = SectoralHarmonic("regression", degree=4)  # sqrt(2) cos(4 angle)
    >>> rosette.label([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    array([ 1.4142,  1.4142, -1.4142])
    """

    plane: ArrayLike = ((1.0, 0.0), (0.0, 1.0))
    degree: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer(self.degree, "degree", "SectoralHarmonic", low=1, high=1000)
        plane = np.array(self.plane, dtype=np.float64)
        if plane.ndim != 2 or len(plane) != 2 or not np.allclose(plane @ plane.T, np.eye(2), atol=1e-8):
            allowed = "an array of shape (2, d) of orthonormal rows"
            raise ValueError(error_message("plane", "SectoralHarmonic", allowed, self.plane))
        object.__setattr__(self, "plane", plane)
        if self._log_scale > np.log(np.finfo(np.float64).max):
            allowed = f"lower in dimension {self.dimension}, where the function is too large for a float"
            raise ValueError(error_message("degree", "SectoralHarmonic", allowed, self.degree))

    @property
    def dimension(self) -> int:
        """Dimension of the space."""
        return np.asarray(self.plane).shape[1]

    @property
    def _log_scale(self) -> float:
        k, half, log_gamma = self.degree, self.dimension / 2, scipy.special.gammaln
        return float(np.log(2) + log_gamma(k + half) - log_gamma(k + 1) - log_gamma(half)) / 2

    def _values(self, U: NDArray[np.float64]) -> NDArray[np.float64]:
        p, q = np.asarray(self.plane)
        along = np.einsum("ij,j->i", U, p) + 1j * np.einsum("ij,j->i", U, q)
        values: NDArray[np.float64] = np.exp(self._log_scale) * (along**self.degree).real
        return values


@dataclass(frozen=True, eq=False)
class Quadratic(SphereFunction):
    r"""A quadratic form of mean 0 and variance 1: a spherical harmonic of degree 2 in general position.

    :math:`u^\top A u` with A symmetric, its trace removed, scaled by
    :math:`\mathrm{Var}(u^\top A u) = 2 \|A\|_F^2 / (d (d + 2))`.

    Parameters
    ----------
    task : {"classification", "regression"}, default="classification"
        Kind of labels: the sign of the function, or its value.
    radius : float, default=1.0
        Radius of the sphere, in [1e-100, 1e100].
    matrix : array-like of shape (d, d), default=((1.0, 0.0), (0.0, -1.0))
        Matrix, d >= 2, whose symmetric traceless part is A up to scale; that part must not be zero.

    Examples
    --------
    >>> from toymanifold import Quadratic
    >>> Quadratic("regression", matrix=[[1.0, 0.0], [0.0, -1.0]]).label([[1.0, 0.0], [0.0, 1.0]])
    array([ 1.4142, -1.4142])
    """

    matrix: ArrayLike = ((1.0, 0.0), (0.0, -1.0))

    def __post_init__(self) -> None:
        super().__post_init__()
        matrix = np.array(self.matrix, dtype=np.float64)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) < 2 or not np.isfinite(matrix).all():
            raise ValueError(error_message("matrix", "Quadratic", "a finite array of shape (d >= 2, d)", self.matrix))
        d = len(matrix)
        matrix *= binary_scale(matrix.ravel())
        form = (matrix + matrix.T) / 2
        form -= np.trace(form) / d * np.eye(d)
        size = np.linalg.norm(form)
        if size == 0:
            raise ValueError(error_message("matrix", "Quadratic", "other than a multiple of the identity", self.matrix))
        object.__setattr__(self, "matrix", form * (np.sqrt(d * (d + 2) / 2) / size))

    @property
    def dimension(self) -> int:
        """Dimension of the space."""
        return len(np.asarray(self.matrix))

    def _values(self, U: NDArray[np.float64]) -> NDArray[np.float64]:
        values: NDArray[np.float64] = np.einsum("ij,ij->i", _product(U, np.asarray(self.matrix)), U)
        return values


def invariant_form(matrix: NDArray[np.float64], group: str, n_coordinates: int) -> NDArray[np.float64]:
    """Return the mean of a quadratic form over a group: a random form becomes one in general position that is kept.

    Parameters
    ----------
    matrix : ndarray of shape (d, d)
        Matrix of the form.
    group : {"sign-flips", "rotations", "joint-turns", "cyclic-shifts"}
    n_coordinates : int
        Number k <= d of the first coordinates on which it acts; even for joint turns.

    Returns
    -------
    form : ndarray of shape (d, d)
        Matrix of the mean, symmetric.
    """
    k, form = n_coordinates, (matrix + matrix.T) / 2
    block = form[:k, :k]
    mixed = form[:k, k:].mean(axis=0) if group == "cyclic-shifts" else 0.0
    form[:k, k:], form[k:, :k] = mixed, np.transpose([mixed])
    match group:
        case "sign-flips":
            form[:k, :k] = np.diag(np.diag(block))
        case "rotations":
            form[:k, :k] = np.trace(block) / k * np.eye(k)
        case "joint-turns":  # the mean over quarter turns is that over all
            form[:k, :k] = (block + quarter_turn(quarter_turn(block).T)) / 2
        case _:
            form[:k, :k] = np.mean([np.roll(block, (shift, shift), axis=(0, 1)) for shift in range(k)], axis=0)
    return form


def quarter_turn(X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn the planes of the first two coordinates of `X` (n_samples, d), the next two, and so on by a quarter."""
    return np.stack([-X[:, 1::2], X[:, ::2]], axis=-1).reshape(X.shape)


def _product(X: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return X @ matrix, with rows that do not depend on the number of rows.

    BLAS rounds differently for operands of different shapes, so all rows go through it in tiles of one shape.
    """
    n_tiles = -(-len(X) // _TILE)
    tiles = np.zeros((n_tiles * _TILE, X.shape[1]))
    tiles[: len(X)] = X
    product: NDArray[np.float64] = np.matmul(tiles.reshape(n_tiles, _TILE, -1), matrix)
    return product.reshape(len(tiles), -1)[: len(X)]
