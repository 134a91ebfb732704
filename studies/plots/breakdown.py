"""Errors by density and by distance to the boundary, which show where a prior helps and where it harms."""

from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from studies.analysis.breakdowns import breakdown_difference, breakdown_size, breakdown_summary
from studies.analysis.intervals import scale_of, zero_text
from studies.plots.lines import learners_of, rows_of
from studies.plots.looks import Look, asked, chosen, learner_looks
from studies.plots.style import (
    INK,
    PALE,
    End,
    background_end,
    clip_ylim,
    draw_joined,
    draw_points,
    drawable,
    literal,
    name_curves,
    name_zeros,
    new_axes,
    set_scale,
    spans_a_decade,
    tidy,
)
from studies.registry.metrics import describe
from studies.registry.plots import plot
from studies.registry.test_sets import TestSets
from studies.results.results import Results

_LABELS = {"density": "fifths of the points by density", "distance": "fifths of the points by distance to the boundary"}
_WIDTH = 0.5  # over which the learners of a bin stand side by side, in bins


@plot()
def plot_breakdown(
    results: Results,
    ax: Axes | None = None,
    *,
    by: Literal["density", "distance"] = "distance",
    n_samples: int | None = None,
    learners: list[str] | None = None,
    against: str | None = None,
    problem: str | None = None,
) -> Axes:
    """Plot the error in each fifth of the test points, by density or by distance to the boundary.

    Parameters
    ----------
    results : Results
        Of a study that measures `error_density` or `error_distance`.
    ax : Axes or None, default=None
        None makes a new figure.
    by : {"density", "distance"}, default="distance"
    n_samples : int or None, default=None
        Sample size; None takes the largest that most learners have.
    learners : list of str or None, default=None
        Labels of learners or families; None takes all.
    against : str or None, default=None
        A learner whose error is subtracted from those of the others, paired by seed: below zero they are better.
    problem : str or None, default=None
        Label of a problem, if the study has several.

    Returns
    -------
    ax : Axes
        Means with intervals, the learners of a bin side by side, joined by lines from bin to bin.

    Raises
    ------
    ValueError
        If the study has no such learner, sample size or problem, or the errors are not measured.

    Examples
    --------
    Of the results of a study with the metric ``error_density``::

        ax = plot_breakdown(results, by="density", against="net")
        ax.figure.savefig("breakdown.png")
    """
    rows = rows_of(results, problem)
    size = breakdown_size(rows, by) if n_samples is None else n_samples
    rows = rows[rows["learner"].isin([*learners_of(rows, learners), against])]
    table = pd.DataFrame() if size is None else _table(rows, by, size, against)
    if table.empty:
        at = f" at n = {size:,}" if size else ""
        raise ValueError(f"errors by {by} are not measured{at}; they need 'error_{by}' among the study's metrics")
    ax, looks = new_axes(ax), learner_looks(results.study)
    log = against is None and spans_a_decade(table["mean"], zeros=True)
    scale = scale_of("error")
    set_scale(ax.yaxis, log=log, factor=scale.factor, unit="" if against else scale.unit)
    ends = _draw(ax, table, looks, chosen(table["learner"], looks, asked(results.study)))
    ends += background_end(ax)
    if against is not None:
        _draw_zero(ax, against)
    _lay_out(ax, results, by, sorted(table["bin"].unique()), problem)
    what = describe("error").heading
    if against is not None:
        what += f" minus that of {literal(against)}, in{scale.difference_unit}"
    ax.set_ylabel(f"{what} (n = {size:,})")
    clip_ylim(ax, table["mean"])
    name_zeros(ax, zero_text(f"error_{by}_1", None))
    name_curves(ax, ends)
    return ax


def _table(rows: pd.DataFrame, by: str, n_samples: int, against: str | None) -> pd.DataFrame:
    """Return means and intervals by learner and bin, of errors or of their differences from those of a learner."""
    found = breakdown_summary(rows, by, n_samples)
    if against is None or found.empty:
        return found
    others = [name for name in found["learner"].unique() if name != against]
    tables = [breakdown_difference(rows, name, against, n_samples, by).assign(learner=name) for name in others]
    return pd.concat(tables).rename(columns={"difference": "mean"}) if tables else found.iloc[:0]


def _draw(ax: Axes, table: pd.DataFrame, looks: dict[str, Look], learners: list[str]) -> list[End]:
    ends = []
    beside = np.linspace(-_WIDTH / 2, _WIDTH / 2, len(learners)) if len(learners) > 1 else [0.0]
    for learner in table["learner"].unique():
        part = table[table["learner"] == learner].sort_values("bin")
        if learner not in learners:
            ax.plot(part["bin"], drawable(ax, part["mean"]), color=PALE, lw=1, zorder=0.5, label="_background")
            continue
        look, x = looks[learner], part["bin"] + beside[learners.index(learner)]
        draw_points(ax, x, part["mean"], (part["low"].clip(-1, 1), part["high"].clip(-1, 1)), look, learner)
        draw_joined(ax, x, part["mean"], look, x)
        ends.append(End(learner, float(x.iloc[-1]), float(part["mean"].iloc[-1]), look))
    return ends


def _draw_zero(ax: Axes, against: str) -> None:
    """Draw the line of a learner whose error is subtracted, with its name at its start."""
    ax.axhline(0, color=INK, lw=1, label="_zero_line")
    ax.annotate(
        literal(against),
        (0, 0),
        (3, 3),
        xycoords=ax.get_yaxis_transform(),
        textcoords="offset points",
        va="bottom",
        fontsize=8,
        color=INK,
        bbox={"color": ax.get_facecolor(), "pad": 0.5},
    )


def _lay_out(ax: Axes, results: Results, by: str, bins: list[int], problem: str | None) -> None:
    """Label the bins: by density in words, by distance with the edges between them."""
    ax.set_xlim(bins[0] - 0.5, bins[-1] + 0.5)
    ax.set_xlabel(_LABELS[by])
    tidy(ax)
    ax.grid(visible=False, axis="x")
    if by == "density":
        ax.set_xticks(bins, ["sparsest", *map(str, bins[1:-1]), "densest"][: len(bins)])
        return
    edges = TestSets(results.problem(problem)).bins.distance_edges
    if results.problem_label(problem) in results.fresh_problems:
        ax.set_xlabel(f"{_LABELS[by]} (edges of seed {results.study.first_seed})")
    ax.set_xticks(np.arange(len(edges)) + 0.5, [f"{edge:.2g}" if edge > edges[-1] / 1000 else "0" for edge in edges])
