"""Archimedean arcs: the pieces of which a spiral's boundary is made."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_NEWTON_STEPS = 8  # quadratic convergence from a start within a few per cent: double precision with room to spare


@dataclass(frozen=True)
class Arc:
    """The curve r = slope * u at polar angle u + offset, for u from `start` to `stop` radians.

    Parameters
    ----------
    slope : float
        Radius gained in a radian, positive.
    start, stop : float
        Range of the arc's own angle u, in radians, 0 <= start <= stop.
    offset : float
        Polar angle at which the arc, continued inwards, leaves the origin.
    """

    slope: float
    start: float
    stop: float
    offset: float = 0.0

    @property
    def length(self) -> float:
        """Arc length from `start` to `stop`."""
        lengths = self._length_from_origin(np.array([self.start, self.stop]))
        return float(lengths[1] - lengths[0])

    def points(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the points (n, 2) at the arc's own angles `u` (n,)."""
        angle = u + self.offset
        return self.slope * u[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])

    def angle_at(self, length: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the angle u at which the arc, measured from `start`, has the given `length` (n,).

        Newton's method on the closed form of the arc length, which is convex and increasing in u.
        """
        target = length + self._length_from_origin(np.array(self.start))
        u = np.minimum(target / self.slope, np.sqrt(2 * target / self.slope))  # bounds u from above, so Newton descends
        for _ in range(_NEWTON_STEPS):
            u = u - (self._length_from_origin(u) - target) / (self.slope * np.sqrt(1 + u * u))
        return np.clip(u, self.start, self.stop)

    def _length_from_origin(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.slope / 2 * (u * np.sqrt(1 + u * u) + np.arcsinh(u))


def evenly_spaced(path: list[tuple[Arc, bool]], n_samples: int) -> NDArray[np.float64]:
    """Place points on a closed path of arcs, evenly by arc length.

    Parameters
    ----------
    path : list of (Arc, forward)
        Pieces in order; a piece that is not `forward` is walked from its stop to its start.
    n_samples : int

    Returns
    -------
    X : ndarray of shape (n_samples, 2)
        The first point is the start of the path; the last lies one spacing before the path closes.
    """
    ends = np.cumsum([arc.length for arc, _ in path])
    walked = np.arange(n_samples) * (ends[-1] / n_samples)
    piece = np.searchsorted(ends, walked, side="right")
    X = np.empty((n_samples, 2))
    for index, (arc, forward) in enumerate(path):
        here = piece == index
        along = ends[index] - walked[here] if not forward else walked[here] - (ends[index] - arc.length)
        X[here] = arc.points(arc.angle_at(along))
    return X
