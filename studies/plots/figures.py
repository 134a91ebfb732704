"""Figures of a study: those that every study has, if they are measured, and those that its description asks for."""

import hashlib
import math
import re
import textwrap
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import matplotlib.style
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from studies.analysis.breakdowns import breakdown_difference, breakdown_size, is_of_bin
from studies.analysis.findings import Findings, find
from studies.analysis.intervals import CONFIDENCE, scale_of
from studies.analysis.learning_curves import NotMeasured, sampling_of
from studies.execution.run import MAP_MARGIN
from studies.plots.baseline import draw_baseline
from studies.plots.breakdown import plot_breakdown
from studies.plots.curves import draw_curves
from studies.plots.lines import is_number, rows_of, sizes_of
from studies.plots.looks import learner_looks, panels
from studies.plots.ranking import has_ranking
from studies.plots.regions import drawn_problem, plot_decision_region, plot_region, region_key
from studies.plots.style import INK, PALE, literal, name_curves, save_figure, wrapped
from studies.plots.worth import WORTH_SIZE, draw_worth, has_regions, plot_worth
from studies.registry.bins import BY
from studies.registry.errors import exception_text
from studies.registry.imports import is_foreign
from studies.registry.metrics import describe, in_order
from studies.registry.params import toml_value
from studies.registry.plots import find_plot
from studies.registry.problems import is_drawn, labelled_sample
from studies.results.results import Results
from studies.spec.cells import Cell, plan_study
from studies.spec.sections import PictureSpec

_MOST_REGIONS = 12  # decision regions side by side
_MOST_PANELS = 8  # rows of panels of learning curves
_FEWEST = 3  # values of an axis that make a line
_WORTH_CURVES, _WORTH_REGIONS = (6.4, 4.6), (2.6, 5.6)
_SIZE = (7.2, 4.6)  # inches, of a single plot
_SUFFIX, _DIGEST = 120, 10  # bytes of a file name that a problem's label may have, and of its digest


@dataclass(frozen=True)
class StudyFigure:
    """A figure with the name of its file; or, in `refusal`, the reason why there is none."""

    name: str
    figure: Figure | None
    title: str = ""
    refusal: str = ""


def study_figures(results: Results) -> Iterator[StudyFigure]:
    """Yield all figures of a study: those that every study has, then those that its description asks for."""
    suffixes = file_suffixes(results.problems)
    for found in find(results.study, results.frame()):
        yield from _standard(results, found, suffixes[found.problem] if found.problem else "")
    for axis in _axes_to_draw(results):
        yield _drawn(results, f"axis-{axis}", PictureSpec.model_validate({"plot": "axis", "axis": axis}))
    if has_ranking(results):
        yield _drawn(results, "ranking", PictureSpec(plot="ranking"))
    yield from requested_plots(results)


def requested_plots(results: Results) -> Iterator[StudyFigure]:
    """Yield the figures that a study's description asks for; plots of one problem are drawn for each problem."""
    suffixes = file_suffixes(results.problems)
    for place, spec in enumerate(results.study.pictures, 1):
        name = f"picture-{place}-{spec.plot.replace(':', '-')}"
        try:
            plot = find_plot(spec.plot, results.study.allow)
        except ValueError as error:  # it is not allowed here
            yield StudyFigure(name, None, spec.plot, str(error))
            continue
        if plot.whole_study or "problem" in spec.arguments or len(results.problems) == 1:
            yield _drawn(results, name, spec)
        else:
            for problem in results.problems:
                yield _drawn(results, name + suffixes[problem], spec, problem)


def _drawn(results: Results, name: str, spec: PictureSpec, problem: str | None = None) -> StudyFigure:
    figure = Figure(figsize=_SIZE, layout="constrained")
    on_problem = {} if problem is None else {"problem": problem}
    arguments = [f"{key} = {toml_value(value)}" for key, value in (spec.arguments | on_problem).items()]
    words = spec.plot.rpartition(":")[2].removeprefix("plot_").replace("_", " ")
    heading = ": ".join(text for text in (spec.title, problem) if text)
    title = heading if spec.title else f"{words.capitalize()}: {', '.join(arguments)}".removesuffix(": ")
    try:
        find_plot(spec.plot, results.study.allow).draw(results, figure.subplots(), **spec.arguments, **on_problem)
    except (TypeError, ValueError) as error:  # something is not measured, or the study has no such part
        return StudyFigure(name, None, title, str(error))
    except Exception as error:  # whatever foreign code raises
        if not is_foreign(spec.plot):
            raise
        return StudyFigure(name, None, title, exception_text(error))
    if heading:
        figure.suptitle(wrapped(heading, figure))
    return StudyFigure(name, figure, title)


def _standard(results: Results, found: Findings, suffix: str) -> Iterator[StudyFigure]:
    problem = found.problem or None
    rows, where = rows_of(results, problem), f" ({problem})" if problem else ""
    worth = worth_figure(results, rows, found, "worth" + suffix)
    if worth is not None:
        yield worth
    title = (found.title or results.study.question) + where
    curves = curves_figure(results, rows, "learning-curves" + suffix, title)
    if curves is not None:
        yield curves
    if curves is not None and curves.figure is not None:
        equivalence = _drawn(results, "data-equivalence" + suffix, PictureSpec(plot="data_equivalence"), problem)
        if equivalence.figure is not None:
            yield equivalence
    measured = [by for by in BY if breakdown_size(rows, by) is not None]
    if measured:
        yield StudyFigure("breakdown" + suffix, breakdowns(results, measured, found, where))
    try:
        regions = decision_regions(results, problem, where)
    except ValueError as error:  # the code of the problem is not allowed here
        yield StudyFigure("decision-regions" + suffix, None, refusal=str(error))
    else:
        if regions is not None:
            yield StudyFigure("decision-regions" + suffix, regions)


def curves_figure(results: Results, rows: pd.DataFrame, name: str, title: str) -> StudyFigure | None:
    """Return the learning curves of one problem's rows as a figure; None without losses at several sample sizes."""
    losses = [metric for metric in rows["metric"].unique() if describe(metric).is_loss and not is_of_bin(metric)]
    curves = rows[rows["metric"].isin(losses)]
    if curves["n_samples"].nunique() < 2:
        return None
    learners = list(curves["learner"].unique())
    if len(panels(learners, learner_looks(results.study))) > _MOST_PANELS:
        refusal = f"{len(learners)} learners, too many for a figure; choose some in [[pictures]]"
        return StudyFigure(name, None, title, refusal)
    return StudyFigure(name, learning_curves(results, curves, title), title)


def worth_figure(results: Results, rows: pd.DataFrame, found: Findings, name: str) -> StudyFigure | None:
    """Return the picture of the first worth that is found in one problem's rows, if there is one."""
    if not found.worths:
        return None
    worth, figure = found.worths[0], Figure(figsize=WORTH_SIZE, layout="constrained")
    n, problem = round(worth.equivalence.n), found.problem or None
    draw_worth(figure, results, rows, worth.informed, worth.plain, n=n, problem=problem)
    title = worth.title if worth.is_significant else results.study.question
    return StudyFigure(name, figure, f"{title}: {worth.in_samples}")


def worth_parts(results: Results, found: Findings) -> list[StudyFigure]:
    """Return the picture of the first worth in parts, without titles, for a page that sets them side by side.

    They are the curves, and the decision regions of both learners if the store has them.
    """
    if not found.worths:
        return []
    worth, problem = found.worths[0], found.problem or None
    n, words = round(worth.equivalence.n), worth.title if worth.is_significant else worth.answer
    curves = Figure(figsize=_WORTH_CURVES, layout="constrained")
    plot_worth(results, worth.informed, worth.plain, n=n, problem=problem, ax=curves.subplots()).set_title("")
    parts = [StudyFigure("worth-curves", curves, f"{words}: {worth.in_samples}")]
    if has_regions(results, (worth.plain, worth.informed), n, problem):
        regions = Figure(figsize=_WORTH_REGIONS, layout="constrained")
        for ax, learner in zip(regions.subplots(2), (worth.plain, worth.informed), strict=True):
            plot_decision_region(results, ax, learner=learner, n_samples=n, problem=problem)
            ax.set_title(f"{learner}, n = {n:,}", fontsize=10)
        regions.legend(handles=region_key(), loc="outside lower center", ncols=1, fontsize=8, frameon=False)
        parts.append(StudyFigure("worth-regions", regions, "Decision regions of both"))
    return parts


def _axes_to_draw(results: Results) -> list[str]:
    """Return the axes along which a study of one sample size is drawn: those of numbers, else any, else the learners.

    A study whose description asks for plots has none.
    """
    planned = plan_study(results.study)
    if results.study.pictures or len({p.cell.n_samples for p in planned}) > 1:
        return []
    axes = results.study.axes
    values = {axis: {str(p.axes[axis]): p.axes[axis] for p in planned if axis in p.axes} for axis in axes}
    numbers = [axis for axis in axes if len(values[axis]) >= _FEWEST and all(map(is_number, values[axis].values()))]
    return numbers or axes or ["learner"]


def learning_curves(results: Results, curves: pd.DataFrame, title: str) -> Figure:
    """Plot the learning curves: a column for each loss, and if learners are many a row for each family of them.

    The families of one loss stand in two columns. The learners of the other panels are in the background.

    Parameters
    ----------
    results : Results
    curves : DataFrame
        Rows of losses, of one problem.
    title : str
        May be empty.
    """
    metrics, looks = in_order(curves["metric"].unique()), learner_looks(results.study)
    groups = panels(list(curves["learner"].unique()), looks)
    sizes = sizes_of(results.study, curves)
    figure, axes, n_columns = _small_multiples(len(groups), len(metrics))
    on_rows = sampling_of(curves).on_rows
    scales = {metric: scale_of(metric, on_rows=on_rows) for metric in metrics}
    kinds = [(scales[metric].unit, metric.endswith("_train")) for metric in metrics]
    ends = []
    for place, (ax, (learners, metric)) in enumerate(zip(axes, product(groups, metrics), strict=True)):
        same = axes[kinds.index(kinds[metrics.index(metric)])]
        if ax is not axes[0]:
            ax.sharex(axes[0])
        if ax is not same:
            ax.sharey(same)
        ends.append(draw_curves(ax, curves[curves["metric"] == metric], metric, looks, sizes, learners))
        draw_baseline(ax, results, curves, metric)
        ax.set(title=textwrap.fill(scales[metric].title, 30) if place < len(metrics) > 1 else "", ylabel="")
        if place + n_columns < len(axes):
            ax.set_xlabel("")
            ax.tick_params(labelbottom=False)
        if place % n_columns and len(set(kinds)) == 1:
            ax.tick_params(which="both", labelleft=False)
    if len(metrics) == 1:
        figure.supylabel(scales[metrics[0]].title, fontsize=10)
    if title:
        figure.suptitle(wrapped(title, figure))
    figure.legend(handles=_line_handles(figure), loc="outside lower center", frameon=False, ncols=5)
    for place in range(len(metrics) - 1, len(axes), len(metrics)):
        name_curves(axes[place], ends[place])
    return figure


def _small_multiples(n_groups: int, n_metrics: int) -> tuple[Figure, list[Axes], int]:
    """Return a figure with axes for each group and metric, row by row, and the number of its columns."""
    n_axes, n_columns = n_groups * n_metrics, min(n_groups, 2) if n_metrics == 1 else n_metrics
    n_rows = math.ceil(n_axes / n_columns)
    width = (7.2, 10.6)[n_columns - 1] if n_metrics == 1 else 3.4 * n_columns + 2.4
    height = 4.8 if n_rows == 1 else 3.0 * n_rows + 0.8
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = list(figure.subplots(n_rows, n_columns, squeeze=False).flat)
    for ax in axes[n_axes:]:
        ax.remove()
    return figure, axes[:n_axes], n_columns


def _line_handles(figure: Figure) -> list[Line2D]:
    """Return the entries of a legend for the kinds of lines that are drawn."""
    drawn = {line.get_label() for ax in figure.axes for line in ax.lines}
    key = {
        "_law": Line2D([], [], color="0.4", lw=1.6, label="fitted law"),
        "_reach": Line2D([], [], color="0.4", lw=1.6, ls=":", label="extrapolation"),
        "_joined": Line2D([], [], color="0.4", lw=0.9, alpha=0.6, label="no law fitted"),
        "_crossing": Line2D(
            [], [], color=INK, marker="o", markersize=7, lw=1.3, markerfacecolor="none", label="crossover"
        ),
        "_background": Line2D([], [], color=PALE, lw=1, label="the other learners"),
    }
    return [handle for label, handle in key.items() if label in drawn]


def breakdowns(results: Results, by: list[str], found: Findings, where: str) -> Figure:
    """Plot the breakdowns of one problem side by side."""
    figure = Figure(figsize=(5.4 * len(by) + 1.8, 4.6), layout="constrained")
    problem = found.problem or None
    for ax, name in zip(figure.subplots(1, len(by), squeeze=False)[0], by, strict=True):
        plot_breakdown(results, ax, by=name, problem=problem)
    title = _breakdown_title(rows_of(results, problem), by, found) or "Where the errors are"
    figure.suptitle(wrapped(title + where, figure))
    return figure


def _breakdown_title(rows: pd.DataFrame, by: list[str], found: Findings) -> str:
    """Return in how many bins the first prior significantly lowers the error; empty if in none, or not measured."""
    counts = []
    for worth, name in product(found.worths[:1], by):
        with suppress(NotMeasured):
            table = breakdown_difference(rows, worth.informed, worth.plain, breakdown_size(rows, name) or 0, name)
            is_lower = (table["p_holm"] < 1 - CONFIDENCE) & (table["difference"] < 0)
            counts.append((int(is_lower.sum()), len(table), name))
    if not any(n_lower for n_lower, *_ in counts):
        return ""
    worth = found.worths[0]
    where = ", ".join(f"in {n_lower} of {n_bins} fifths by {name}" for n_lower, n_bins, name in counts)
    return f"{worth.capitalised(worth.subject)} lowers the error {where}"


def decision_regions(results: Results, problem: str | None, where: str) -> Figure | None:
    """Plot the decision maps of the study's gallery, a row for each sample size; None if there are none."""
    label = results.problem_label(problem)
    cells = {
        (planned.learner, planned.cell.n_samples): (planned.cell, 1 - outcome.values["accuracy"])
        for planned, outcome in results.outcomes()
        if planned.problem == label
        and planned.cell.seed == results.study.first_seed
        and planned.cell.n_samples in results.study.gallery
        and "accuracy" in outcome.values
    }
    learners = list(dict.fromkeys(learner for learner, _ in cells))
    shown = learners[:_MOST_REGIONS]
    sizes = [n for n in results.study.gallery if any(size == n for _, size in cells)]
    if not cells or not is_drawn(results.problem(problem)):
        return None
    title = f"Decision regions over the sampling density, seed {results.study.first_seed}{where}"
    if len(shown) < len(learners):
        title += f"; the first {len(shown)} of {len(learners)} learners"
    return _gallery(results, cells, shown, sizes, problem, title)


def _gallery(
    results: Results,
    cells: dict[tuple[str, int], tuple[Cell, float]],
    learners: list[str],
    sizes: list[int],
    problem: str | None,
    title: str,
) -> Figure:
    built = drawn_problem(results, problem)
    figure = Figure(figsize=(1.75 * len(learners) + 0.4, 2.05 * len(sizes) + 0.9), layout="constrained")
    axes = figure.subplots(len(sizes), len(learners), squeeze=False)
    for row, n_samples in zip(axes, sizes, strict=True):
        X = labelled_sample(built, n_samples, results.study.first_seed)[0]
        row[0].set_ylabel(f"n = {n_samples:,}")
        for ax, learner in zip(row, learners, strict=True):
            cell, error = cells.get((learner, n_samples), (None, 0.0))
            inside = None if cell is None else results.decision_map(cell)
            if inside is None:
                ax.set(xticks=[], yticks=[], aspect="equal", xlabel="not run")
            else:
                plot_region(inside, built, MAP_MARGIN * built.target.radius, X, ax)
                ax.set_xlabel(f"{describe('error').heading} {scale_of('error').text(error, 2)}", fontsize=9)
    for ax, learner in zip(axes[0], learners, strict=True):
        ax.set_title(textwrap.fill(literal(learner), 20), fontsize=10)
    figure.suptitle(wrapped(title, figure))
    figure.legend(handles=region_key(), loc="outside lower center", ncols=4 if len(learners) > 3 else 2, frameon=False)
    return figure


def file_suffixes(labels: Collection[str]) -> dict[str, str]:
    """Return an end of a file name for each of some labels, different on every file system.

    A label whose name would be that of another one, or too long, has a part of its digest there.
    """
    slugs = {label: re.sub(r"[^\w.=]+", "-", f" {label}") for label in labels}
    folded = {label: unicodedata.normalize("NFKC", slug).casefold() for label, slug in slugs.items()}
    times = Counter(folded.values())
    plain = {label: times[folded[label]] == 1 and len(slug.encode()) <= _SUFFIX for label, slug in slugs.items()}
    return {label: slug if plain[label] else _with_digest(label, slug) for label, slug in slugs.items()}


def _with_digest(label: str, slug: str) -> str:
    digest = hashlib.sha256(label.encode()).hexdigest()[:_DIGEST]
    return f"{slug.encode()[: _SUFFIX - _DIGEST - 1].decode(errors='ignore')}-{digest}"


@matplotlib.style.context("default")  # whatever the user's own style is, such as one that needs LaTeX
def write_figures(results: Results, folder: Path, names: Collection[str] | None = None) -> list[str]:
    """Write the study's figures as PNG files into a folder.

    Parameters
    ----------
    results : Results
    folder : Path
    names : collection of str or None, default=None
        Names of the figures to write; None writes all.

    Returns
    -------
    lines : list of str
        For each figure the path of its file, or the reason why there is none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [_written(each, folder) for each in study_figures(results) if names is None or each.name in names]


def _written(found: StudyFigure, folder: Path) -> str:
    if found.figure is None:
        return f"no figure {found.name}: {found.refusal}"
    path = folder / f"{found.name}.png"
    save_figure(found.figure, path, dpi=150)
    return f"wrote {path}"
