"""Data generators in the manner of scikit-learn's ``make_*`` functions.

They return ``X, y``. The noise-free label of any point, the density, the boundary and the frame of the plane are
properties of the problem, which ``return_problem=True`` returns too.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from toymanifold.problems import Problem
from toymanifold.protocols import Density
from toymanifold.spheres import concentric_spheres_problem, sphere_problem
from toymanifold.spirals import spiral_problem
from toymanifold.validation import check_integer


def make_spiral(
    n_samples: int = 100,
    *,
    turns: float = 4.0,
    fill: float = 0.5,
    tip: float = math.pi / 2,
    radius: float = 1.0,
    arms: int = 1,
    density: str | Density = "mixture",
    dimension: int = 2,
    nuisance_scale: float = 0.0,
    flip_probability: float = 0.0,
    problem_seed: int = 0,
    mirrored: bool = False,
    dtype: DTypeLike = np.float64,
    as_frame: bool = False,
    return_problem: bool = False,
    random_state: Any = None,
) -> tuple[Any, ...]:
    """Draw points labelled 1 inside a closed spiral and 0 outside it, or by the nearest of several arms.

    Samples are nested: with one int seed, the first m rows of a sample of n are the sample of m.

    Parameters
    ----------
    n_samples : int, default=100
        Number of points, at least 1.
    turns : float, default=4.0
        Number of turns of the outer arm, at most 10,000.
    fill : float, default=0.5
        Share of the pitch that the bands fill, in [1e-9 arms, 1).
    tip : float, default=pi/2
        Radians over which a band narrows to its tip, at least 1e-6.
    radius : float, default=1.0
        Distance of the tip from the origin, in [1e-100, 1e100].
    arms : int, default=1
        Number of interleaved arms, at most 1000. From 2 on there is one class for each arm: with
        ``density="bands"`` this is the task of the two spirals of Lang and Witbrock.
    density : {"mixture", "uniform", "bands"} or Density, default="mixture"
        Distribution of the points. "mixture" and "uniform" are independent of the spiral; "bands" lies inside it.
    dimension : int, default=2
        Dimension d >= 2 of the space in which the plane of the spiral lies, rotated at random.
    nuisance_scale : float, default=0.0
        Standard deviation of the Gaussian nuisance in each of the other d - 2 directions.
    flip_probability : float, default=0.0
        Probability that a label is replaced by another class.
    problem_seed : int, default=0
        Seed of the mixture's spots and of the rotation.
    mirrored : bool, default=False
        Whether the spiral winds the other way; only with ``dimension=2``.
    dtype : {float64, float32}, default=float64
        Type of X.
    as_frame : bool, default=False
        Return X as a pandas DataFrame with columns ``x0, x1, ...`` and y as a Series.
    return_problem : bool, default=False
        Return the `Problem` as well.
    random_state : int, RandomState, Generator or None, default=None
        Seed of points and label noise.

    Returns
    -------
    X : ndarray of shape (n_samples, dimension) or DataFrame
        Points.
    y : ndarray of shape (n_samples,), int64, or Series
        Labels.
    problem : Problem
        Problem that the points are a sample of; only if `return_problem`.

    Examples
    --------
    >>> from toymanifold import make_spiral
    >>> X, y, problem = make_spiral(1000, dimension=10, return_problem=True, random_state=0)
    >>> X.shape, y.shape, problem.embedding.frame.shape
    ((1000, 10), (1000,), (10, 2))
    """
    check_integer(n_samples, "n_samples", "make_spiral", low=1)
    problem = spiral_problem(
        turns=turns,
        fill=fill,
        tip=tip,
        radius=radius,
        arms=arms,
        density=density,
        dimension=dimension,
        nuisance_scale=nuisance_scale,
        flip_probability=flip_probability,
        problem_seed=problem_seed,
        mirrored=mirrored,
    )
    return _returned(problem, n_samples, random_state, dtype, as_frame, return_problem)


def make_sphere(
    n_samples: int = 100,
    *,
    dimension: int = 3,
    radius: float = 1.0,
    target: str = "inside",
    degree: int = 2,
    n_coordinates: int = 2,
    task: str = "classification",
    flip_probability: float = 0.0,
    noise: float = 0.0,
    problem_seed: int = 0,
    dtype: DTypeLike = np.float64,
    as_frame: bool = False,
    return_problem: bool = False,
    random_state: Any = None,
) -> tuple[Any, ...]:
    """Draw points labelled by a sphere: inside or outside it, or by a function on it.

    Samples are nested: with one int seed, the first m rows of a sample of n are the sample of m.

    Parameters
    ----------
    n_samples : int, default=100
        Number of points, at least 1.
    dimension : int, default=3
        Dimension d >= 2 of the space; the sphere is S^(d-1).
    radius : float, default=1.0
        Radius of the sphere, in [1e-100, 1e100].
    target : str, default="inside"
        Function that gives the labels: "inside", "linear", "quadratic", "harmonic", "random", or the name of a
        symmetry. "inside": Gaussian points, balanced between inside (1) and outside (0). All others: points uniform on
        the sphere, with a function of mean 0 and variance 1 on it, or with random labels; see `sphere_problem`.
    degree : int, default=2
        Degree of the harmonic or of cyclic turns, at most 1000.
    n_coordinates : int, default=2
        Number of the first coordinates on which the symmetry acts.
    task : {"classification", "regression"}, default="classification"
        Kind of labels: the sign of the function, or its value.
    flip_probability : float, default=0.0
        Probability that a label is replaced by the other class; for classification.
    noise : float, default=0.0
        Standard deviation of Gaussian noise on labels; for regression.
    problem_seed : int, default=0
        Seed of the function's random axis or form.
    dtype : {float64, float32}, default=float64
        Type of X.
    as_frame : bool, default=False
        Return X as a pandas DataFrame with columns ``x0, x1, ...`` and y as a Series.
    return_problem : bool, default=False
        Return the `Problem` as well.
    random_state : int, RandomState, Generator or None, default=None
        Seed of points and label noise.

    Returns
    -------
    X : ndarray of shape (n_samples, dimension) or DataFrame
        Points.
    y : ndarray of shape (n_samples,), int64 or float64, or Series
        Labels.
    problem : Problem
        Problem that the points are a sample of; only if `return_problem`.

    Examples
    --------
    >>> from toymanifold import make_sphere
    >>> X, y = make_sphere(1000, dimension=5, target="harmonic", degree=3, task="regression", random_state=0)
    >>> X.shape, y.dtype
    ((1000, 5), dtype('float64'))
    """
    check_integer(n_samples, "n_samples", "make_sphere", low=1)
    problem = sphere_problem(
        dimension=dimension,
        radius=radius,
        target=target,
        degree=degree,
        n_coordinates=n_coordinates,
        task=task,
        flip_probability=flip_probability,
        noise=noise,
        problem_seed=problem_seed,
    )
    return _returned(problem, n_samples, random_state, dtype, as_frame, return_problem)


def make_concentric_spheres(
    n_samples: int = 100,
    *,
    dimension: int = 3,
    inner: float = 1.0,
    outer: float = 1.3,
    flip_probability: float = 0.0,
    dtype: DTypeLike = np.float64,
    as_frame: bool = False,
    return_problem: bool = False,
    random_state: Any = None,
) -> tuple[Any, ...]:
    """Draw points from two concentric spheres, labelled 1 on the inner one and 0 on the outer.

    Samples are nested: with one int seed, the first m rows of a sample of n are the sample of m.

    Parameters
    ----------
    n_samples : int, default=100
        Number of points, at least 1.
    dimension : int, default=3
        Dimension d >= 2 of the space; 500 in Gilmer et al., Adversarial Spheres, 2018.
    inner, outer : float, default=1.0, 1.3
        Radii of the spheres, 0 < inner < outer.
    flip_probability : float, default=0.0
        Probability that a label is replaced by the other class.
    dtype : {float64, float32}, default=float64
        Type of X.
    as_frame : bool, default=False
        Return X as a pandas DataFrame with columns ``x0, x1, ...`` and y as a Series.
    return_problem : bool, default=False
        Return the `Problem` as well.
    random_state : int, RandomState, Generator or None, default=None
        Seed of points and label noise.

    Returns
    -------
    X : ndarray of shape (n_samples, dimension) or DataFrame
        Points.
    y : ndarray of shape (n_samples,), int64, or Series
        Labels.
    problem : Problem
        Problem that the points are a sample of; only if `return_problem`.

    Examples
    --------
    >>> from toymanifold import make_concentric_spheres
    >>> X, y = make_concentric_spheres(1000, dimension=500, random_state=0)
    >>> X.shape, y.shape
    ((1000, 500), (1000,))
    """
    check_integer(n_samples, "n_samples", "make_concentric_spheres", low=1)
    problem = concentric_spheres_problem(
        dimension=dimension, inner=inner, outer=outer, flip_probability=flip_probability
    )
    return _returned(problem, n_samples, random_state, dtype, as_frame, return_problem)


def _returned(
    problem: Problem, n_samples: int, random_state: Any, dtype: DTypeLike, as_frame: bool, return_problem: bool
) -> tuple[Any, ...]:
    X, y = problem.sample(n_samples, random_state, dtype=dtype)
    sample = _as_frame(X, y) if as_frame else (X, y)
    return (*sample, problem) if return_problem else sample


def _as_frame(X: Any, y: Any) -> tuple[Any, Any]:
    import pandas as pd  # not at the top: pandas is slow to import, and arrays do without it

    return pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])]), pd.Series(y, name="y")
