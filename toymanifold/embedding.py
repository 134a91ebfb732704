"""A low-dimensional figure placed isometrically in R^d, with nuisance directions."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from toymanifold.validation import check_integer, check_points, check_real, refusal

_OFF_PLANE = 1e-6  # of a figure without nuisance: further off than any rounding, float32 included


@dataclass(frozen=True, eq=False)
class Embedding:
    """An orthonormal basis of R^d, whose first p directions hold the figure and whose others hold Gaussian nuisance.

    Parameters
    ----------
    basis : array-like of shape (d, d)
        Orthonormal columns.
    n_directions : int
        p, the figure's own dimension, in [1, d].
    nuisance_scale : float, default=0.0
        Standard deviation along each of the other d - p directions.
    """

    basis: NDArray[np.float64]
    n_directions: int
    nuisance_scale: float = 0.0

    def __post_init__(self) -> None:
        basis = np.array(self.basis, dtype=np.float64)
        square = basis.ndim == 2 and basis.shape[0] == basis.shape[1] >= 1
        if not square or not np.allclose(basis.T @ basis, np.eye(len(basis)), atol=1e-8):
            raise ValueError(refusal("basis", "Embedding", "a square array of orthonormal columns", self.basis))
        basis.setflags(write=False)
        object.__setattr__(self, "basis", basis)
        check_integer(self.n_directions, "n_directions", "Embedding", low=1, high=len(basis))
        check_real(self.nuisance_scale, "nuisance_scale", "Embedding", low=0, closed="[)")

    @classmethod
    def random(
        cls, dimension: int, n_directions: int, nuisance_scale: float = 0.0, *, rng: np.random.Generator
    ) -> Self:
        """Draw a basis uniformly over rotations and reflections (Haar measure).

        The Q of a Gaussian matrix, its signs fixed by R; Mezzadri, How to generate random matrices from the classical
        compact groups, Notices of the AMS 54, 2007.
        """
        q, r = np.linalg.qr(rng.standard_normal((dimension, dimension)))
        return cls(q * np.sign(np.diag(r)), n_directions, nuisance_scale)

    @property
    def dimension(self) -> int:
        """Of the whole space, d."""
        return len(self.basis)

    @property
    def frame(self) -> NDArray[np.float64]:
        """Orthonormal directions of the figure, as columns (d, p)."""
        return self.basis[:, : self.n_directions]

    def embed(self, Z: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
        """Place points (n_samples, p) of the figure in the whole space (n_samples, d), with fresh nuisance."""
        X = Z @ self.frame.T
        if self.nuisance_scale:
            nuisance = rng.standard_normal((len(Z), self.dimension - self.n_directions))
            X += self.nuisance_scale * nuisance @ self.basis[:, self.n_directions :].T
        return X

    def project(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the figure's coordinates (n_samples, p) of points (n_samples, d) of the whole space."""
        return check_points(X, self.dimension, "Embedding.project") @ self.frame

    def log_nuisance(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the natural logarithm of the nuisance's density at points (n_samples, d) of the whole space.

        Without nuisance there is no density but in the figure's own space: 0 there, and -inf off it.
        """
        off = check_points(X, self.dimension, "Embedding.log_nuisance") @ self.basis[:, self.n_directions :]
        squared = np.einsum("ij,ij->i", off, off)
        if self.nuisance_scale == 0:
            return np.where(squared <= _OFF_PLANE**2, 0.0, -math.inf)
        norm = off.shape[1] * math.log(self.nuisance_scale * math.sqrt(2 * math.pi))
        return -squared / (2 * self.nuisance_scale**2) - norm
