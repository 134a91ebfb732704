"""Hypothesis strategies for property tests of data generators and of learners.

They draw parameters and seeds, never arrays element by element. Defaults are small, every part is a keyword that takes
another strategy, and a failing example prints as the calls that reproduce it. Only this module needs Hypothesis.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from toymanifold.densities import GaussianMixture, UniformBall, UniformBox, UniformSphere
from toymanifold.embedding import Embedding
from toymanifold.problems import Problem, Sample
from toymanifold.protocols import TASKS, Density
from toymanifold.spheres import concentric_spheres_problem, sphere_problem
from toymanifold.spirals import Spiral, spiral_problem
from toymanifold.streams import BLOCK
from toymanifold.validation import MAX_SEED, check_integer, error_message

try:
    from hypothesis import strategies as st
    from hypothesis.strategies import DrawFn, SearchStrategy
except ModuleNotFoundError as missing:
    raise ImportError("toymanifold.strategies needs Hypothesis: pip install hypothesis") from missing

__all__ = [
    "Dataset",
    "concentric_spheres_problems",
    "datasets",
    "densities",
    "embeddings",
    "problems",
    "sample_sizes",
    "scales",
    "seeds",
    "sphere_problems",
    "spiral_problems",
    "spirals",
]

P = ParamSpec("P")
R = TypeVar("R")

_DIMENSIONS = st.integers(2, 6)
_FLIPS = st.just(0.0) | st.floats(0, 0.5)
_NOISES = st.just(0.0) | st.floats(0.01, 1)


def _parts_checked(make: Callable[P, R]) -> Callable[P, R]:
    """Raise, before anything is drawn, for a keyword-only argument that is not a strategy."""

    @functools.wraps(make)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in kwargs.keys() & (make.__kwdefaults__ or {}).keys():
            if not isinstance(kwargs[name], SearchStrategy):
                raise TypeError(error_message(name, make.__name__, "a Hypothesis strategy", kwargs[name]))
        return make(*args, **kwargs)

    return checked


def _shown_as(name: str, make: Callable[..., R]) -> Callable[..., R]:
    """Return `make` under a name that can be evaluated; Hypothesis prints a class method without its class."""

    @functools.wraps(make)
    def shown(*args: Any, **kwargs: Any) -> R:
        return make(*args, **kwargs)

    shown.__name__ = name
    return shown


def seeds() -> SearchStrategy[int]:
    """Draw a seed, an int that scikit-learn accepts as ``random_state``.

    Returns
    -------
    strategy : SearchStrategy of int
        Seeds in [0, 2**32 - 1]; shrinks to 0.

    Examples
    --------
    >>> from hypothesis import find
    >>> from toymanifold.strategies import seeds
    >>> find(seeds(), lambda seed: seed >= 2**31)
    2147483648
    """
    return st.integers(0, MAX_SEED)


def sample_sizes(min_size: int = 1, max_size: int = 100) -> SearchStrategy[int]:
    """Draw a number of samples.

    Parameters
    ----------
    min_size, max_size : int, default=1, 100
        Range of sizes, both ends included. If it contains the seam of the first two blocks of rows
        (``toymanifold.streams.BLOCK``), half of the sizes are next to it.

    Returns
    -------
    strategy : SearchStrategy of int
        Sizes; shrinks to `min_size`.

    Examples
    --------
    >>> from hypothesis import find
    >>> from toymanifold.strategies import sample_sizes
    >>> find(sample_sizes(max_size=40_000), lambda n_samples: n_samples > 16_384)
    16385
    """
    check_integer(min_size, "min_size", "sample_sizes", low=0)
    check_integer(max_size, "max_size", "sample_sizes", low=min_size)
    anywhere = st.integers(min_size, max_size)
    at_seam = [size for size in (BLOCK - 1, BLOCK, BLOCK + 1) if min_size <= size <= max_size]
    return anywhere | st.sampled_from(at_seam) if at_seam else anywhere


def scales(decades: int = 3) -> SearchStrategy[float]:
    """Draw a length over several orders of magnitude.

    Parameters
    ----------
    decades : int, default=3
        Powers of ten below and above 1, at most 99.

    Returns
    -------
    strategy : SearchStrategy of float
        Lengths; shrinks to 1.

    Examples
    --------
    >>> from hypothesis import find
    >>> from toymanifold.strategies import scales
    >>> find(scales(), lambda length: length > 0)
    1.0
    """
    check_integer(decades, "decades", "scales", low=0, high=99)
    return st.floats(-decades, decades).map(lambda exponent: 10.0**exponent)


@_parts_checked
def spirals(
    *,
    turns: SearchStrategy[float] = st.floats(0.1, 10),
    fills: SearchStrategy[float] = st.floats(0.05, 0.95),
    tips: SearchStrategy[float] = st.just(math.pi / 2) | st.floats(0.01, 60),
    radii: SearchStrategy[float] = scales(),
    arms: SearchStrategy[int] = st.integers(1, 4),
) -> SearchStrategy[Spiral]:
    """Draw a `Spiral`.

    Parameters
    ----------
    turns, fills, tips, radii : SearchStrategy of float
        Parameters of the spiral. Turns too few for the fill are drawn again, and a tip longer than the arm is cut to
        its length.
    arms : SearchStrategy of int
        Number of arms.

    Returns
    -------
    strategy : SearchStrategy of Spiral
        Spirals; shrinks to the default one with a single turn.

    Examples
    --------
    >>> from hypothesis import find
    >>> from toymanifold.strategies import spirals
    >>> find(spirals(), lambda spiral: spiral.arms > 1)
    Spiral(turns=1.0, fill=0.5, tip=1.5707963267948966, radius=1.0, arms=2)
    """

    @st.composite
    def drawn(draw: DrawFn) -> Spiral:
        n_arms, fill = draw(arms), draw(fills)
        band = fill / n_arms
        n_turns = draw(turns.filter(lambda n_turns: n_turns > band))
        tip = min(draw(tips), 2 * math.pi * (n_turns - band))
        return Spiral(n_turns, fill, tip, draw(radii), n_arms)

    return drawn()


@_parts_checked
def densities(
    dimension: int = 2, *, lengths: SearchStrategy[float] = scales(), seeds: SearchStrategy[int] = seeds()
) -> SearchStrategy[Density]:
    """Draw a density: uniform over a cube, a ball or up to three spheres, or Gaussian spots off the origin.

    Parameters
    ----------
    dimension : int, default=2
        Dimension of the space, at least 1; spheres need 2.
    lengths : SearchStrategy of float
        Widths and radii. The width of the spots and their distance from the origin are drawn separately.
    seeds : SearchStrategy of int
        Seed of the centers of the spots.

    Returns
    -------
    strategy : SearchStrategy of Density
        Densities; shrinks to the cube of half width 1, and each density to lengths 1, seed 0 and a single spot or
        sphere.

    Examples
    --------
    >>> from hypothesis import find
    >>> from toymanifold.strategies import densities
    >>> find(densities(3), lambda density: density.dimension == 3)
    UniformBox(dimension=3, half_width=1.0)
    """
    d = st.just(check_integer(dimension, "dimension", "densities", low=1))
    spots = _shown_as("GaussianMixture.random_spots", GaussianMixture.random_spots)
    kinds: list[SearchStrategy[Density]] = [
        st.builds(UniformBox, dimension=d, half_width=lengths),
        st.builds(UniformBall, dimension=d, radius=lengths),
        st.builds(spots, n_spots=st.integers(1, 5), scale=lengths, half_width=lengths, dimension=d, random_state=seeds),
    ]
    if dimension > 1:
        radii = st.lists(lengths, min_size=1, max_size=3, unique=True).map(tuple)
        kinds.append(st.builds(UniformSphere, dimension=d, radii=radii))
    return st.one_of(kinds)


@_parts_checked
def embeddings(
    n_directions: int = 2,
    *,
    codimensions: SearchStrategy[int] = st.integers(0, 4),
    nuisance_scales: SearchStrategy[float] = _NOISES,
    seeds: SearchStrategy[int] = seeds(),
) -> SearchStrategy[Embedding]:
    """Draw an `Embedding` with a random frame.

    Parameters
    ----------
    n_directions : int, default=2
        Dimension of the figure.
    codimensions : SearchStrategy of int
        Dimensions of the space beyond `n_directions`.
    nuisance_scales : SearchStrategy of float
        Standard deviation of the nuisance.
    seeds : SearchStrategy of int
        Seed of the frame.

    Returns
    -------
    strategy : SearchStrategy of Embedding
        Embeddings; shrinks to codimension 0, no nuisance and seed 0.

    Examples
    --------
    >>> from hypothesis import find
    >>> from toymanifold.strategies import embeddings
    >>> find(embeddings(2), lambda embedding: embedding.dimension > 3).frame.shape
    (4, 2)
    """
    check_integer(n_directions, "n_directions", "embeddings", low=1)
    return st.builds(
        _shown_as("Embedding.random", Embedding.random),
        dimension=codimensions.map(lambda codimension: n_directions + codimension),
        n_directions=st.just(n_directions),
        nuisance_scale=nuisance_scales,
        rng=st.builds(_shown_as("np.random.default_rng", np.random.default_rng), seeds),
    )


@_parts_checked
def spiral_problems(
    *,
    spirals: SearchStrategy[Spiral] = spirals(),
    densities: SearchStrategy[str | Density] = st.sampled_from(["mixture", "uniform", "bands"]) | densities(2),
    dimensions: SearchStrategy[int] = _DIMENSIONS,
    nuisance_scales: SearchStrategy[float] = _NOISES,
    flip_probabilities: SearchStrategy[float] = _FLIPS,
    problem_seeds: SearchStrategy[int] = seeds(),
) -> SearchStrategy[Problem]:
    """Draw a `spiral_problem`.

    Parameters
    ----------
    spirals : SearchStrategy of Spiral
        Spiral.
    densities : SearchStrategy of str or Density
        Density, or its name.
    dimensions : SearchStrategy of int
        Dimension of the space.
    nuisance_scales, flip_probabilities : SearchStrategy of float
        Nuisance and label noise.
    problem_seeds : SearchStrategy of int
        Seed of the problem.

    Returns
    -------
    strategy : SearchStrategy of Problem
        Problems; shrinks to the simplest spiral, in the plane, without noise, with seed 0.

    Examples
    --------
    >>> from hypothesis import given, strategies as st
    >>> from toymanifold.strategies import spiral_problems
    >>> @given(problem=spiral_problems(dimensions=st.just(3)))
    ... def test_the_space_has_three_dimensions(problem):
    ...     assert problem.dimension == 3
    """
    return spirals.flatmap(
        lambda spiral: st.builds(
            spiral_problem,
            **{name: st.just(value) for name, value in asdict(spiral).items()},
            density=densities,
            dimension=dimensions,
            nuisance_scale=nuisance_scales,
            flip_probability=flip_probabilities,
            problem_seed=problem_seeds,
        )
    )


@_parts_checked
def sphere_problems(
    *,
    dimensions: SearchStrategy[int] = _DIMENSIONS,
    radii: SearchStrategy[float] = scales(),
    targets: SearchStrategy[str] = st.sampled_from(["inside", "linear", "quadratic", "harmonic", "random"]),
    degrees: SearchStrategy[int] = st.integers(1, 5),
    tasks: SearchStrategy[str] = st.sampled_from(TASKS),
    flip_probabilities: SearchStrategy[float] = _FLIPS,
    noises: SearchStrategy[float] = _NOISES,
    problem_seeds: SearchStrategy[int] = seeds(),
) -> SearchStrategy[Problem]:
    """Draw a `sphere_problem`.

    Parameters
    ----------
    dimensions : SearchStrategy of int
        Dimension of the space.
    radii : SearchStrategy of float
        Radius of the sphere, in [1e-100, 1e100].
    targets : SearchStrategy of str
        Target; "inside" is discarded for regression.
    degrees : SearchStrategy of int
        Degree of the harmonic, at most 1000.
    tasks : SearchStrategy of str
        Task.
    flip_probabilities, noises : SearchStrategy of float
        Label noise; discarded for a task or a target that does not accept it.
    problem_seeds : SearchStrategy of int
        Seed of the problem.

    Returns
    -------
    strategy : SearchStrategy of Problem
        Problems; shrinks to the inside of the unit circle, without noise, with seed 0.

    Examples
    --------
    >>> from hypothesis import given, strategies as st
    >>> from toymanifold.strategies import sphere_problems
    >>> @given(problem=sphere_problems(tasks=st.just("regression")))
    ... def test_labels_are_values(problem):
    ...     assert problem.task == "regression"
    """

    @st.composite
    def drawn(draw: DrawFn) -> Problem:
        task, flip, noise = draw(tasks), draw(flip_probabilities), draw(noises)
        target = draw(targets.filter(lambda target: (task, target) != ("regression", "inside")))
        return draw(
            st.builds(
                sphere_problem,
                dimension=dimensions,
                radius=radii,
                target=st.just(target),
                degree=degrees,
                task=st.just(task),
                flip_probability=st.just(flip if task == "classification" and target != "random" else 0.0),
                noise=st.just(noise if task == "regression" and target != "random" else 0.0),
                problem_seed=problem_seeds,
            )
        )

    return drawn()


@_parts_checked
def concentric_spheres_problems(
    *,
    dimensions: SearchStrategy[int] = _DIMENSIONS,
    radii: SearchStrategy[float] = scales(),
    ratios: SearchStrategy[float] = st.floats(1.01, 10),
    flip_probabilities: SearchStrategy[float] = _FLIPS,
) -> SearchStrategy[Problem]:
    """Draw a `concentric_spheres_problem`.

    Parameters
    ----------
    dimensions : SearchStrategy of int
        Dimension of the space.
    radii : SearchStrategy of float
        Radius of the inner sphere.
    ratios : SearchStrategy of float
        Radius of the outer sphere over that of the inner one.
    flip_probabilities : SearchStrategy of float
        Label noise.

    Returns
    -------
    strategy : SearchStrategy of Problem
        Problems; shrinks to circles of radii 1 and 2, without noise.

    Examples
    --------
    >>> from hypothesis import find
    >>> from toymanifold.strategies import concentric_spheres_problems
    >>> find(concentric_spheres_problems(), lambda problem: problem.target.outer > 1).target
    Shells(dimension=2, inner=1.0, outer=2.0)
    """
    return st.tuples(radii, ratios).flatmap(
        lambda pair: st.builds(
            concentric_spheres_problem,
            dimension=dimensions,
            inner=st.just(pair[0]),
            outer=st.just(pair[0] * pair[1]),
            flip_probability=flip_probabilities,
        )
    )


@_parts_checked
def problems(
    *,
    dimensions: SearchStrategy[int] = _DIMENSIONS,
    flip_probabilities: SearchStrategy[float] = _FLIPS,
    noises: SearchStrategy[float] = _NOISES,
    problem_seeds: SearchStrategy[int] = seeds(),
) -> SearchStrategy[Problem]:
    """Draw any problem: about concentric spheres, a sphere or a spiral.

    Other unions are written ``spiral_problems() | sphere_problems()``.

    Parameters
    ----------
    dimensions : SearchStrategy of int
        Dimension of the space.
    flip_probabilities, noises : SearchStrategy of float
        Label noise.
    problem_seeds : SearchStrategy of int
        Seed of the problem.

    Returns
    -------
    strategy : SearchStrategy of Problem
        Problems; shrinks to the one of fewest parameters, two concentric circles of radii 1 and 2.

    Examples
    --------
    >>> from hypothesis import find
    >>> from toymanifold.strategies import problems
    >>> find(problems(), lambda problem: problem.target.n_classes == 2).target
    Shells(dimension=2, inner=1.0, outer=2.0)
    """
    shared: dict[str, Any] = {"dimensions": dimensions, "flip_probabilities": flip_probabilities}
    return st.one_of(
        concentric_spheres_problems(**shared),  # first, since Hypothesis prefers the fewest draws
        sphere_problems(**shared, noises=noises, problem_seeds=problem_seeds),
        spiral_problems(**shared, problem_seeds=problem_seeds),
    )


@dataclass(frozen=True)
class Dataset:
    """A sample of a problem, with the problem and the seed that reproduce it.

    Parameters
    ----------
    problem : Problem
        Problem that is sampled.
    n_samples : int
        Number of points.
    seed : int
        Seed of points and label noise.

    Examples
    --------
    >>> from toymanifold import spiral_problem
    >>> from toymanifold.strategies import Dataset
    >>> Dataset(spiral_problem(), n_samples=10, seed=0).X.shape
    (10, 2)
    """

    problem: Problem
    n_samples: int
    seed: int

    @cached_property
    def _sample(self) -> Sample:
        return self.problem.sample(self.n_samples, self.seed)

    @property
    def X(self) -> NDArray[np.float64]:  # noqa: N802
        """Points (n_samples, dimension)."""
        return self._sample[0]

    @property
    def y(self) -> NDArray[Any]:
        """Labels (n_samples,): int64 classes, or float64 values."""
        return self._sample[1]


@_parts_checked
def datasets(
    *,
    problems: SearchStrategy[Problem] = problems(),
    sample_sizes: SearchStrategy[int] = sample_sizes(),
    seeds: SearchStrategy[int] = seeds(),
) -> SearchStrategy[Dataset]:
    """Draw a `Dataset`.

    Parameters
    ----------
    problems : SearchStrategy of Problem
        Problem.
    sample_sizes : SearchStrategy of int
        Number of points.
    seeds : SearchStrategy of int
        Seed of points and label noise.

    Returns
    -------
    strategy : SearchStrategy of Dataset
        Data sets; shrinks to one point of the simplest problem, with seed 0.

    Examples
    --------
    >>> from hypothesis import given
    >>> from toymanifold.strategies import datasets, spiral_problems
    >>> @given(dataset=datasets(problems=spiral_problems()))
    ... def test_labels_are_classes(dataset):
    ...     assert set(dataset.y) <= set(range(dataset.problem.target.n_classes))
    """
    return st.builds(Dataset, problem=problems, n_samples=sample_sizes, seed=seeds)
