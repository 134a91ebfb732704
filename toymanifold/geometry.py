"""Geometry that several toys share: the sign of a distance, spheres, rotations of the plane."""

import math

import numpy as np
import scipy
from numpy.typing import NDArray

from toymanifold.streams import chunks


def signed(distance: NDArray[np.float64], inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return distances to a boundary as signed distances: negative inside."""
    return np.where(inside, -distance, distance)


def sphere_area(dimension: int, radius: float) -> float:
    """Return the area of the sphere of a radius in R^dimension."""
    log_unit = math.log(2) + dimension / 2 * math.log(math.pi) - scipy.special.gammaln(dimension / 2)
    return math.exp(log_unit + (dimension - 1) * math.log(radius))


def uniform_on_sphere(n_samples: int, dimension: int, radius: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw points (n_samples, dimension) uniformly from a sphere: Gaussian points, scaled to one length."""
    X = np.empty((n_samples, dimension))
    for rows in chunks(n_samples, dimension):
        part = X[rows]
        rng.standard_normal(out=part)
        part *= (radius / np.sqrt(np.einsum("ij,ij->i", part, part)))[:, None]
    return X


def turned(X: NDArray[np.float64], turns: float) -> NDArray[np.float64]:
    """Return points (n_samples, 2) of the plane, rotated about the origin by a number of turns."""
    cos, sin = math.cos(2 * math.pi * turns), math.sin(2 * math.pi * turns)
    x, y = X.T
    return np.column_stack([cos * x - sin * y, sin * x + cos * y])
