"""The toy of feature learning: functions of a few coordinates of a Gaussian point, the others being irrelevant.

They are the functions of the literature on double descent (linear) and on feature learning (products, gated or not).
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
"""The functions by name: the coordinates they depend on, and the function of these."""


@dataclass(frozen=True)
class CoordinateFunction:
    """A function of a few coordinates of a point.

    Parameters
    ----------
    function : {"linear", "product", "low-rank"}, default="linear"
        The first coordinate; the product of the first two; or that product where the sixth is positive, else 0
        (Radhakrishnan et al., Mechanism for feature learning in neural networks and backpropagation-free machine
        learning models, Science 383, 2024, in the authors' code).
    dimension : int, default=20
        Dimension of the space, at least 1, 2 or 6 as the function requires.
    task : {"classification", "regression"}, default="regression"
        Kind of labels: the sign of the function ("linear": a half-space, "product": exclusive or), or its value.
    radius : float, default=1.0
        Radius of the ball about the origin that holds most points.

    Examples
    --------
    >>> from toymanifold import CoordinateFunction
    >>> CoordinateFunction("product", dimension=3).label([[2.0, 3.0, 100.0]])
    array([6.])
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
        """Number of classes, 2; None for regression."""
        return 2 if self.task == "classification" else None

    @property
    def frame(self) -> Array:
        """Directions that the function depends on, as orthonormal columns (dimension, k)."""
        return np.eye(self.dimension)[:, list(FUNCTIONS[self.function][0])]

    def label(self, X: ArrayLike) -> NDArray[Any]:
        """Return the labels of `X` (n_samples, dimension): 1 or 0 for the sign of the function, or its value."""
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
    n_unlabelled: int = 0,
) -> Problem:
    """Build a problem about a function of a few coordinates of an isotropic Gaussian point.

    Parameters
    ----------
    dimension : int, default=20
        Dimension of the space.
    function : {"linear", "product", "low-rank"}, default="linear"
        Function, as in `CoordinateFunction`. By symmetry the first axis stands for any direction.
    scale : float, default=1.0
        Standard deviation of each coordinate.
    task : {"classification", "regression"}, default="regression"
        Kind of labels: the sign of the function, or its value.
    flip_probability : float, default=0.0
        Probability that a label is replaced by the other class; for classification.
    noise : float, default=0.0
        Standard deviation of Gaussian noise on labels; for regression.
    n_unlabelled : int, default=0
        Number of points without a label, y = -1, that are appended to a training sample; for classification.

    Returns
    -------
    problem : Problem
        Target `CoordinateFunction`, density `GaussianMixture` of one spot at the origin.

    Examples
    --------
    >>> from toymanifold import gaussian_problem
    >>> X, y = gaussian_problem(dimension=30, noise=0.1).sample(1000, random_state=0)
    >>> X.shape, y.shape
    ((1000, 30), (1000,))
    """
    check_integer(dimension, "dimension", "gaussian_problem", low=1)
    density = GaussianMixture(np.zeros((1, dimension)), scale)
    target = CoordinateFunction(function, dimension, task, radius=float(scale * np.sqrt(dimension)))
    return Problem(target, density, flip_probability=flip_probability, noise=noise, n_unlabelled=n_unlabelled)
