"""The toy of feature learning: functions of a few coordinates of a Gaussian point, the others being irrelevant.

They are the functions of the literature on double descent (linear) and on feature learning (products, gated or not).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from toymanifold.densities import GaussianMixture
from toymanifold.problems import Problem
from toymanifold.protocols import TASKS, SamePickles
from toymanifold.validation import check_choice, check_integer, check_points, check_real, error_message

Array = NDArray[np.float64]

FUNCTIONS: dict[str, tuple[tuple[int, ...], Callable[..., Array]]] = {
    "linear": ((0,), lambda a: a),
    "last": ((-1,), lambda a: a),
    "product": ((0, 1), lambda a, b: a * b),
    "low-rank": ((0, 1, 5), lambda a, b, gate: a * b * (gate > 0)),
}
"""The functions by name: the coordinates they depend on, and the function of these."""


@dataclass(frozen=True)
class CoordinateFunction(SamePickles):
    """A function of a few coordinates of a point.

    Parameters
    ----------
    function : {"linear", "last", "product", "low-rank"}, default="linear"
        The first coordinate; the last one; the product of the first two; or that product where the sixth is positive,
        else 0 (Radhakrishnan et al., Mechanism for feature learning in neural networks and backpropagation-free
        machine learning models, Science 383, 2024, in the authors' code).
    dimension : int, default=20
        Dimension of the space, at least 1, 2 or 6 as the function requires.
    task : {"classification", "regression"}, default="regression"
        Kind of labels: the sign of the function ("linear": a half-space, "product": exclusive or), or its value.
    radius : float, default=1.0
        Radius of the ball about the origin that holds most points.
    cosine : float, default=1.0
        Cosine, in [-1, 1], of the angle between the gradient of "linear" and the first axis, in the plane of the first
        two.

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
    cosine: float = 1.0

    _added = ("cosine",)

    def __post_init__(self) -> None:
        owner = "CoordinateFunction"
        check_choice(self.function, "function", owner, FUNCTIONS)
        check_real(self.cosine, "cosine", owner, low=-1, high=1)
        if self.cosine != 1 and self.function != "linear":
            raise ValueError(error_message("cosine", owner, f"1 for the function {self.function!r}", self.cosine))
        least = 2 if self.cosine != 1 else max(1, FUNCTIONS[self.function][0][-1] + 1)
        check_integer(self.dimension, "dimension", owner, low=least)
        check_choice(self.task, "task", owner, TASKS)

    @property
    def n_classes(self) -> int | None:
        """Number of classes, 2; None for regression."""
        return 2 if self.task == "classification" else None

    @property
    def frame(self) -> Array:
        """Directions that the function depends on, as orthonormal columns (dimension, k)."""
        return self._inputs(np.eye(self.dimension)).T

    def label(self, X: ArrayLike) -> NDArray[Any]:
        """Return the labels of `X` (n_samples, dimension): 1 or 0 for the sign of the function, or its value."""
        points = check_points(X, self.dimension, "CoordinateFunction.label")
        values = FUNCTIONS[self.function][1](*self._inputs(points))
        return values if self.task == "regression" else (values > 0).astype(np.int64)

    def _inputs(self, points: Array) -> Array:
        """Return the arguments of the function (k, n_samples)."""
        if self.cosine == 1:
            return points[:, list(FUNCTIONS[self.function][0])].T
        return self.cosine * points[:, :1].T + math.sqrt(1 - self.cosine**2) * points[:, 1:2].T


def gaussian_problem(
    *,
    dimension: int = 20,
    function: str = "linear",
    cosine: float = 1.0,
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
    function : {"linear", "last", "product", "low-rank"}, default="linear"
        Function, as in `CoordinateFunction`. By symmetry the first axis stands for any direction. The last
        coordinate is kept by symmetries that act on the first ones.
    cosine : float, default=1.0
        Cosine of the angle between the gradient of "linear" and the first axis: how much the problem has in common with
        the one of cosine 1.
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
    target = CoordinateFunction(function, dimension, task, float(scale * np.sqrt(dimension)), cosine)
    return Problem(target, density, flip_probability=flip_probability, noise=noise, n_unlabelled=n_unlabelled)
