"""Archimedean arcs: the pieces of which a spiral's boundary is made."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toymanifold.streams import chunks

_NEWTON_STEPS = 8  # quadratic convergence from a start within a few per cent: double precision with room to spare
_TURN = 2 * math.pi
_SETTLED = 1e-8  # radians: Newton's next step is the square of this, below rounding
_MOST_STEPS = 50  # points almost at a centre of curvature converge linearly, but there the distance is flat
_ROUNDING = 1e-8  # radians: more than the angle of a crossing loses
_FLAT = 1e-12  # stands for a derivative that is not positive: the step leaves the bracket and is clipped


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

    def distance(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the Euclidean distance (n,) of the points `X` (n, 2) to the arc, its ends included.

        Exact to rounding, wherever the points lie and however far inside its first turn the arc: within
        4 (1 + |offset| + stop) eps of the arc's outer radius, or of the point's own where that is larger.
        """
        distance = np.empty(len(X))
        for rows in chunks(len(X)):
            distance[rows] = self._block_distance(X[rows, 0], X[rows, 1])
        return distance

    def _block_distance(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        rho = np.sqrt(x * x + y * y) / self.slope
        psi = np.arctan2(y, x) - self.offset
        squared = []
        for u in (self._inner_foot(rho, psi), self._outer_foot(rho, psi)):
            angle, r = u + self.offset, self.slope * u
            squared.append((x - r * np.cos(angle)) ** 2 + (y - r * np.sin(angle)) ** 2)
        return np.sqrt(np.minimum.reduce(squared))

    # Why two feet hold the nearest point. In units of the slope, for a point at (rho, psi) in the arc's own frame, half
    # the derivative of the squared distance is h(u) = u - rho cos v + rho u sin v with v = u - psi.
    #
    # A turn has at most one minimum. Where h = 0, u h' = rho cos v (2 + u^2) - u; so a minimum (h' >= 0) has
    # cos v > 0 and belongs to the turn that crosses the point's ray at u0 = psi + 2 pi k, with |v| < pi/2 from there.
    # For v <= 0, h is convex: h'' = rho (3 cos v - u sin v). For v >= 0, h increases. And h(u0) = u0 - rho. So h goes
    # from negative to positive once at most: at v >= 0 if u0 <= rho, at v <= 0 if u0 >= rho.
    #
    # Two turns suffice: the last with u0 <= min(rho, stop) and the first with u0 >= max(rho, start). The segment
    # from the point to a minimum q of a turn further in, or out, crosses the next turn, nearer than q. If that crossing
    # is cut off, the arc ends at an angle between the point's and q's. Along the end's ray, the disc about the point
    # through q covers all radii from q's to the segment's; the end's is one of them, so the end is nearer than q.
    #
    # An end that is nearest is a foot once the feet are cut to the arc's range. If it is the start, then the inner turn
    # crosses the ray before it (a crossing on the arc would be nearer), and h(start) >= 0: that turn's minimum does not
    # lie beyond the start, and is cut to it. Likewise the stop.
    #
    # Rounding. Angles as large as offset and stop err by some eps of these, all else by some eps of itself. The error e
    # of u + offset moves a foot by e of its radius. The error e of psi changes h by rho u e, where h' = 1 + u^2 for a
    # point on the arc, and so moves the foot along the arc by less than e of its radius; at other points that matters
    # less. But a crossing at the point itself may come out above it on the turn that is said to cross below, or the
    # reverse, and the minimum then lies beyond it: the brackets reach over the crossing.

    def _inner_foot(self, rho: NDArray[np.float64], psi: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the angle u of the minimum on the last turn that crosses the ray below the point."""
        crossing = psi + _TURN * np.floor((np.minimum(rho, self.stop) - psi) / _TURN)
        low = np.maximum(crossing, 0)
        # The minimum has u tan v < 1, and h is convex while u tan v < 3: three fifths of the quarter turn lie between
        # the two, or else the first Newton step does.
        return self._root(rho, crossing, low - _ROUNDING, low + 0.6 * (crossing + _TURN / 4 - low))

    def _outer_foot(self, rho: NDArray[np.float64], psi: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the angle u of the minimum on the first turn that crosses the ray above the point."""
        crossing = psi + _TURN * np.ceil((np.maximum(rho, self.start) - psi) / _TURN)
        return self._root(rho, crossing, crossing - _TURN / 4, crossing + _ROUNDING)

    def _root(
        self,
        rho: NDArray[np.float64],
        crossing: NDArray[np.float64],
        low: NDArray[np.float64],
        high: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return the root of h in [low, high], cut to the arc's range; if there is none, an angle of that range.

        Newton's method on a convex function: the first step, from the crossing, needs no trigonometry and lands above
        the root; the others descend to it.
        """
        low, high = np.clip(low, self.start, self.stop), np.clip(high, self.start, self.stop)
        here = np.clip(crossing + (rho - crossing) / np.maximum(1 + rho * crossing, _FLAT), low, high)
        root = here.copy()
        moving = np.arange(len(root))
        for _ in range(_MOST_STEPS):
            v = here - crossing
            across, along = rho * np.sin(v), rho * np.cos(v)
            slope = np.maximum(1 + 2 * across + here * along, _FLAT)
            there = np.clip(here - (here - along + here * across) / slope, low, high)
            root[moving] = there
            keep = np.flatnonzero(np.abs(there - here) > _SETTLED)
            if not keep.size:
                break
            moving, here = moving[keep], there[keep]
            rho, crossing, low, high = rho[keep], crossing[keep], low[keep], high[keep]
        return root

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
        X[here] = arc.points(arc.angle_at(np.clip(along, 0, arc.length)))
    return X
