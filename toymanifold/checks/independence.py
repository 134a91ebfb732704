"""A test of independence between samples: rank correlation at every shift.

A random stream that is used twice gives a correlation near 1 at the shift where it begins again.
"""

import math

import numpy as np
from numpy.typing import NDArray

FALSE_ALARM = 1e-6
"""Upper bound of the probability that independent samples fail `require_independent`."""


def ranks(column: NDArray) -> NDArray[np.float64]:
    """Return the mean ranks of a 1-d array of any sortable type, scaled to mean 0 and variance 1; zeros if constant."""
    _, inverse, counts = np.unique(column, return_inverse=True, return_counts=True)
    raw = (np.cumsum(counts) - counts / 2)[inverse]
    raw -= raw.mean()
    return raw / (raw.std() or 1.0)


def correlation_threshold(a: NDArray[np.float64], b: NDArray[np.float64], n_shifts: int) -> float:
    """Return the threshold that the correlation of independent samples exceeds with probability `FALSE_ALARM` at most.

    It follows from Bernstein's inequality over the rows and a union bound over the shifts. Unlike the normal
    approximation it holds for rare labels too, and columns of one row may depend on each other.

    Parameters
    ----------
    a, b : ndarray of shape (n_samples, n_columns)
        From `ranks`, column by column.
    n_shifts : int
        Number of correlations that are compared with the threshold.

    Returns
    -------
    threshold : float
        Absolute correlation.
    """
    log_odds = math.log(2 * n_shifts / FALSE_ALARM)
    slack = np.abs(a).max() * np.abs(b).max() * log_odds / 3
    return (slack + math.sqrt(slack**2 + 2 * len(a) * log_odds)) / len(a)


def require_independent(a: NDArray[np.float64], b: NDArray[np.float64], what: str, *, first_shift: int = 0) -> None:
    """Raise if two samples correlate at any shift, up or down, across rows and columns.

    Parameters
    ----------
    a, b : ndarray of shape (n_samples, n_columns)
        From `ranks`, column by column.
    what : str
        Subject of the sentence in the error message.
    first_shift : int, default=0
        Smallest shift, in values. A sample is compared with itself from its number of columns on.

    Raises
    ------
    AssertionError
        If a correlation exceeds `correlation_threshold`.
    """
    size = 2 * a.size  # padded, so that the ends do not wrap round
    spectrum = np.fft.rfft(a.ravel(), size) * np.conj(np.fft.rfft(b.ravel(), size))
    correlations = np.abs(np.fft.irfft(spectrum, size) / a.size)[first_shift : size - first_shift]
    threshold = correlation_threshold(a, b, len(correlations))
    worst = correlations.argmax()
    if correlations[worst] > threshold:
        shift = min(worst + first_shift, size - worst - first_shift) // a.shape[1]
        found = f"correlate by {correlations[worst]:.2g} at a shift of {shift} rows"
        raise AssertionError(f"{what} {found} (threshold: {threshold:.2g})")
