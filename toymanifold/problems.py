"""A problem is a region and a density: what is to be learnt, and where one gets to look.

The label is 1 inside the region, without noise, so the Bayes error is zero and every error is the learner's.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaincinv

from toymanifold.densities import Density, GaussianMixture, UniformBox
from toymanifold.regions import Ball, Region, Spiral
from toymanifold.streams import Split, as_seed, blocks
from toymanifold.validation import check_choice, check_integer, refusal


@dataclass(frozen=True)
class Problem:
    """Points from a density, labelled by a region.

    Parameters
    ----------
    region : Region
    density : Density
        Of the same dimension.
    """

    region: Region
    density: Density

    def __post_init__(self) -> None:
        if self.region.dimension != self.density.dimension:
            allowed = f"of the region's dimension, {self.region.dimension}"
            raise ValueError(refusal("density", "Problem", allowed, f"dimension {self.density.dimension}"))

    @property
    def dimension(self) -> int:
        """Of the space."""
        return self.region.dimension

    def sample(
        self, n_samples: int, random_state: Any = None, *, split: str = "train"
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Draw labelled points.

        Samples are nested: with one int seed, the first m rows of a sample of n are the sample of m.

        Parameters
        ----------
        n_samples : int
            At least 1.
        random_state : int, RandomState, Generator or None, default=None
            Only an int gives the same sample again.
        split : {"train", "test"}, default="train"
            No seed's training sample meets any seed's test sample.

        Returns
        -------
        X : ndarray of shape (n_samples, dimension), float64
        y : ndarray of shape (n_samples,), int64
            1 inside the region, 0 outside.
        """
        n_samples = check_integer(n_samples, "n_samples", "Problem.sample", low=1)
        seed = as_seed(random_state, "Problem.sample")
        stream = Split[check_choice(split, "split", "Problem.sample", ("train", "test")).upper()]
        X = np.empty((n_samples, self.dimension))
        y = np.empty(n_samples, dtype=np.int64)
        for rows, rng in blocks(n_samples, seed, stream):
            X[rows] = self.density.sample(rows.stop - rows.start, rng)
            y[rows] = self.region.contains(X[rows])
        return X, y

    def label(self, X: ArrayLike) -> NDArray[np.int64]:
        """Return the true label of any points `X` (n_samples, dimension)."""
        return self.region.contains(X).astype(np.int64)


def spiral_problem(
    *,
    turns: float = 4.0,
    fill: float = 0.5,
    tip: float = math.pi / 2,
    radius: float = 1.0,
    density: str | Density = "mixture",
) -> Problem:
    """Build the project's own toy: inside or outside a closed spiral.

    Parameters
    ----------
    turns, fill, tip, radius : float
        Of the `Spiral`.
    density : {"mixture", "uniform"} or Density, default="mixture"
        "mixture" is `GaussianMixture.random_spots` (20 spots of standard deviation 0.15 radius over the square of the
        spiral, from a seed of their own), "uniform" the square itself.

    Returns
    -------
    problem : Problem
    """
    region = Spiral(turns=turns, fill=fill, tip=tip, radius=radius)
    if isinstance(density, str):
        check_choice(density, "density", "spiral_problem", ("mixture", "uniform"))
        density = (
            UniformBox(half_width=radius)
            if density == "uniform"
            else GaussianMixture.random_spots(scale=0.15 * radius, half_width=radius)
        )
    return Problem(region, density)


def sphere_problem(*, dimension: int = 3, radius: float = 1.0) -> Problem:
    """Build the sphere: inside or outside a radius, under a Gaussian about the origin.

    Parameters
    ----------
    dimension : int, default=3
        d >= 2, of the space.
    radius : float, default=1.0
        Of the sphere. The Gaussian's median distance from the origin is this radius, so classes balance in any d.

    Returns
    -------
    problem : Problem
    """
    check_integer(dimension, "dimension", "sphere_problem", low=2)
    region = Ball(dimension=dimension, radius=radius)
    median_distance = math.sqrt(2 * gammaincinv(dimension / 2, 0.5))  # of a standard normal vector: chi distribution
    return Problem(region, GaussianMixture(np.zeros((1, dimension)), radius / median_distance))
