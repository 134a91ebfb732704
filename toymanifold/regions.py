"""Where a label is 1: regions of space whose membership is exact and known in closed form.

A region answers ``contains(X)`` and ``signed_distance(X)`` for any points and draws its own ``boundary(n)``. It knows
nothing of how points are sampled: that is the density's affair, and the independence of the two is the point of the
toy.
"""

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import ArrayLike, NDArray

from toymanifold.arcs import Arc, evenly_spaced
from toymanifold.streams import as_generator
from toymanifold.validation import check_integer, check_points, check_real


class Region(Protocol):
    """What a problem needs of a region.

    Attributes
    ----------
    dimension : int
        Of the space that the region lies in.
    radius : float
        The region lies in the ball of this radius about the origin.
    """

    @property
    def dimension(self) -> int: ...  # noqa: D102

    @property
    def radius(self) -> float: ...  # noqa: D102

    def contains(self, X: ArrayLike) -> NDArray[np.bool_]:
        """Tell for each row of `X` (n_samples, dimension) whether it lies in the closed region."""
        ...

    def signed_distance(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return for each row of `X` (n_samples, dimension) the Euclidean distance to the region's boundary.

        At most 0 where `contains` holds and at least 0 elsewhere; -signed_distance is the margin of a point inside.
        """
        ...


def _signed(distance: NDArray[np.float64], inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.where(inside, -distance, distance)


@dataclass(frozen=True)
class Spiral:
    r"""The closed band between two Archimedean arms, in the plane.

    Angles are counted in turns. The outer arm is :math:`\rho = \theta` for :math:`0 \le \theta \le T`, where
    :math:`\rho = r T / R`. The inner arm lags it by `fill` turns, so that both start at the origin, and over the last
    `tip` radians it rises linearly to meet the outer arm in a sharp tip. Band and gap are equally wide at fill = 0.5.

    Parameters
    ----------
    turns : float, default=4.0
        T, the turns of the outer arm.
    fill : float, default=0.5
        Share of the pitch that the band fills, in (0, 1).
    tip : float, default=pi/2
        Radians over which the band narrows to its tip, in (0, 2 pi (turns - fill)].
    radius : float, default=1.0
        R, the distance of the tip from the origin.

    Examples
    --------
    >>> Spiral().contains([[0.7, 0.0], [0.8, 0.0]])
    array([ True, False])
    """

    turns: float = 4.0
    fill: float = 0.5
    tip: float = math.pi / 2
    radius: float = 1.0

    dimension = 2
    intrinsic_dimension = 1  # of the boundary

    def __post_init__(self) -> None:
        check_real(self.fill, "fill", "Spiral", low=0, high=1, closed="()")
        check_real(self.turns, "turns", "Spiral", low=self.fill, closed="()")
        check_real(self.tip, "tip", "Spiral", low=0, high=2 * math.pi * (self.turns - self.fill), closed="(]")
        check_real(self.radius, "radius", "Spiral", low=0, closed="()")

    def phase(self, X: Any) -> Any:
        r"""Unwrapped coordinate in which the band is the one interval ``phase <= fill``.

        For a point at (unwrapped) angle :math:`\theta`, the first at or beyond its radius, the lag
        :math:`\theta - \rho` in [0, 1) says how far it lies inside the outer arm, in pitches; the band is where the lag
        is at most the width w, which is `fill` along the arm and falls through 0 at the tip. The phase is
        lag + fill - w.

        Parameters
        ----------
        X : array of shape (n_samples, 2)
            Any array of the Python array API (numpy, torch, ...).

        Returns
        -------
        phase : array of shape (n_samples,)
            In [0, 2), of the kind and dtype of `X`.
        """
        xp = array_namespace(X)
        x, y = X[:, 0], X[:, 1]
        rho = xp.sqrt(x * x + y * y) * (self.turns / self.radius)
        angle = xp.atan2(y, x) / (2 * math.pi)
        angle = xp.where(angle < 0, angle + 1, angle)
        # The band is narrower than the pitch, so only the first turn that reaches the radius can contain the point.
        turn = xp.clip(xp.ceil(rho - angle), 0, None)
        theta = angle + turn
        slope = self.fill / (self.tip / (2 * math.pi))
        width = xp.clip((self.turns - theta) * slope, self.fill - 1, self.fill)
        return theta - rho + (self.fill - width)

    def contains(self, X: ArrayLike) -> NDArray[np.bool_]:
        """Tell which points lie in the closed band.

        Parameters
        ----------
        X : array-like of shape (n_samples, 2)

        Returns
        -------
        inside : ndarray of shape (n_samples,), bool
            Exact: constant time for each point, no polygon.
        """
        inside: NDArray[np.bool_] = self.phase(check_points(X, 2, "Spiral.contains")) <= self.fill
        return inside

    def signed_distance(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the Euclidean distance of points to the boundary, negative inside.

        Parameters
        ----------
        X : array-like of shape (n_samples, 2)

        Returns
        -------
        distance : ndarray of shape (n_samples,), float64
            Exact to a few 1e-14 of the radius, or of the point's own if that is larger; the sign is that of `contains`.

        Examples
        --------
        >>> Spiral().signed_distance([[0.7, 0.0], [0.8, 0.0]])
        array([-0.0499,  0.0499])
        """
        X = check_points(X, 2, "Spiral.signed_distance")
        points = X.astype(np.float64, copy=False)
        distance = np.minimum.reduce([arc.distance(points) for arc, _ in self._boundary_path()])
        return _signed(distance, self.contains(X))

    @property
    def arc_length(self) -> float:
        """Length of the closed boundary."""
        return sum(arc.length for arc, _ in self._boundary_path())

    def boundary(self, n_samples: int) -> NDArray[np.float64]:
        """Return points along the closed boundary, evenly spaced by arc length.

        Parameters
        ----------
        n_samples : int
            At least 1.

        Returns
        -------
        X : ndarray of shape (n_samples, 2)
            From the origin along the outer arm to the tip, and back along the inner arm.
        """
        n_samples = check_integer(n_samples, "n_samples", "Spiral.boundary", low=1)
        return evenly_spaced(self._boundary_path(), n_samples)

    def _boundary_path(self) -> list[tuple[Arc, bool]]:
        """Outer arm out; then the rising end and the inner arm, both walked back towards the origin."""
        full = 2 * math.pi
        pitch = self.radius / self.turns
        bend = full * self.turns - self.tip
        bend_radius = pitch * (bend / full - self.fill)
        rise = (self.radius - bend_radius) / self.tip
        outer = Arc(pitch / full, 0, full * self.turns)
        inner = Arc(pitch / full, 0, bend - full * self.fill, offset=full * self.fill)
        rising = Arc(rise, bend_radius / rise, self.radius / rise, offset=bend - bend_radius / rise)
        return [(outer, True), (rising, False), (inner, False)]


@dataclass(frozen=True)
class Ball:
    """The closed ball about the origin, whose boundary is the sphere S^(d-1).

    Parameters
    ----------
    dimension : int, default=3
        d >= 1, of the space.
    radius : float, default=1.0
    """

    dimension: int = 3
    radius: float = 1.0

    def __post_init__(self) -> None:
        check_integer(self.dimension, "dimension", "Ball", low=1)
        check_real(self.radius, "radius", "Ball", low=0, closed="()")

    @property
    def intrinsic_dimension(self) -> int:
        """Of the boundary, the sphere."""
        return self.dimension - 1

    def contains(self, X: ArrayLike) -> NDArray[np.bool_]:
        """Tell which points of `X` (n_samples, dimension) lie in the closed ball."""
        X = check_points(X, self.dimension, "Ball.contains")
        inside: NDArray[np.bool_] = np.einsum("ij,ij->i", X, X) <= self.radius**2
        return inside

    def signed_distance(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the distance of `X` (n_samples, dimension) to the sphere, negative where `contains` holds."""
        X = check_points(X, self.dimension, "Ball.signed_distance")
        points = X.astype(np.float64, copy=False)
        distance = np.abs(np.sqrt(np.einsum("ij,ij->i", points, points)) - self.radius)
        return _signed(distance, self.contains(X))

    def boundary(self, n_samples: int, random_state: Any = None) -> NDArray[np.float64]:
        """Draw points uniformly from the sphere.

        Parameters
        ----------
        n_samples : int
            At least 1.
        random_state : int, RandomState, Generator or None, default=None

        Returns
        -------
        X : ndarray of shape (n_samples, dimension)
            From one seed, a smaller sample is the head of a larger one.
        """
        n_samples = check_integer(n_samples, "n_samples", "Ball.boundary", low=1)
        X = as_generator(random_state, "Ball.boundary").standard_normal((n_samples, self.dimension))
        X *= self.radius / np.sqrt(np.einsum("ij,ij->i", X, X))[:, None]
        return X
