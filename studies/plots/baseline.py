"""The baseline in pictures: thin grey lines with their name, without marks and intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from studies.analysis.learning_curves import losses
from studies.plots.lines import is_number, is_wanted, without
from studies.plots.style import GREY, drawable
from studies.registry.params import format_value
from studies.results.results import Results
from studies.spec.cells import PlannedCell
from studies.spec.sections import BASELINE

_MARGIN = 1.25  # factor from the line to the end of a logarithmic scale


def draw_baseline(ax: Axes, results: Results, rows: pd.DataFrame, metric: str) -> None:
    """Draw the baseline of a metric against sample size, beside the curves of some rows of one problem."""
    found = losses(results.baseline())
    found = found[(found["metric"] == metric) & found["n_samples"].isin(rows["n_samples"])]
    if "problem" in rows:
        found = found[found["problem"].isin(rows["problem"])]
    means = found.groupby("n_samples")["value"].mean()
    if len(means):
        _draw(ax, [(means.index, means)])


def draw_baseline_along(
    ax: Axes,
    results: Results,
    axis: str,
    metric: str,
    places: Mapping[Any, float],
    *,
    learners: Sequence[str] | None,
    n_samples: int | None,
    problem: str | None,
) -> None:
    """Draw the baselines along an axis of the study, one for each problem and sample size of the lines there.

    Parameters
    ----------
    ax : Axes
    results : Results
    axis : str
        Along an axis of learners the baseline is constant.
    metric : str
        Its name as shown.
    places : mapping of object to float
        The position of each value of the axis that is shown.
    learners, n_samples, problem
        The selection of the lines; see `studies.plots.lines.lines_along`.
    """
    beside = {
        (planned.problem, planned.cell.n_samples)
        for planned, _ in results.outcomes()
        if is_wanted(planned, axis, learners, n_samples, problem)
    }
    rows = losses(
        pd.DataFrame(
            [
                {"planned": planned, "metric": name, "value": value}
                for planned, outcome in results.outcomes(baseline=True)
                if planned.family not in results.study.learners and (planned.problem, planned.cell.n_samples) in beside
                for name, value in outcome.values.items()
            ],
            columns=["planned", "metric", "value"],
        )
    )
    rows = rows[rows["metric"] == metric]
    lines: dict[tuple[str, int | None], dict[float, list[float]]] = {}
    for planned, loss in zip(rows["planned"], rows["value"], strict=True):
        line = lines.setdefault(
            (without(planned, axis)[1], None if axis == "n_samples" else planned.cell.n_samples), {}
        )
        for x in _places(planned, axis, places):
            line.setdefault(x, []).append(loss)
    drawn = [(sorted(line), [np.mean(line[x]) for x in sorted(line)]) for line in lines.values() if line]
    if drawn:
        _draw(ax, drawn)


def _places(planned: PlannedCell, axis: str, places: Mapping[Any, float]) -> list[float]:
    """Return the places of a cell of the baseline: that of its value of the axis, or all if the axis is of learners."""
    if axis != "n_samples" and axis not in planned.axes:
        return list(places.values())
    value = planned.axes.get(axis, planned.cell.n_samples)
    key = value if is_number(value) else format_value(value)
    return [places[key]] if key in places else []


def _draw(ax: Axes, lines: Sequence[tuple[ArrayLike, ArrayLike]]) -> None:
    """Draw lines with their name below the end of the last; a linear scale that ends below them only names them.

    A logarithmic scale is extended.
    """
    low, high = ax.get_ylim()
    heights = np.concatenate([np.asarray(y, dtype=np.float64) for _, y in lines])
    if ax.get_yscale() == "log" and (positive := heights[heights > 0]).size:
        ax.set_ylim(min(low, positive.min() / _MARGIN), max(high, positive.max() * _MARGIN))
    elif heights.min() > high:
        return
    for x, y in lines:
        ax.plot(x, drawable(ax, y), color=GREY, lw=0.8, zorder=0.8, label="_baseline")
    x, y = (np.asarray(part, dtype=np.float64) for part in lines[-1])
    style: dict[str, Any] = {"ha": "right", "va": "top", "fontsize": 8, "color": GREY, "zorder": 0.8}
    ax.annotate(BASELINE, (x[-1], y[-1]), (0, -2), textcoords="offset points", **style)
