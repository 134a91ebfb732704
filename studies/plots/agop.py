"""Which directions a fitted learner depends on: its average gradient outer product as a heat map."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from estimators.diagnostics import agop, average_gradient_outer_product
from estimators.kernels import KernelMachine
from estimators.nets import Net
from studies.plots.style import literal, new_axes
from studies.registry.plots import plot
from studies.results.results import Results


def learner_agop(estimator: BaseEstimator, X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the average gradient outer product (d, d) of a fitted learner at the rows of `X` (n, d).

    Of a net it is that of the outputs of its module, whose prior is a layer; of a kernel machine, recursive ones among
    them, that of its functions. Either may stand behind a `StandardScaler`.

    Raises
    ------
    TypeError
        If the learner is none of these: it has no gradients, or they are known of other coordinates only.
    """
    if isinstance(estimator, Pipeline):
        *steps, machine = (step for _, step in estimator.steps)
        scales = [step.scale_ for step in steps if isinstance(step, StandardScaler)]
        if len(scales) == len(steps):
            scale = np.prod(scales, axis=0)
            return learner_agop(machine, estimator[:-1].transform(X)) / np.outer(scale, scale)
    if isinstance(estimator, Net):
        return average_gradient_outer_product(estimator.net_.module_, X)
    if isinstance(estimator, KernelMachine):
        return agop(estimator.gradients(X))
    raise TypeError(
        f"gradients at raw points are known of nets, and of kernel machines without a prior, not of {estimator!r}"
    )


_N_POINTS = 1000
_MOST_NUMBERS = 6  # rows and columns whose entries are written down


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
    """Draw the average gradient outer product of a fitted learner, over fresh points of its problem.

    The learner is taken from the store where its model is kept; else it is fitted again.

    Parameters
    ----------
    results : Results
    ax : Axes or None, default=None
        None draws on a new figure.
    learner : str
        Label of a net, or of a kernel machine or recursive feature machine without a prior.
    n_samples : int
    seed : int, default=0
    problem : str or None, default=None
        Its label, where the study has several.

    Returns
    -------
    ax : Axes
        Symmetric about zero, in units of the largest entry; coordinates are those of raw points.

    Raises
    ------
    ValueError
        If the study has no such cell.
    TypeError
        If the learner has no gradients at raw points.
    """
    cell, built = results.cell(learner, n_samples, seed, problem), results.problem(problem)
    matrix = learner_agop(results.estimator(cell), built.sample(_N_POINTS, seed, split="test")[0])
    matrix = matrix / (np.abs(matrix).max() or 1.0)
    ax = new_axes(ax)
    first, last = 0.5, len(matrix) + 0.5
    image = ax.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1, extent=(first, last, last, first))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.figure.colorbar(image, ax=ax, shrink=0.8, label="of the largest entry")
    if len(matrix) <= _MOST_NUMBERS:
        _write_entries(ax, matrix)
    ax.set(xlabel="coordinate", ylabel="coordinate")
    ax.set_title(literal(f"{learner}, n = {n_samples:,}"), fontsize=10)
    return ax


def _write_entries(ax: Axes, matrix: NDArray[np.float64]) -> None:
    for (row, column), value in np.ndenumerate(matrix):
        colour = "white" if abs(value) > 0.6 else "black"
        ax.text(column + 1, row + 1, f"{value:.2f}", ha="center", va="center", color=colour, fontsize=9)
