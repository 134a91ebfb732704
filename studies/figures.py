"""Pictures: tables and maps become axes. Nothing is computed here but ink."""

import itertools
import math
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, NullFormatter
from numpy.typing import NDArray

from studies.points import N_TEST, map_points
from toymanifold import Problem

_MARKERS = "osD^vPX*<>"
_LEGEND_ROWS = 20
_MOST_TICKS = 5
_RIGHT, _WRONG, _INK = "#0173b2", "#de8f05", "#333333"
_PLACES = {"uniform": "uniformly over the square", "sparse": "in the sparsest fifth", "train": "at the training points"}


def plot_learning_curves(summary: pd.DataFrame, metric: str = "error", ax: Axes | None = None) -> Axes:
    """Draw a loss against sample size, one line a learner, with intervals.

    Parameters
    ----------
    summary : DataFrame
        From `studies.compare.summary` of losses. A learner's colour and marker follow its place in it.
    metric : str, default="error"
        A metric in it: "error" or "mse", or "error_uniform" and the like.
    ax : Axes or None, default=None

    Returns
    -------
    ax : Axes
        Logarithmic both ways. What lies below one error in the test set is drawn at that line.
    """
    ax = ax or plt.gca()
    learners = list(dict.fromkeys(summary["learner"]))
    palette = sns.color_palette("colorblind" if len(learners) <= len(_MARKERS) else "husl", len(learners))
    is_error = metric.startswith("error")
    floor = 1 / N_TEST if is_error else np.finfo(float).eps
    for learner, colour, marker in zip(learners, palette, itertools.cycle(_MARKERS), strict=False):
        curve = summary[(summary["learner"] == learner) & (summary["metric"] == metric)]
        n, mean = curve["n_samples"], curve["mean"].clip(lower=floor)
        ax.plot(
            n,
            mean,
            marker=marker,
            color=colour,
            label=_literal(learner),
            markersize=7,
            markeredgecolor="white",
            markeredgewidth=0.6,
        )
        ax.fill_between(
            n, curve["low"].clip(lower=floor), curve["high"].clip(lower=floor), color=colour, alpha=0.18, lw=0
        )
    place = _PLACES.get(metric.partition("_")[2], "under the sampling density")
    ax.set(xscale="log", yscale="log", xlabel="training points n", title=place)
    ax.set_ylabel("error" if is_error else "mean squared error")
    sizes = sorted(summary["n_samples"].unique())
    if len(sizes) <= _MOST_TICKS:
        ax.set_xticks(sizes, [f"{n:,}" for n in sizes])
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value, is_error)))
    ax.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: _tick(value, is_error) if _is_half(value) else ""))
    ax.grid(which="major", color="0.9")
    sns.despine(ax=ax)
    return ax


def learning_curves(summary: pd.DataFrame, title: str) -> Figure:
    """Draw the learning curves of each loss of a summary side by side, with one legend."""
    metrics = list(dict.fromkeys(summary["metric"]))
    legend_columns = math.ceil(summary["learner"].nunique() / _LEGEND_ROWS)
    figure = Figure(figsize=(3.6 * len(metrics) + 2.2 * legend_columns, 4.6), layout="constrained")
    axes = figure.subplots(1, len(metrics), sharey=True, squeeze=False)[0]
    for ax, metric in zip(axes, metrics, strict=True):
        plot_learning_curves(summary, metric, ax)
        ax.label_outer()
    figure.suptitle(_wrapped(title, figure))
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", frameon=False, ncols=legend_columns)
    return figure


def _tick(value: float, is_error: bool) -> str:
    return f"{100 * value:.3g} %" if is_error else f"{value:.3g}"


def _is_half(value: float) -> bool:
    """Whether a value is 2 or 5 times a power of ten."""
    return f"{value:.0e}"[0] in "25"


def _literal(text: str) -> str:
    """Return text without mathematics: a dollar is a dollar."""
    return text.replace("$", r"\$")


def _wrapped(title: str, figure: Figure) -> str:
    return textwrap.fill(_literal(title), width=max(20, int(9 * figure.get_figwidth())))


def plot_region(
    inside: NDArray[np.bool_], problem: Problem, half_width: float, X: NDArray[np.float64], ax: Axes | None = None
) -> Axes:
    """Draw where a learner answers 1, over the sampling density, with the training points and the true boundary.

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

    Returns
    -------
    ax : Axes
        Blue where the answer 1 is right, orange where the answer is wrong, either way.
    """
    ax = ax or plt.gca()
    points = map_points(half_width)
    truth = problem.label(points).reshape(inside.shape) == 1
    density = np.exp(problem.log_density(points)).reshape(inside.shape)
    answer = np.zeros((*inside.shape, 4))
    answer[inside & truth] = to_rgba(_RIGHT, 0.5)
    answer[inside != truth] = to_rgba(_WRONG, 0.9)
    extent = (-half_width, half_width, -half_width, half_width)
    ax.imshow(density, cmap="Greys", vmax=2 * density.max(), extent=extent, origin="lower")
    ax.imshow(answer, extent=extent, origin="lower", interpolation="nearest")
    ax.contour(truth, levels=[0.5], colors=_INK, linewidths=0.4, extent=extent)
    ax.scatter(X[:, 0], X[:, 1], s=min(3, 800 / len(X)), color="black", linewidths=0)
    ax.set(xlim=extent[:2], ylim=extent[2:], xticks=[], yticks=[], aspect="equal")
    return ax


def gallery(
    maps: dict[tuple[str, int], NDArray[np.bool_]],
    errors: dict[tuple[str, int], float],
    samples: dict[int, NDArray[np.float64]],
    problem: Problem,
    half_width: float,
    title: str,
) -> Figure:
    """Draw the decision regions of a study: one row a sample size, one column a learner.

    Parameters
    ----------
    maps : dict of (learner, n_samples) to ndarray
        Decision maps of one seed.
    errors : dict of (learner, n_samples) to float
        Their errors under the sampling density, written on them.
    samples : dict of n_samples to ndarray
        The training points of that seed.
    problem : Problem
    half_width : float
    title : str
    """
    learners = list(dict.fromkeys(learner for learner, _ in maps))
    sizes = list(samples)
    figure = Figure(figsize=(1.75 * len(learners) + 0.4, 2.05 * len(sizes) + 0.9), layout="constrained")
    axes = figure.subplots(len(sizes), len(learners), squeeze=False)
    for row, n_samples in zip(axes, sizes, strict=True):
        row[0].set_ylabel(f"n = {n_samples:,}")
        for ax, learner in zip(row, learners, strict=True):
            if (learner, n_samples) in maps:
                plot_region(maps[learner, n_samples], problem, half_width, samples[n_samples], ax)
                ax.set_xlabel(f"error {100 * errors[learner, n_samples]:.2g} %", fontsize=9)
            else:
                ax.set(xticks=[], yticks=[], aspect="equal", xlabel="not run")
    for ax, learner in zip(axes[0], learners, strict=True):
        ax.set_title(textwrap.fill(_literal(learner), 20), fontsize=10)
    figure.suptitle(_wrapped(title, figure))
    key = [Patch(color=to_rgba(_RIGHT, 0.5), label="says inside, rightly"), Patch(color=_WRONG, label="wrong")]
    key += [Patch(color="0.75", label="sampling density"), Patch(color="black", label="training points")]
    figure.legend(handles=key, loc="outside lower center", ncols=4, frameon=False)
    return figure
