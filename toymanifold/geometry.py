"""Geometry that several toys share: the sign of a distance, spheres, rotations of the plane."""

import math

import numpy as np
import scipy
from numpy.typing import NDArray

from toymanifold.streams import chunks


def signed(distance: NDArray[np.float64], inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return distances to a boundary as signed distances: negative inside."""
    return np.where(inside, -distance, distance)


def log_sphere_area(dimension: int, radius: float) -> float:
    """Return the natural logarithm of the area of the sphere of a radius in R^dimension."""
    log_unit = math.log(2) + dimension / 2 * math.log(math.pi) - scipy.special.gammaln(dimension / 2)
    return float(log_unit + (dimension - 1) * math.log(radius))


def binary_scale(X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each row of `X` the power of 2 by which it is multiplied to have a largest absolute value near 1.

    The product is exact; the squares of its largest numbers neither overflow nor underflow.
    """
    exponent = np.frexp(np.abs(X).max(axis=-1, keepdims=True))[1]
    return np.ldexp(1.0, np.clip(-exponent, -1000, 1000))


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
