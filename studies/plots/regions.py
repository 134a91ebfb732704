"""What is seen in the plane: decision regions, and the sampling density with its sample."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from numpy.typing import NDArray

from studies.execution.run import MAP_MARGIN
from studies.plots.style import INK, RIGHT, WRONG, literal, new_axes
from studies.registry.plots import plot
from studies.registry.test_sets import MAP_SIZE, decision_map, map_points
from studies.results.results import Results
from toymanifold import Problem

_SAMPLE = 1000  # points, where no number is asked for


@plot()
def plot_decision_region(
    results: Results,
    ax: Axes | None = None,
    *,
    learner: str,
    n_samples: int,
    seed: int = 0,
    problem: str | None = None,
) -> Axes:
    """Draw where a learner of the study answers 1, over the sampling density, with its training points.

    The map is taken from the store where the study's gallery has it; else the learner is fitted again.

    Parameters
    ----------
    results : Results
    ax : Axes or None, default=None
        None draws on a new figure.
    learner : str
        Its label.
    n_samples : int
    seed : int, default=0
    problem : str or None, default=None
        Its label, where the study has several.

    Returns
    -------
    ax : Axes
        Blue where the answer 1 is right, orange where the answer is wrong, either way.

    Raises
    ------
    ValueError
        If the study has no such cell, or its problem is not a classification in the plane.
    """
    cell, built = results.cell(learner, n_samples, seed, problem), results.problem(problem)
    half_width = _half_width(built)
    inside = results.store.decision_map(cell.key)
    if inside is None:
        inside = decision_map(results.estimator(cell), half_width)
    ax = new_axes(ax)
    plot_region(inside, built, half_width, built.sample(n_samples, seed)[0], ax)
    ax.set_title(literal(f"{learner}, n = {n_samples:,}"), fontsize=10)
    return ax


@plot()
def plot_density(
    results: Results,
    ax: Axes | None = None,
    *,
    n_samples: int = _SAMPLE,
    seed: int = 0,
    problem: str | None = None,
) -> Axes:
    """Draw a problem of the study: its sampling density, the true boundary, and a sample with its labels.

    Parameters
    ----------
    results : Results
    ax : Axes or None, default=None
        None draws on a new figure.
    n_samples : int, default=1000
    seed : int, default=0
    problem : str or None, default=None
        Its label, where the study has several.

    Returns
    -------
    ax : Axes
        Grey where the density is high; points of class 1 blue, those of class 0 orange and hollow.

    Raises
    ------
    ValueError
        If the study has no such problem, or it is not a classification in the plane.
    """
    built = results.problem(problem)
    half_width = _half_width(built)
    X, y = built.sample(n_samples, seed)
    ax = new_axes(ax)
    _draw_truth(ax, built, half_width)
    size = min(14, 8000 / n_samples)
    ax.scatter(X[y == 1, 0], X[y == 1, 1], s=size, color=RIGHT, linewidths=0, label="inside")
    ax.scatter(X[y == 0, 0], X[y == 0, 1], s=size, facecolors="none", edgecolors=WRONG, linewidths=0.8, label="outside")
    ax.set_title(f"n = {n_samples:,}, seed {seed}", fontsize=10)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0), ncols=2, frameon=False, markerscale=2)
    return ax


def plot_region(
    inside: NDArray[np.bool_], problem: Problem, half_width: float, X: NDArray[np.float64], ax: Axes | None = None
) -> Axes:
    """Draw a decision map over the sampling density, with training points and the true boundary.

    Parameters
    ----------
    inside : ndarray of shape (size, size), bool
        From `studies.points.decision_map`.
    problem : Problem
        In the plane.
    half_width : float
        Of the square that the map covers.
    X : ndarray of shape (n_samples, 2)
        The training points.
    ax : Axes or None, default=None
        None draws on a new figure.

    Returns
    -------
    ax : Axes
        Blue where the answer 1 is right, orange where the answer is wrong, either way.
    """
    ax = new_axes(ax)
    truth = problem.label(map_points(half_width)).reshape(inside.shape) == 1
    _draw_truth(ax, problem, half_width)
    answer = np.zeros((*inside.shape, 4))
    answer[inside & truth] = to_rgba(RIGHT, 0.5)
    answer[inside != truth] = to_rgba(WRONG, 0.9)
    ax.imshow(answer, extent=ax.images[0].get_extent(), origin="lower", interpolation="nearest")
    ax.scatter(X[:, 0], X[:, 1], s=min(3, 800 / len(X)), color="black", linewidths=0)
    return ax


def _draw_truth(ax: Axes, problem: Problem, half_width: float) -> None:
    """Draw the density in grey and the boundary as a line, over the square."""
    points, extent = map_points(half_width), (-half_width, half_width, -half_width, half_width)
    truth = problem.label(points).reshape(MAP_SIZE, MAP_SIZE)
    density = np.exp(problem.log_density(points)).reshape(MAP_SIZE, MAP_SIZE)
    ax.imshow(density, cmap="Greys", vmin=0, vmax=2 * density.max(), extent=extent, origin="lower")
    ax.contour(truth, levels=[0.5], colors=INK, linewidths=0.4, extent=extent)
    ax.set(xlim=extent[:2], ylim=extent[2:], xticks=[], yticks=[], aspect="equal")


def _half_width(problem: Problem) -> float:
    if problem.dimension != 2 or problem.target.n_classes != 2:
        raise ValueError(f"a map is of two classes in the plane, and this problem has {problem.dimension} dimensions")
    return MAP_MARGIN * problem.target.radius
