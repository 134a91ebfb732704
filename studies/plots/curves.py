"""Learning curves with their laws and crossings, and how many times the data each learner needs."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from studies.analysis.comparisons import summary
from studies.analysis.crossovers import find_crossovers, interpolated
from studies.analysis.findings import find
from studies.analysis.intervals import CensoredInterval, scale_of
from studies.analysis.learning_curves import learning_curve
from studies.analysis.scaling_laws import ScalingLaw, fit_all
from studies.plots.lines import learners_of, metric_of, rows_of
from studies.plots.style import (
    GREY,
    INK,
    End,
    Look,
    draw_points,
    folded,
    line_style,
    literal,
    looks,
    marker_size,
    name_curves,
    new_axes,
    set_scale,
    tidy,
)
from studies.registry.plots import plot
from studies.registry.test_sets import N_TEST
from studies.results.results import Results

_ON_A_LAW = 100  # points
_BEYOND_MEANS, _MARGIN = 10.0, 1.25
_BEYOND = {"above": ">", "below": "<"}


@plot()
def plot_learning_curves(
    results: Results,
    ax: Axes | None = None,
    *,
    metric: str | None = None,
    learners: list[str] | None = None,
    problem: str | None = None,
) -> Axes:
    """Draw a loss against sample size: points with intervals, the laws that fit them, and where they cross.

    Parameters
    ----------
    results : Results
    ax : Axes or None, default=None
        None draws on a new figure.
    metric : str or None, default=None
        A loss, such as "error_uniform"; None takes the error, or the mean squared error, under the sampling density.
    learners : list of str or None, default=None
        Labels, or those of families; None draws all.
    problem : str or None, default=None
        Its label, where the study has several.

    Returns
    -------
    ax : Axes
        Logarithmic both ways. A line through the points is a `ScalingLaw`, dotted beyond the data as far as it
        reaches; where there is none, points are joined by a thin line. A bar with a ring is a crossing with its
        interval. A mean below one error in the test points is drawn at that line.

    Raises
    ------
    ValueError
        If the study has no such part, or nothing of it is measured.
    """
    rows = rows_of(results, problem)
    metric = metric_of(rows, metric)
    rows = rows[(rows["metric"] == metric) & rows["learner"].isin(learners_of(rows, learners))]
    ax = new_axes(ax)
    name_curves(ax, draw_curves(ax, rows, metric, looks(results.learners)))
    return ax


def draw_curves(ax: Axes, rows: pd.DataFrame, metric: str, styles: dict[str, Look]) -> list[End]:
    """Draw the curves of one metric, and return where they end."""
    floor, ceiling = (1 / N_TEST, 1.0) if metric.startswith("error") else (np.finfo(float).eps, np.inf)
    laws, ends, table = fit_all(rows, metric), [], summary(rows)
    table[["mean", "low", "high"]] = table[["mean", "low", "high"]].clip(floor, ceiling)
    _set_limits(ax, table)
    for learner, curve in table.groupby("learner", sort=False):
        name = str(learner)
        n, mean, interval = curve["n_samples"], curve["mean"], (curve["low"], curve["high"])
        draw_points(ax, n, mean, interval, styles[name], name)
        law = laws.get(name)
        if isinstance(law, ScalingLaw):
            _draw_law(ax, law, floor, styles[name])
        else:
            ax.plot(n, mean, color=styles[name].colour, lw=0.9, alpha=0.6, ls=line_style(styles[name]), label="_joined")
        ends.append(End(name, float(n.iloc[-1]), float(mean.iloc[-1]), styles[name]))
    _draw_crossings(ax, rows, metric)
    scale = scale_of(metric)
    set_scale(ax.xaxis, log=True, at=rows["n_samples"].unique())
    set_scale(ax.yaxis, log=True, factor=scale.factor, unit=scale.unit)
    ax.set(xlabel="training points n", ylabel=scale.title)
    tidy(ax)
    return ends


def _set_limits(ax: Axes, table: pd.DataFrame) -> None:
    """Show all means, and intervals up to ten times beyond; beside axes that share theirs, what these show too."""
    low = max(table[["mean", "low"]].min(axis=None), table["mean"].min() / _BEYOND_MEANS) / _MARGIN
    high = min(table[["mean", "high"]].max(axis=None), table["mean"].max() * _BEYOND_MEANS) * _MARGIN
    if not ax.get_autoscaley_on():
        shown = ax.get_ylim()
        low, high = min(low, shown[0]), max(high, shown[1])
    ax.set_ylim(low, high)


def _draw_law(ax: Axes, law: ScalingLaw, floor: float, look: Look) -> None:
    first, last = law.curve.sizes[[0, -1]]
    within, beyond = np.geomspace(first, last, _ON_A_LAW), np.geomspace(last, law.reach, _ON_A_LAW)
    for n, style, label in ((within, line_style(look), "_law"), (beyond, ":", "_reach")):
        ax.plot(n, law.predict(n).clip(min=floor), color=look.colour, lw=1.6, ls=style, label=label)


def _draw_crossings(ax: Axes, rows: pd.DataFrame, metric: str) -> None:
    for crossing in find_crossovers(rows, metric):
        assert crossing.n is not None
        curve = learning_curve(rows, crossing.a, metric)
        height = float(np.exp(interpolated(curve.log_means()[:1], curve.sizes, np.log([crossing.n.mean]))[0, 0]))
        ax.hlines(height, crossing.n.low, crossing.n.high, color=INK, lw=1.3, zorder=4)
        ax.plot(
            crossing.n.mean,
            height,
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
    """Draw how many times the training points each learner needs for the error of the one with the prior.

    Parameters
    ----------
    results : Results
    ax : Axes or None, default=None
        None draws on a new figure.
    problem : str or None, default=None
        Its label, where the study has several.

    Returns
    -------
    ax : Axes
        Logarithmic; a learner a row, the most demanding at the top, with its interval. An arrow says that the number is
        beyond what was measured, from there on.

    Raises
    ------
    ValueError
        If the study has no such problem, or the data tell of no learner how many it needs.
    """
    rows = rows_of(results, problem)
    (found,) = (each for each in find(results.study, results.frame()) if each.problem in ("", problem))
    told = [
        (competitor.learner, competitor.equivalence.times)
        for competitor in found.competitors
        if competitor.equivalence is not None
    ]
    if not told:
        raise ValueError("how many samples a learner needs is told of none; at least two seeds of a pair are needed")
    told.sort(key=lambda pair: pair[1].value)
    ax, styles = new_axes(ax), looks(results.learners)
    ax.axvline(1, color=GREY, lw=1)
    for place, (learner, times) in enumerate(told):
        _draw_times(ax, place, times, styles[learner])
    ax.set_yticks(range(len(told)), [literal(learner) for learner, _ in told])
    ax.set_ylim(-0.6, len(told) - 0.4)
    ends = [value for _, times in told for value in (times.value, times.low, times.high)]
    ends = [value for value in (*ends, 1.0) if 0 < value < np.inf]
    ax.set_xlim(min(ends) / 2, max(ends) * 2.5)
    set_scale(ax.xaxis, log=True, unit="x")
    scale = scale_of(metric_of(rows)).title
    ax.set_xlabel(folded(f"times the data of {found.reference} with n = {found.n_samples:,}, for its error", 60))
    ax.set_title(scale, fontsize=10)
    tidy(ax)
    ax.grid(visible=False, axis="y")
    return ax


def _draw_times(ax: Axes, place: int, times: CensoredInterval, look: Look) -> None:
    if not times.side:
        ends = [np.clip(end, 1e-6 * times.value, 1e6 * times.value) for end in (times.low, times.high)]
        ax.hlines(place, *ends, color=look.colour, lw=2.5, alpha=0.65)
    marker = _BEYOND.get(times.side, look.marker)
    ax.plot(
        times.value,
        place,
        marker=marker,
        color=look.colour,
        markersize=marker_size(look, 8),
        mec="white",
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
