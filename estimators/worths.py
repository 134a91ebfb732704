"""The worth of a symmetry by theory: how many times the data, for the learners of which a theorem says it."""

import functools
import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from toymanifold import GaussianMixture, Problem, Symmetry, UniformSphere
from toymanifold.geometry import log_sphere_area
from toymanifold.validation import check_real

Array = NDArray[np.float64]

TOLERANCE = 0.15
"""The share by which a measured worth may differ from one that theory gives, or exceed its bound."""

NO_GAIN = 1.6
"""The factor up to which a worth counts as none, where theory says that there is no significant gain."""

_THEOREM = "Tahmasebi and Jegelka 2023, arXiv:2303.14269"
_NEIGHBOUR = "the nearest neighbour among images is that of the quotient"
_WISHART = "Elesedy and Zaidi 2021, arXiv:2102.10333; the expectation of an inverse Wishart matrix"
_OUTPUTS = "Mei, Misiakiewicz and Montanari 2021, arXiv:2102.13219"

_FAR_APART = 2.75  # times the distance of neighbours; from there on simulated worths are the number of images
_MOST_IMAGES, _FEW_POINTS = 1_000, 20  # whose angles are compared
_POINTS, _IMAGES, _CLOSE = 300, 8, 1e-6  # with which labels and densities of images are compared


@dataclass(frozen=True)
class PredictedWorth:
    """The worth of a prior by theory: how many times the data, and the range in which a measured one supports it.

    Attributes
    ----------
    times : float
        How many times the data.
    low, high : float
        The tolerated range.
    source : str
        Where the theory is from.
    is_bound : bool, default=False
        True if the worth is at most `times`.

    Examples
    --------
    >>> print(PredictedWorth.near(4, "a theorem"))
    4 times (tolerated: 3.4 to 4.6)
    >>> print(PredictedWorth.at_most(8, "a theorem"))
    at most 8 times (tolerated: 1 to 9.2)
    """

    times: float
    low: float
    high: float
    source: str
    is_bound: bool = False

    @classmethod
    def near(cls, times: float, source: str) -> Self:
        """Return a worth that theory gives as a positive number, which is tolerated within `TOLERANCE`."""
        check_real(times, "times", "PredictedWorth.near", low=0, closed="()")
        return cls(times, times * (1 - TOLERANCE), times * (1 + TOLERANCE), source)

    @classmethod
    def at_most(cls, times: float, source: str) -> Self:
        """Return an upper bound, at least 1, on the worth of a prior that does no harm.

        It may be exceeded by `TOLERANCE`, since theory is about many points.
        """
        check_real(times, "times", "PredictedWorth.at_most", low=1, closed="[)")
        return cls(times, 1.0, times * (1 + TOLERANCE), source, is_bound=True)

    def __str__(self) -> str:
        return self.text("time" if _number(self.times) == "1" else "times")

    def text(self, unit: str = "") -> str:
        """Return the worth with its tolerated range, and a unit behind it if there is one."""
        worth = f"{'at most ' * self.is_bound}{_number(self.times)} {unit}".rstrip()
        return f"{worth} (tolerated: {_number(self.low)} to {_number(self.high)})"


def _number(times: float) -> str:
    return f"{times:,.0f}" if times >= 1_000 else f"{times:.3g}"


@dataclass(frozen=True)
class SymmetricProblem:
    """A problem whose labels and density a symmetry keeps, and the form in which a learner has the symmetry.

    Attributes
    ----------
    problem : Problem
    symmetry : Symmetry
        Of maps that keep distances.
    form : {"coordinates", "augmentation", "kernel", "outputs"}
        As of `estimators.Invariance`.
    copies : int
        Number of images, for all forms but the first.
    n_samples : float
        Number of points of the learner with the symmetry.
    """

    problem: Problem
    symmetry: Symmetry
    form: str
    copies: int
    n_samples: float

    @property
    def n_images(self) -> float:
        """Number of images of a point that a learner has: that of elements, or of copies if these are fewer."""
        n_elements = math.inf if self.symmetry.size is None else self.symmetry.size
        return n_elements if self.form == "coordinates" else min(self.copies, n_elements)

    @property
    def has_all(self) -> bool:
        """True if the learner has all images of a point."""
        return self.form == "coordinates" or self.n_images == self.symmetry.size


def symmetry_worth(
    learner: BaseEstimator, symmetry: Symmetry, form: str, copies: int, problem: Any, n_samples: float
) -> PredictedWorth | None:
    """Return what a symmetry is worth to a learner by theory, or None where there is none.

    Theory is about problems with known labels and a known density, both kept by maps that keep distances. What it says
    of a class of learners is registered as `worth_to`.

    Parameters
    ----------
    learner : BaseEstimator
        The learner without the symmetry.
    symmetry, form, copies, n_samples
        As of `SymmetricProblem`.
    problem : Problem or DataProblem

    Returns
    -------
    worth : PredictedWorth or None
    """
    if not isinstance(problem, Problem) or not symmetry.is_isometric or not is_kept(symmetry, problem):
        return None
    _register_scikit_learn()
    return worth_to(learner, SymmetricProblem(problem, symmetry, form, copies, n_samples))


@functools.singledispatch
def worth_to(learner: Any, given: SymmetricProblem) -> PredictedWorth | None:  # noqa: ARG001
    """Return what a symmetry is worth to a learner by theory; None for a class of which none is registered."""
    return None


@functools.cache
def _register_scikit_learn() -> None:
    """Register learners of scikit-learn: not at import, since their modules take long to load."""
    from sklearn.linear_model import LinearRegression
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    worth_to.register(KNeighborsClassifier, worth_to_neighbour)
    worth_to.register(KNeighborsRegressor, worth_to_neighbour)
    worth_to.register(LinearRegression, worth_to_least_squares)


def is_kept(symmetry: Symmetry, problem: Problem) -> bool:
    """Return True if neither labels nor the density of some points are others at some of their images."""
    if problem.dimension < symmetry.min_features:
        return False
    X, _ = problem.sample(_POINTS, random_state=0, split="test")
    images = symmetry.orbit(X, _IMAGES, random_state=0)
    y, log_density = problem.label(X), problem.log_density(X)
    slack = _CLOSE * float(np.std(y)) if problem.task == "regression" else 0.0
    return all(
        np.abs(problem.label(moved) - y).max() <= slack
        and np.allclose(problem.log_density(moved), log_density, atol=_CLOSE)
        for moved in images[1:]
    )


def worth_to_neighbour(learner: Any, given: SymmetricProblem) -> PredictedWorth | None:
    """Return the worth to the nearest neighbour: the number of images, or of points as near on the quotient."""
    if learner.n_neighbors != 1 or given.form == "outputs":
        return None
    radius = _sphere_radius(given.problem)
    if given.form == "coordinates" and radius is None:
        return None  # their distances need not be those of orbits
    if not given.has_all:
        return PredictedWorth.at_most(given.n_images, _NEIGHBOUR)
    problem, symmetry, d = given.problem, given.symmetry, given.problem.dimension
    orbit = symmetry.free_orbit(d) if radius == 1 else None
    if orbit and symmetry.size is not None and _are_far_apart(symmetry, problem, given.n_samples):
        return PredictedWorth.near(symmetry.size, _NEIGHBOUR)
    if orbit and symmetry.size is None and d > 2 and problem.task == "regression":
        times = _neighbour_worth(given.n_samples, d - 1, *orbit)
        return PredictedWorth.near(times, f"{_THEOREM}; distances of nearest neighbours")
    return None if symmetry.size is None else PredictedWorth.at_most(symmetry.size, _NEIGHBOUR)


def _sphere_radius(problem: Problem) -> float | None:
    """Return the radius of the sphere of all points; None if they are not uniform on one."""
    density = problem.density
    if not isinstance(density, UniformSphere) or len(density.radii) > 1 or problem.embedding is not None:
        return None
    return density.radii[0]


def _are_far_apart(symmetry: Symmetry, problem: Problem, n_samples: float) -> bool:
    """Return True if images of a point on the unit sphere are so far apart that each has neighbours of its own.

    Images that are closer than that, such as those of many turns, are worth less than their number.
    """
    if symmetry.size is None or symmetry.size > _MOST_IMAGES:
        return False
    X, _ = problem.sample(_FEW_POINTS, random_state=0, split="test")
    cosines = np.einsum("ijk,jk->ij", symmetry.orbit(X, symmetry.size)[1:], X)
    least_angle = math.acos(min(float(cosines.max(initial=-1.0)), 1.0))
    intensity = n_samples * symmetry.size / math.exp(log_sphere_area(problem.dimension, 1.0))
    return least_angle >= _FAR_APART * math.sqrt(_squared_distance(intensity, problem.dimension - 1))


def _neighbour_worth(n_samples: float, dimension: int, orbit_dimension: int, orbit_volume: float) -> float:
    """Return how many times n points on the sphere have neighbours as near as those of n points on the quotient.

    The mean squared error of a smooth function is the mean square of its gradient, divided by the dimension, times the
    mean squared distance of the nearest neighbour. The gradient is that on the quotient, since orbits are level sets.
    """
    area = math.exp(log_sphere_area(dimension + 1, 1.0))
    quotient = dimension - orbit_dimension
    target = _squared_distance(n_samples * orbit_volume / area, quotient) / quotient
    of_one = _squared_distance(1 / area, dimension) / dimension
    return float((of_one / target) ** (dimension / 2) / n_samples)


def _squared_distance(intensity: float, dimension: int) -> float:
    """Return the mean squared distance of the nearest point of a Poisson process."""
    ball = math.pi ** (dimension / 2) / scipy.special.gamma(dimension / 2 + 1)
    return float(scipy.special.gamma(1 + 2 / dimension) * (intensity * ball) ** (-2 / dimension))


def worth_to_kernel(learner: Any, given: SymmetricProblem) -> PredictedWorth | None:  # noqa: ARG001
    """Return the worth to a kernel machine: at most the number of images, and next to nothing for averaged outputs.

    Under noise both depend on the ridge: where it is too small, an average over images makes up for it. What is known
    of averaged outputs is about the squared error on spheres of many dimensions, and holds from three on as measured.
    """
    problem = given.problem
    if problem.noise or problem.flip_probability or given.form == "coordinates":
        return None
    if given.form != "outputs":
        return PredictedWorth.at_most(given.n_images, _THEOREM)
    is_known = problem.task == "regression" and problem.dimension > 2
    return PredictedWorth(1.0, 1 / NO_GAIN, NO_GAIN, _OUTPUTS) if is_known else None


def worth_to_least_squares(learner: Any, given: SymmetricProblem) -> PredictedWorth | None:
    """Return the worth to least squares, of a linear function with noise of isotropic Gaussian points.

    Without the symmetry the risk is sigma^2 d / (n - d - 1). Fitted to all images it is that of the k dimensions that
    the symmetry keeps; averaged outputs have the share k / d of it.
    """
    problem, symmetry, d = given.problem, given.symmetry, given.problem.dimension
    if (
        learner.fit_intercept
        or getattr(learner, "positive", False)
        or not problem.noise
        or given.form not in ("augmentation", "outputs")
    ):
        return None
    if symmetry.size is None or not given.has_all or not _is_centred_gaussian(problem) or not _is_linear(problem):
        return None
    kept = float(np.trace(symmetry.orbit(np.eye(d), symmetry.size).mean(axis=0)))
    least = kept if given.form == "augmentation" else d
    if given.n_samples <= least + 1:
        return None
    needed = d + 1 + d / kept * (given.n_samples - least - 1)
    return PredictedWorth.near(needed / given.n_samples, _WISHART)


def _is_centred_gaussian(problem: Problem) -> bool:
    density = problem.density
    if not isinstance(density, GaussianMixture) or problem.embedding is not None:
        return False
    return len(density.centers) == 1 and not np.any(density.centers)


def _is_linear(problem: Problem) -> bool:
    X, Z = (problem.sample(_POINTS, random_state=seed)[0] for seed in (0, 1))
    return problem.task == "regression" and np.allclose(problem.label(X + Z), problem.label(X) + problem.label(Z))
