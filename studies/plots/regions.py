"""Problems in the plane: decision regions of learners, and the sampling density with a sample."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.patches import Patch
from numpy.typing import NDArray

from studies.execution.run import MAP_MARGIN
from studies.plots.style import INK, RIGHT, WRONG, literal, new_axes
from studies.registry.plots import plot
from studies.registry.problems import is_drawn, labelled_sample
from studies.registry.test_sets import MAP_SIZE, decision_map, map_points
from studies.results.results import Results
from toymanifold import Problem

_SAMPLE = 1000  # points of a sample by default
_SHADE = LinearSegmentedColormap.from_list("shade", [(0.5, 0.5, 0.5, 0.0), (0.5, 0.5, 0.5, 0.7)])  # on any page


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
    """Plot the decision regions of a learner over the sampling density, with its training points.

    The map is taken from the store if the study's gallery has it; otherwise the learner is fitted again.

    Parameters
    ----------
    results : Results
    ax : Axes or None, default=None
        None makes a new figure.
    learner : str
        Label of a learner.
    n_samples : int
        One of its sample sizes.
    seed : int, default=0
        One of the study's seeds.
    problem : str or None, default=None
        Label of a problem, if the study has several.

    Returns
    -------
    ax : Axes
        Teal where class 1 is predicted correctly, red where the prediction is wrong, of either class.

    Raises
    ------
    ValueError
        If the study has no such cell, or its problem is not a classification in the plane.

    Examples
    --------
    A problem and what a learner makes of it::

        figure, (left, right) = plt.subplots(1, 2)
        plot_density(results, left)
        plot_decision_region(results, right, learner="kNN", n_samples=1000)
    """
    cell, built = results.cell(learner, n_samples, seed, problem), drawn_problem(results, problem, seed)
    half_width = MAP_MARGIN * built.target.radius
    inside = results.decision_map(cell)
    if inside is None:
        inside = decision_map(results.estimator(cell), half_width)
    ax = new_axes(ax)
    plot_region(inside, built, half_width, labelled_sample(built, n_samples, seed)[0], ax)
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
    """Plot the sampling density of a problem, its true boundary, and a sample with its labels.

    Parameters
    ----------
    results : Results
    ax : Axes or None, default=None
        None makes a new figure.
    n_samples : int, default=1000
        Number of points of the sample.
    seed : int, default=0
        Seed of the sample.
    problem : str or None, default=None
        Label of a problem, if the study has several.

    Returns
    -------
    ax : Axes
        Grey where the density is high; points of class 1 teal, those of class 0 hollow.

    Raises
    ------
    ValueError
        If the study has no such problem, or it is not a classification in the plane.

    Examples
    --------
    See `plot_decision_region`.
    """
    built = drawn_problem(results, problem, seed)
    half_width = MAP_MARGIN * built.target.radius
    X, y = labelled_sample(built, n_samples, seed)
    ax = new_axes(ax)
    _draw_truth(ax, built, half_width)
    size = min(14, 8000 / n_samples)
    ax.scatter(X[y == 1, 0], X[y == 1, 1], s=size, color=RIGHT, linewidths=0, label="inside")
    ax.scatter(X[y == 0, 0], X[y == 0, 1], s=size, facecolors="none", edgecolors=INK, linewidths=0.6, label="outside")
    ax.set_title(f"n = {n_samples:,}, seed {seed}", fontsize=10)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0), ncols=2, frameon=False, markerscale=2)
    return ax


def plot_region(
    inside: NDArray[np.bool_], problem: Problem, half_width: float, X: NDArray[np.float64], ax: Axes | None = None
) -> Axes:
    """Plot a decision map over the sampling density, with training points and the true boundary.

    Parameters
    ----------
    inside : ndarray of shape (size, size), bool
        Where class 1 is predicted, from `studies.registry.test_sets.decision_map`.
    problem : Problem
        A classification in the plane.
    half_width : float
        Half the side of the square that the map covers.
    X : ndarray of shape (n_samples, 2)
        The training points.
    ax : Axes or None, default=None
        None makes a new figure.

    Returns
    -------
    ax : Axes
        Teal where class 1 is predicted correctly, red where the prediction is wrong, of either class.

    Examples
    --------
    The decision regions of any classifier::

        inside = decision_map(classifier, half_width=1.2)
        plot_region(inside, spiral_problem(), half_width=1.2, X=X)
    """
    ax = new_axes(ax)
    truth = problem.label(map_points(half_width)).reshape(inside.shape) == 1
    _draw_truth(ax, problem, half_width)
    ax.imshow(region_pixels(inside, truth), extent=ax.images[0].get_extent(), origin="lower", interpolation="nearest")
    ax.scatter(X[:, 0], X[:, 1], s=min(3, 800 / len(X)), color="black", linewidths=0)
    return ax


def region_key() -> list[Patch]:
    """Return the entries of a legend for the colours of decision regions."""
    return [
        Patch(color=to_rgba(RIGHT, 0.5), label="predicted inside, correct"),
        Patch(color=WRONG, label="wrong"),
        Patch(color="0.75", label="sampling density"),
        Patch(color="black", label="training points"),
    ]


def region_pixels(inside: NDArray[np.bool_], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return predictions of class 1 as an image in RGBA, transparent where class 0 is predicted correctly."""
    pixels = np.zeros((*inside.shape, 4))
    pixels[inside & truth] = to_rgba(RIGHT, 0.5)
    pixels[inside != truth] = to_rgba(WRONG, 0.95)
    return pixels


def _draw_truth(ax: Axes, problem: Problem, half_width: float) -> None:
    """Draw the density in grey and the boundary as a line, over the square."""
    points, extent = map_points(half_width), (-half_width, half_width, -half_width, half_width)
    truth = problem.label(points).reshape(MAP_SIZE, MAP_SIZE)
    density = np.exp(problem.log_density(points)).reshape(MAP_SIZE, MAP_SIZE)
    ax.imshow(density, cmap=_SHADE, vmin=0, vmax=density.max(), extent=extent, origin="lower")
    ax.contour(truth, levels=[0.5], colors=INK, linewidths=0.4, extent=extent)
    ax.set(xlim=extent[:2], ylim=extent[2:], xticks=[], yticks=[], aspect="equal")


def drawn_problem(results: Results, label: str | None, seed: int | None = None) -> Problem:
    """Return a problem of which decision regions are drawn, as `Results.problem` does.

    Raises
    ------
    ValueError
        If the study has no such problem, or decision regions are not drawn of it.
    """
    problem = results.problem(label, seed)
    if not is_drawn(problem) or problem.target.n_classes != 2:
        known = "" if isinstance(problem, Problem) else " whose labels elsewhere are unknown"
        raise ValueError(
            f"decision regions are drawn of two classes in the plane; this problem is a {problem.task} in dimension"
            f" {problem.dimension}{known}"
        )
    return problem
