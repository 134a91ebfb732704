"""Metrics along any axis of a study: double descent, problems of growing difficulty, the course of training."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from studies.analysis.intervals import scale_of, zero_text
from studies.plots.baseline import draw_baseline_along
from studies.plots.lines import Line, is_number, lines_along
from studies.plots.looks import Look, asked, cell_look, chosen, distinct, learner_looks, value_looks
from studies.plots.style import (
    GREY,
    PALE,
    End,
    background_end,
    broken,
    clip_ylim,
    draw_joined,
    draw_points,
    draw_reference,
    draw_seeds,
    folded,
    name_curves,
    name_references,
    name_zeros,
    new_axes,
    set_scale,
    spans_a_decade,
    tidy,
)
from studies.registry.errors import exception_text
from studies.registry.imports import is_foreign
from studies.registry.plots import plot
from studies.registry.reference_curves import CurveName, find_reference_curve
from studies.results.results import Results
from studies.spec.cells import PlannedCell, plan_study
from studies.spec.sections import PRIOR_AXIS
from toymanifold.validation import error_message

_SLANTED = 4  # number of categories beyond which their labels are slanted
_LONG = 12  # letters beyond which they are slanted too
_GRID = 200  # number of values at which a reference curve is drawn
_MOST_METRICS = 2


@plot(whole_study=True)
def plot_axis(
    results: Results,
    ax: Axes | None = None,
    *,
    axis: str,
    metric: str | list[str] | None = None,
    learners: list[str] | None = None,
    n_samples: int | None = None,
    problem: str | None = None,
    log: bool | None = None,
    threshold: float | Literal["n_samples"] | None = None,
    reference: CurveName | None = None,
) -> Axes:
    """Plot a metric, or two, along an axis of the study, with a line for each combination of all else.

    Along the size of a model, with its threshold, this is the curve of double descent (Belkin, Hsu, Ma and Mandal, PNAS
    116, 2019). Along ``epochs``, of the errors on test points and on training points, it is the course of training.

    Parameters
    ----------
    results : Results
    ax : Axes or None, default=None
        None makes a new figure.
    axis : str
        An axis of the study, such as "width", "turns" or "dimension"; or "n_samples", or "learner".
    metric : str, list of str or None, default=None
        A metric that is measured, or two of the same unit; None takes the primary one, such as the error under the
        sampling density.
    learners : list of str or None, default=None
        Labels of learners, with the value of the axis or without it, or families; None takes all that have the axis.
    n_samples : int or None, default=None
        Sample size; None takes all.
    problem : str or None, default=None
        Label of a problem or of a family of problems; None takes all.
    log : bool or None, default=None
        Whether the scale of the metric is logarithmic; None takes that if its values other than 0 are positive and span
        a factor of ten.
    threshold : float, "n_samples" or None, default=None
        Interpolation threshold, from which on the training points are fitted exactly: a value of the axis, or the
        number of training points.
    reference : str or None, default=None
        Function that gives the metric in theory or in a publication: a name of
        `studies.registry.reference_curves.REFERENCE_CURVES`, or ``package.module:function``. It takes parameters of the
        problem and of the learner by name, ``prior``, ``n_samples`` and, after ``prior__``, parameters of the prior,
        among them the axis, and returns a number, NaN where it does not apply.

    Returns
    -------
    ax : Axes
        Means over seeds with their intervals, joined by lines, and a small pale dot for each seed. Those of a second
        metric are hollow, with thin lines and without dots. Reference curves are broad and pale, in the colours of the
        lines to which they apply. The lines of one learner are shades of its colour. Of more than six lines six have
        colours: those of learners of the study's questions, then the first of each family. The scale of the axis is
        logarithmic if its values are positive and span a factor of ten. On a logarithmic scale of the metric a mean of
        0 is an open mark at the foot. Thin grey lines are the baseline of each problem and sample size, for the first
        metric, which a linear scale need not reach.

    Raises
    ------
    ValueError
        If the study has no such axis, metric, learner or problem, nothing of it is measured, the metrics differ in unit
        or are more than two, or there is no such reference curve.

    Examples
    --------
    Of the results of a study of widths::

        ax = plot_axis(results, axis="width", metric=["error", "error_train"])
        ax.figure.savefig("width.png")
    """
    selection: dict[str, Any] = {"learners": learners, "n_samples": n_samples, "problem": problem}
    names = metric if isinstance(metric, list) else [metric]
    series = [lines_along(results, axis, name, **selection) for name in names]
    _check_metrics(series)
    ax, lines = new_axes(ax), list(chain.from_iterable(series))
    places = _lay_out(ax, axis, series, log)
    named = [{line.name_among(lines): line for line in part} for part in series]
    firsts = {name: line for part in reversed(named) for name, line in part.items()}
    looks = dict(zip(firsts, _line_looks(results, axis, list(firsts.values())), strict=True))
    coloured = chosen(looks, looks, [name for name, line in firsts.items() if line.learner in asked(results.study)])
    ends: dict[str, End] = {}
    for part, hollow in zip(named, (False, True), strict=False):
        if axis == "learner" and len(firsts) == 1:  # the axis names the learners
            _draw_learners(ax, next(iter(part.values())), places, learner_looks(results.study), hollow=hollow)
        else:
            ends = _draw(ax, part, _known(results, axis, lines, places), places, looks, coloured, hollow=hollow) | ends
    if reference is not None:
        _draw_reference(ax, reference, results.study.allow, axis, named[0], {name: looks[name] for name in coloured})
    clip_ylim(ax, _means(lines))
    draw_baseline_along(ax, results, axis, lines[0].metric, places, **selection)
    for value in {line.first.cell.n_samples for line in lines} if threshold == "n_samples" else {threshold}:
        if value is not None:
            _draw_threshold(ax, float(value))
    name_zeros(ax, zero_text(lines[-1].metric, lines[0].n_test if len(series) == 1 else None))
    name_curves(ax, [*ends.values(), *background_end(ax)])
    return ax


def _check_metrics(series: Sequence[Sequence[Line]]) -> None:
    metrics = [lines[0].metric for lines in series]
    if not 0 < len(metrics) <= _MOST_METRICS or len({scale_of(name).unit for name in metrics}) > 1:
        raise ValueError(error_message("metric", "plot_axis", "one metric, or two of the same unit", metrics))


def _line_looks(results: Results, axis: str, lines: Sequence[Line]) -> list[Look]:
    """Return the look of each line: that of its learner, in shades where a learner has several lines."""
    if axis == "learner":
        return list(value_looks(range(len(lines))).values())
    learners, known = [line.learner for line in lines], learner_looks(results.study)
    if len(set(learners)) == len(lines) and known.keys() >= set(learners):
        return [known[learner] for learner in learners]
    return distinct([cell_look(results.study, line.first.cell) for line in lines])


def _lay_out(ax: Axes, axis: str, series: Sequence[Sequence[Line]], log: bool | None) -> dict[Any, float]:
    """Set the labels and scales, and return the position of each value of the axis."""
    lines = list(chain.from_iterable(series))
    values = list(dict.fromkeys(chain.from_iterable(line.x for line in lines)))
    on_rows = all(line.first.cell.rows for line in lines)
    first, *second = [scale_of(part[0].metric, on_rows=on_rows) for part in series]
    title = first.title + "".join(f";\nhollow: {other.title[:1].lower()}{other.title[1:]}" for other in second)
    ax.set(xlabel=_axis_title(axis), ylabel=title)
    log = spans_a_decade(_means(lines), zeros=True) if log is None else log
    set_scale(ax.yaxis, log=log, factor=first.factor, unit=first.unit)
    tidy(ax)
    if all(map(is_number, values)):
        set_scale(ax.xaxis, log=spans_a_decade(values), at=values)
        return {value: float(value) for value in values}
    slanted = len(values) > _SLANTED or max(len(str(value)) for value in values) > _LONG
    rotation: dict[str, Any] = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if slanted else {}
    ax.set_xticks(range(len(values)), [folded(str(value)) for value in values], **rotation)
    return {value: float(place) for place, value in enumerate(values)}


def _axis_title(axis: str) -> str:
    return "training points n" if axis == "n_samples" else re.sub("^n_", "number of ", axis).replace("_", " ")


def _known(results: Results, axis: str, lines: Iterable[Line], places: dict[Any, float]) -> list[float]:
    """Return the places of all values of an axis that the study has, measured or not; sizes of the lines' problems."""
    planned, problems = plan_study(results.study), {line.first.problem for line in lines}
    sizes = (p.cell.n_samples for p in planned if p.problem in problems)
    values = sizes if axis == "n_samples" else (p.axes.get(axis) for p in planned)
    numbers = [float(value) for value in values if value is not None and is_number(value)]
    return numbers if all(map(is_number, places)) else list(places.values())


def _draw(
    ax: Axes,
    lines: Mapping[str, Line],
    known: Sequence[float],
    places: dict[Any, float],
    looks: Mapping[str, Look],
    coloured: Collection[str],
    *,
    hollow: bool,
) -> dict[str, End]:
    """Draw the lines, and return the ends of those that have colours."""
    ends = {}
    for name, line in lines.items():
        x = [places[value] for value in line.x]
        if name not in coloured:
            ax.plot(*broken(ax, x, line.means, known), color=PALE, lw=1, zorder=0.5, label="_background")
            continue
        if not hollow:
            _draw_seeds(ax, x, line.seeds, looks[name])
        draw_points(ax, x, line.means, (line.lows, line.highs), looks[name], "" if hollow else name, hollow=hollow)
        draw_joined(ax, x, line.means, looks[name], known, width=0.7 if hollow else 1.3)
        ends[name] = End(name, x[-1], float(line.means[-1]), looks[name])
    return ends


def _draw_learners(ax: Axes, line: Line, places: dict[Any, float], looks: Mapping[str, Look], *, hollow: bool) -> None:
    """Draw the values of a line, each of which is a learner, in the looks of the learners."""
    for learner, mean, low, high, seeds in zip(line.x, line.means, line.lows, line.highs, line.seeds, strict=True):
        if not hollow:
            _draw_seeds(ax, [places[learner]], [seeds], looks[learner])
        draw_points(ax, [places[learner]], [mean], ([low], [high]), looks[learner], learner, hollow=hollow)


def _draw_seeds(ax: Axes, x: Sequence[float], seeds: Sequence[NDArray[np.float64]], look: Look) -> None:
    """Draw the values of the seeds at some places; nothing where all places have one seed."""
    counts = list(map(len, seeds))
    if max(counts) > 1:
        draw_seeds(ax, np.repeat(x, counts), np.concatenate(seeds), look)


def _draw_reference(
    ax: Axes, name: str, allow: Collection[str], axis: str, lines: Mapping[str, Line], looks: Mapping[str, Look]
) -> None:
    """Draw a reference curve behind each line to which it applies."""
    curve, log = find_reference_curve(name, allow), ax.get_xscale() == "log"
    for label, line in lines.items():
        if label not in looks:
            continue
        x = _grid(line.x, log=log) if all(map(is_number, line.x)) else np.array([])
        try:
            y = curve.along(axis.removeprefix("learner_"), x, _parameters(line.first))
        except Exception as error:  # whatever foreign code raises
            if not is_foreign(name):
                raise
            raise ValueError(f"reference {name!r}: {exception_text(error)}") from error
        if np.isfinite(y).any():
            draw_reference(ax, x, y, looks[label])
    if any(line.get_label() == "_reference" for line in ax.lines):
        name_references(ax, curve.title)


def _grid(values: Sequence[Any], *, log: bool) -> NDArray[np.float64]:
    """Return values of an axis from the first to the last; of whole numbers only whole ones."""
    spaced = (np.geomspace if log else np.linspace)(values[0], values[-1], _GRID)
    return np.unique(spaced.round()) if all(isinstance(value, int) for value in values) else spaced


def _parameters(planned: PlannedCell) -> dict[str, Any]:
    cell = planned.cell
    of_prior = {f"{PRIOR_AXIS}{key}": value for key, value in cell.prior_params.items()}
    given = {"estimator": cell.estimator, "prior": cell.prior, "n_samples": cell.n_samples}
    return {**cell.params, **of_prior, **cell.problem_params, **planned.axes, **given}


def _means(lines: Iterable[Line]) -> NDArray[np.float64]:
    return np.concatenate([line.means for line in lines])


def _draw_threshold(ax: Axes, value: float) -> None:
    ax.axvline(value, color=GREY, lw=1, ls=(0, (4, 3)), label="_threshold")
    ax.annotate(
        "interpolation threshold",
        (value, 1),
        (0, 2),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="center",
        fontsize=8,
        color=GREY,
    )
