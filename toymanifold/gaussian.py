"""Functions of a few coordinates of a Gaussian point: the others mean nothing, and a learner has to find out.

The toys of the literature on double descent (a linear function) and on feature learning (products, gated or not).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from toymanifold.densities import GaussianMixture
from toymanifold.problems import Problem
from toymanifold.protocols import TASKS
from toymanifold.validation import check_choice, check_integer, check_points

Array = NDArray[np.float64]

FUNCTIONS: dict[str, tuple[tuple[int, ...], Callable[..., Array]]] = {
    "linear": ((0,), lambda a: a),
    "product": ((0, 1), lambda a, b: a * b),
    "low-rank": ((0, 1, 5), lambda a, b, gate: a * b * (gate > 0)),
}
"""The functions by name: which coordinates they see, and what they make of them."""


@dataclass(frozen=True)
class CoordinateFunction:
    """A function of a few coordinates.

    Parameters
    ----------
    function : {"linear", "product", "low-rank"}, default="linear"
        The first coordinate; the product of the first two; or that product where the sixth is positive, else 0
        (Radhakrishnan et al., Mechanism for feature learning in neural networks and backpropagation-free machine
        learning models, Science 383, 2024, in the authors' code).
    dimension : int, default=20
        Of the space, at least as large as the function needs.
    task : {"classification", "regression"}, default="regression"
        Whether the label is the function's sign ("linear": a half-space, "product": exclusive or), or its value.
    radius : float, default=1.0
        Of what is worth looking at.
    """

    function: str = "linear"
    dimension: int = 20
    task: str = "regression"
    radius: float = 1.0

    def __post_init__(self) -> None:
        owner = "CoordinateFunction"
        check_choice(self.function, "function", owner, FUNCTIONS)
        check_integer(self.dimension, "dimension", owner, low=FUNCTIONS[self.function][0][-1] + 1)
        check_choice(self.task, "task", owner, TASKS)

    @property
    def n_classes(self) -> int | None:
        """2, or None for regression."""
        return 2 if self.task == "classification" else None

    @property
    def frame(self) -> Array:
        """The directions that matter, as orthonormal columns (dimension, k)."""
        return np.eye(self.dimension)[:, list(FUNCTIONS[self.function][0])]

    def label(self, X: ArrayLike) -> NDArray[Any]:
        """Return the label of each row of `X` (n_samples, dimension): its value, or whether it is positive."""
        points = check_points(X, self.dimension, "CoordinateFunction.label")
        coordinates, function = FUNCTIONS[self.function]
        values = function(*points[:, list(coordinates)].T)
        return values if self.task == "regression" else (values > 0).astype(np.int64)


def gaussian_problem(
    *,
    dimension: int = 20,
    function: str = "linear",
    scale: float = 1.0,
    task: str = "regression",
    flip_probability: float = 0.0,
    noise: float = 0.0,
) -> Problem:
    """Build a problem about a function of a few coordinates of an isotropic Gaussian point.

    Parameters
    ----------
    dimension : int, default=20
    function : {"linear", "product", "low-rank"}, default="linear"
        Of the `CoordinateFunction`. By symmetry a linear function along the first axis is one along any.
    scale : float, default=1.0
        Standard deviation of each coordinate.
    task : {"classification", "regression"}, default="regression"
    flip_probability : float, default=0.0
        Label noise of classification.
    noise : float, default=0.0
        Standard deviation of the label noise of regression.

    Returns
    -------
    problem : Problem
    """
    check_integer(dimension, "dimension", "gaussian_problem", low=1)
    density = GaussianMixture(np.zeros((1, dimension)), scale)
    target = CoordinateFunction(function, dimension, task, radius=float(scale * np.sqrt(dimension)))
    return Problem(target, density, flip_probability=flip_probability, noise=noise)
