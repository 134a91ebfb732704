"""Feature matrices: the average gradient outer product of a fitted function, compared with known directions."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import subspace_angles

from toymanifold.validation import check_scale, error_message

Floats = NDArray[np.float64]


def agop(gradients: ArrayLike) -> Floats:
    """Return the average gradient outer product, summed over outputs.

    Its eigenvectors are the directions on which a function depends, its eigenvalues how strongly (Radhakrishnan et al.,
    Mechanism for feature learning in neural networks and backpropagation-free machine learning models, Science 383,
    2024).

    Parameters
    ----------
    gradients : array-like of shape (n, d) or (n, d, n_outputs)

    Returns
    -------
    matrix : ndarray of shape (d, d)
        Positive semi-definite.

    Examples
    --------
    >>> agop([[1.0, 0.0], [0.0, 3.0]])
    array([[0.5, 0. ],
           [0. , 4.5]])
    """
    G = np.asarray(gradients, dtype=np.float64)
    if G.ndim not in (2, 3) or not len(G):
        raise ValueError(error_message("gradients", "agop", "of shape (n, d) or (n, d, n_outputs)", f"shape {G.shape}"))
    G = G.reshape(*G.shape[:2], -1)
    check_scale(G, "gradients", "agop", allow_tiny=True)
    matrix: Floats = np.tensordot(G, G, axes=((0, 2), (0, 2))) / len(G)
    return matrix


def principal_angles(matrix: ArrayLike, frame: ArrayLike) -> Floats:
    """Return the angles between the leading eigenvectors of a feature matrix and a known subspace.

    Parameters
    ----------
    matrix : array-like of shape (d, d)
        Symmetric, positive semi-definite.
    frame : array-like of shape (d, k)
        Independent columns; the k leading eigenvectors are compared with their span.

    Returns
    -------
    angles : ndarray of shape (k,)
        In radians, the largest first; all 0 if the subspace is recovered.

    Examples
    --------
    >>> principal_angles([[3.0, 0.0], [0.0, 1.0]], [[0.0], [1.0]])
    array([1.5708])
    """
    M, F = _matrix_and_frame(matrix, frame, "principal_angles")
    angles: Floats = subspace_angles(np.linalg.eigh(M)[1][:, -F.shape[1] :], F)
    return angles


def share_inside(matrix: ArrayLike, frame: ArrayLike) -> float:
    """Return the share of the trace of a feature matrix inside the span of a frame.

    Parameters
    ----------
    matrix : array-like of shape (d, d)
    frame : array-like of shape (d, k)

    Returns
    -------
    share : float
        In [0, 1].

    Examples
    --------
    >>> share_inside([[3.0, 0.0], [0.0, 1.0]], [[1.0], [0.0]])
    0.75
    """
    M, F = _matrix_and_frame(matrix, frame, "share_inside")
    if np.trace(M) <= 0:
        raise ValueError(error_message("matrix", "share_inside", "of positive trace", f"trace {np.trace(M):g}"))
    Q = np.linalg.qr(F)[0]
    return float(np.trace(Q.T @ M @ Q) / np.trace(M))


def _matrix_and_frame(matrix: ArrayLike, frame: ArrayLike, owner: str) -> tuple[Floats, Floats]:
    M, F = np.asarray(matrix, dtype=np.float64), np.asarray(frame, dtype=np.float64)
    if M.ndim != 2 or M.shape[0] != M.shape[1]:
        raise ValueError(error_message("matrix", owner, "a square array", f"shape {M.shape}"))
    if F.ndim != 2 or len(F) != len(M) or not 1 <= F.shape[1] <= len(M):
        raise ValueError(
            error_message("frame", owner, f"of shape ({len(M)}, k), 1 <= k <= {len(M)}", f"shape {F.shape}")
        )
    return M, F
