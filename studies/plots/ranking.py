"""Mean ranks of learners over the problems of a study, with the groups that do not differ significantly."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import offset_copy

from studies.analysis.intervals import scale_of
from studies.analysis.learning_curves import losses
from studies.analysis.ranking import Ranking, errors_by_problem, fewest_problems, rank_learners
from studies.plots.lines import learners_of, metric_of
from studies.plots.looks import Look, learner_looks
from studies.plots.style import INK, folded, marker_size, new_axes, tidy
from studies.registry.metrics import describe
from studies.registry.plots import plot
from studies.results.results import Results
from studies.spec.cells import plan_study

_FEWEST_LEARNERS = 3  # in the figures that a study has without asking
_BETWEEN_BARS = 11  # points


@plot(whole_study=True)
def plot_ranking(
    results: Results,
    ax: Axes | None = None,
    *,
    metric: str | None = None,
    learners: list[str] | None = None,
    n_samples: int | None = None,
) -> Axes:
    """Plot the mean ranks of the learners over the problems of a study, and the learners that do not differ.

    The diagram of Demsar (JMLR 7, 2006, section 3.2), with intervals of the ranks, and with tests of pairs that do not
    depend on the other learners (Benavoli, Corani and Mangili, JMLR 17, 2016); see `studies.analysis.rank_learners`.

    Parameters
    ----------
    results : Results
        Of a study whose problems are a sample of the problems that a conclusion is about, such as data sets.
    ax : Axes or None, default=None
        None makes a new figure.
    metric : str or None, default=None
        A metric with a best value; None takes the primary one, such as the error under the sampling density.
    learners : list of str or None, default=None
        Labels of learners or families; None takes all. A rank is one among these learners.
    n_samples : int or None, default=None
        Sample size; None takes the largest of those with the most problems on which all learners are measured.

    Returns
    -------
    ax : Axes
        A row for each learner, the best mean rank at the top, with the interval of its expected rank. To the right a
        bar joins learners of which no two differ significantly, with a dot at each of them.

    Raises
    ------
    ValueError
        If the study has no such metric, learner or sample size; if all learners are measured on fewer than two problems
        at one size; or if its problems are the values of an axis, which are no sample of problems.

    Examples
    --------
    Of the results of a study on several data sets::

        ax = plot_ranking(results, learners=["net", "kNN", "forest"])
        ax.figure.savefig("ranking.png")
    """
    metric, size, errors = _errors(results, metric, learners, n_samples)
    ranking, looks = rank_learners(errors), learner_looks(results.study)
    ax = new_axes(ax)
    names = list(ranking.ranks.index)
    for place, (name, *row) in enumerate(ranking.ranks.itertuples(name=None)):
        _draw_rank(ax, place, row, looks[name])
    ax.set_yticks(range(len(names)), [folded(name) for name in names])
    ax.set(xlim=(0.9, len(names) + 0.1), ylim=(len(names) - 0.4, -0.6))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    _draw_groups(ax, [group for group in ranking.groups if len(group) > 1], names)
    on_rows = all(planned.cell.rows for planned in plan_study(results.study))
    title = f"{scale_of(metric, on_rows=on_rows).title}, n = {size:,}{_answer(ranking)}"
    ax.set_title(folded(title, 64), fontsize=10)
    ax.set_xlabel(f"mean rank over {ranking.n_problems} problems, 1 is best\n{_note(ranking)}")
    tidy(ax)
    ax.grid(visible=False, axis="y")
    return ax


def has_ranking(results: Results) -> bool:
    """Return whether a study is ranked without asking: if it can show a difference of three or more learners."""
    try:
        n_problems, n_learners = _errors(results, None, None, None)[2].shape
    except ValueError:  # its problems are no sample, or it is not measured
        return False
    return n_learners >= _FEWEST_LEARNERS and n_problems >= fewest_problems(n_learners)


def _errors(
    results: Results, metric: str | None, learners: list[str] | None, n_samples: int | None
) -> tuple[str, int, pd.DataFrame]:
    """Return the metric, the sample size, and the errors on the problems on which all learners are measured."""
    study = results.study
    if len(results.problems) < 2:
        raise ValueError(f"a ranking is over several problems, and {study.name} has one, {results.problems[0]}")
    axes = [axis for label, spec in study.problems.items() for axis in next(spec.variants(label)).axes]
    if axes:
        raise ValueError(
            f"a ranking is over a sample of problems, and those of {study.name} are the values of {axes[0]!r}, chosen"
            f" by its author: plot_axis(results, axis={axes[0]!r}) shows them"
        )
    rows = losses(results.frame())
    if rows.empty:
        raise ValueError(f"nothing of {study.name} is measured yet")
    metric, names = metric_of(rows, metric), learners_of(rows, learners)
    if not describe(metric).is_loss:
        raise ValueError(f"{metric!r} has no best value by which learners could be ranked")
    rows = rows[rows["learner"].isin(names)]
    sizes = sorted(rows["n_samples"].unique()) if n_samples is None else [n_samples]
    tables = {n: errors_by_problem(rows, n, metric) for n in sizes}
    size = max(sizes, key=lambda n: (len(tables[n]), n))
    if min(tables[size].shape) < 2:
        raise ValueError(
            "a ranking needs two or more learners, and two or more problems on which all of them are measured; of"
            f" {metric} there are {len(names)} learners and {len(tables[size])} such problems"
        )
    return metric, size, tables[size]


def _draw_rank(ax: Axes, place: int, row: Sequence[float], look: Look) -> None:
    mean, low, high = row
    ax.hlines(place, low, high, color=look.colour, lw=2.5, alpha=0.65)
    ax.plot(mean, place, marker=look.marker, color=look.colour, markersize=marker_size(look, 8), mec="white")


def _draw_groups(ax: Axes, groups: Sequence[Sequence[str]], names: list[str]) -> None:
    """Draw a bar for each group to the right of the axes, below another one where that has ended."""
    figure, ends = ax.get_figure(root=True), list[int]()
    for group in groups:
        places = [names.index(name) for name in group]
        column = next((column for column, end in enumerate(ends) if end < places[0]), len(ends))
        ends[column : column + 1] = [places[-1]]
        ax.plot(
            [1] * len(places),
            places,
            color=INK,
            lw=2,
            marker="o",
            markersize=5,
            transform=offset_copy(ax.get_yaxis_transform(), figure, (column + 1) * _BETWEEN_BARS, units="points"),
            clip_on=False,
            label="_group",
        )


def _answer(ranking: Ranking) -> str:
    """Return a sentence on the best learner, if it is significantly ahead of each other one."""
    best = str(ranking.ranks.index[0])
    against = ranking.tests[ranking.tests["a"] == best]
    ahead = (best,) in ranking.groups and (against["won"] > 0.5).all()
    return f": {best} is ahead of each other learner on most problems" if ahead else ""


def _note(ranking: Ranking) -> str:
    fewest = fewest_problems(len(ranking.ranks))
    if ranking.n_problems < fewest:
        return f"too few problems to show a difference: it takes {fewest} or more"
    if len(ranking.groups) == len(ranking.ranks):
        return "all learners differ significantly"
    return "lines: 95 % intervals; a black bar joins learners that do not differ significantly"
