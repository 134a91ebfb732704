"""Doors in scikit-learn's ``make_*`` manner to the problems: ``X, y`` and nothing else.

What a user may want beyond arrays (labels of any point, densities, boundaries) is in `toymanifold.problems`.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toymanifold.densities import Density
from toymanifold.problems import sphere_problem, spiral_problem
from toymanifold.validation import check_integer

Sample = tuple[NDArray[np.float64], NDArray[np.int64]]


def make_spiral(
    n_samples: int = 100,
    *,
    turns: float = 4.0,
    fill: float = 0.5,
    tip: float = math.pi / 2,
    radius: float = 1.0,
    density: str | Density = "mixture",
    random_state: Any = None,
) -> Sample:
    """Draw points of the plane labelled 1 inside a closed spiral and 0 outside.

    Samples are nested: with one int seed, the first m rows of a sample of n are the sample of m.

    Parameters
    ----------
    n_samples : int, default=100
    turns : float, default=4.0
        Turns of the outer arm.
    fill : float, default=0.5
        Share of the pitch that the band fills, in (0, 1).
    tip : float, default=pi/2
        Radians over which the band narrows to its tip.
    radius : float, default=1.0
        Outer radius.
    density : {"mixture", "uniform"} or Density, default="mixture"
        Where points fall; it knows nothing of the spiral.
    random_state : int, RandomState, Generator or None, default=None
        Of the sample. The mixture's spots do not depend on it.

    Returns
    -------
    X : ndarray of shape (n_samples, 2)
    y : ndarray of shape (n_samples,)

    Examples
    --------
    >>> from toymanifold import make_spiral
    >>> X, y = make_spiral(1000, random_state=0)
    >>> X.shape, y.shape
    ((1000, 2), (1000,))
    """
    check_integer(n_samples, "n_samples", "make_spiral", low=1)
    problem = spiral_problem(turns=turns, fill=fill, tip=tip, radius=radius, density=density)
    return problem.sample(n_samples, random_state)


def make_sphere(n_samples: int = 100, *, dimension: int = 3, radius: float = 1.0, random_state: Any = None) -> Sample:
    """Draw Gaussian points labelled 1 inside a sphere and 0 outside, the classes balanced.

    Samples are nested: with one int seed, the first m rows of a sample of n are the sample of m.

    Parameters
    ----------
    n_samples : int, default=100
    dimension : int, default=3
        d >= 2, of the space; the sphere is S^(d-1).
    radius : float, default=1.0
        Of the sphere, and the Gaussian's median distance from the origin.
    random_state : int, RandomState, Generator or None, default=None

    Returns
    -------
    X : ndarray of shape (n_samples, dimension)
    y : ndarray of shape (n_samples,)

    Examples
    --------
    >>> from toymanifold import make_sphere
    >>> X, y = make_sphere(1000, dimension=5, random_state=0)
    >>> X.shape, y.shape
    ((1000, 5), (1000,))
    """
    check_integer(n_samples, "n_samples", "make_sphere", low=1)
    return sphere_problem(dimension=dimension, radius=radius).sample(n_samples, random_state)
