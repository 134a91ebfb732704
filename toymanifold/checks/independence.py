"""Whether samples that should be independent are: rank correlation at every shift.

A random stream that is used twice shows as a correlation near 1 at the shift where it begins again, wherever that is.
"""

import math

import numpy as np
from numpy.typing import NDArray

FALSE_ALARM = 1e-6
"""Probability, at most, that independent samples fail `require_independent`."""


def ranks(column: NDArray) -> NDArray[np.float64]:
    """Return the mean ranks of a 1-d array of any sortable type, scaled to mean 0 and variance 1; zeros if constant."""
    _, inverse, counts = np.unique(column, return_inverse=True, return_counts=True)
    raw = (np.cumsum(counts) - counts / 2)[inverse]
    raw -= raw.mean()
    return raw / (raw.std() or 1.0)


def chance(a: NDArray[np.float64], b: NDArray[np.float64], n_shifts: int) -> float:
    """Return the correlation that is beyond chance.

    Bernstein's inequality over the rows and a union bound over the shifts. Unlike the normal approximation it holds
    for rare labels too, and columns of one row may depend on each other.

    Parameters
    ----------
    a, b : ndarray of shape (n_samples, n_columns)
        From `ranks`, column by column.
    n_shifts : int
        Correlations looked at.
    """
    log_odds = math.log(2 * n_shifts / FALSE_ALARM)
    slack = np.abs(a).max() * np.abs(b).max() * log_odds / 3
    return (slack + math.sqrt(slack**2 + 2 * len(a) * log_odds)) / len(a)


def require_independent(a: NDArray[np.float64], b: NDArray[np.float64], what: str, *, first_shift: int = 0) -> None:
    """Raise where two samples correlate at any shift, up or down, across rows and columns.

    Parameters
    ----------
    a, b : ndarray of shape (n_samples, n_columns)
        From `ranks`, column by column.
    what : str
        Subject of the sentence that an error says.
    first_shift : int, default=0
        In values, not rows. A sample is compared with itself from its own number of columns on.

    Raises
    ------
    AssertionError
        If some correlation is beyond `chance`.
    """
    size = 2 * a.size  # padded: without it the ends would wrap round
    spectrum = np.fft.rfft(a.ravel(), size) * np.conj(np.fft.rfft(b.ravel(), size))
    correlations = np.abs(np.fft.irfft(spectrum, size) / a.size)[first_shift : size - first_shift]
    limit = chance(a, b, len(correlations))
    worst = correlations.argmax()
    if correlations[worst] > limit:
        shift = min(worst + first_shift, size - worst - first_shift) // a.shape[1]
        found = f"correlate by {correlations[worst]:.2g} at a shift of {shift} rows"
        raise AssertionError(f"{what} {found} (chance: {limit:.2g})")
