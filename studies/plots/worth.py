"""The worth of a prior as a picture: the gap between two learning curves, beside the decision regions of both."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from studies.analysis.comparisons import summary
from studies.analysis.crossovers import NoEquivalence, interpolated
from studies.analysis.findings import PriorWorth, judged, worth_of
from studies.analysis.intervals import CensoredInterval, scale_of
from studies.analysis.learning_curves import NotMeasured
from studies.plots.curves import draw_curves
from studies.plots.lines import learners_of, rows_of
from studies.plots.looks import Look, learner_looks
from studies.plots.regions import drawn_problem, plot_decision_region, region_key
from studies.plots.style import INK, folded, name_curves, new_figure
from studies.registry.metrics import describe
from studies.registry.plots import plot
from studies.results.results import Results
from studies.spec.cells import plan_study

WORTH_SIZE = (8.3, 5.0)
"""Inches of the whole picture: of 100 pixels each it is as wide as a README."""

_SEED = 0  # of the decision regions
_TITLE_LINE, _LINE, _LONG_LINE = 68, 70, 100  # letters of the title, and of the words beside regions and alone
_MOST_COMPETITORS = 2
_BEYOND = 10  # factor beyond the sizes of the two up to which others are drawn
_ROOM, _ROOM_OF_BOUND = 0.9, 1.4  # inches that a number needs, and "more than 10 times"
_KEY: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, 0), "frameon": False, "fontsize": 8}
_TIMES = "\N{MULTIPLICATION SIGN}"


@plot()
def plot_worth(
    results: Results,
    informed: str,
    plain: str,
    *,
    n: int | None = None,
    problem: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot what a prior is worth: the gap between two learning curves, as a factor of the data.

    Parameters
    ----------
    results : Results
    informed, plain : str
        Labels of the learner with the prior, and of the one without it; or of any two learners.
    n : int or None, default=None
        Number of training points at which they are compared; None takes that of the study's question, or the largest.
    problem : str or None, default=None
        Label of a problem, if the study has several.
    ax : Axes or None, default=None
        Axes for the curves alone. None makes a new figure, with the decision regions of both at n and seed 0 beside
        the curves, if the study's gallery has them.

    Returns
    -------
    ax : Axes
        The axes of the curves: means over seeds with their intervals, of the two and of at most two other learners
        without a prior. The double arrow is what `data_equivalence` finds, with its interval as a bar. An arrow with
        one head ends at the end of the measured sizes. A number that does not differ significantly from 1, or that the
        data do not support, has no arrow, but is in the title.

    Raises
    ------
    ValueError
        If the study has no such learner or problem, or nothing of it is measured, or n is outside the measured sizes.

    Examples
    --------
    Of the results of the built-in study `prior-vs-data`::

        ax = plot_worth(results, "net + polar", "net", n=1000)
        ax.figure.savefig("worth.png")
    """
    answer = _answer(results, rows_of(results, problem), informed, plain, n)
    if ax is None:
        return _draw_answer(new_figure(WORTH_SIZE), results, answer, problem)
    _draw_curves(ax, results, answer)
    title, words = (folded(text, _LINE) for text in (answer.title, answer.words))
    ax.set_title(f"{title}\n{words}", fontsize=10)
    return ax


def draw_worth(
    figure: Figure,
    results: Results,
    rows: pd.DataFrame,
    informed: str,
    plain: str,
    *,
    n: int | None = None,
    problem: str | None = None,
) -> Axes:
    """Draw `plot_worth` with decision regions, and return the axes of the curves.

    Parameters
    ----------
    figure : Figure
        Of constrained layout, and empty.
    results : Results
    rows : DataFrame
        Rows of losses of the problem.
    informed, plain, n, problem
        As in `plot_worth`.
    """
    return _draw_answer(figure, results, _answer(results, rows, informed, plain, n), problem)


def _draw_answer(figure: Figure, results: Results, answer: "_Answer", problem: str | None) -> Axes:
    if answer.n is not None and has_regions(results, answer.pair, answer.n, problem):
        axes = figure.subplot_mosaic([["upper", "curves"], ["lower", "curves"]], width_ratios=[1, 2.2])
        for place, learner in zip(("upper", "lower"), answer.pair, strict=True):
            plot_decision_region(results, axes[place], learner=learner, n_samples=int(answer.n), problem=problem)
            axes[place].set_title(f"{folded(learner, 24)}: {_mean_text(answer, learner)}", fontsize=10, color=INK)
        axes["lower"].legend(handles=region_key(), ncols=2, columnspacing=1, handlelength=1, **_KEY)
        ax, line = axes["curves"], _LINE
    else:
        ax, line = figure.subplots(), _LONG_LINE
    ax.set_title(folded(answer.words, line), loc="left", fontsize=9, color=INK)
    _draw_curves(ax, results, answer)
    figure.suptitle(folded(answer.title, _TITLE_LINE), x=0.01, ha="left", fontsize=14, fontweight="bold", color=INK)
    return ax


@dataclass(frozen=True)
class _Answer:
    """What is measured of two learners: the worth of the informed one, or the reason why there is none.

    Attributes
    ----------
    rows : DataFrame
        Of the primary metric on one problem.
    pair : tuple of (str, str)
        The plain learner, and the informed one.
    n : float or None
        The sample size at which they are compared; None if it is not known.
    question : str
        Of the study.
    worth : PriorWorth or None
    reason : str
    """

    rows: pd.DataFrame
    pair: tuple[str, str]
    n: float | None
    question: str
    worth: PriorWorth | None = None
    reason: str = ""

    @property
    def gap(self) -> PriorWorth | None:
        """The worth if it is significant."""
        return self.worth if self.worth is not None and self.worth.is_significant else None

    @property
    def title(self) -> str:
        """The finding, or the study's question where that is open."""
        return self.question if self.gap is None else self.gap.title

    @property
    def words(self) -> str:
        """The numbers behind the title, or why there is no finding."""
        if self.gap is not None:
            return self.gap.in_samples
        found = f"Cannot tell: {self.reason}" if self.worth is None else str(self.worth)
        return f"{found[0].upper()}{found[1:]}"


def _answer(results: Results, rows: pd.DataFrame, informed: str, plain: str, n: int | None) -> _Answer:
    rows, pair, question = judged(rows), (plain, informed), results.study.question
    if rows.empty:
        raise ValueError(f"no metric of {results.study.name} has a best value by which learners could be compared")
    learners_of(rows, [*pair])  # raises if one is not measured
    try:
        worth = worth_of(results.study, rows, informed, plain, n)
    except (NoEquivalence, NotMeasured) as reason:
        return _Answer(rows, pair, n, question, reason=str(reason))
    return _Answer(rows, pair, worth.equivalence.n, question, worth)


def has_regions(results: Results, learners: tuple[str, str], n: float, problem: str | None) -> bool:
    """Return True if the store has the decision maps of learners, and their problem can be drawn."""
    try:
        drawn_problem(results, problem)
        cells = [results.cell(learner, int(n), _SEED, problem) for learner in learners]
    except ValueError:
        return False
    return all(results.decision_map(cell) is not None for cell in cells)


def _mean_text(answer: _Answer, learner: str) -> str:
    """Return the mean of a learner at n over all seeds, with the name of the metric."""
    rows = answer.rows[answer.rows["n_samples"] == answer.n]
    mean, metric = rows.loc[rows["learner"] == learner, "value"].mean(), str(rows["metric"].iloc[0])
    return f"mean {describe(metric).heading} {scale_of(metric).text(float(mean))}"


def _draw_curves(ax: Axes, results: Results, answer: _Answer) -> None:
    rows, looks = answer.rows, learner_looks(results.study)
    largest = rows.loc[rows["learner"].isin(answer.pair), "n_samples"].max()
    shown = rows["learner"].isin([*answer.pair, *_competitors(results, answer, looks)])
    rows = rows[shown & (rows["n_samples"] <= _BEYOND * largest)]
    sizes = {planned.cell.n_samples for planned in plan_study(results.study)}
    ends = draw_curves(ax, rows, str(rows["metric"].iloc[0]), looks, sizes, with_laws=False)
    if answer.gap is not None:
        _draw_gap(ax, answer.rows, answer.gap, looks)
    name_curves(ax, ends)


def _competitors(results: Results, answer: _Answer, looks: Mapping[str, Look]) -> list[str]:
    """Return the learners that are drawn beside the two: of other estimators, without a prior, one of each family.

    They are those of which questions of the study ask, if there are any.
    """
    cells = {planned.learner: planned.cell for planned in plan_study(results.study)}
    own = {cells[learner].estimator for learner in answer.pair}
    asked = {learner for question in results.study.questions for learner in question.learners}
    others = [
        learner
        for learner in learners_of(answer.rows)
        if cells[learner].prior is None and cells[learner].estimator not in own
    ]
    others = [learner for learner in others if learner in asked] or others
    first = {looks[learner].family: learner for learner in reversed(others)}
    return [learner for learner in others if learner in first.values()][:_MOST_COMPETITORS]


def _draw_gap(ax: Axes, rows: pd.DataFrame, worth: PriorWorth, looks: Mapping[str, Look]) -> None:
    """Draw the gap as an arrow from the learner that has n to the other one, with the interval of its end as a bar."""
    found = worth.equivalence
    end, height = found.n_samples, _mean_at(rows, found.a, found.n)
    if not end.side:
        low, high = np.clip([end.low, end.high], *ax.get_xlim())
        ax.hlines(height, low, high, color=looks[found.b].colour, lw=7, alpha=0.45, zorder=2.5, label="_gap_interval")
    arrow = {"arrowstyle": "->" if end.side else "<->", "color": INK, "lw": 1.6, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", (end.value, height), (found.n, height), arrowprops={**arrow, "mutation_scale": 14}, zorder=5)
    if end.side:
        _write_bound(ax, worth.gap, found.n, end.value, height)
    else:
        _write_number(ax, worth.gap, min(found.n, end.low), height)


def _write_bound(ax: Axes, times: CensoredInterval, n: float, end: float, height: float) -> None:
    """Write a bound beyond the end of its arrow, or without room there beside it, away from the curve that has n."""
    words = f"{times.value_text(2)} times"
    if end > n and _inches(ax, end, ax.get_xlim()[1]) > _ROOM_OF_BOUND:
        _write(ax, words, (end, height), (9, 0), size=11)
    else:
        _write(ax, words, (np.sqrt(n * end), height), (0, 12 if end > n else -12), ha="center", size=11)


def _write_number(ax: Axes, times: CensoredInterval, left: float, height: float) -> None:
    """Write a number to the left of its arrow and bar, below all curves that fall, or in the corner below them."""
    number, interval = f"{_TIMES} {times.value_text(2)}", f"95 % interval\n{times.bounds_text(2)}"
    if _inches(ax, ax.get_xlim()[0], left) > _ROOM:
        _write(ax, number, (left, height), (-9, 0), ha="right")
        _write(ax, interval, (left, height), (-9, -20), ha="right", size=8.5)
    else:
        _write(ax, number, (0, 0), (9, 40), of="axes fraction")
        _write(ax, interval, (0, 0), (9, 20), of="axes fraction", size=8.5)


def _inches(ax: Axes, first: float, last: float) -> float:
    """Return the distance between two places of the x axis."""
    height = ax.get_ylim()[0]
    pixels = ax.transData.transform([(first, height), (last, height)])
    return float(pixels[1, 0] - pixels[0, 0]) / ax.figure.dpi


def _write(
    ax: Axes,
    text: str,
    place: tuple[float, float],
    offset: tuple[float, float],
    *,
    of: str = "data",
    ha: str = "left",
    size: float = 15,
) -> None:
    """Write text at a place, in coordinates `of` the axes, moved by points; large text is bold."""
    ax.annotate(
        text,
        place,
        offset,
        xycoords=of,
        textcoords="offset points",
        ha=ha,
        va="center",
        fontsize=size,
        fontweight="bold" if size > 10 else "normal",
        color=INK,
    )


def _mean_at(rows: pd.DataFrame, learner: str, n: float) -> float:
    """Return the mean of a learner at n, between the measured sizes as its curve is drawn."""
    table = summary(rows[rows["learner"] == learner]).sort_values("n_samples")
    there = table[table["mean"] > 0]
    log_means = np.log(there["mean"].to_numpy())[np.newaxis]
    return float(np.exp(interpolated(log_means, there["n_samples"].to_numpy(dtype=float), np.log([n]))[0, 0]))
