"""Learning curves with their scaling laws and crossovers, and the data equivalence of the learners."""

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from studies.analysis.comparisons import summary
from studies.analysis.crossovers import find_crossovers, interpolated, log_grid
from studies.analysis.findings import find
from studies.analysis.intervals import CensoredInterval, scale_of, zero_text
from studies.analysis.learning_curves import learning_curve, sampling_of
from studies.analysis.scaling_laws import ScalingLaw, fit_all
from studies.plots.baseline import draw_baseline
from studies.plots.lines import exact, learners_of, metric_of, rows_of, sizes_of
from studies.plots.looks import Look, asked, chosen, learner_looks
from studies.plots.style import (
    GREY,
    INK,
    PALE,
    End,
    background_end,
    broken,
    draw_joined,
    draw_points,
    draw_seeds,
    folded,
    line_style,
    marker_size,
    name_curves,
    name_zeros,
    new_axes,
    set_scale,
    tidy,
)
from studies.registry.metrics import describe
from studies.registry.plots import plot
from studies.results.results import Results

_LAW_POINTS = 100  # points of the line of a law
_CLIP = 10.0  # factor beyond the means up to which intervals are shown
_MARGIN = 1.25
_BESIDE = 2.0  # points between the intervals of two learners
_BOUND_MARKERS = {"above": ">", "below": "<"}


@plot()
def plot_learning_curves(
    results: Results,
    ax: Axes | None = None,
    *,
    metric: str | None = None,
    learners: list[str] | None = None,
    problem: str | None = None,
) -> Axes:
    """Plot a metric against sample size, with the scaling laws of the learners and their crossovers.

    Parameters
    ----------
    results : Results
    ax : Axes or None, default=None
        None makes a new figure.
    metric : str or None, default=None
        A metric with positive values, such as "error_uniform"; None takes the primary one, such as the error under
        the sampling density.
    learners : list of str or None, default=None
        Labels of learners or families; None takes all.
    problem : str or None, default=None
        Label of a problem, if the study has several.

    Returns
    -------
    ax : Axes
        Means over seeds with their intervals, on logarithmic scales, and a small pale dot for each seed. A line through
        the means is a `ScalingLaw`, dotted where it extrapolates; without a law they are joined by a thin line. A ring
        with a bar is a crossover with its interval. A mean of 0 is an open mark at the foot. The thin grey line is the
        baseline. Of more than six learners six have colours: those of the study's questions, then the first of each
        family.

    Raises
    ------
    ValueError
        If the study has no such metric, learner or problem, or nothing of it is measured.

    Examples
    --------
    Two metrics side by side::

        figure, (left, right) = plt.subplots(1, 2)
        plot_learning_curves(results, left)
        plot_learning_curves(results, right, metric="error_uniform")
    """
    rows = rows_of(results, problem)
    metric = metric_of(rows, metric)
    rows = rows[(rows["metric"] == metric) & rows["learner"].isin(learners_of(rows, learners))]
    ax = new_axes(ax)
    looks, sizes = learner_looks(results.study), sizes_of(results.study, rows)
    coloured = chosen(rows["learner"].unique(), looks, asked(results.study))
    ends = draw_curves(ax, rows, metric, looks, sizes, coloured)
    ends += background_end(ax)
    draw_baseline(ax, results, rows, metric)
    name_curves(ax, ends)
    return ax


def draw_curves(
    ax: Axes,
    rows: pd.DataFrame,
    metric: str,
    looks: Mapping[str, Look],
    sizes: Collection[int],
    coloured: Collection[str] | None = None,
    *,
    with_laws: bool = True,
) -> list[End]:
    """Draw the curves of one metric, and return the ends of those that have colours.

    Parameters
    ----------
    ax : Axes
    rows : DataFrame
        Of one metric and problem.
    metric : str
    looks : mapping of str to Look
    sizes : collection of int
        All sample sizes of the problem in the study; points far apart among them are not joined.
    coloured : collection of str or None, default=None
        Learners; the others are in the background. None takes all.
    with_laws : bool, default=True
        Whether to draw scaling laws and crossovers. Without them the means are joined by the curves between them from
        which a data equivalence is read.
    """
    own = rows if coloured is None else rows[rows["learner"].isin(coloured)]
    laws, ends, table = fit_all(own, metric) if with_laws else {}, [], summary(rows)
    numbers = ["mean", "low", "high"]
    table[numbers] = exact(metric, table[numbers])
    set_scale(ax.xaxis, log=True, at=rows["n_samples"].unique())
    scale = scale_of(metric, on_rows=sampling_of(rows).on_rows)
    set_scale(ax.yaxis, log=True, factor=scale.factor, unit=scale.unit)
    seeds = rows.assign(value=exact(metric, rows["value"]))
    _set_limits(ax, table[table["mean"] > 0], seeds["value"])
    names = list(own["learner"].unique())
    for learner, curve in table.groupby("learner", sort=False):
        name, n, mean = str(learner), curve["n_samples"], curve["mean"]
        if coloured is not None and name not in coloured:
            ax.plot(*broken(ax, n, mean, list(sizes)), color=PALE, lw=1, zorder=0.5, label="_background")
            continue
        look, law = looks[name], laws.get(name)
        aside = _BESIDE * (names.index(name) - (len(names) - 1) / 2)
        if curve["seeds"].max() > 1:
            of_learner = seeds[seeds["learner"] == name]
            draw_seeds(ax, of_learner["n_samples"], of_learner["value"], look, aside=aside)
        draw_points(ax, n, mean, (curve["low"], curve["high"]), look, name, aside=aside)
        if isinstance(law, ScalingLaw):
            _draw_law(ax, law, look)
        elif not with_laws:
            _draw_interpolated(ax, n, mean, look, sizes)
        else:
            draw_joined(ax, n, mean, look, list(sizes))
        ends.append(End(name, float(n.iloc[-1]), float(mean.iloc[-1]), look))
    if with_laws:
        _draw_crossings(ax, own, metric)
    name_zeros(ax, zero_text(metric, sampling_of(rows).n_test))
    ax.set(xlabel="training points n", ylabel=scale.title)
    tidy(ax)
    return ends


def _set_limits(ax: Axes, table: pd.DataFrame, seeds: pd.Series) -> None:
    """Include all means, intervals and seeds up to ten times beyond, and what axes of the same limits show already."""
    if table.empty:
        ax.set_ylim(0.1, 1)
        return
    least = min(table[["mean", "low"]].min(axis=None), seeds[seeds > 0].min())
    most = max(table[["mean", "high"]].max(axis=None), seeds.max())
    low = max(least, table["mean"].min() / _CLIP) / _MARGIN
    high = min(most, table["mean"].max() * _CLIP) * _MARGIN
    if not ax.get_autoscaley_on():
        shown = ax.get_ylim()
        low, high = min(low, shown[0]), max(high, shown[1])
    ax.set_ylim(low, high)


def _draw_law(ax: Axes, law: ScalingLaw, look: Look) -> None:
    first, last = law.curve.sizes[[0, -1]]
    within, beyond = np.geomspace(first, last, _LAW_POINTS), np.geomspace(last, law.reach, _LAW_POINTS)
    for n, style, width, label in ((within, line_style(look), 1.6, "_law"), (beyond, ":", 1.1, "_reach")):
        ax.plot(n, law.predict(n), color=look.colour, lw=width, ls=style, label=label)


def _draw_interpolated(ax: Axes, n: ArrayLike, means: ArrayLike, look: Look, sizes: Collection[int]) -> None:
    x, y = broken(ax, n, means, list(sizes))
    for piece in np.split(np.arange(len(x)), np.flatnonzero(np.isnan(y))):
        there = piece[~np.isnan(y[piece])]
        if len(there) > 1:
            log_n = log_grid(*x[there[[0, -1]]])
            line = np.exp(interpolated(np.log(y[there])[np.newaxis], x[there], log_n)[0])
            ax.plot(np.exp(log_n), line, color=look.colour, lw=1.6, ls=line_style(look), label="_joined")


def _draw_crossings(ax: Axes, rows: pd.DataFrame, metric: str) -> None:
    for crossing in find_crossovers(rows, metric):
        assert crossing.n is not None
        curve = learning_curve(rows, crossing.a, metric)
        height = float(np.exp(interpolated(curve.log_means()[:1], curve.sizes, np.log([crossing.n.mean]))[0, 0]))
        ax.hlines(height, crossing.n.low, crossing.n.high, color=INK, lw=1.3, zorder=4)
        ax.plot(
            crossing.n.mean,
            height,
            ls="",
            marker="o",
            markersize=7,
            markerfacecolor="none",
            markeredgecolor=INK,
            markeredgewidth=1.3,
            zorder=4,
            label="_crossing",
        )


@plot()
def plot_data_equivalence(results: Results, ax: Axes | None = None, *, problem: str | None = None) -> Axes:
    """Plot how many times the training points each learner needs to reach the error of the learner with the prior.

    Parameters
    ----------
    results : Results
    ax : Axes or None, default=None
        None makes a new figure.
    problem : str or None, default=None
        Label of a problem, if the study has several.

    Returns
    -------
    ax : Axes
        A row for each learner, with its interval, on a logarithmic scale; the learner that needs most is at the top. An
        open arrow is a bound: the number lies beyond the measured sample sizes. Learners of which the data determine
        neither a number nor a bound are named below the axis.

    Raises
    ------
    ValueError
        If the study has no such problem, or the data do not determine the number for any learner.

    Examples
    --------
    Of the results of a study that asks a question about a prior::

        ax = plot_data_equivalence(results)
        ax.figure.savefig("equivalence.png")
    """
    rows = rows_of(results, problem)
    (found,) = find(results.study, rows)
    needed = [
        (competitor.learner, competitor.equivalence.times)
        for competitor in found.competitors
        if competitor.equivalence is not None
    ]
    if not needed:
        raise ValueError("the data equivalence of no learner is determined; a pair needs at least two seeds")
    needed.sort(key=lambda pair: pair[1].value)
    ax, looks = new_axes(ax), learner_looks(results.study)
    ax.axvline(1, color=GREY, lw=1)
    for place, (learner, times) in enumerate(needed):
        _draw_times(ax, place, times, looks[learner])
    ax.set_yticks(range(len(needed)), [folded(learner) for learner, _ in needed])
    ax.set_ylim(-0.6, len(needed) - 0.4)
    ends = [value for _, times in needed for value in (times.value, times.low, times.high)]
    ends = [value for value in (*ends, 1.0) if 0 < value < np.inf]
    ax.set_xlim(min(ends) / 2, max(ends) * 2.5)
    set_scale(ax.xaxis, log=True, unit="x")
    metric = metric_of(rows)
    scale = scale_of(metric, on_rows=sampling_of(rows).on_rows)
    words = f"times the data of {found.reference} with n = {found.n_samples:,}, for the same {describe(metric).heading}"
    missing = [competitor.learner for competitor in found.competitors if competitor.equivalence is None]
    note = [f"not determined by the data: {', '.join(missing)}"] if missing else []
    ax.set_xlabel("\n".join(folded(text, 60) for text in (words, *note)))
    ax.set_title("\n".join(folded(text, 70) for text in (found.title, scale.title) if text), fontsize=10)
    tidy(ax)
    ax.grid(visible=False, axis="y")
    return ax


def _draw_times(ax: Axes, place: int, times: CensoredInterval, look: Look) -> None:
    if not times.side:
        ends = [np.clip(end, 1e-6 * times.value, 1e6 * times.value) for end in (times.low, times.high)]
        ax.hlines(place, *ends, color=look.colour, lw=2.5, alpha=0.65)
    ax.plot(
        times.value,
        place,
        marker=_BOUND_MARKERS.get(times.side, look.marker),
        color=look.colour,
        markersize=marker_size(look, 8),
        mfc="white" if times.side else look.colour,
        mec=look.colour if times.side else "white",
        label="_times",
    )
    ax.annotate(
        f"{times.value_text(2)} {times.bounds_text(2)}".rstrip(),
        (times.value, place),
        (0, 7),
        textcoords="offset points",
        ha="center",
        fontsize=8,
        color=INK,
        bbox={"color": "white", "pad": 0.5},
    )
