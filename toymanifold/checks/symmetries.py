"""The checks of symmetries, and `check_symmetry`, which runs them.

A symmetry must be a group that acts on points, its coordinates must be invariants, and labels must not change.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from unittest import SkipTest

import numpy as np
from numpy.typing import NDArray

from toymanifold.checks.battery import equal, run_battery
from toymanifold.checks.independence import FALSE_ALARM
from toymanifold.checks.results import CheckResult, require
from toymanifold.problems import Problem
from toymanifold.symmetries import Symmetry
from toymanifold.validation import check_integer, error_message

Array = NDArray[Any]

_FEW_ROWS = 97
_ORBITS = 64
_IMAGES = 30
_LARGEST_GROUP = 1000  # whose elements are all compared with each other
_COMPARED = 2 * 10**7  # numbers that are compared of two whole orbits
_DRAWS = 2000
_DRAWN_POINTS = 3
_DIRECTIONS = 10
_CLOSE = 1e-6  # as a share of the largest number


@dataclass(frozen=True)
class SymmetrySubject:
    """A symmetry with points, and perhaps with a problem."""

    symmetry: Symmetry
    problem: Problem | None
    n_features: int
    n_samples: int

    def points(self) -> Array:
        """Return points of the problem, or standard normal ones."""
        if self.problem is not None:
            return self.problem.sample(self.n_samples, 1)[0]
        return np.random.default_rng(1).standard_normal((self.n_samples, self.n_features))

    def act(self, X: Array, elements: Array) -> Array:
        """Return moved points; `X` is safe from changes in place, which have a check of their own."""
        return self.symmetry.move(X, elements)

    def draw(self) -> Array:
        """Return images of the points; the first are the points."""
        return self.symmetry.orbit(self.points(), _IMAGES, 1)

    def whole_orbit(self, X: Array) -> Array:
        """Return the images (size, n_samples, n_features) of points by all elements of a finite group, in order."""
        return np.stack([self.act(X, np.array([element])) for element in range(self.size)])

    @property
    def size(self) -> int:
        """Number of elements; skips the check if it is not finite, or too large."""
        if self.symmetry.size is None:
            raise SkipTest("the group is not finite")
        if self.symmetry.size > _LARGEST_GROUP:
            raise SkipTest(f"the group of {self.symmetry.size} elements has more than {_LARGEST_GROUP}")
        return self.symmetry.size


def check_shapes(subject: SymmetrySubject) -> None:
    """Require finite images of the shape and the precision of the points."""
    X = subject.points()
    for dtype in (np.float64, np.float32):
        points = X.astype(dtype)
        elements = subject.symmetry.elements(1, 1)
        subject.act(points, elements)
        moved = subject.symmetry.act(points.copy(), elements)
        require(isinstance(moved, np.ndarray), f"images are a {type(moved).__name__}, not an array")
        require(moved.dtype == dtype, f"points of {points.dtype} have images of {moved.dtype}")
    subject.draw()


def check_read_only(subject: SymmetrySubject) -> None:
    """Require that points are not changed by the group, nor by coordinates."""
    symmetry, X = subject.symmetry, subject.points()
    kept = X.copy()
    for element in symmetry.elements(_IMAGES, 1):
        symmetry.act(X, element[None])
    if symmetry.has_coordinates:
        symmetry.coordinates(X)
    require(np.array_equal(X, kept), "points are changed in place")


def check_same_seed(subject: SymmetrySubject) -> None:
    """Require the same images of the same seed."""
    require(equal(subject.draw(), subject.draw()), "two calls with random_state=1 give different images")


def check_rows(subject: SymmetrySubject) -> None:
    """Require that the image of a point does not depend on other points."""
    X = subject.points()
    for element in subject.symmetry.elements(_IMAGES, 1):
        alone = subject.act(X[:_FEW_ROWS], element[None])
        together = subject.act(X, element[None])[:_FEW_ROWS]
        _require_close(alone, together, X, "the image of {x} depends on the other points")


def check_identity(subject: SymmetrySubject) -> None:
    """Require that element 0 of a finite group moves nothing."""
    if subject.symmetry.size is None:
        raise SkipTest("the group is not finite")
    X = subject.points()
    _require_close(subject.act(X, np.array([0])), X, X, "element 0 moves {x} to {image}")


def check_distinct(subject: SymmetrySubject) -> None:
    """Require different images of a point by different elements of a finite group; of one of the points at least."""
    images = subject.whole_orbit(subject.points()[:_ORBITS])
    fewest = subject.size
    for x, orbit in zip(images[0], images.swapaxes(0, 1), strict=True):
        n_distinct = len(np.unique(np.round(orbit / _tolerance(images)), axis=0))
        if n_distinct == subject.size:
            return
        fewest, point = n_distinct, x
    raise AssertionError(f"{subject.size} elements give {fewest} different images of {_text(point)}")


def check_group(subject: SymmetrySubject) -> None:
    """Require that an image has the orbit of its point: the elements have products and inverses among them.

    The orbits of a finite group are compared as sets. Those of any other are compared as distributions, by
    Kolmogorov-Smirnov tests on a few points together: a uniformly random element times another is uniformly random.
    """
    if subject.symmetry.size is None:
        _check_distribution(subject)
        return
    size, X = subject.size, subject.points()
    X = X[: max(1, _COMPARED // (size**2 * X.shape[1]))][:_ORBITS]
    orbits = subject.whole_orbit(X)
    moved = subject.act(X, np.random.default_rng(1).integers(size, size=len(X)))
    both = orbits.swapaxes(0, 1), subject.whole_orbit(moved).swapaxes(0, 1)
    for x, image, first, second in zip(X, moved, *both, strict=True):
        apart = np.abs(first[:, None] - second).max(axis=2)
        worst = max(apart.min(axis=0).max(), apart.min(axis=1).max())
        others = f"the orbit of {_text(image)} is not that of {_text(x)}, of which it is an image"
        require(worst <= _tolerance(orbits), others)


def _check_distribution(subject: SymmetrySubject) -> None:
    from scipy import stats

    symmetry, rng = subject.symmetry, np.random.default_rng(1)
    images = subject.draw()
    moves = np.abs(images - images[0]).max(axis=(0, 2))
    X = images[0][np.argsort(-moves, kind="stable")[:_DRAWN_POINTS]]
    once, first = (_images_together(subject, X, symmetry.draw(_DRAWS, rng)) for _ in range(2))
    elements = symmetry.draw(_DRAWS, rng)
    twice = np.stack([subject.act(points, elements) for points in first.swapaxes(0, 1)], axis=1)
    for direction in rng.standard_normal((_DIRECTIONS, X.size)):
        one, two = (np.round(moved.reshape(_DRAWS, -1) @ direction / _tolerance(images)) for moved in (once, twice))
        p_value = stats.ks_2samp(one, two).pvalue
        found = f"images of images of {_text(X[0])} are distributed otherwise than its images (p = {p_value:.1g})"
        require(p_value >= FALSE_ALARM, found)


def _images_together(subject: SymmetrySubject, X: Array, elements: Array) -> Array:
    """Return images (n_elements, n_samples, n_features) of points, all moved by the same elements."""
    return np.stack([subject.act(np.tile(x, (len(elements), 1)), elements) for x in X], axis=1)


def check_isometry(subject: SymmetrySubject) -> None:
    """Require that no element changes a distance between points or from the origin, if the symmetry says so."""
    if not subject.symmetry.is_isometric:
        raise SkipTest("the symmetry does not say that it is isometric")
    X = subject.points()
    others = np.roll(X, 1, axis=0)
    for element in subject.symmetry.elements(_IMAGES, 1):
        moved, others_moved = (subject.act(points, element[None]) for points in (X, others))
        for before, after in ((X, moved), (X - others, moved - others_moved)):
            changes = np.abs(np.linalg.norm(before, axis=1) - np.linalg.norm(after, axis=1))
            worst = changes.argmax()
            found = f"an element that moves {_text(X[worst])} to {_text(moved[worst])} changes distances"
            require(changes[worst] <= _tolerance(X), found)


def check_invariants(subject: SymmetrySubject) -> None:
    """Require coordinates (n_samples, n_invariants) of the precision of the points that do not change along orbits."""
    symmetry = subject.symmetry
    if not symmetry.has_coordinates:
        raise SkipTest("the symmetry does not have coordinates")
    X = subject.points()
    for dtype in (np.float64, np.float32):
        found = symmetry.coordinates(X.astype(dtype))
        require(found.ndim == 2 and len(found) == len(X), f"coordinates of {len(X)} points have shape {found.shape}")
        require(found.dtype == dtype, f"coordinates of points of {np.dtype(dtype)} are of {found.dtype}")
    expected = symmetry.coordinates(X)
    require(np.isfinite(expected).all(), "a coordinate is not finite")
    for images in subject.draw()[1:]:
        text = "the coordinates of {x} are not those of its image {image}"
        _require_close(symmetry.coordinates(images), expected, X, text, images)


def check_labels(subject: SymmetrySubject) -> None:
    """Require that an image has the label of its point, or its value up to rounding."""
    problem = subject.problem
    if problem is None:
        raise SkipTest("no problem was given")
    X = subject.points()
    y = problem.label(X)
    tolerance = _CLOSE * y.std() if problem.task == "regression" else 0.0
    for images in subject.draw()[1:]:
        found = problem.label(images)
        differ = np.abs(found - y) > tolerance
        first = int(differ.argmax())
        places = f"{_text(X[first])}, and {found[first]:.6g} at its image {_text(images[first])}"
        text = f"{np.count_nonzero(differ)} of {len(X)} labels change: {y[first]:.6g} at {places}"
        require(not differ.any(), text)


def _require_close(found: Array, expected: Array, X: Array, text: str, images: Array | None = None) -> None:
    """Raise unless rows are equal up to rounding; in the text, {x} is the worst point and {image} its image."""
    apart = np.abs(found - expected).max(axis=1)
    worst = int(np.argmax(apart))
    moved = found if images is None else images
    require(apart[worst] <= _tolerance(expected), text.format(x=_text(X[worst]), image=_text(moved[worst])))


def _tolerance(values: Array) -> float:
    """Return a small share of the largest number."""
    return _CLOSE * max(float(np.abs(values).max(initial=0)), math.ulp(0.0))


def _text(point: Array) -> str:
    return f"[{', '.join(f'{value:.6g}' for value in point)}]"


SYMMETRY_CHECKS: dict[str, Callable[[SymmetrySubject], None]] = {
    check.__name__.removeprefix("check_"): check
    for check in (
        check_shapes,
        check_read_only,
        check_same_seed,
        check_rows,
        check_identity,
        check_distinct,
        check_group,
        check_isometry,
        check_invariants,
        check_labels,
    )
}
"""The checks of a symmetry by name, in the order in which they run."""


def check_symmetry(
    symmetry: Symmetry,
    problem: Problem | None = None,
    *,
    n_features: int | None = None,
    max_samples: int = 1000,
    on_fail: str | None = "raise",
    expected_failed_checks: Mapping[str, str] | None = None,
) -> list[CheckResult]:
    """Check that a symmetry is a group, that its coordinates are invariants, and that labels do not change under it.

    A failure names a point that shows it. Global random generators are restored afterwards.

    Parameters
    ----------
    symmetry : Symmetry
        Group that acts on points, also of a subclass.
    problem : Problem or None, default=None
        Problem whose points are moved and whose true labels must not change; None for standard normal points.
    n_features : int or None, default=None
        Number of features of standard normal points; None for the fewest that the symmetry takes, and two at least.
    max_samples : int, default=1000
        Number of points, at least 100. Faults that are rare among the points are found only among many.
    on_fail : {"raise"} or None, default="raise"
        Raise once all checks have run, or return failures like the other results.
    expected_failed_checks : mapping of str to str, optional
        Names of checks that fail and the reason for each; such a failure is reported as "expected".

    Returns
    -------
    results : list of CheckResult
        One result for each of `SYMMETRY_CHECKS`, in that order. If points cannot be moved, "shapes" fails and all
        others are skipped.

    Raises
    ------
    AssertionError
        If ``on_fail="raise"`` and a check failed; the message lists every failed check.
    TypeError, ValueError
        If an argument of this function is invalid.

    Examples
    --------
    >>> from toymanifold import Antipodal, Ball, Problem, UniformBox
    >>> from toymanifold.checks import check_symmetry
    >>> results = check_symmetry(Antipodal(), Problem(Ball(dimension=2), UniformBox(dimension=2)))
    >>> print(results[-1])
    labels                 passed
    """
    owner = "check_symmetry"
    if not isinstance(symmetry, Symmetry):
        raise TypeError(error_message("symmetry", owner, "a toymanifold.Symmetry", symmetry))
    if problem is not None and not isinstance(problem, Problem):
        raise TypeError(
            error_message("problem", owner, "a Problem, whose labels are known everywhere, or None", type(problem))
        )
    check_integer(max_samples, "max_samples", owner, low=100)
    if n_features is None:
        n_features = max(symmetry.min_features, 2)
    check_integer(n_features, "n_features", owner, low=symmetry.min_features)
    subject = SymmetrySubject(symmetry, problem, n_features, max_samples)
    return run_battery(SYMMETRY_CHECKS, subject, type(symmetry).__name__, owner, on_fail, expected_failed_checks)
