"""Symmetries: groups that act on points, as knowledge of a problem whose labels they do not change.

A symmetry gives random or all images of a point, its orbit, and if it can, coordinates that are equal for all points of
an orbit: the quotient. A group that has a number k of coordinates acts on the first k.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device
from numpy.typing import ArrayLike, NDArray

from toymanifold.streams import as_generator
from toymanifold.validation import check_integer, check_points, check_real, error_message

Array = NDArray[Any]

_MOST_FLIPPED = 62  # so that an int64 counts the elements
_LARGEST_GROUP = 2**62


class Symmetry(ABC):
    """Base class of symmetries: a group that acts on points.

    A finite group has a `size`, and its elements are the ints from 0, the identity, to size - 1. Any other group has
    `draw`, which returns random elements. A symmetry of one's own needs `act` and one of these two, and `coordinates`
    if it has invariants; `toymanifold.checks.check_symmetry` checks it.

    Attributes
    ----------
    size : int or None
        Number of elements of a finite group; None for any other.
    min_features : int
        Number of features that points must have at least.
    is_isometric : bool
        True if no element changes a distance between points.

    Examples
    --------
    >>> from toymanifold import Symmetry
    >>> class Mirror(Symmetry):
    ...     size = 2
    ...
    ...     def act(self, X, elements):
    ...         return np.where(elements[:, None] == 1, X[:, ::-1], X)
    >>> Mirror().orbit([[3.0, 4.0]], 2)
    array([[[3., 4.]],
           [[4., 3.]]])
    """

    size: int | None = None
    min_features: int = 1
    is_isometric: bool = False

    @abstractmethod
    def act(self, X: Array, elements: Array) -> Array:
        """Return each row of points moved by an element of its own, or all by one.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Not changed, and not checked.
        elements : ndarray of shape (n_samples, ...) or (1, ...)
            Elements of the group, as `draw` returns them.

        Returns
        -------
        moved : ndarray of shape (n_samples, n_features)
            In the precision of `X`.
        """

    def draw(self, n_elements: int, rng: np.random.Generator) -> Array:
        """Return random elements, independent and uniform, along the first axis of an array."""
        size = self._checked_size()
        if size is None:
            raise NotImplementedError(f"{type(self).__name__} must have a size, or a method draw")
        return rng.integers(size, size=n_elements)

    def move(self, X: Array, elements: Array) -> Array:
        """Return what `act` makes of points, or raise if it is not finite points of their shape.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Not changed, whatever `act` does.
        elements : ndarray of shape (n_samples, ...) or (1, ...)

        Returns
        -------
        moved : ndarray of shape (n_samples, n_features)
            In the precision of `X`.
        """
        moved = np.asarray(self.act(X.copy(), elements))
        allowed = (
            f"{type(self).__name__}.act must return an array of finite numbers of shape {X.shape}, that of its points"
        )
        if moved.shape != X.shape or moved.dtype.kind not in "biuf":
            raise ValueError(f"{allowed}. Got shape {moved.shape} and dtype {moved.dtype} instead.")
        if not np.isfinite(moved).all():
            raise ValueError(f"{allowed}. Got {moved[~np.isfinite(moved)][0]} instead.")
        return moved.astype(X.dtype, copy=False)

    @property
    def has_coordinates(self) -> bool:
        """True if there are invariants."""
        return type(self).coordinates is not Symmetry.coordinates

    def coordinates(self, X: Any) -> Any:  # noqa: ARG002
        """Return invariants, which are equal for all points of an orbit.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            Of any library of the Python array API; not checked.

        Returns
        -------
        invariants : array of shape (n_samples, n_invariants)

        Raises
        ------
        TypeError
            If the symmetry does not have any.
        """
        raise TypeError(f"{type(self).__name__} has no coordinates")

    def free_orbit(self, n_features: int) -> tuple[int, float] | None:  # noqa: ARG002
        """Return the dimension and the volume of an orbit on the unit sphere, if those of all points are equal.

        That of a finite group is of dimension 0, and its volume the number of elements: none but the identity leaves a
        point of the sphere where it is.

        Parameters
        ----------
        n_features : int
            Number of features of the points.

        Returns
        -------
        orbit : tuple of (int, float) or None
            None, as here, if orbits differ or nothing is known of them.
        """
        return None

    def elements(self, n_elements: int, random_state: Any = None) -> Array:
        """Return elements for `act`: all of a finite group of at most `n_elements`, else so many different random ones.

        Parameters
        ----------
        n_elements : int
            At least 1.
        random_state : int, RandomState, Generator or None, default=None
            Of random elements.

        Returns
        -------
        elements : ndarray of shape (n_elements, ...)
        """
        owner = f"{type(self).__name__}.elements"
        n_elements = check_integer(n_elements, "n_elements", owner, low=1)
        rng = as_generator(random_state, owner)
        size = self._checked_size()
        if size is None:
            return self._drawn(n_elements, rng)
        if size <= n_elements:
            return np.arange(size)
        return rng.choice(size, n_elements, replace=False)

    def orbit(self, X: ArrayLike, n_images: int, random_state: Any = None) -> Array:
        """Return images of points: the points themselves, then others.

        Of a finite group of at most `n_images` elements, each is applied once, in order, so that there may be fewer
        images. Of any other group the other images are random. Each point has elements of its own, which are
        independent; in a finite group they are different and not the identity.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Points.
        n_images : int
            Number of images of each point, at least 1.
        random_state : int, RandomState, Generator or None, default=None
            Of random elements.

        Returns
        -------
        images : ndarray of shape (n_images, n_samples, n_features)
            float32 if `X` is, else float64; the first image is `X`.

        Raises
        ------
        ValueError, TypeError
            If an argument is invalid.

        Examples
        --------
        >>> from toymanifold import CyclicShifts
        >>> CyclicShifts(3).orbit([[1.0, 2.0, 3.0]], 3)[:, 0]
        array([[1., 2., 3.],
               [3., 1., 2.],
               [2., 3., 1.]])
        """
        owner = f"{type(self).__name__}.orbit"
        points = self._points(X, owner)
        n_images = check_integer(n_images, "n_images", owner, low=1)
        rng = as_generator(random_state, owner)
        images = [points, *(self.move(points, elements) for elements in self._others(n_images - 1, len(points), rng))]
        return np.stack(images)

    def _checked_size(self) -> int | None:
        if self.size is None:
            return None
        return check_integer(self.size, "size", type(self).__name__, low=1, high=_LARGEST_GROUP)

    def _drawn(self, n_elements: int, rng: np.random.Generator) -> Array:
        drawn = np.asarray(self.draw(n_elements, rng))
        if drawn.shape[:1] != (n_elements,):
            allowed = f"{type(self).__name__}.draw must return an array of n_elements = {n_elements} rows"
            raise ValueError(f"{allowed}. Got shape {drawn.shape} instead.")
        return drawn

    def _others(self, n_images: int, n_samples: int, rng: np.random.Generator) -> list[Array]:
        """Return the elements of each image but the first, one for each point or one for all."""
        size = self._checked_size()
        if size is None:
            return [self._drawn(n_samples, rng) for _ in range(n_images)]
        if size <= n_images + 1:
            return [np.array([element]) for element in range(1, size)]
        return list(1 + _distinct(n_images, n_samples, size - 1, rng))

    def _points(self, X: ArrayLike, owner: str) -> Array:
        given = np.asarray(X)
        if given.ndim != 2 or given.shape[1] < self.min_features:
            allowed = f"an array of shape (n_samples, n_features >= {self.min_features})"
            raise ValueError(error_message("X", owner, allowed, f"shape {given.shape}"))
        dtype = np.float32 if given.dtype == np.float32 else np.float64
        return check_points(given, given.shape[1], owner).astype(dtype, copy=False)


@dataclass(frozen=True)
class Antipodal(Symmetry):
    r"""The map x -> -x, a group of 2.

    The coordinates are :math:`x_i^2 / \sqrt 2 |x|`, :math:`x_i x_j / |x|` for i < j, and :math:`|x| / \sqrt 2`. They
    keep the length of every curve and have no seam. Among points of one norm the order of distances is that of the
    orbits: at an angle t the squared distance is :math:`|x|^2 \sin^2 t`.

    Examples
    --------
    >>> from toymanifold import Antipodal
    >>> Antipodal().coordinates(np.array([[3.0, 4.0], [-3.0, -4.0]])).round(4)
    array([[1.2728, 2.2627, 2.4   , 3.5355],
           [1.2728, 2.2627, 2.4   , 3.5355]])
    """

    size = 2
    is_isometric = True

    def act(self, X: Array, elements: Array) -> Array:
        """Return points, with another sign where the element is 1."""
        return X * (1 - 2 * elements[:, None]).astype(X.dtype)

    def free_orbit(self, n_features: int) -> tuple[int, float]:  # noqa: ARG002
        """Return the dimension and the number of points of an orbit on the unit sphere."""
        return 0, 2.0

    def coordinates(self, X: Any) -> Any:
        """Return n_features (n_features + 1) / 2 products and the norm of points; see the class."""
        xp = array_namespace(X)
        unit, norm = _directions(xp, X)
        half = math.sqrt(0.5)
        products = [unit[:, i : i + 1] * X[:, i + 1 :] for i in range(X.shape[1] - 1)]
        return xp.concat([half * unit * X, *products, half * norm], axis=1)


@dataclass(frozen=True)
class SignFlips(Symmetry):
    """Changes of sign of k coordinates, each by itself: a group of 2^k.

    The coordinates are absolute values, whose distance is exactly that of the orbits.

    Parameters
    ----------
    n_coordinates : int, default=1
        Number k of coordinates, in [1, 62].

    Examples
    --------
    >>> from toymanifold import SignFlips
    >>> SignFlips(2).size
    4
    >>> SignFlips(2).coordinates(np.array([[-3.0, 4.0, -5.0]]))
    array([[ 3.,  4., -5.]])
    """

    n_coordinates: int = 1

    is_isometric = True

    def __post_init__(self) -> None:
        check_integer(self.n_coordinates, "n_coordinates", "SignFlips", low=1, high=_MOST_FLIPPED)

    @property
    def size(self) -> int:  # type: ignore[override]
        """Number of elements, 2^k."""
        return 2**self.n_coordinates

    @property
    def min_features(self) -> int:  # type: ignore[override]
        """Number of features that points must have at least, k."""
        return self.n_coordinates

    def act(self, X: Array, elements: Array) -> Array:
        """Return points whose coordinate i has another sign where bit i of the element is 1."""
        bits = elements[:, None] >> np.arange(self.n_coordinates) & 1
        moved = X.copy()
        moved[:, : self.n_coordinates] *= 1 - 2 * bits
        return moved

    def coordinates(self, X: Any) -> Any:
        """Return points with the absolute values of k coordinates."""
        xp = array_namespace(X)
        return xp.concat([xp.abs(X[:, : self.n_coordinates]), X[:, self.n_coordinates :]], axis=1)


@dataclass(frozen=True)
class CyclicTurns(Symmetry):
    r"""Turns of planes by multiples of 1/k of a full one: a cyclic group of k.

    The planes of the first two coordinates, of the next two, and so on turn by one angle. On the sphere of all
    coordinates they leave no point where it is.

    There are coordinates for one plane, which turns into a cone. With polar coordinates r and t, they are
    :math:`r \cos(k t) / k, r \sin(k t) / k, r \sqrt{1 - 1/k^2}`: they keep the length of every curve, so that they have
    no seam, but straight through the cone a distance is less than along it. The other coordinates stay.

    Parameters
    ----------
    order : int, default=2
        Number k of turns that give a full one, at least 2.
    n_coordinates : int, default=2
        Number of coordinates that turn, even.

    Examples
    --------
    >>> from toymanifold import CyclicTurns
    >>> CyclicTurns(4).orbit([[1.0, 0.0]], 4)[:, 0].round(12) + 0.0
    array([[ 1.,  0.],
           [ 0.,  1.],
           [-1.,  0.],
           [ 0., -1.]])
    """

    order: int = 2
    n_coordinates: int = 2

    is_isometric = True

    def __post_init__(self) -> None:
        check_integer(self.order, "order", "CyclicTurns", low=2, high=_LARGEST_GROUP)
        _check_planes(self.n_coordinates, "CyclicTurns")

    @property
    def size(self) -> int:  # type: ignore[override]
        """Number of elements, k."""
        return self.order

    @property
    def min_features(self) -> int:  # type: ignore[override]
        """Number of features that points must have at least."""
        return self.n_coordinates

    def act(self, X: Array, elements: Array) -> Array:
        """Return points turned by element / k of a full turn."""
        return _turned(X, 2 * math.pi / self.order * elements, self.n_coordinates)

    def free_orbit(self, n_features: int) -> tuple[int, float] | None:
        """Return the dimension and the number of points of an orbit on the unit sphere, if all coordinates turn."""
        return (0, float(self.order)) if n_features == self.n_coordinates else None

    @property
    def has_coordinates(self) -> bool:
        """True for one plane."""
        return self.n_coordinates == 2

    def coordinates(self, X: Any) -> Any:
        """Return three coordinates of the cone, and all others; see the class."""
        if not self.has_coordinates:
            return super().coordinates(X)
        xp = array_namespace(X)
        _, r = _directions(xp, X[:, :2])
        angle = self.order * xp.atan2(X[:, 1:2], xp.where(r == 0, xp.ones_like(r), X[:, :1]))
        circle = [r * xp.cos(angle) / self.order, r * xp.sin(angle) / self.order]
        return xp.concat([*circle, r * math.sqrt(1 - self.order**-2), X[:, 2:]], axis=1)


@dataclass(frozen=True)
class JointTurns(Symmetry):
    r"""Turns of planes by any angle, all by the same: a circle, of which `CyclicTurns` are a part.

    The planes are those of the first two coordinates, of the next two, and so on. On the sphere of all coordinates they
    leave no point where it is. With complex numbers :math:`z_i` for the planes and z for all of them, the coordinates
    are :math:`|z_i|^2 / \sqrt 2 |z|`, both parts of :math:`z_i \bar z_j / |z|` for i < j, :math:`|z| / \sqrt 2`, and
    the coordinates that do not turn. They keep the length of every curve across orbits. Among points of one norm in the
    planes the order of distances is that of the orbits: at an angle t the squared distance is :math:`|z|^2 \sin^2 t`.

    Parameters
    ----------
    n_coordinates : int, default=2
        Number of coordinates that turn, even.

    Examples
    --------
    >>> from toymanifold import JointTurns
    >>> JointTurns(4).coordinates(np.array([[3.0, 0.0, 0.0, 4.0], [0.0, 3.0, -4.0, 0.0]])).round(4) + 0.0
    array([[ 1.2728,  2.2627,  0.    , -2.4   ,  3.5355],
           [ 1.2728,  2.2627,  0.    , -2.4   ,  3.5355]])
    """

    n_coordinates: int = 2

    is_isometric = True

    def __post_init__(self) -> None:
        _check_planes(self.n_coordinates, "JointTurns")

    @property
    def min_features(self) -> int:  # type: ignore[override]
        """Number of features that points must have at least."""
        return self.n_coordinates

    def draw(self, n_elements: int, rng: np.random.Generator) -> Array:
        """Return uniform shares (n_elements,) of a full turn, in [0, 1)."""
        return rng.random(n_elements)

    def act(self, X: Array, elements: Array) -> Array:
        """Return points turned by shares of a full turn."""
        return _turned(X, 2 * math.pi * elements, self.n_coordinates)

    def free_orbit(self, n_features: int) -> tuple[int, float] | None:
        """Return the dimension and the length of an orbit, a circle, on the unit sphere, if all coordinates turn."""
        return (1, 2 * math.pi) if n_features == self.n_coordinates else None

    def coordinates(self, X: Any) -> Any:
        """Return products of the planes, their norm, and all other coordinates; see the class."""
        xp = array_namespace(X)
        turning = X[:, : self.n_coordinates]
        unit, norm = _directions(xp, turning)
        x, y, half = turning[:, 0::2], turning[:, 1::2], math.sqrt(0.5)
        u, v = unit[:, 0::2], unit[:, 1::2]
        products = [half * (u * x + v * y)]
        for i in range(self.n_coordinates // 2 - 1):
            ui, vi = u[:, i : i + 1], v[:, i : i + 1]
            products += [ui * x[:, i + 1 :] + vi * y[:, i + 1 :], vi * x[:, i + 1 :] - ui * y[:, i + 1 :]]
        return xp.concat([*products, half * norm, X[:, self.n_coordinates :]], axis=1)


@dataclass(frozen=True)
class SmallTurns(Symmetry):
    """Turns of the plane of the first two coordinates by a small angle at most: not a group, but often used as one.

    Labels that turns do change, they change for few points only. `toymanifold.checks.check_symmetry` refuses it.

    Parameters
    ----------
    degrees : float, default=5.0
        Largest angle, in (0, 180].

    Examples
    --------
    >>> from toymanifold import SmallTurns
    >>> images = SmallTurns(degrees=5).orbit([[1.0, 0.0]], 100, random_state=0)[:, 0]
    >>> bool((images[:, 0] >= np.cos(np.radians(5))).all())
    True
    """

    degrees: float = 5.0

    min_features = 2
    is_isometric = True

    def __post_init__(self) -> None:
        check_real(self.degrees, "degrees", "SmallTurns", low=0, high=180, closed="(]")

    def draw(self, n_elements: int, rng: np.random.Generator) -> Array:
        """Return uniform shares (n_elements,) of the largest angle, in [-1, 1)."""
        return rng.uniform(-1, 1, n_elements)

    def act(self, X: Array, elements: Array) -> Array:
        """Return points turned by shares of the largest angle."""
        return _turned(X, math.radians(self.degrees) * elements, 2)


@dataclass(frozen=True)
class CyclicShifts(Symmetry):
    """Cyclic shifts of k coordinates: a group of k.

    The coordinates are the image that is greatest in lexicographic order. They name the orbit, but jump where two
    images are equally great: near such a seam, points of neighbouring orbits are far apart.

    Parameters
    ----------
    n_coordinates : int, default=2
        Number k of coordinates, at least 2.

    Examples
    --------
    >>> from toymanifold import CyclicShifts
    >>> CyclicShifts(3).coordinates(np.array([[1.0, 2.0, 3.0], [3.0, 1.0, 2.0]]))
    array([[3., 1., 2.],
           [3., 1., 2.]])
    """

    n_coordinates: int = 2

    is_isometric = True

    def __post_init__(self) -> None:
        check_integer(self.n_coordinates, "n_coordinates", "CyclicShifts", low=2)

    @property
    def size(self) -> int:  # type: ignore[override]
        """Number of elements, k."""
        return self.n_coordinates

    @property
    def min_features(self) -> int:  # type: ignore[override]
        """Number of features that points must have at least, k."""
        return self.n_coordinates

    def act(self, X: Array, elements: Array) -> Array:
        """Return points whose coordinates are shifted upwards by the element."""
        k = self.n_coordinates
        moved = X.copy()
        moved[:, :k] = np.take_along_axis(X[:, :k], (np.arange(k) - elements[:, None]) % k, axis=1)
        return moved

    def coordinates(self, X: Any) -> Any:
        """Return the greatest image of points in lexicographic order."""
        xp = array_namespace(X)
        k = self.n_coordinates
        first = greatest = X[:, :k]
        for shift in range(1, k):
            shifted = xp.roll(first, shift, axis=1)
            greatest = xp.where(_is_greater(xp, shifted, greatest), shifted, greatest)
        return xp.concat([greatest, X[:, k:]], axis=1)


@dataclass(frozen=True)
class Rotations(Symmetry):
    """Rotations of the space of the first k coordinates: the group SO(k).

    The coordinates are the norm of these k and all others, whose distance is exactly that of the orbits.

    Parameters
    ----------
    n_coordinates : int, default=2
        Number k of coordinates, at least 2.

    Examples
    --------
    >>> from toymanifold import Rotations
    >>> Rotations(2).coordinates(np.array([[3.0, 4.0, 5.0]]))
    array([[5., 5.]])
    """

    n_coordinates: int = 2

    is_isometric = True

    def __post_init__(self) -> None:
        check_integer(self.n_coordinates, "n_coordinates", "Rotations", low=2)

    @property
    def min_features(self) -> int:  # type: ignore[override]
        """Number of features that points must have at least, k."""
        return self.n_coordinates

    def draw(self, n_elements: int, rng: np.random.Generator) -> Array:
        """Return uniform rotation matrices (n_elements, k, k).

        They are the Q of Gaussian matrices, with its signs and then its determinant made positive: Mezzadri, How to
        generate random matrices from the classical compact groups, Notices of the AMS 54, 2007.
        """
        q, r = np.linalg.qr(rng.standard_normal((n_elements, self.n_coordinates, self.n_coordinates)))
        q *= np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None, :]
        q[:, :, 0] *= np.linalg.det(q)[:, None]
        return q

    def act(self, X: Array, elements: Array) -> Array:
        """Return points whose first k coordinates are multiplied by the matrix."""
        k = self.n_coordinates
        moved = X.copy()
        moved[:, :k] = (elements @ X[:, :k, None])[:, :, 0]
        return moved

    def coordinates(self, X: Any) -> Any:
        """Return the norm of the first k coordinates, and all others."""
        xp = array_namespace(X)
        _, norm = _directions(xp, X[:, : self.n_coordinates])
        return xp.concat([norm, X[:, self.n_coordinates :]], axis=1)


@dataclass(frozen=True)
class FunctionSymmetry(Symmetry):
    """The group of a function of one's own.

    Parameters
    ----------
    function : callable
        ``function(X, g)`` returns points `X` (n_samples, n_features) moved by g. For a finite group g is an int from 0,
        the identity, to order - 1; for any other an array (n_samples, 1) of floats, uniform in [0, 1).
    order : int or None, default=None
        Number of elements; None for a group that is not finite.
    invariants : callable or None, default=None
        ``invariants(X)`` returns coordinates (n_samples, n_invariants) that are equal for all points of an orbit. For
        a layer of a net it takes tensors too.
    is_isometric : bool, default=False
        True if no element changes a distance between points, so that the averaged kernel takes less time.
    min_features : int, default=1
        Number of features that points must have at least.

    Examples
    --------
    >>> from toymanifold import FunctionSymmetry
    >>> swap = FunctionSymmetry(lambda X, g: X[:, ::-1] if g else X, order=2)
    >>> swap.orbit([[3.0, 4.0]], 2)[:, 0]
    array([[3., 4.],
           [4., 3.]])
    """

    function: Callable[[Array, Any], ArrayLike]
    order: int | None = None
    invariants: Callable[[Any], Any] | None = None
    is_isometric: bool = False
    min_features: int = 1

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise TypeError(error_message("function", "FunctionSymmetry", "a function of X and g", self.function))
        if self.invariants is not None and not callable(self.invariants):
            raise TypeError(error_message("invariants", "FunctionSymmetry", "None or a function of X", self.invariants))
        if self.order is not None:
            check_integer(self.order, "order", "FunctionSymmetry", low=1, high=_LARGEST_GROUP)
        check_integer(self.min_features, "min_features", "FunctionSymmetry", low=1)

    @property
    def size(self) -> int | None:  # type: ignore[override]
        """Number of elements, `order`."""
        return self.order

    @property
    def has_coordinates(self) -> bool:
        """True if there are invariants."""
        return self.invariants is not None

    def draw(self, n_elements: int, rng: np.random.Generator) -> Array:
        """Return random elements: ints (n_elements,) of a finite group, else floats (n_elements, 1) in [0, 1)."""
        return rng.random((n_elements, 1)) if self.order is None else super().draw(n_elements, rng)

    def act(self, X: Array, elements: Array) -> Array:
        """Return points moved by `function`."""
        if self.order is None:
            return np.asarray(self.function(X, elements.astype(X.dtype)), dtype=X.dtype)
        elements = np.broadcast_to(elements, len(X))
        moved = np.empty_like(X)
        for element in np.unique(elements).tolist():
            rows = elements == element
            image = np.asarray(self.function(X[rows], element))
            if image.shape != X[rows].shape:  # which numpy might broadcast
                allowed = f"one that returns an array of shape {X[rows].shape}, that of its points"
                raise ValueError(error_message("function", "FunctionSymmetry", allowed, f"shape {image.shape}"))
            moved[rows] = image
        return moved

    def coordinates(self, X: Any) -> Any:
        """Return `invariants` of points."""
        return super().coordinates(X) if self.invariants is None else self.invariants(X)


SYMMETRIES: dict[str, type[Symmetry]] = {
    "antipodal": Antipodal,
    "sign-flips": SignFlips,
    "cyclic-turns": CyclicTurns,
    "joint-turns": JointTurns,
    "cyclic-shifts": CyclicShifts,
    "rotations": Rotations,
}
"""The symmetries of the sphere by name; each can be constructed without arguments."""


def _check_planes(n_coordinates: int, owner: str) -> None:
    if check_integer(n_coordinates, "n_coordinates", owner, low=2) % 2:
        raise ValueError(error_message("n_coordinates", owner, "even", n_coordinates))


def _turned(X: Array, angles: Array, n_coordinates: int) -> Array:
    """Return points whose first planes, of two coordinates each, are turned by an angle each, or all by one."""
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
    x, y = X[:, :n_coordinates:2], X[:, 1:n_coordinates:2]
    moved = X.copy()
    moved[:, :n_coordinates:2], moved[:, 1:n_coordinates:2] = cos * x - sin * y, sin * x + cos * y
    return moved


def _distinct(n_draws: int, n_rows: int, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return ints (n_draws, n_rows) of range(size), in each column a uniformly random subset.

    Floyd's algorithm: Bentley and Floyd, A sample of brilliance, Communications of the ACM 30, 1987.
    """
    drawn = np.empty((n_draws, n_rows), dtype=np.int64)
    for index, last in enumerate(range(size - n_draws, size)):
        candidate = rng.integers(last, size=n_rows, endpoint=True)
        drawn[index] = np.where((drawn[:index] == candidate).any(axis=0), last, candidate)
    return drawn


def _directions(xp: Any, X: Any) -> tuple[Any, Any]:
    """Return unit vectors (n, d), 0 at the origin, and norms (n, 1), with gradients; neither under- nor overflows."""
    largest = xp.max(xp.abs(X), axis=1, keepdims=True)
    largest = xp.where(largest == 0, xp.ones_like(largest), largest)
    squares = xp.sum((X / largest) ** 2, axis=1, keepdims=True)
    is_zero = squares == 0
    root = xp.sqrt(xp.where(is_zero, xp.ones_like(squares), squares))
    return X / largest / root, largest * xp.where(is_zero, squares, root)


def _is_greater(xp: Any, A: Any, B: Any) -> Any:
    """Return the mask (n, 1) of the rows of A that are after those of B (n, d) in lexicographic order."""
    differ = A != B
    first = xp.argmax(xp.astype(differ, xp.int64), axis=1)
    place = first[:, None] == xp.arange(A.shape[1], device=device(A))[None, :]
    return xp.any(place & (A > B), axis=1, keepdims=True)
