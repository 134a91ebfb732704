"""Kernel ridge regression as linear algebra: minimise sum_i w_i |y_i - f(x_i)|^2 + ridge |f|^2 over f = k(., Z) coef.

By one factorisation, with the leave-one-out errors in closed form, or in bounded memory on Nystroem centers. The
arguments are not validated.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, lapack, solve_triangular
from sklearn.exceptions import ConvergenceWarning

from estimators.kernels.functions import Kernel

Array = NDArray[Any]

_MAX_ITERATIONS = 200  # of conjugate gradients; a good preconditioner needs 10 to 30


class Solution(NamedTuple):
    """The result of a solver."""

    coef: Array
    """Coefficients of the centers, (m, n_targets)."""
    ridge: float
    """The ridge of these coefficients."""
    jitter: float = 0.0
    """Added to the diagonal to make a factorisation succeed."""
    loo_errors: Array | None = None
    """Mean squared leave-one-out error of each ridge of a sequence."""
    n_iter: int | None = None
    """Iterations, of an iterative solver."""


def solve_exact(kernel: Kernel, X: Array, Y: Array, ridge: float, weight: Array | None) -> Solution:
    """Solve (K + ridge / W) coef = Y by a Cholesky factorisation in place.

    Parameters
    ----------
    kernel : Kernel
    X : ndarray of shape (n, d)
    Y : ndarray of shape (n, n_targets)
    ridge : float
    weight : ndarray of shape (n,) or None
        Positive.
    """
    root, matrix = _weighted(kernel, X, weight)
    factor, jitter = cholesky(matrix, ridge)
    _warn_of(jitter)
    return Solution(root * _solve_factored(factor, root * Y), ridge, jitter)


def solve_leave_one_out(kernel: Kernel, X: Array, Y: Array, ridges: Sequence[float], weight: Array | None) -> Solution:
    """Solve the same with the ridge of least leave-one-out error.

    One Cholesky factorisation for one ridge, one eigendecomposition for more. The residual
    of a point left out is coef_i / (K + ridge)^-1_ii (Rifkin and Lippert, Notes on regularized least squares, 2007).
    """
    root, matrix = _weighted(kernel, X, weight)
    lambdas = np.asarray(ridges, dtype=X.dtype)
    solve = _invert_once if len(lambdas) == 1 else _invert_each
    coefs, inverse_diagonals, jitter = solve(matrix, lambdas, root * Y)
    _warn_of(jitter)
    with np.errstate(invalid="ignore"):
        residuals = coefs / inverse_diagonals[:, :, None]
        errors = (residuals**2).mean(axis=2).sum(axis=1) / (root**2).sum()
    errors[np.isnan(errors)] = np.inf  # of a ridge that is 0 in this precision
    best = int(errors.argmin())
    return Solution(root * coefs[best], float(ridges[best]), jitter, loo_errors=errors)


def log_marginal_likelihood(kernel: Kernel, X: Array, Y: Array, ridge: float, weight: Array | None) -> float:
    """Return the log likelihood of `Y` (n, n_targets) under the Gaussian process whose mean is the exact solution.

    Its covariance is s^2 (K + ridge / W): the ridge is the variance of the noise in units of that of the signal, s^2,
    which for each target is the most likely one. Summed over targets, and but for a constant, equation 5.8 of
    Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006. A weight of 2 is the same as two copies.

    Parameters
    ----------
    kernel, X, Y, ridge, weight
        As in `solve_exact`; no column of `Y` is 0.
    """
    root, matrix = _weighted(kernel, X, weight)
    factor, _ = cholesky(matrix, ridge)
    squares = (root * Y * _solve_factored(factor, root * Y)).sum(axis=0)
    log_determinant = 2 * np.log(factor.diagonal()).sum()
    return float(-((root**2).sum() * np.log(squares) + log_determinant).sum() / 2)


def solve_nystroem(kernel: Kernel, X: Array, Y: Array, ridge: float, weight: Array | None, Z: Array) -> Solution:
    """Solve (K_ZX W K_XZ + ridge K_ZZ) coef = K_ZX W Y by preconditioned conjugate gradients.

    Falkon (Rudi, Carratino and Rosasco, NeurIPS 2017): with K_ZZ = T'T and A'A = (sum W / m) T T' + ridge, the unknown
    is A T coef. Memory is a few m x m matrices; each iteration computes K_XZ anew, a block of rows at a time.

    Parameters
    ----------
    kernel : Kernel
    X, Y, ridge, weight
        As in `solve_exact`, with one ridge.
    Z : ndarray of shape (m, d)
        Centers, usually some of the rows of `X`.
    """
    weights = np.ones((len(X), 1), X.dtype) if weight is None else weight[:, None]
    centers = Z.astype(np.float64)
    T, jitter = cholesky(lambda: kernel.triangle(centers), 0.0)
    A, _ = cholesky(lambda: weights.sum() / len(Z) * (np.triu(T) @ np.triu(T).T), ridge)

    def gather(values: Callable[[slice, Array], Array]) -> Array:
        """Return T'^-1 K_ZX W V, where `values` gives V by rows and the block of K_XZ in those rows."""
        total = np.zeros((len(Z), Y.shape[1]))
        for rows, K in kernel.blocks(X, Z):
            total += K.T @ (weights[rows] * values(rows, K))
        return solve_triangular(T, total, trans="T")

    def operator(B: Array) -> Array:
        inner = solve_triangular(A, B)
        coef = solve_triangular(T, inner).astype(X.dtype)
        return solve_triangular(A, gather(lambda _, K: K @ coef) + ridge * inner, trans="T")

    right = solve_triangular(A, gather(lambda rows, _: Y[rows]), trans="T")
    solution, n_iter = conjugate_gradients(operator, right, _tolerance(X.dtype))
    coef = solve_triangular(T, solve_triangular(A, solution))
    return Solution(coef.astype(X.dtype), ridge, jitter, n_iter=n_iter)


def conjugate_gradients(operator: Callable[[Array], Array], right: Array, tol: float) -> tuple[Array, int]:
    """Solve operator(V) = right for every column at once, to a residual of `tol` |right|; also count iterations."""
    solution, residual, direction = np.zeros_like(right), right.copy(), right.copy()
    inner = (residual**2).sum(axis=0)
    goal = tol * np.linalg.norm(right, axis=0)
    for n_iter in range(_MAX_ITERATIONS):
        unsolved = np.linalg.norm(residual, axis=0) > goal
        if not unsolved.any():
            return solution, n_iter
        image = operator(direction)
        step = _ratio(inner, (direction * image).sum(axis=0), unsolved)
        solution += step * direction
        residual -= step * image
        previous, inner = inner, (residual**2).sum(axis=0)
        direction = residual + _ratio(inner, previous, unsolved) * direction
    worst = (np.linalg.norm(residual, axis=0)[unsolved] / goal[unsolved]).max() * tol
    text = f"Conjugate gradients stopped after {_MAX_ITERATIONS} iterations at a relative residual of {worst:.1e}"
    warnings.warn(f"{text}, above {tol:.1e}: a larger ridge or more centers help.", ConvergenceWarning, stacklevel=4)
    return solution, _MAX_ITERATIONS


def cholesky(matrix: Callable[[], Array], ridge: float) -> tuple[Array, float]:
    """Factor matrix() + ridge I, adding as little jitter as makes it positive definite.

    Parameters
    ----------
    matrix : callable
        Builds a symmetric matrix in C order, of which the upper triangle is read and overwritten; called again if a
        factorisation fails.
    ridge : float

    Returns
    -------
    factor : ndarray of shape (n, n)
        U, upper triangular in C order with U'U the matrix; the entries below the diagonal are undefined.
    jitter : float
        The number added to the diagonal beyond `ridge`.

    Raises
    ------
    LinAlgError
        If the largest jitter tried does not help.
    """
    jitter, rounding = 0.0, 0.0
    while jitter <= rounding:
        K = matrix()
        diagonal = np.einsum("ii->i", K)  # a view
        rounding = float(np.finfo(K.dtype).eps * diagonal.sum())
        diagonal += ridge + jitter
        potrf = lapack.spotrf if K.dtype == np.float32 else lapack.dpotrf
        # K.T is in Fortran order, so that nothing is copied; its lower triangle is faster to factorise.
        factor, info = potrf(K.T, lower=1, overwrite_a=1, clean=0)
        if info == 0:
            return factor.T, jitter
        tried, jitter = jitter, 10 * jitter or rounding / 100
    text = f"The kernel matrix is not positive definite, even with {tried:.1e} added to its diagonal"
    raise np.linalg.LinAlgError(f"{text}: use a larger ridge than {ridge:.1e}.")


def _weighted(kernel: Kernel, X: Array, weight: Array | None) -> tuple[Array, Callable[[], Array]]:
    """Return the root of the weights as a column, and a function that builds the weighted kernel matrix."""
    root = np.ones((len(X), 1), X.dtype) if weight is None else np.sqrt(weight)[:, None]

    def matrix() -> Array:
        K = kernel.triangle(X)
        if weight is not None:
            K *= root
            K *= root.T
        return K

    return root, matrix


def _solve_factored(factor: Array, Y: Array) -> Array:
    potrs = lapack.spotrs if factor.dtype == np.float32 else lapack.dpotrs
    coef: Array = potrs(factor.T, Y, lower=1)[0]
    return coef


def _invert_once(matrix: Callable[[], Array], ridges: Array, Y: Array) -> tuple[Array, Array, float]:
    """Return (K + ridge)^-1 Y and the diagonal of the inverse, both with a first axis of length 1, and the jitter."""
    factor, jitter = cholesky(matrix, ridges[0])
    coef = _solve_factored(factor, Y)
    potri = lapack.spotri if factor.dtype == np.float32 else lapack.dpotri
    inverse, _ = potri(factor.T, lower=1, overwrite_c=1)
    return coef[None], inverse.diagonal()[None], jitter


def _invert_each(matrix: Callable[[], Array], ridges: Array, Y: Array) -> tuple[Array, Array, float]:
    """Return the same for every ridge along the first axis."""
    values, vectors = eigh(matrix().T, lower=True, overwrite_a=True, check_finite=False, driver="evd")
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        inverse = 1 / (values.clip(min=0) + ridges[:, None])
        coefs = vectors @ (inverse[:, :, None] * (vectors.T @ Y))
        return coefs, inverse @ (vectors**2).T, 0.0


def _warn_of(jitter: float) -> None:
    if jitter > 0:
        text = f"The kernel matrix was not positive definite in floating point: {jitter:.1e} was added to its diagonal"
        warnings.warn(f"{text}, beyond the ridge.", RuntimeWarning, stacklevel=4)


def _ratio(numerator: Array, denominator: Array, where: Array) -> Array:
    """Return the ratio, and 0 elsewhere."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=where)


def _tolerance(dtype: np.dtype[Any]) -> float:
    """Return the relative residual to iterate to: 4e-11 in float64, 2e-5 in float32."""
    return float(np.finfo(dtype).eps) ** (2 / 3)
