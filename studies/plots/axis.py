"""A metric along any axis of a study: double descent, problems made harder, training as it goes on."""

from collections.abc import Sequence
from itertools import chain
from typing import Any, Literal

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from numpy.typing import NDArray

from studies.analysis.intervals import scale_of
from studies.plots.lines import Line, is_number, lines_along, without
from studies.plots.style import (
    GREY,
    End,
    Look,
    clip_ylim,
    draw_points,
    folded,
    line_style,
    looks,
    name_curves,
    new_axes,
    set_scale,
    spans_a_decade,
    tidy,
)
from studies.registry.plots import plot
from studies.registry.test_sets import N_TEST
from studies.results.results import Results
from studies.spec.cells import plan_study

_AXES = {"n_samples": "training points n", "n_features": "number of features"}
_SLANTED = 4  # categories, beyond which or with long names their labels are slanted
_LONG = 12  # letters


@plot(whole_study=True)
def plot_axis(
    results: Results,
    ax: Axes | None = None,
    *,
    axis: str,
    metric: str | None = None,
    learners: list[str] | None = None,
    n_samples: int | None = None,
    problem: str | None = None,
    threshold: float | Literal["n_samples"] | None = None,
) -> Axes:
    """Draw a metric along an axis of the study, a line for each combination of all else.

    Along the size of a model, with its threshold, this is the curve of double descent (Belkin, Hsu, Ma and Mandal, PNAS
    116, 2019).

    Parameters
    ----------
    results : Results
    ax : Axes or None, default=None
        None draws on a new figure.
    axis : str
        An axis of the study, such as "width", "turns" or "dimension"; or "n_samples", or "learner".
    metric : str or None, default=None
        None takes the error, or the mean squared error, under the sampling density.
    learners : list of str or None, default=None
        Labels, or those of families; None draws all that have the axis.
    n_samples : int or None, default=None
        None draws all.
    problem : str or None, default=None
        Its label, or that of a family; None draws all.
    threshold : float, "n_samples" or None, default=None
        From where on the axis the training points are interpolated: a value, or their number.

    Returns
    -------
    ax : Axes
        Points with intervals, joined; the lines of one learner are shades of its colour. A scale is logarithmic where
        its values are positive and span a factor of ten.

    Raises
    ------
    ValueError
        If the study has no such part, or nothing of it is measured.
    """
    lines = lines_along(results, axis, metric, learners=learners, n_samples=n_samples, problem=problem)
    ax = new_axes(ax)
    places = _lay_out(ax, axis, lines)
    if axis == "learner" and len(lines) == 1:
        ends = _draw_learners(ax, lines[0], places, looks(results.learners))
    else:
        ends = _draw(ax, lines, places, _line_looks(results, axis, lines))
    clip_ylim(ax, _means(lines))
    for value in sorted({line.n_samples for line in lines} if threshold == "n_samples" else {threshold}, key=str):
        if value is not None:
            _draw_threshold(ax, float(value))
    name_curves(ax, ends)
    return ax


@plot(whole_study=True)
def plot_training_dynamics(
    results: Results,
    ax: Axes | None = None,
    *,
    learners: list[str] | None = None,
    n_samples: int | None = None,
    problem: str | None = None,
) -> Axes:
    """Draw how the errors on fresh points and on the training points change as training goes on.

    Parameters
    ----------
    results : Results
        Of a study with an axis ``epochs``.
    ax : Axes or None, default=None
        None draws on a new figure.
    learners : list of str or None, default=None
        Labels, or those of families; None draws all that have the axis.
    n_samples : int or None, default=None
        None draws all.
    problem : str or None, default=None
        Its label, or that of a family; None draws all.

    Returns
    -------
    ax : Axes
        Fresh points are filled and joined by lines; training points, where measured, are hollow and joined by dashes.

    Raises
    ------
    ValueError
        If the study has no axis ``epochs`` or no such part, or nothing of it is measured.
    """
    chosen: dict[str, Any] = {"learners": learners, "n_samples": n_samples, "problem": problem}
    fresh = lines_along(results, "epochs", **chosen)
    train_metric = f"{fresh[0].metric}_train"
    train = lines_along(results, "epochs", train_metric, **chosen) if _is_measured(results, train_metric) else []
    ax = new_axes(ax)
    places = _lay_out(ax, "epochs", [*fresh, *train])
    styles = _line_looks(results, "epochs", fresh)
    ends = _draw(ax, fresh, places, styles)
    _draw(ax, train, places, styles, hollow=True)
    clip_ylim(ax, _means([*fresh, *train]))
    ax.set_ylabel(f"{ax.get_ylabel()};\nhollow: on the training points" if train else ax.get_ylabel())
    name_curves(ax, ends)
    return ax


def _is_measured(results: Results, metric: str) -> bool:
    names = {metric, metric.replace("error", "accuracy")}
    return any(not names.isdisjoint(outcome.values) for _, outcome in results.outcomes())


def _line_looks(results: Results, axis: str, lines: Sequence[Line]) -> list[Look]:
    """Return the look of each line: that of its learner, in shades where a learner has several lines."""
    labels = dict.fromkeys("" if axis == "learner" else without(p, axis)[0] for p in plan_study(results.study))
    styles = looks(labels)
    found = []
    for line in lines:
        own = [other for other in lines if other.learner == line.learner]
        look = styles[line.learner]
        shades = sns.light_palette(look.colour, len(own) + 1).as_hex()[1:]
        found.append(Look(shades[own.index(line)], look.marker, look.dash))
    return found


def _lay_out(ax: Axes, axis: str, lines: Sequence[Line]) -> dict[Any, float]:
    """Set the scales, and return the place of each value of the axis."""
    values = list(dict.fromkeys(chain.from_iterable(line.x for line in lines)))
    scale = scale_of(lines[0].metric)
    ax.set(xlabel=_AXES.get(axis, axis.replace("_", " ")), ylabel=scale.title)
    set_scale(ax.yaxis, log=spans_a_decade(_means(lines)), factor=scale.factor, unit=scale.unit)
    tidy(ax)
    if all(map(is_number, values)):
        set_scale(ax.xaxis, log=spans_a_decade(values), at=values)
        return {value: float(value) for value in values}
    slanted = len(values) > _SLANTED or max(len(str(value)) for value in values) > _LONG
    ax.set_xticks(range(len(values)), [folded(str(value)) for value in values])
    if slanted:
        plt.setp(ax.get_xticklabels(), rotation=30, ha="right", rotation_mode="anchor")
    return {value: float(place) for place, value in enumerate(values)}


def _draw(
    ax: Axes, lines: Sequence[Line], places: dict[Any, float], styles: Sequence[Look], *, hollow: bool = False
) -> list[End]:
    ends = []
    for line, look in zip(lines, styles, strict=True):
        x, ends_of = [places[value] for value in line.x], _shown(line.metric)
        mean, low, high = (values.clip(*ends_of) for values in (line.means, line.lows, line.highs))
        name = _name(line, lines)
        draw_points(ax, x, mean, (low, high), look, "" if hollow else name, hollow=hollow)
        ax.plot(x, mean, color=look.colour, lw=1.3, ls="--" if hollow else line_style(look), label="_joined")
        ends.append(End(name, x[-1], float(mean[-1]), look))
    return ends


def _draw_learners(ax: Axes, line: Line, places: dict[Any, float], styles: dict[str, Look]) -> list[End]:
    """Draw each learner in its own look, which needs no other name than that on the axis."""
    for learner, *values in zip(line.x, line.means, line.lows, line.highs, strict=True):
        mean, low, high = np.clip(values, *_shown(line.metric))
        draw_points(ax, [places[learner]], [mean], ([low], [high]), styles[learner], learner)
    return []


def _means(lines: Sequence[Line]) -> NDArray[np.float64]:
    return np.concatenate([line.means.clip(*_shown(line.metric)) for line in lines])


def _shown(metric: str) -> tuple[float, float]:
    """Return between what values are drawn: an error from one of the test points on, a squared one from rounding on."""
    if metric.startswith("error"):
        return 1 / N_TEST, 1.0
    return (float(np.finfo(float).eps), np.inf) if metric.startswith("mse") else (-np.inf, np.inf)


def _name(line: Line, lines: Sequence[Line]) -> str:
    """Return what tells a line from the others; of one alone, its learner."""
    parts = [("learner", line.learner), ("problem", line.problem)]
    told = [text for name, text in parts if len({getattr(other, name) for other in lines}) > 1]
    if len({other.n_samples for other in lines}) > 1:
        told.append(f"n = {line.n_samples:,}")
    return ", ".join(told) or line.learner or line.problem


def _draw_threshold(ax: Axes, value: float) -> None:
    ax.axvline(value, color=GREY, lw=1, ls=(0, (4, 3)), label="_threshold")
    ax.annotate(
        "interpolation threshold",
        (value, 1),
        (3, -2),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        rotation=90,
        va="top",
        fontsize=8,
        color=GREY,
    )
