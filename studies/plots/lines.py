"""Selection of what is drawn: rows, metrics and learners by name, and lines of a metric along an axis of a study."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from studies.analysis.comparisons import interval_of
from studies.analysis.intervals import Interval
from studies.analysis.learning_curves import Sampling, losses
from studies.registry.errors import unknown
from studies.registry.metrics import describe, in_order, shown_name
from studies.registry.params import format_value, label_without
from studies.results.results import Results
from studies.spec.cells import PlannedCell, plan_study
from studies.spec.study import Study


@dataclass(frozen=True)
class Line:
    """A metric along an axis: means over seeds with intervals, in the order of the axis.

    Attributes
    ----------
    metric : str
    learner : str
        Its label, without the value of the axis.
    parts : dict of str to str
        The parts of its place: learner, problem, each of their axes and the sample size, in words.
    first : PlannedCell
        The first of its cells.
    x : tuple
        Values of the axis.
    means, lows, highs : ndarray of shape (n_values,)
    seeds : tuple of ndarray
        The values of the seeds, for each value of the axis.
    n_test : int or None
        Number of test points.
    """

    metric: str
    learner: str
    parts: dict[str, str]
    first: PlannedCell
    x: tuple[Any, ...]
    means: NDArray[np.float64]
    lows: NDArray[np.float64]
    highs: NDArray[np.float64]
    seeds: tuple[NDArray[np.float64], ...]
    n_test: int | None

    def name_among(self, lines: Sequence["Line"]) -> str:
        """Return the parts that distinguish the line from others; of a single line, its learner."""
        differing = [text for key, text in self.parts.items() if any(line.parts.get(key) != text for line in lines)]
        return ", ".join(differing) or self.learner or self.parts["problem"]


def rows_of(results: Results, problem: str | None = None) -> pd.DataFrame:
    """Return the rows of one problem, with the losses of metrics that have a best value.

    Raises
    ------
    ValueError
        If there is no such problem, if there are several and `problem` is None, or if nothing of it is measured.
    """
    label = results.problem_label(problem)
    rows = losses(results.frame())
    rows = rows[rows["problem"] == label] if "problem" in rows else rows
    if rows.empty:
        raise ValueError(f"nothing of {results.study.name} on {label} is measured yet")
    return rows


def sizes_of(study: Study, rows: pd.DataFrame) -> set[int]:
    """Return all sample sizes that a study has of the problems in a frame, measured or not."""
    problems = set(rows["problem"]) if "problem" in rows else None
    return {p.cell.n_samples for p in plan_study(study) if problems is None or p.problem in problems}


def metric_of(rows: pd.DataFrame, metric: str | None = None) -> str:
    """Return a metric that is measured; without a name the first in order, which is a primary one if there is one.

    The name of a metric that is shown as its loss, such as an accuracy, stands for that.

    Raises
    ------
    ValueError
        If it is not measured.
    """
    measured = in_order(str(name) for name in rows["metric"].unique())
    if metric is None:
        return measured[0]
    if shown_name(metric) not in measured:
        raise ValueError(unknown("metric", metric, measured, "the results"))
    return shown_name(metric)


def learners_of(rows: pd.DataFrame, learners: list[str] | None = None) -> list[str]:
    """Return the measured learners: those named, by a label or that of a family, or all.

    Raises
    ------
    ValueError
        If a named one is not measured.
    """
    measured = [str(learner) for learner in rows["learner"].unique()]
    families = dict(zip(rows["learner"], rows["family"], strict=True)) if "family" in rows else {}
    for name in learners or ():
        if name not in measured and name not in families.values():
            raise ValueError(unknown("learner", name, measured, "the results"))
    return measured if learners is None else [name for name in measured if {name, families.get(name)} & {*learners}]


def exact(metric: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return values of a metric, of a loss with 0 in place of what is smaller than the rounding of numbers."""
    found = np.asarray(values, dtype=np.float64)
    tiny = np.abs(found) < np.finfo(float).eps if describe(metric).is_loss else found == 0
    return np.where(tiny, 0.0, found)


def lines_along(
    results: Results,
    axis: str,
    metric: str | None = None,
    *,
    learners: Sequence[str] | None = None,
    n_samples: int | None = None,
    problem: str | None = None,
) -> list[Line]:
    """Return the lines of a metric along an axis, one for each combination of all else, in the study's order.

    Parameters
    ----------
    results : Results
    axis : str
        An axis of the study, "n_samples" or "learner".
    metric : str or None, default=None
        See `metric_of`.
    learners : sequence of str or None, default=None
        Labels of learners, without the value of the axis or with it, or families; None takes all.
    n_samples : int or None, default=None
        None takes all.
    problem : str or None, default=None
        Label of a problem or of a family of problems; None takes all.

    Raises
    ------
    ValueError
        If the study has no such axis or problem, or none of the learners, or nothing along the axis is measured. A
        study in short can lack some of the learners that its description names.
    """
    if axis not in (known := [*results.study.axes, "n_samples", "learner"]):
        raise ValueError(unknown("axis", axis, known, "the study"))
    planned = plan_study(results.study)
    if learners and all(_learner_names(each, axis).isdisjoint(learners) for each in planned):
        known = list(dict.fromkeys(each.learner for each in planned))
        raise ValueError(unknown("learner", learners[0], known, "the study"))
    if problem is not None and not any(_is_on(each, problem) for each in planned):
        raise ValueError(unknown("problem", problem, results.problems, "the study"))
    rows = losses(
        pd.DataFrame(
            [
                {**_place(planned, axis), "planned": planned, "metric": name, "value": value}
                for planned, outcome in results.outcomes()
                if is_wanted(planned, axis, learners, n_samples, problem)
                for name, value in outcome.values.items()
            ],
            columns=["line", "x", "planned", "metric", "value"],
        )
    )
    if rows.empty:
        raise ValueError(f"nothing along {axis!r} is measured yet")
    metric = metric_of(rows, metric)
    rows = rows[rows["metric"] == metric]
    interval = interval_of(rows, metric)
    return [_line(metric, axis, part, interval) for _, part in rows.groupby("line", sort=False)]


def without(planned: PlannedCell, axis: str) -> tuple[str, str]:
    """Return the labels of a cell's learner and of its problem, without the value of an axis."""
    if axis not in planned.axes:
        return planned.learner, planned.problem
    value = planned.axes[axis]
    problem = label_without(planned.problem, axis, value)
    if problem != planned.problem:
        return planned.learner, problem
    return label_without(planned.learner, axis.removeprefix("learner_"), value), problem


def is_number(value: Any) -> bool:
    """Return whether a value of an axis is a number, and not a category."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _line(metric: str, axis: str, rows: pd.DataFrame, interval: Callable[[pd.Series, Sampling, int], Interval]) -> Line:
    first = rows["planned"].iloc[0]
    sampling = Sampling.of(first.cell)
    found: dict[Any, Interval] = {}
    seeds: dict[Any, NDArray[np.float64]] = {}
    for x, part in rows.groupby("x", sort=False):
        seeds[x] = exact(metric, part["value"])
        found[x] = interval(part["value"], sampling, part["planned"].iloc[0].cell.n_samples)
    order = sorted(found) if all(map(is_number, found)) else list(found)
    numbers = [(found[x].mean, found[x].low, found[x].high) for x in order]
    means, lows, highs = exact(metric, numbers).T
    learner = "" if axis == "learner" else without(first, axis)[0]
    of_seeds = tuple(seeds[x] for x in order)
    return Line(
        metric, learner, _parts(first, axis), first, tuple(order), means, lows, highs, of_seeds, sampling.n_test
    )


def _parts(planned: PlannedCell, axis: str) -> dict[str, str]:
    """Return the parts of a line's place by name, those of its learner first."""
    size = {} if axis == "n_samples" else {"n_samples": f"n = {planned.cell.n_samples:,}"}
    if axis == "learner":
        return {"problem": planned.problem, **size}
    of_learner, problem = {"learner": planned.family}, planned.problem
    of_problem: dict[str, str] = {}
    for key, value in planned.axes.items():
        bare = label_without(problem, key, value)
        found = of_learner if bare == problem else of_problem
        found[key], problem = f"{key.removeprefix('learner_')}={format_value(value)}", bare
    parts = {**of_learner, "problem": problem, **of_problem, **size}
    return {key: text for key, text in parts.items() if key != axis}


def _place(planned: PlannedCell, axis: str) -> dict[str, Hashable]:
    """Return the line of a cell, as (learner, problem, sample size), and its value of the axis."""
    size = planned.cell.n_samples
    if axis == "n_samples":
        return {"line": (planned.learner, planned.problem, None), "x": size}
    if axis == "learner":
        return {"line": ("", planned.problem, size), "x": planned.learner}
    value = planned.axes[axis]
    return {"line": (*without(planned, axis), size), "x": value if is_number(value) else format_value(value)}


def is_wanted(
    planned: PlannedCell, axis: str, learners: Sequence[str] | None, n_samples: int | None, problem: str | None
) -> bool:
    """Return whether a cell is on a line along an axis, in the selection of `lines_along`."""
    return (
        (axis in planned.axes or axis in ("n_samples", "learner"))
        and (learners is None or not _learner_names(planned, axis).isdisjoint(learners))
        and n_samples in (None, planned.cell.n_samples)
        and (problem is None or _is_on(planned, problem))
    )


def _learner_names(planned: PlannedCell, axis: str) -> set[str]:
    """Return the labels by which the learner of a cell can be named: its own, without the axis, and its family's."""
    return {planned.learner, planned.family, without(planned, axis)[0]}


def _is_on(planned: PlannedCell, problem: str) -> bool:
    return f"{planned.problem}, ".startswith(f"{problem}, ")
