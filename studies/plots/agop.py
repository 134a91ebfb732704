"""Average gradient outer product of a fitted learner: the directions that it depends on, as a heat map."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from estimators import agop
from studies.plots.style import literal, new_axes
from studies.registry.plots import plot
from studies.results.results import Results
from toymanifold import DataProblem

_N_POINTS = 1000  # test points over which the average is taken
_MOST_NUMBERS = 6  # rows and columns up to which entries are written as numbers


@plot()
def plot_agop(
    results: Results,
    ax: Axes | None = None,
    *,
    learner: str,
    n_samples: int,
    seed: int = 0,
    problem: str | None = None,
) -> Axes:
    """Plot the average gradient outer product of a fitted learner over test points of its problem.

    The learner is taken from the store if its model is kept; otherwise it is fitted again.

    Parameters
    ----------
    results : Results
    ax : Axes or None, default=None
        None makes a new figure.
    learner : str
        Label of a learner with gradients: a net, or a kernel machine without a prior.
    n_samples : int
        One of its sample sizes.
    seed : int, default=0
        One of the study's seeds.
    problem : str or None, default=None
        Label of a problem, if the study has several.

    Returns
    -------
    ax : Axes
        Heat map of the matrix, divided by its largest entry; coordinates are those of raw points.

    Raises
    ------
    ValueError
        If the study has no such cell.
    TypeError
        If the learner has no gradients with respect to raw points.

    Examples
    --------
    Of the results of a study with a recursive feature machine::

        ax = plot_agop(results, learner="rfm", n_samples=200)
        ax.figure.savefig("agop.png")
    """
    cell, built = results.cell(learner, n_samples, seed, problem), results.problem(problem, seed)
    n_points = min(_N_POINTS, built.n_test_rows) if isinstance(built, DataProblem) else _N_POINTS
    matrix = learner_agop(results.estimator(cell), built.sample(n_points, seed, split="test")[0])
    matrix = matrix / (np.abs(matrix).max() or 1.0)
    ax = new_axes(ax)
    first, last = 0.5, len(matrix) + 0.5
    image = ax.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1, extent=(first, last, last, first))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.figure.colorbar(image, ax=ax, shrink=0.8, label="relative to the largest entry")
    if len(matrix) <= _MOST_NUMBERS:
        _write_entries(ax, matrix)
    ax.set(xlabel="coordinate", ylabel="coordinate")
    ax.set_title(literal(f"{learner}, n = {n_samples:,}"), fontsize=10)
    return ax


def learner_agop(estimator: BaseEstimator, X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the average gradient outer product of a fitted learner at raw points.

    Parameters
    ----------
    estimator : BaseEstimator
        With a method ``gradients``; it may stand behind a `StandardScaler` in a pipeline.
    X : ndarray of shape (n, d)

    Returns
    -------
    matrix : ndarray of shape (d, d)

    Raises
    ------
    TypeError
        If the learner has no gradients, or another transformer stands in front of it.
    """
    steps = [step for _, step in estimator.steps] if isinstance(estimator, Pipeline) else [estimator]
    *scalers, learner = steps
    if not hasattr(learner, "gradients") or not all(isinstance(step, StandardScaler) for step in scalers):
        name = " ".join(repr(estimator).split())
        raise TypeError(f"{name} has no gradients with respect to raw points; nets and kernel machines have them")
    scale = np.ones(X.shape[1])
    for scaler in scalers:
        X, scale = scaler.transform(X), scale * scaler.scale_
    matrix: NDArray[np.float64] = agop(learner.gradients(X)) / np.outer(scale, scale)
    return matrix


def _write_entries(ax: Axes, matrix: NDArray[np.float64]) -> None:
    for (row, column), value in np.ndenumerate(matrix):
        colour = "white" if abs(value) > 0.6 else "black"
        ax.text(column + 1, row + 1, f"{value:.2f}", ha="center", va="center", color=colour, fontsize=9)
