"""Kernels as functions of two arrays, with a bandwidth, a Mahalanobis matrix and gradients in closed form.

A matrix is computed a block of rows at a time, each by one BLAS product and a few passes in place, in the precision of
the points.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import gen_batches

from toymanifold import Symmetry
from toymanifold.validation import error_message

Array = NDArray[Any]

_BLOCK = 2**21  # entries of a kernel matrix at once: fewer stay in cache, but BLAS threads then cost what they save


@dataclass(frozen=True, eq=False)
class Kernel(ABC):
    """Base of the kernels: calling one with `X` (n, d) and `Z` (m, d) gives the matrix of k(x, z), (n, m).

    A kernel is a function of P = X R / L, where R is a root of the metric M = R R^T and L the bandwidth.

    Parameters
    ----------
    bandwidth : float, default=1.0
        L, the length scale.
    metric : ndarray of shape (d, d) or (d,), or None, default=None
        M, positive semi-definite: full, its diagonal, or the identity.
    """

    bandwidth: float = 1.0
    metric: Array | None = None

    def __call__(self, X: Array, Z: Array) -> Array:
        """Return k(X, Z), (n, m)."""
        P, Q = self._sides(*self._coordinates(X, Z))
        K = np.empty((len(X), len(Z)), X.dtype)
        for rows in _row_blocks(*K.shape):
            self._fill(K[rows], P[rows], Q)
        return K

    def blocks(self, X: Array, Z: Array) -> Iterator[tuple[slice, Array]]:
        """Yield the matrix in blocks, as (rows, k(X[rows], Z)); each block overwrites the one before."""
        P, Q = self._sides(*self._coordinates(X, Z))
        block = np.empty((min(len(P), _block_size(len(Q))), len(Q)), X.dtype)
        for rows in _row_blocks(len(P), len(Q)):
            yield rows, self._fill(block[: rows.stop - rows.start], P[rows], Q)

    def triangle(self, X: Array) -> Array:
        """Return k(X, X) on and above its diagonal, which is all that a factorisation reads; the rest is undefined."""
        P, Q = self._sides(*self._coordinates(X, X))
        K = np.empty((len(X), len(X)), X.dtype)
        for rows in _row_blocks(*K.shape):
            self._fill(K[rows, rows.start :], P[rows], Q[rows.start :])
        return K

    def product(self, X: Array, Z: Array, V: Array) -> Array:
        """Return k(X, Z) V, (n, c), for coefficients `V` (m, c)."""
        out = np.empty((len(X), V.shape[1]), X.dtype)
        for rows, block in self.blocks(X, Z):
            out[rows] = block @ V
        return out

    def gradients(self, X: Array, Z: Array, V: Array) -> Iterator[tuple[slice, Array]]:
        """Yield the gradients of the functions k(., Z) V at `X` as (rows, array of shape (rows, c, d)).

        The term of a kernel with a kink, at x = z, is 0.
        """
        p, q = self._coordinates(X, Z)
        P, Q = self._sides(p, q)
        VQ = (V[:, :, None] * q[:, None, :]).reshape(len(Z), -1)
        for rows in _row_blocks(len(P), len(Q)):
            A, B = self._slopes(P[rows], Q)
            inner = (B @ VQ).reshape(len(B), V.shape[1], -1)
            inner -= (A @ V)[:, :, None] * p[rows, None, :]
            yield rows, self.to_units(inner)

    def _coordinates(self, X: Array, Z: Array) -> tuple[Array, Array]:
        """Return p and q, the points in the units of the kernel, relative to its origin."""
        origin = self._origin(Z)
        q = self.to_units(Z - origin)
        return (q if X is Z else self.to_units(X - origin)), q

    @staticmethod
    @abstractmethod
    def _origin(Z: Array) -> Array | float:
        """Return the origin, which is subtracted from all points."""

    @abstractmethod
    def amplitude(self, X: Array) -> float:
        """Return the largest root of k(x, x): no k(x, z) exceeds the product of the roots of x and z."""

    @abstractmethod
    def _sides(self, p: Array, q: Array) -> tuple[Array, Array]:
        """Return P and Q, one row for each point: the arguments of `_fill` and `_slopes`."""

    @abstractmethod
    def _fill(self, K: Array, P: Array, Q: Array) -> Array:
        """Write the matrix of k into `K`, and return it."""

    @abstractmethod
    def _slopes(self, P: Array, Q: Array) -> tuple[Array, Array]:
        """Return matrices A and B, so that the gradient of k(p_i, q_j) in p_i is B_ij q_j - A_ij p_i."""

    def to_units(self, X: Array) -> Array:
        """Return X R / L; R is symmetric, so this also takes a gradient in P to one in X."""
        if self.metric is None:
            return X / X.dtype.type(self.bandwidth)
        root = self._root.astype(X.dtype)
        return X * root if root.ndim == 1 else X @ root

    @cached_property
    def _root(self) -> Array:
        assert self.metric is not None
        return metric_root(self.metric) / self.bandwidth


class _Radial(Kernel):
    """A kernel of s = |p - q|^2."""

    @staticmethod
    def _origin(Z: Array) -> Array:
        center: Array = Z.mean(axis=0)  # |p|^2 + |q|^2 - 2 p.q loses what the points share
        return center

    def amplitude(self, X: Array) -> float:  # noqa: ARG002
        return 1.0

    def _sides(self, p: Array, q: Array) -> tuple[Array, Array]:
        shrink = 1 - _slack(p)
        pp, qq = shrink * _norms_squared(p), shrink * _norms_squared(q)
        P = np.column_stack([-2 * p, pp, np.ones_like(pp)])
        Q = np.column_stack([q, np.ones_like(qq), qq])
        return P, Q

    @staticmethod
    def _squared_distances(S: Array, P: Array, Q: Array) -> Array:
        """Write the matrix of s into `S`, and return it."""
        np.matmul(P, Q.T, out=S)
        return np.maximum(S, 0, out=S)

    def _slopes(self, P: Array, Q: Array) -> tuple[Array, Array]:
        B = self._slope(self._squared_distances(np.empty((len(P), len(Q)), P.dtype), P, Q))
        return B, B

    @staticmethod
    @abstractmethod
    def _slope(S: Array) -> Array:
        """Return -2 times the derivative of the kernel in s, 0 where it has none; `S` may be overwritten."""


class Gaussian(_Radial):
    """exp(-|x - z|_M^2 / (2 L^2))."""

    def _fill(self, K: Array, P: Array, Q: Array) -> Array:
        return self._slope(self._squared_distances(K, P, Q))  # as exp(-s / 2) is -2 times its derivative

    @staticmethod
    def _slope(S: Array) -> Array:
        S *= -0.5
        return np.exp(S, out=S)


class Laplace(_Radial):
    """exp(-|x - z|_M / L)."""

    def _fill(self, K: Array, P: Array, Q: Array) -> Array:
        S = self._squared_distances(K, P, Q)
        np.sqrt(S, out=S)
        np.negative(S, out=S)
        return np.exp(S, out=S)

    @staticmethod
    def _slope(S: Array) -> Array:
        S[S == 0] = np.inf
        distances = np.sqrt(S, out=S)
        slope = np.negative(distances)
        np.exp(slope, out=slope)
        slope /= distances
        return slope


class _Angular(Kernel):
    """A kernel |p| |q| shape(cos of the angle between p and q), of the points with a constant 1 appended.

    The constant is the bias of the net whose infinite width the kernel is; without it the learned function would be
    homogeneous, f(c x) = c f(x).
    """

    @staticmethod
    def _origin(Z: Array) -> float:  # noqa: ARG004
        return 0.0

    def amplitude(self, X: Array) -> float:
        norms = np.sqrt(_norms_squared(self.to_units(X)) + 1)
        return float(norms.max() * np.sqrt(self._shape(np.ones(1))[0]))

    def _sides(self, p: Array, q: Array) -> tuple[Array, Array]:
        return self._directions(p), self._directions(q)

    @staticmethod
    def _directions(p: Array) -> Array:
        """Return unit vectors, and their norms as a last column."""
        norms = np.sqrt(_norms_squared(p) + 1)[:, None]
        shrunk = (1 - _slack(p) / 2) * norms
        return np.hstack([p / shrunk, 1 / shrunk, norms])

    def _fill(self, K: Array, P: Array, Q: Array) -> Array:
        np.multiply(self._shape(_cosines(P, Q)), P[:, -1:], out=K)
        K *= Q[:, -1]
        return K

    def _slopes(self, P: Array, Q: Array) -> tuple[Array, Array]:
        cosines = _cosines(P, Q)
        slope = self._shape_slope(cosines)
        across = cosines * slope - self._shape(cosines)
        return across * (Q[:, -1] / P[:, -1:]), slope

    @staticmethod
    @abstractmethod
    def _shape(cosines: Array) -> Array:
        """Return the kernel between unit vectors, 1 or 2 at the cosine 1."""

    @staticmethod
    @abstractmethod
    def _shape_slope(cosines: Array) -> Array:
        """Return the derivative of `_shape`."""


class ArcCosine(_Angular):
    """|p| |q| (sin t + (pi - t) cos t) / pi, t the angle between p = (x / L, 1) and q = (z / L, 1) in the metric.

    It is 2 E relu(w.p) relu(w.q) for a standard normal w: an infinitely wide layer of ReLU units, of which only the
    output weights are trained (Cho and Saul, Kernel Methods for Deep Learning, NeurIPS 2009, order 1).
    """

    @staticmethod
    def _shape(cosines: Array) -> Array:
        angles = np.arccos(cosines)
        return (np.sin(angles) + (np.pi - angles) * cosines) / np.pi

    @staticmethod
    def _shape_slope(cosines: Array) -> Array:
        slope: Array = 1 - np.arccos(cosines) / np.pi
        return slope


class NTK(_Angular):
    """Arc-cosine of order 1 plus p.q (pi - t) / pi: the same net with both layers trained.

    The neural tangent kernel of two layers (Jacot, Gabriel and Hongler, NeurIPS 2018), notation as in `ArcCosine`.
    """

    @staticmethod
    def _shape(cosines: Array) -> Array:
        angles = np.arccos(cosines)
        return (np.sin(angles) + 2 * (np.pi - angles) * cosines) / np.pi

    @staticmethod
    def _shape_slope(cosines: Array) -> Array:
        angles = np.arccos(cosines)
        sines = np.sin(angles)
        kink = np.divide(cosines, sines, out=np.zeros_like(sines), where=sines > 0)
        slope: Array = (2 * (np.pi - angles) + kink) / np.pi
        return slope


@dataclass(frozen=True, eq=False)
class AveragedKernel:
    """The mean of a kernel over images of both points under a symmetry; a kernel of functions that are invariant.

    If no element of a whole finite group changes the kernel, k(g x, g z) = k(x, z), the mean over images of z alone is
    the same, and is what is computed. Then its functions k(., Z) V are those of the kernel itself at all images of Z.

    Parameters
    ----------
    kernel : Kernel
    symmetry : Symmetry
    elements : ndarray of shape (n_elements, ...)
        Elements of the group, from its method `elements`.
    """

    kernel: Kernel
    symmetry: Symmetry
    elements: Array

    @property
    def metric(self) -> Array | None:
        """Metric of the kernel."""
        return self.kernel.metric

    @property
    def is_one_sided(self) -> bool:
        """True if the mean over images of one of the points is that over images of both."""
        is_whole = self.symmetry.size == len(self.elements)
        return is_whole and self.symmetry.is_isometric and self.metric is None

    def __call__(self, X: Array, Z: Array) -> Array:
        """Return the mean of k(X, Z), (n, m)."""
        return np.concatenate([K for _, K in self.blocks(X, Z)])

    def blocks(self, X: Array, Z: Array) -> Iterator[tuple[slice, Array]]:
        """Yield the matrix in blocks, as (rows, k(X[rows], Z))."""
        images = self._images(Z)
        for rows in _row_blocks(len(X), len(images)):
            lefts = X[rows][None] if self.is_one_sided else self._images(X[rows]).reshape(-1, *X[rows].shape)
            total = sum(self.kernel(left, images).reshape(len(left), -1, len(Z)).sum(axis=1) for left in lefts)
            yield rows, total / X.dtype.type(len(lefts) * len(self.elements))

    def triangle(self, X: Array) -> Array:
        """Return k(X, X) on and above its diagonal; the rest is undefined."""
        K = np.empty((len(X), len(X)), X.dtype)
        for rows in _row_blocks(*K.shape):
            K[rows, rows.start :] = self(X[rows], X[rows.start :])
        return K

    def product(self, X: Array, Z: Array, V: Array) -> Array:
        """Return k(X, Z) V, (n, c), for coefficients `V` (m, c)."""
        if self.is_one_sided:
            return self.kernel.product(X, self._images(Z), self._coefficients(V))
        return np.concatenate([K @ V for _, K in self.blocks(X, Z)])

    def gradients(self, X: Array, Z: Array, V: Array) -> Iterator[tuple[slice, Array]]:
        """Yield the gradients of the functions k(., Z) V at `X` as (rows, array of shape (rows, c, d)).

        Raises
        ------
        ValueError
            If images of `X` itself are averaged over, whose derivatives a symmetry does not give.
        """
        if not self.is_one_sided:
            allowed = "a finite group of isometries with all its elements, and the kernel without metric"
            raise ValueError(error_message("symmetry", "AveragedKernel.gradients", allowed, self.symmetry))
        return self.kernel.gradients(X, self._images(Z), self._coefficients(V))

    def amplitude(self, X: Array) -> float:
        """Return an upper bound of the largest root of k(x, x)."""
        return self.kernel.amplitude(X if self.is_one_sided else self._images(X))

    def to_units(self, X: Array) -> Array:
        """Return points in the units of the kernel."""
        return self.kernel.to_units(X)

    def _images(self, X: Array) -> Array:
        """Return the images of points (n, d) as (n_elements n, d), all images by one element after another."""
        return np.concatenate([self.symmetry.move(X, self.elements[i : i + 1]) for i in range(len(self.elements))])

    def _coefficients(self, V: Array) -> Array:
        return np.tile(V / V.dtype.type(len(self.elements)), (len(self.elements), 1))


KERNELS: dict[str, type[Kernel]] = {"gaussian": Gaussian, "laplace": Laplace, "arc-cosine": ArcCosine, "ntk": NTK}
"""Every kernel by name."""


def metric_root(metric: Array) -> Array:
    """Return the positive semi-definite square root, of the form of `metric` (d,) or (d, d)."""
    values, vectors = np.linalg.eigh(metric) if metric.ndim == 2 else (metric, None)
    roots: Array = np.sqrt(values.clip(min=0))
    return roots if vectors is None else (vectors * roots) @ vectors.T


def _block_size(n_columns: int) -> int:
    return max(32, _BLOCK // max(1, n_columns))


def _row_blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    blocks: Iterator[slice] = gen_batches(n_rows, _block_size(n_columns))
    return blocks


def _slack(p: Array) -> Any:
    """Return by how much of itself to raise an inner product so that rounding does not hold a point apart from itself.

    At a kink, a cosine of 1 - eps is an angle of sqrt(2 eps). An inner product in d dimensions and a norm differ by
    some sqrt(d) eps / 5 for equal points (up to d = 3000), the inner product's share otherwise on every processor and
    in every place of a matrix.
    """
    return max(4.0, math.sqrt(p.shape[1])) * np.finfo(p.dtype).eps


def _norms_squared(P: Array) -> Array:
    norms: Array = np.einsum("ij,ij->i", P, P)
    return norms


def _cosines(P: Array, Q: Array) -> Array:
    U: Array = P[:, :-1] @ Q[:, :-1].T
    return np.clip(U, -1, 1, out=U)
