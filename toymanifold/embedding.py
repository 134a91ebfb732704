"""Isometric embedding of a low-dimensional figure in R^d, with nuisance directions."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from toymanifold.validation import check_integer, check_length, check_points, check_real, error_message

_OFF_PLANE = 1e-6  # share of a point's distance from the origin; more than any rounding, float32 included


@dataclass(frozen=True, eq=False)
class Embedding:
    """Isometry that places a p-dimensional figure in R^d, with Gaussian nuisance in the other directions.

    Parameters
    ----------
    frame : array-like of shape (d, p)
        Orthonormal columns, 1 <= p <= d: the directions of the figure.
    nuisance_scale : float, default=0.0
        Standard deviation of the nuisance along each of the other d - p directions.

    Examples
    --------
    >>> import numpy as np
    >>> from toymanifold import Embedding
    >>> embedding = Embedding.random(dimension=5, n_directions=2, rng=np.random.default_rng(0))
    >>> X = embedding.embed(np.array([[3.0, 4.0]]), rng=np.random.default_rng(1))
    >>> X.shape, embedding.project(X)
    ((1, 5), array([[3., 4.]]))
    """

    frame: NDArray[np.float64]
    nuisance_scale: float = 0.0

    def __post_init__(self) -> None:
        frame = np.array(self.frame, dtype=np.float64)
        tall = frame.ndim == 2 and frame.shape[0] >= frame.shape[1] >= 1
        if not tall or not np.allclose(frame.T @ frame, np.eye(frame.shape[1]), atol=1e-8):
            allowed = "an array of shape (d, p), p <= d, of orthonormal columns"
            raise ValueError(error_message("frame", "Embedding", allowed, self.frame))
        frame.setflags(write=False)
        object.__setattr__(self, "frame", frame)
        check_real(self.nuisance_scale, "nuisance_scale", "Embedding", low=0, closed="[)")
        if self.nuisance_scale:
            check_length(self.nuisance_scale, "nuisance_scale", "Embedding")

    @classmethod
    def random(
        cls, dimension: int, n_directions: int, nuisance_scale: float = 0.0, *, rng: np.random.Generator
    ) -> Self:
        """Draw a frame uniformly over rotations and reflections (Haar measure).

        It is the Q of the QR decomposition of a Gaussian matrix, with signs fixed by R; Mezzadri, How to generate
        random matrices from the classical compact groups, Notices of the AMS 54, 2007.
        """
        check_integer(n_directions, "n_directions", "Embedding.random", low=1)
        check_integer(dimension, "dimension", "Embedding.random", low=n_directions)
        q, r = np.linalg.qr(rng.standard_normal((dimension, n_directions)))
        return cls(q * np.sign(np.diag(r)), nuisance_scale)

    @property
    def dimension(self) -> int:
        """Dimension d of the whole space."""
        return len(self.frame)

    @property
    def n_directions(self) -> int:
        """Dimension p of the figure."""
        return self.frame.shape[1]

    def embed(self, Z: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
        """Return points `Z` (n_samples, p) of the figure in the whole space (n_samples, d), with fresh nuisance."""
        X = self._place(Z)
        if self.nuisance_scale:
            X += self.nuisance_scale * self._off(rng.standard_normal(X.shape))
        return X

    def project(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the figure's coordinates (n_samples, p) of points `X` (n_samples, d) of the whole space."""
        points = check_points(X, self.dimension, "Embedding.project")
        # Not by BLAS, whose rounding depends on the number of rows: samples would be nested only up to the last bits.
        return np.stack([np.einsum("ij,j->i", points, direction) for direction in self.frame.T], axis=1)

    def log_nuisance(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the natural logarithm of the density of the nuisance at points `X` (n_samples, d).

        Without nuisance all mass lies in the figure's own space: 0 there, and -inf elsewhere.
        """
        points = check_points(X, self.dimension, "Embedding.log_nuisance")
        off = self._off(points)
        squared = np.einsum("ij,ij->i", off, off)
        if self.nuisance_scale == 0:
            return np.where(squared <= _OFF_PLANE**2 * np.einsum("ij,ij->i", points, points), 0.0, -math.inf)
        norm = (self.dimension - self.n_directions) * math.log(self.nuisance_scale * math.sqrt(2 * math.pi))
        return -squared / (2 * self.nuisance_scale**2) - norm

    def _place(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        X = np.zeros((len(Z), self.dimension))
        for coordinate, direction in zip(Z.T, self.frame.T, strict=True):
            X += coordinate[:, None] * direction
        return X

    def _off(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the part of points (n_samples, d) that is orthogonal to the figure's directions."""
        return X - self._place(self.project(X))


class RandomEmbedding(Embedding):
    """An embedding as from `Embedding.random`, whose frame is drawn when it is first used.

    In thousands of dimensions a frame takes seconds and hundreds of megabytes, which a problem needs only for points.

    Parameters
    ----------
    dimension, n_directions : int
    generator : callable
        Returns a generator, always in the same state.
    """

    _shape: tuple[int, int]
    _generator: Callable[[], np.random.Generator]

    def __init__(self, dimension: int, n_directions: int, generator: Callable[[], np.random.Generator]) -> None:
        vars(self).update(_shape=(dimension, n_directions), _generator=generator)  # the fields are frozen

    @functools.cached_property
    def frame(self) -> NDArray[np.float64]:
        """The orthonormal columns, of shape (d, p)."""
        return Embedding.random(*self._shape, rng=self._generator()).frame

    @property
    def dimension(self) -> int:
        """Dimension d of the whole space."""
        return self._shape[0]

    @property
    def n_directions(self) -> int:
        """Dimension p of the figure."""
        return self._shape[1]
