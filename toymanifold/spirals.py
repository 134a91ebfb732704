"""The closed spiral: a band between two Archimedean arms, or several such bands interleaved."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import ArrayLike, NDArray

from toymanifold.arcs import Arc, evenly_spaced
from toymanifold.densities import GaussianMixture, UniformBox
from toymanifold.embedding import Embedding
from toymanifold.geometry import signed, turned
from toymanifold.problems import Problem
from toymanifold.protocols import Density, SamePickles
from toymanifold.streams import Split, as_generator, chunks, stream
from toymanifold.symmetries import Symmetry
from toymanifold.validation import (
    check_choice,
    check_integer,
    check_length,
    check_points,
    check_real,
    check_seed,
    error_message,
)

_TURN = 2 * math.pi
_MOST_ARMS, _MOST_TURNS = 1000, 1e4
_LEAST_BAND, _LEAST_TIP = 1e-9, 1e-6  # in pitches and radians; rounding at the most turns is 2e-12 pitches
_FAR = 1e18  # in units of the radius: a phase there is rounding, and squares are finite in float32 too


@dataclass(frozen=True)
class Spiral:
    r"""The closed band between two Archimedean arms, in the plane.

    Angles are counted in turns. The outer arm is :math:`\rho = \theta` for :math:`0 \le \theta \le T`, where
    :math:`\rho = r T / R`. The inner arm lags it by `fill` turns, so that both start at the origin, and over the last
    `tip` radians it rises linearly to meet the outer arm in a sharp tip. Band and gap are equally wide at fill = 0.5.

    With K = `arms` > 1 there are K such bands, each turned by 1/K against the last and 1/K as wide, for K classes: the
    two spirals of Lang and Witbrock (Learning to tell two spirals apart, 1988) are K = 2.

    Parameters
    ----------
    turns : float, default=4.0
        T, the turns of the outer arm, in (fill / arms, 10,000].
    fill : float, default=0.5
        Share of the pitch that the bands fill, in [1e-9 arms, 1).
    tip : float, default=pi/2
        Radians over which a band narrows to its tip, in [1e-6, 2 pi (turns - fill / arms)].
    radius : float, default=1.0
        R, the distance of the tip from the origin, in [1e-100, 1e100].
    arms : int, default=1
        K, the number of bands, in [1, 1000].

    Examples
    --------
    >>> from toymanifold import Spiral
    >>> Spiral().contains([[0.7, 0.0], [0.8, 0.0]])
    array([ True, False])
    """

    turns: float = 4.0
    fill: float = 0.5
    tip: float = math.pi / 2
    radius: float = 1.0
    arms: int = 1

    dimension = 2
    intrinsic_dimension = 1  # of the boundary

    def __post_init__(self) -> None:
        check_integer(self.arms, "arms", "Spiral", low=1, high=_MOST_ARMS)
        check_real(self.fill, "fill", "Spiral", low=_LEAST_BAND * self.arms, high=1, closed="[)")
        check_real(self.turns, "turns", "Spiral", low=self.band, high=_MOST_TURNS, closed="(]")
        check_real(self.tip, "tip", "Spiral", low=_LEAST_TIP, high=_TURN * (self.turns - self.band))
        check_length(self.radius, "radius", "Spiral")

    @property
    def n_classes(self) -> int:
        """Number of classes: inside and outside of one arm, or one class for each of several."""
        return max(2, self.arms)

    @property
    def band(self) -> float:
        """Width of a band along its arm, in pitches."""
        return self.fill / self.arms

    def phase(self, X: Any) -> Any:
        r"""Unwrapped coordinate in which a band is the one interval ``phase <= band``.

        For a point at (unwrapped) angle :math:`\theta`, the first at or beyond its radius, the lag
        :math:`\theta - \rho` in [0, 1) says how far it lies inside the outer arm, in pitches; the band is where the lag
        is at most the width w, which is `band` along the arm and falls through 0 at the tip. The phase is
        lag + band - w; with several arms, the least of theirs.

        Parameters
        ----------
        X : array of shape (n_samples, 2)
            Any array of the Python array API (numpy, torch, ...).

        Returns
        -------
        phase : array of shape (n_samples,)
            In [0, 2), of the kind and dtype of `X`.

        Raises
        ------
        ValueError
            If the radius is outside the scales of float32 that `X` has.
        """
        xp = array_namespace(X)
        check_length(self.radius, "radius", "Spiral.phase", dtype=f"f{xp.finfo(X.dtype).bits // 8}")
        unit = 2.0 ** round(math.log2(self.radius))  # dividing by it is exact
        with np.errstate(over="ignore"):
            X = xp.clip(X / unit, -_FAR, _FAR)
        return replace(self, radius=self.radius / unit)._phase(xp, X)

    def _phase(self, xp: Any, X: Any) -> Any:
        phases = (lag + (self.band - self._width(xp, lag, rho)) for lag, rho in self._lags(xp, X[:, 0], X[:, 1]))
        return reduce(xp.minimum, phases)

    def _lags(self, xp: Any, x: Any, y: Any) -> Iterator[tuple[Any, Any]]:
        """Yield for each arm the lag of points behind it, and their radius, both in pitches."""
        rho = xp.sqrt(x * x + y * y) * (self.turns / self.radius)
        angle = xp.atan2(y, x) * (1 / _TURN)
        for arm in range(self.arms):
            turned = angle - arm / self.arms if arm else angle
            # A band is narrower than the pitch, so only the first turn that reaches the radius can contain the point.
            # That turn is never negative: ahead > -1/2.
            ahead = rho - (xp.where(turned < -0.5, turned + 1, turned) if arm else angle)
            lag = xp.ceil(ahead)
            lag -= ahead  # in place, here and below: labelling is bound by memory traffic
            yield lag, rho

    def _width(self, xp: Any, lag: Any, rho: Any) -> Any:
        """Return the width of the band, in pitches, at the angle ``rho + lag``."""
        return xp.clip((self.turns - rho - lag) * (self.band * _TURN / self.tip), self.band - 1, self.band)

    def _within(self, lag: NDArray[np.float64], rho: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return the mask of lags that are at most the width, solved for the lag to halve memory traffic.

        `lag` is overwritten.
        """
        inside: NDArray[np.bool_] = lag <= self.band
        lag *= 1 + self.tip / (self.band * _TURN)
        lag += rho
        inside &= lag <= self.turns
        return inside

    def contains(self, X: ArrayLike) -> NDArray[np.bool_]:
        """Return the mask of the points in the closed band, or in any of several bands.

        Parameters
        ----------
        X : array-like of shape (n_samples, 2)
            Points of the plane.

        Returns
        -------
        inside : ndarray of shape (n_samples,), bool
            Exact, in constant time for each point; no polygon is involved.
        """
        X = check_points(X, 2, "Spiral.contains")
        inside = np.empty(len(X), dtype=bool)
        for rows in chunks(len(X)):
            x, y = np.ascontiguousarray(X[rows].T)  # numpy's atan2 takes half as long on them
            inside[rows] = reduce(np.logical_or, (self._within(lag, rho) for lag, rho in self._lags(np, x, y)))
        return inside

    def label(self, X: ArrayLike) -> NDArray[np.int64]:
        """Return the classes of points.

        Parameters
        ----------
        X : array-like of shape (n_samples, 2)
            Points of the plane.

        Returns
        -------
        y : ndarray of shape (n_samples,), int64
            For one arm 1 inside and 0 outside; for several the index of the nearest, in [0, arms).
        """
        if self.arms == 1:
            return self.contains(X).astype(np.int64)
        points = check_points(X, 2, "Spiral.label")
        arm = Spiral(self.turns, self.band, self.tip, self.radius)
        distances = [arm.signed_distance(turned(points, -index / self.arms)) for index in range(self.arms)]
        return np.argmin(distances, axis=0)

    def signed_distance(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the Euclidean distance of points to the boundary, negative inside.

        Parameters
        ----------
        X : array-like of shape (n_samples, 2)
            Points of the plane.

        Returns
        -------
        distance : ndarray of shape (n_samples,), float64
            Exact to a few 1e-14 of the radius, or of the point's distance from the origin if that is larger. The sign
            agrees with `contains`.

        Examples
        --------
        >>> Spiral().signed_distance([[0.7, 0.0], [0.8, 0.0]])
        array([-0.0499,  0.0499])
        """
        points = check_points(X, 2, "Spiral.signed_distance")
        distance = np.minimum.reduce([arc.distance(points) for arc, _ in self._boundary_path()])
        return signed(distance, self.contains(points))

    @property
    def arc_length(self) -> float:
        """Length of the whole boundary."""
        return sum(arc.length for arc, _ in self._boundary_path())

    def boundary(self, n_samples: int) -> NDArray[np.float64]:
        """Return points along the closed boundary, evenly spaced by arc length.

        Parameters
        ----------
        n_samples : int
            Number of points, at least 1.

        Returns
        -------
        X : ndarray of shape (n_samples, 2)
            From the origin along an outer arm to its tip, and back along the inner arm; then the next band.
        """
        n_samples = check_integer(n_samples, "n_samples", "Spiral.boundary", low=1)
        return evenly_spaced(self._boundary_path(), n_samples)

    def _boundary_path(self) -> list[tuple[Arc, bool]]:
        """Return the pieces of each band: outer arm outwards, then rising end and inner arm back to the origin."""
        pitch = self.radius / self.turns
        bend = _TURN * self.turns - self.tip
        bend_radius = pitch * (bend / _TURN - self.band)
        rise = (self.radius - bend_radius) / self.tip
        path = []
        for arm in range(self.arms):
            start = _TURN * arm / self.arms
            outer = Arc(pitch / _TURN, 0, _TURN * self.turns, start)
            inner = Arc(pitch / _TURN, 0, bend - _TURN * self.band, start + _TURN * self.band)
            rising = Arc(rise, bend_radius / rise, self.radius / rise, start + bend - bend_radius / rise)
            path += [(outer, True), (rising, False), (inner, False)]
        return path


@dataclass(frozen=True)
class SpiralBands(SamePickles):
    """Density on the bands of a spiral; the one density that is not independent of the target.

    It is uniform in the arm, in the angle along it (from `start` to `turns` turns), and across the band at that angle,
    so that points are evenly spaced in angle, as in the two spirals of Lang and Witbrock.

    Parameters
    ----------
    spiral : Spiral
        Spiral whose bands hold all points.
    start : float or None, default=None
        Turns along its arm at which a band begins to hold points, in [`band`, `turns`); None is `band`. Bands meet at
        the origin, so that points of several arms have a gap between them only from a later start on.

    Examples
    --------
    >>> from toymanifold import Spiral, SpiralBands
    >>> spiral = Spiral(arms=2)
    >>> X = SpiralBands(spiral).sample(100, random_state=0)
    >>> spiral.contains(X).all()
    np.True_
    """

    spiral: Spiral
    start: float | None = None

    dimension = 2
    _added = ("start",)

    def __post_init__(self) -> None:
        if self.start is not None:
            low, high = self.spiral.band, self.spiral.turns
            check_real(self.start, "start", "SpiralBands", low=low, high=high, closed="[)")

    @property
    def _start(self) -> float:
        return self.spiral.band if self.start is None else self.start

    def sample(self, n_samples: int, random_state: Any = None) -> NDArray[np.float64]:
        """Draw points of shape (n_samples, 2), nested."""
        n_samples = check_integer(n_samples, "n_samples", "SpiralBands.sample", low=0)
        arm, along, across = as_generator(random_state, "SpiralBands.sample").spawn(3)
        spiral = self.spiral
        theta = along.uniform(self._start, spiral.turns, n_samples)
        radius = (theta - across.random(n_samples) * self._width(theta)) * (spiral.radius / spiral.turns)
        angle = _TURN * (theta + arm.integers(spiral.arms, size=n_samples) / spiral.arms)
        return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])

    def log_density(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the natural logarithm of the density at each row of `X` (n_samples, 2); -inf outside the bands."""
        points = check_points(X, 2, "SpiralBands.log_density")
        spiral = self.spiral
        pitch = spiral.radius / spiral.turns
        density = np.zeros(len(points))
        for arm in range(spiral.arms):
            x, y = turned(points, -arm / spiral.arms).T
            rho = np.hypot(x, y) / pitch
            angle = np.arctan2(y, x) / _TURN
            theta = angle + np.ceil(rho - angle)
            width = self._width(theta)
            inside = (theta >= self._start) & (theta <= spiral.turns) & (theta - rho <= width) & (rho > 0)
            # An element of angle and lag covers the area rho * pitch^2 * 2 pi of the plane.
            covered = np.where(inside, _TURN * pitch**2 * rho * width, np.inf)
            density += 1 / (covered * (spiral.turns - self._start) * spiral.arms)
        with np.errstate(divide="ignore"):
            return np.log(density)

    def _width(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the width of a band, in pitches, at an angle in turns."""
        spiral = self.spiral
        return np.clip((spiral.turns - theta) * (spiral.band * _TURN / spiral.tip), 0, spiral.band)


@dataclass(frozen=True)
class Screw(Symmetry):
    r"""Turns of the plane that also move points outwards by the pitch of a spiral, along its arms.

    In turns and pitches, points at the radius :math:`\rho` and the angle :math:`\theta` go to :math:`\rho + s` and
    :math:`\theta + s`. They keep their phase, so that a spiral stays what it is but for its tip. Points before the tip
    go round: from the end of their way they come back to its beginning, at the origin. Other points, at an unwrapped
    angle beyond the beginning of the tip, stay where they are.

    The coordinates are the phase of the spiral, `Spiral.phase`, and all but the first two of the points.

    Parameters
    ----------
    turns, fill, tip, radius : float
        Of the spiral; its pitch is radius / turns.

    Examples
    --------
    >>> from toymanifold import Screw, Spiral
    >>> images = Screw().orbit([[0.1, 0.2]], 100, random_state=0)[:, 0]
    >>> bool((Spiral().label(images) == Spiral().label([[0.1, 0.2]])).all())
    True
    """

    turns: float = 4.0
    fill: float = 0.5
    tip: float = math.pi / 2
    radius: float = 1.0

    min_features = 2

    def __post_init__(self) -> None:
        self._spiral()

    def draw(self, n_elements: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return uniform shares (n_elements,) in [0, 1) of the way along the arms."""
        return rng.random(n_elements)

    def act(self, X: NDArray[Any], elements: NDArray[Any]) -> NDArray[Any]:
        """Return points moved along the arms by shares of the way from the origin to the tip."""
        x, y = X[:, :2].astype(np.float64).T
        lag, rho = next(self._spiral()._lags(np, x, y))
        way = self.turns - self.tip / _TURN - lag
        moves = (rho < way).nonzero()[0]
        lag, way = lag[moves], way[moves]
        rho = (rho[moves] + np.broadcast_to(elements, len(X))[moves] * way) % way
        radius, angle = rho * (self.radius / self.turns), _TURN * (rho + lag)
        moved = X.copy()
        moved[moves, 0], moved[moves, 1] = radius * np.cos(angle), radius * np.sin(angle)
        return moved

    def coordinates(self, X: Any) -> Any:
        """Return the phase and all but the first two coordinates (n_samples, n_features - 1)."""
        return array_namespace(X).concat([self._spiral().phase(X[:, :2])[:, None], X[:, 2:]], axis=1)

    def _spiral(self) -> Spiral:
        return Spiral(self.turns, self.fill, self.tip, self.radius)


def spiral_problem(
    *,
    turns: float = 4.0,
    fill: float = 0.5,
    tip: float = math.pi / 2,
    radius: float = 1.0,
    arms: int = 1,
    density: str | Density = "mixture",
    start: float | None = None,
    dimension: int = 2,
    nuisance_scale: float = 0.0,
    flip_probability: float = 0.0,
    n_unlabelled: int = 0,
    problem_seed: int = 0,
    mirrored: bool = False,
) -> Problem:
    """Build the problem of a closed spiral: inside or outside it, or the nearest of several arms.

    Parameters
    ----------
    turns, fill, tip, radius : float, default=4.0, 0.5, pi/2, 1.0
        Shape of the `Spiral`.
    arms : int, default=1
        Number of arms of the `Spiral`.
    density : {"mixture", "uniform", "bands"} or Density, default="mixture"
        Distribution of the points. "mixture" is `GaussianMixture.random_spots`: 20 spots of standard deviation 0.15
        radius over the square of the spiral. "uniform" is the square itself, "bands" the inside of the spiral
        (`SpiralBands`).
    start : float or None, default=None
        Turns along its arm at which a band begins to hold points, for the density "bands".
    dimension : int, default=2
        Dimension d >= 2 of the space in which the plane of the spiral lies, rotated at random.
    nuisance_scale : float, default=0.0
        Standard deviation of the Gaussian nuisance in each of the other d - 2 directions.
    flip_probability : float, default=0.0
        Probability that a label is replaced by another class.
    n_unlabelled : int, default=0
        Number of points without a label, y = -1, that are appended to a training sample.
    problem_seed : int, default=0
        Seed of the mixture's spots and of the rotation.
    mirrored : bool, default=False
        Whether the spiral in the plane, with its density, is mirrored at the first axis, so that it winds the other
        way; only with ``dimension=2``.

    Returns
    -------
    problem : Problem
        Target `Spiral`, with boundary and signed distance.

    Examples
    --------
    >>> from toymanifold import spiral_problem
    >>> problem = spiral_problem(dimension=3, nuisance_scale=0.1)
    >>> X, y = problem.sample(1000, random_state=0)
    >>> X.shape, problem.signed_distance(X).shape
    ((1000, 3), (1000,))
    """
    owner = "spiral_problem"
    seed = check_seed(problem_seed, "problem_seed", owner)
    spiral = Spiral(turns=turns, fill=fill, tip=tip, radius=radius, arms=arms)
    if start is not None and density != "bands":
        raise ValueError(error_message("start", owner, "None unless the density is 'bands'", start))
    if not isinstance(density, Density):
        density = _spiral_density(density, spiral, start, seed)
    check_integer(dimension, "dimension", owner, low=2)
    check_real(nuisance_scale, "nuisance_scale", owner, low=0, closed="[)")
    if not isinstance(mirrored, bool | np.bool_):
        raise TypeError(error_message("mirrored", owner, "True or False", mirrored))
    if mirrored and dimension > 2:  # where the plane is turned at random, and may be mirrored, too
        raise ValueError(error_message("mirrored", owner, "False with a dimension of 3 or more", mirrored))
    embedding = Embedding(np.diag([1.0, -1.0])) if mirrored else None
    if dimension > 2:
        embedding = Embedding.random(dimension, 2, nuisance_scale, rng=stream(seed, Split.FRAME))
    return Problem(spiral, density, embedding, flip_probability=flip_probability, n_unlabelled=n_unlabelled)


def _spiral_density(name: str, spiral: Spiral, start: float | None, seed: int) -> Density:
    radius = spiral.radius
    match check_choice(name, "density", "spiral_problem", ("mixture", "uniform", "bands")):
        case "mixture":
            return GaussianMixture.random_spots(scale=0.15 * radius, half_width=radius, random_state=seed)
        case "uniform":
            return UniformBox(half_width=radius)
        case _:
            return SpiralBands(spiral, start)
