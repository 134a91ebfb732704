"""The worth of a prior as a picture: the gap between two learning curves, beside the decision regions of both."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.path import Path
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox, BboxTransformTo
from numpy.typing import NDArray

from studies.analysis.comparisons import summary
from studies.analysis.crossovers import NoEquivalence, interpolated
from studies.analysis.findings import PriorWorth, judged, worth_of
from studies.analysis.intervals import scale_of
from studies.analysis.learning_curves import NotMeasured
from studies.plots.curves import draw_curves
from studies.plots.lines import learners_of, rows_of, sizes_of
from studies.plots.looks import Look, asked, learner_looks
from studies.plots.regions import drawn_problem, plot_decision_region, region_key
from studies.plots.style import INK, NO_BREAK, folded, lay_out, name_curves, new_figure, unbroken
from studies.registry.metrics import describe
from studies.registry.plots import plot
from studies.results.results import Results
from studies.spec.cells import plan_study

WORTH_SIZE = (8.3, 5.0)
"""Inches of the whole picture: of 100 pixels each it is as wide as a README."""

_SEED = 0  # of the decision regions
_REGION_LINE, _LETTERS = 24, 12  # letters of a line of the title of regions, and of an inch of that of other axes
_MOST_COMPETITORS = 2
_BEYOND = 10  # factor beyond the sizes of the two up to which others are drawn
_MARGIN = 5  # points around a number
_GRID = 24  # places of a number along each side of the axes
_CROSSED, _CROSSED_INTERVAL = 1.0, 0.25  # inches that a number may be farther away, to cross one line less
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
        Axes for the curves alone, of a figure with ``layout="constrained"``, so that the names beside them have room.
        None makes a new figure, with the decision regions of both at n and seed 0 beside the curves, if the study's
        gallery has them.

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
    line = max(_REGION_LINE, int(_LETTERS * ax.get_window_extent().width / ax.figure.dpi))
    ax.set_title("\n".join(folded(text, line) for text in (answer.title, answer.words)), fontsize=10)
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
            mean = _mean_text(answer, learner).replace(" ", NO_BREAK)
            axes[place].set_title(folded(f"{learner}: {mean}", _REGION_LINE), fontsize=10, color=INK)
        figure.legend(
            handles=region_key(), loc="outside lower left", ncols=4, handlelength=1, fontsize=8, frameon=False
        )
        ax = axes["curves"]
    else:
        ax = figure.subplots()
    title: dict[str, Any] = {"color": INK, "wrap": True}
    ax.set_title(unbroken(answer.words), loc="left", fontsize=9, **title)
    figure.suptitle(unbroken(answer.title), x=0.01, ha="left", fontsize=14, fontweight="bold", **title)
    _draw_curves(ax, results, answer)
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
        if self.worth is None:
            return f"Cannot tell: {self.reason}"
        return self.worth.capitalised(str(self.worth))


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
    sizes = sizes_of(results.study, rows)
    ends = draw_curves(ax, rows, str(rows["metric"].iloc[0]), looks, sizes, with_laws=False)
    if answer.gap is not None:
        _draw_gap(ax, answer.rows, answer.gap, looks)
    name_curves(ax, ends)
    if answer.gap is not None:
        _write_gap(ax, answer.rows, answer.gap)


def _competitors(results: Results, answer: _Answer, looks: Mapping[str, Look]) -> list[str]:
    """Return the learners that are drawn beside the two: of other estimators, without a prior, one of each family.

    They are those of which questions of the study ask, if there are any.
    """
    cells = {planned.learner: planned.cell for planned in plan_study(results.study)}
    own = {cells[learner].estimator for learner in answer.pair}
    others = [
        learner
        for learner in learners_of(answer.rows)
        if not looks[learner].dash and cells[learner].estimator not in own
    ]
    others = [learner for learner in others if learner in asked(results.study)] or others
    first = {looks[learner].family: learner for learner in reversed(others)}
    return [learner for learner in others if learner in first.values()][:_MOST_COMPETITORS]


def _draw_gap(ax: Axes, rows: pd.DataFrame, worth: PriorWorth, looks: Mapping[str, Look]) -> None:
    """Draw the gap as an arrow from the learner that has n to the other one, with the interval of its end as a bar."""
    found = worth.equivalence
    end, height = found.n_samples, _mean_at(rows, found.a, found.n)
    if not end.side:
        low, high = np.clip([end.low, end.high], *ax.get_xlim())
        bar: dict[str, Any] = {
            "lw": 7,
            "alpha": 0.45,
            "solid_capstyle": "butt",
            "zorder": 2.5,
            "label": "_gap_interval",
        }
        ax.plot([low, high], [height, height], color=looks[found.b].colour, **bar)
    arrow = {"arrowstyle": "->" if end.side else "<->", "color": INK, "lw": 1.6, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", (end.value, height), (found.n, height), arrowprops={**arrow, "mutation_scale": 14}, zorder=5)


def _write_gap(ax: Axes, rows: pd.DataFrame, worth: PriorWorth) -> None:
    """Write the number, and its interval if it has one, where nothing else is drawn, as near to the arrow as possible.

    Call it last: it lays the figure out to find the place.
    """
    found = worth.equivalence
    number = f"{_TIMES} {worth.gap.value_text(2)}"
    texts = {number: 15.0, f"95 % interval\n{worth.gap.bounds_text(2)}": 8.5}
    if found.n_samples.side:
        texts = {f"{worth.gap.value_text(2)} times": 11.0}
    lay_out(cast(Figure, ax.get_figure(root=True)))
    drawn = [_written(ax, text, size) for text, size in texts.items()]
    boxes = [text.get_window_extent() for text in drawn]
    width, height = max(box.width for box in boxes), sum(box.height for box in boxes)
    ends = ax.transData.transform([(n, _mean_at(rows, found.a, found.n)) for n in (found.n, found.n_samples.value)])
    x, y = _free_place(ax, width, height, ends, drawn)
    place = ax.transAxes.inverted().transform((x, y))
    points = 72 / ax.figure.dpi
    top = y + height / 2
    for text, box in zip(drawn, boxes, strict=True):
        text.xy = (place[0], place[1])
        text.xyann = (0, (top - box.height / 2 - y) * points)
        top -= box.height


def _written(ax: Axes, text: str, size: float) -> Annotation:
    """Write text on the background of the axes; it still needs its place."""
    return ax.annotate(
        text,
        (0.5, 0.5),
        (0, 0),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=size,
        fontweight="bold" if size > 10 else "normal",
        color=INK,
        bbox={"color": ax.get_facecolor(), "pad": 0.5},
        zorder=6,
    )


def _free_place(
    ax: Axes, width: float, height: float, ends: NDArray[np.float64], ignored: Collection[Text]
) -> NDArray[np.float64]:
    """Return the centre of a box in pixels within the axes, as near to an arrow as it can be where it crosses little.

    Parameters
    ----------
    ax : Axes
        Laid out, with all that it shows.
    width, height : float
        Of the box, in pixels.
    ends : ndarray of shape (2, 2)
        Of the arrow to which it is to be near.
    ignored : collection of Text
        Texts in the axes that the box may cross.
    """
    inch = ax.figure.dpi
    half = np.array([width, height]) / 2 + _MARGIN * inch / 72
    frame, paths = ax.get_window_extent(), list(_drawn_paths(ax, ignored))
    sides = [np.linspace(low, high, _GRID) for low, high in zip(frame.min + half, frame.max - half, strict=True)]
    centres = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2)
    boxes = [Bbox([centre - half, centre + half]) for centre in centres]
    crossed = [sum(cost for path, cost in paths if path.intersects_bbox(box, filled=False)) for box in boxes]
    nearest = np.clip(centres, ends.min(axis=0), ends.max(axis=0))
    away = np.hypot(*(np.abs(centres - nearest) - half).clip(0).T) + 0.1 * np.hypot(*(centres - ends.mean(axis=0)).T)
    return centres[np.argmin(away / inch + crossed)]


def _drawn_paths(ax: Axes, ignored: Collection[Text]) -> Iterator[tuple[Path, float]]:
    """Yield what is drawn in axes, in pixels, with the cost of crossing it: lines, arrows, texts, and intervals."""
    for line in ax.lines:
        yield line.get_transform().transform_path(line.get_path()), _CROSSED
    for lines in ax.collections:
        for path in lines.get_paths():
            yield lines.get_transform().transform_path(path), _CROSSED_INTERVAL
    for text in ax.texts:
        if isinstance(text, Annotation) and text.arrow_patch is not None:
            yield text.arrow_patch.get_path(), _CROSSED
        if text.get_text() and text not in ignored:
            yield Path.unit_rectangle().transformed(BboxTransformTo(Text.get_window_extent(text))), _CROSSED


def _mean_at(rows: pd.DataFrame, learner: str, n: float) -> float:
    """Return the mean of a learner at n, between the measured sizes as its curve is drawn."""
    table = summary(rows[rows["learner"] == learner]).sort_values("n_samples")
    there = table[table["mean"] > 0]
    log_means = np.log(there["mean"].to_numpy())[np.newaxis]
    return float(np.exp(interpolated(log_means, there["n_samples"].to_numpy(dtype=float), np.log([n]))[0, 0]))
