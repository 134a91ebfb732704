"""A metric along any axis of a study: double descent, problems of growing difficulty, the course of training."""

from collections.abc import Sequence
from itertools import chain
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from studies.analysis.intervals import scale_of, zero_text
from studies.plots.lines import Line, is_number, lines_along
from studies.plots.looks import Look, chosen, learner_looks, shades, value_looks
from studies.plots.style import (
    GREY,
    PALE,
    End,
    broken,
    clip_ylim,
    draw_joined,
    draw_points,
    folded,
    name_curves,
    name_zeros,
    new_axes,
    set_scale,
    spans_a_decade,
    tidy,
)
from studies.registry.metrics import shown_name
from studies.registry.plots import plot
from studies.results.results import Results
from studies.spec.cells import plan_study

_AXES = {"n_samples": "training points n", "n_features": "number of features"}
_SLANTED = 4  # number of categories beyond which their labels are slanted
_LONG = 12  # letters beyond which they are slanted too


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
    """Plot a metric along an axis of the study, with a line for each combination of all else.

    Along the size of a model, with its threshold, this is the curve of double descent (Belkin, Hsu, Ma and Mandal, PNAS
    116, 2019).

    Parameters
    ----------
    results : Results
    ax : Axes or None, default=None
        None makes a new figure.
    axis : str
        An axis of the study, such as "width", "turns" or "dimension"; or "n_samples", or "learner".
    metric : str or None, default=None
        A metric that is measured; None takes the primary one, such as the error under the sampling density.
    learners : list of str or None, default=None
        Labels of learners or families; None takes all that have the axis.
    n_samples : int or None, default=None
        Sample size; None takes all.
    problem : str or None, default=None
        Label of a problem or of a family of problems; None takes all.
    threshold : float, "n_samples" or None, default=None
        Interpolation threshold, from which on the training points are fitted exactly: a value of the axis, or the
        number of training points.

    Returns
    -------
    ax : Axes
        Means over seeds with their intervals, joined by lines. The lines of one learner are shades of its colour. Of
        more than six lines six have colours, the first of each family in front. A scale is logarithmic if its values
        are positive and span a factor of ten; a mean of 0 is then an open mark at its foot.

    Raises
    ------
    ValueError
        If the study has no such axis, metric, learner or problem, or nothing of it is measured.

    Examples
    --------
    Of the results of a study of widths::

        ax = plot_axis(results, axis="width", metric="error_train")
        ax.figure.savefig("width.png")
    """
    lines = lines_along(results, axis, metric, learners=learners, n_samples=n_samples, problem=problem)
    ax = new_axes(ax)
    places = _lay_out(ax, axis, lines)
    if axis == "learner" and len(lines) == 1:
        ends: list[End] = []  # the axis names the learners
        _draw_learners(ax, lines[0], places, learner_looks(results.study))
    else:
        ends = _draw(ax, lines, _known(results, axis, places), places, _line_looks(results, axis, lines))
    clip_ylim(ax, _means(lines))
    for value in {line.n_samples for line in lines} if threshold == "n_samples" else {threshold}:
        if value is not None:
            _draw_threshold(ax, float(value))
    name_zeros(ax, zero_text(lines[0].metric, lines[0].n_test))
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
    """Plot the errors on test points and on training points against the number of epochs.

    Parameters
    ----------
    results : Results
        Of a study with an axis ``epochs``.
    ax : Axes or None, default=None
        None makes a new figure.
    learners : list of str or None, default=None
        Labels of learners or families; None takes all that have the axis.
    n_samples : int or None, default=None
        Sample size; None takes all.
    problem : str or None, default=None
        Label of a problem or of a family of problems; None takes all.

    Returns
    -------
    ax : Axes
        Errors on test points are filled markers with solid lines; those on training points, if they are measured,
        are hollow markers with dashed lines.

    Raises
    ------
    ValueError
        If the study has no axis ``epochs``, no such learner or problem, or nothing of it is measured.

    Examples
    --------
    Of the results of a study in which ``epochs`` is a list::

        ax = plot_training_dynamics(results, learners=["net"])
        ax.figure.savefig("training.png")
    """
    chosen: dict[str, Any] = {"learners": learners, "n_samples": n_samples, "problem": problem}
    test = lines_along(results, "epochs", **chosen)
    train_metric = f"{test[0].metric}_train"
    train = lines_along(results, "epochs", train_metric, **chosen) if _is_measured(results, train_metric) else []
    ax = new_axes(ax)
    places = _lay_out(ax, "epochs", [*test, *train])
    styles = _line_looks(results, "epochs", test)
    known = _known(results, "epochs", places)
    ends = _draw(ax, test, known, places, styles)
    _draw(ax, train, known, places, styles, hollow=True)
    clip_ylim(ax, _means([*test, *train]))
    if train:
        ax.set_ylabel(f"{ax.get_ylabel()};\nhollow: on the training points")
    name_zeros(ax, zero_text(train_metric, None))
    name_curves(ax, ends)
    return ax


def _is_measured(results: Results, metric: str) -> bool:
    return any(metric in map(shown_name, outcome.values) for _, outcome in results.outcomes())


def _line_looks(results: Results, axis: str, lines: Sequence[Line]) -> list[Look]:
    """Return the look of each line: that of its learner, in shades if the learner has several lines."""
    if axis == "learner":
        return list(value_looks(range(len(lines))).values())
    looks = learner_looks(results.study, axis)
    own = {line.learner: [other for other in lines if other.learner == line.learner] for line in lines}
    return [shades(looks[line.learner], len(own[line.learner]))[own[line.learner].index(line)] for line in lines]


def _lay_out(ax: Axes, axis: str, lines: Sequence[Line]) -> dict[Any, float]:
    """Set the labels and scales, and return the position of each value of the axis."""
    values = list(dict.fromkeys(chain.from_iterable(line.x for line in lines)))
    scale = scale_of(lines[0].metric)
    ax.set(xlabel=_AXES.get(axis, axis.replace("_", " ")), ylabel=scale.title)
    set_scale(ax.yaxis, log=spans_a_decade(_means(lines), zeros=True), factor=scale.factor, unit=scale.unit)
    tidy(ax)
    if all(map(is_number, values)):
        set_scale(ax.xaxis, log=spans_a_decade(values), at=values)
        return {value: float(value) for value in values}
    slanted = len(values) > _SLANTED or max(len(str(value)) for value in values) > _LONG
    rotation: dict[str, Any] = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if slanted else {}
    ax.set_xticks(range(len(values)), [folded(str(value)) for value in values], **rotation)
    return {value: float(place) for place, value in enumerate(values)}


def _known(results: Results, axis: str, places: dict[Any, float]) -> list[float]:
    """Return the places of all values of an axis that the study has, measured or not."""
    values = [p.cell.n_samples if axis == "n_samples" else p.axes.get(axis) for p in plan_study(results.study)]
    numbers = [float(value) for value in values if value is not None and is_number(value)]
    return numbers if all(map(is_number, places)) else list(places.values())


def _draw(
    ax: Axes,
    lines: Sequence[Line],
    known: Sequence[float],
    places: dict[Any, float],
    styles: Sequence[Look],
    *,
    hollow: bool = False,
) -> list[End]:
    ends, names = [], [_name(line, lines) for line in lines]
    coloured = chosen(names, dict(zip(names, styles, strict=True)))
    for line, look, name in zip(lines, styles, names, strict=True):
        x = [places[value] for value in line.x]
        if name not in coloured:
            ax.plot(*broken(ax, x, line.means, known), color=PALE, lw=1, zorder=0.5, label="_background")
            continue
        draw_points(ax, x, line.means, (line.lows, line.highs), look, "" if hollow else name, hollow=hollow)
        draw_joined(ax, x, line.means, look, known, width=1.3, dashed=hollow)
        ends.append(End(name, x[-1], float(line.means[-1]), look))
    return ends


def _draw_learners(ax: Axes, line: Line, places: dict[Any, float], styles: dict[str, Look]) -> None:
    """Draw the values of a line, each of which is a learner, in the looks of the learners."""
    for learner, mean, low, high in zip(line.x, line.means, line.lows, line.highs, strict=True):
        draw_points(ax, [places[learner]], [mean], ([low], [high]), styles[learner], learner)


def _means(lines: Sequence[Line]) -> NDArray[np.float64]:
    return np.concatenate([line.means for line in lines])


def _name(line: Line, lines: Sequence[Line]) -> str:
    """Return the parts of a line's place that distinguish it from the others; of a single line, its learner."""
    parts = [("learner", line.learner), ("problem", line.problem)]
    differing = [text for name, text in parts if len({getattr(other, name) for other in lines}) > 1]
    if len({other.n_samples for other in lines}) > 1:
        differing.append(f"n = {line.n_samples:,}")
    return ", ".join(differing) or line.learner or line.problem


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
