"""The report of a study: one self-contained page, which needs no network, and no script to be read.

The numbers come from `studies.analysis.findings`, the words from `wording`, the drawing from `charts`; the template
puts them together and escapes all names.
"""

import os
import re
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import matplotlib.style
import pandas as pd
from markupsafe import Markup

import toymanifold
from studies.analysis.claims import check_claims
from studies.analysis.findings import Findings, Mean, Measured, answers, find
from studies.analysis.intervals import Scale, number, scale_of
from studies.analysis.learning_curves import Sampling, by_problem, losses
from studies.plots.figures import requested_plots
from studies.plots.lines import zero_text
from studies.plots.looks import chosen
from studies.registry.errors import short_repr
from studies.registry.test_sets import MAP_SIZE
from studies.results.failures import reasons
from studies.results.results import Results
from studies.spec.cells import plan_study
from studies.spec.study import Study
from studies.store.provenance import Run
from studies.web import charts, rendering
from studies.web.charts import Chart, Strip, Style
from studies.web.gallery import Gallery, figure_uri, galleries
from studies.web.tables import BreakdownTable, breakdown_tables
from studies.web.wording import headline, highlights, needed, verdicts

_MOST_RUNS = 10
_MOST_FAILURES = 50
_MOST_CELLS = 20
_LONGEST_TRACEBACK = 4000
_ARROWS = {"above": "M-5-5L5 0-5 5z", "below": "M5-5L-5 0 5 5z"}


class ReportError(RuntimeError):
    """There is nothing to report; the message says why."""


@dataclass(frozen=True)
class Figure:
    """A metric as a chart and as a table: means by learner and sample size, and the best learner of each size."""

    measured: Measured
    scale: Scale
    chart: Chart
    sizes: list[int]
    table: dict[str, dict[int, Mean]]
    best: dict[int, str]


@dataclass(frozen=True)
class Versus:
    """A learner compared with the one of reference, in words and on a line."""

    learner: str
    needed: str
    standing: str
    strip: Strip | None


@dataclass(frozen=True)
class Chapter:
    """One problem of the study."""

    id: str
    problem: str
    headline: str
    sampling: Sampling
    learners: list[str]
    coloured: list[str]
    sizes: list[int]
    figures: list[Figure]
    reference: str | None
    reference_at: float
    n_samples: int
    competitors: list[Versus]
    breakdowns: list[BreakdownTable]
    gallery: Gallery | None
    data: dict[str, Any]


@dataclass(frozen=True)
class Failure:
    """Cells that failed in the same way."""

    status: str
    error: str
    traceback: str
    cells: list[str]


@matplotlib.style.context("default")  # whatever the user's own style is, such as one that needs LaTeX
def render_report(results: Results, commands: Sequence[str] = ()) -> str:
    """Return a study's results as one HTML page.

    Parameters
    ----------
    results : Results
    commands : sequence of str, default=()
        Commands that run the study and write the page again; by default those of a built-in study. A study of objects
        has none.

    Raises
    ------
    ReportError
        If nothing of the study is measured: it has not run, or all cells failed.
    """
    outcomes, failed = results.outcomes(), results.failed()
    study = results.study
    if not commands and not study.objects:
        commands = [shlex.join(["toymanifold", verb, study.name]) for verb in ("run", "report")]
    if not outcomes:
        advice = f"; run it with: {commands[0]}" if commands else ""
        raise ReportError(f"nothing of {study.name} is measured yet{advice}")
    if len(outcomes) == len(failed):
        errors = "\n".join(reasons(outcome for _, outcome in failed))
        raise ReportError(f"all {len(failed):,} cells of {study.name} that have run failed:\n{errors}")
    frame = results.frame()
    found, shown, rows = find(study, frame), galleries(results), by_problem(losses(frame))
    learners = [str(learner) for learner in frame["learner"].unique()]
    styles = {learner: style for learner, style in charts.styles(study).items() if learner in learners}
    failures = _failures(results)
    script = rendering.text("report.js")
    return _template().render(
        study=study,
        seeds=int(frame["seed"].nunique()),
        fresh_problems=["problem"] if results.fresh_problems == results.problems else results.fresh_problems,
        chapters=[
            _chapter(i, each, styles, rows[each.problem], shown.get(each.problem)) for i, each in enumerate(found)
        ],
        plots=list(requested_plots(results)),
        claims=check_claims(study, frame),
        highlights=highlights(found[0]),
        answers=answers(study, frame),
        failures=failures[:_MOST_FAILURES],
        failures_left_out=len(failures) - _MOST_FAILURES if len(failures) > _MOST_FAILURES else 0,
        n_failed=len(failed),
        n_measured=len(outcomes) - len(failed),
        n_planned=len(plan_study(study)),
        styles=styles,
        places={learner: place for place, learner in enumerate(learners)},
        commands=commands,
        provenance=_provenance(results),
        description=_description(study),
        css=Markup(rendering.text("report.css")),
        script=Markup(script),
        script_hash=rendering.script_hash(script),
    )


def write_report(results: Results, path: str | os.PathLike[str], commands: Sequence[str] = ()) -> Path:
    """Write a study's results as one HTML page that needs no network.

    Parameters
    ----------
    results : Results
    path : path-like
        The file; its folder is made.
    commands : sequence of str, default=()
        As in `render_report`.

    Returns
    -------
    path : Path

    Raises
    ------
    ReportError
        If nothing of the study is measured: it has not run, or all cells failed.

    Examples
    --------
    The report of a built-in study::

        write_report(run_study("label-noise"), "label-noise.html")
    """
    page = render_report(results, commands)
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(page, encoding="utf-8")
    return file


def _chapter(
    place: int, found: Findings, styles: dict[str, Style], rows: pd.DataFrame, gallery: Gallery | None
) -> Chapter:
    measured_learners = [learner for learner in styles if learner in _measured_learners(found)]
    asked = [learner for worth in found.worths[:1] for learner in (worth.informed, worth.plain)]
    asked += [competitor.learner for competitor in found.main_competitors]
    coloured = chosen(measured_learners, styles, asked)
    figures = [_figure(measured, coloured, primary=i == 0) for i, measured in enumerate(found.measured)]
    sizes = sorted({n for figure in figures for n in figure.sizes})
    competitors = [
        Versus(
            competitor.learner,
            needed(competitor),
            competitor.crossover.standing(competitor.learner)
            if competitor.crossover
            else "has no sample size in common",
            charts.strip(competitor.equivalence, sizes) if competitor.equivalence else None,
        )
        for competitor in found.competitors
    ]
    return Chapter(
        id=f"chapter-{place + 1}",
        problem=found.problem,
        headline=headline(found),
        sampling=found.sampling,
        learners=measured_learners,
        coloured=coloured,
        sizes=sizes,
        figures=figures,
        reference=found.reference,
        reference_at=charts.size_axis(sizes).position(found.n_samples) if found.n_samples else 0,
        n_samples=found.n_samples,
        competitors=competitors,
        breakdowns=breakdown_tables(rows, found.worths[0] if found.worths else None),
        gallery=gallery,
        data=_data(figures, styles),
    )


def _measured_learners(found: Findings) -> set[str]:
    return {curve.learner for measured in found.measured for curve in measured.curves}


def _figure(measured: Measured, coloured: list[str], *, primary: bool) -> Figure:
    table = {curve.learner: {mean.n_samples: mean for mean in curve.means} for curve in measured.curves}
    sizes = sorted({n for means in table.values() for n in means})
    best = {}
    if primary and len(table) > 1:
        for n in sizes:
            there = {learner: means[n].interval.mean for learner, means in table.items() if n in means}
            best[n] = min(there, key=lambda learner: there[learner])
    scale = scale_of(measured.metric, on_rows=measured.sampling.n_rows is not None)
    return Figure(measured, scale, charts.chart(measured, coloured), sizes, table, best)


def _data(figures: list[Figure], styles: dict[str, Style]) -> dict[str, Any]:
    """Return the data of the page's script, without NaN, which JSON does not have."""
    places = {learner: place for place, learner in enumerate(styles)}
    return {
        "layout": charts.LAYOUT,
        "learners": [{"name": name, "shape": style.shape, "dash": style.dash} for name, style in styles.items()],
        "metrics": {
            figure.measured.metric: {
                "title": figure.scale.title,
                "factor": figure.scale.factor,
                "unit": figure.scale.unit,
                "floor": charts.floor_of(figure.measured),
                "sizes": figure.sizes,
                "zero": zero_text(figure.measured.metric, figure.measured.sampling.n_test),
                "curves": [
                    {
                        "learner": places[curve.learner],
                        "points": [_point(mean, figure.scale) for mean in curve.means],
                    }
                    for curve in figure.measured.curves
                ],
            }
            for figure in figures
        },
    }


def _point(mean: Mean, scale: Scale) -> dict[str, Any]:
    interval = mean.interval
    numbers = {"mean": interval.mean, "low": interval.low, "high": interval.high}
    return {
        "n": mean.n_samples,
        **{name: None if value != value else value for name, value in numbers.items()},
        "seeds": mean.seeds,
        "text": scale.with_interval(interval),
    }


def _failures(results: Results) -> list[Failure]:
    kinds: dict[tuple[str, str], Failure] = {}
    for planned, outcome in results.failed():
        problem = f"{planned.problem}: " if "problem" in results.place(planned) else ""
        cell = f"{problem}{planned.learner}, n = {planned.cell.n_samples:,}, seed {planned.cell.seed}"
        new = Failure(outcome.status, outcome.error, outcome.traceback[-_LONGEST_TRACEBACK:], [])
        kinds.setdefault((outcome.status, outcome.error), new).cells.append(cell)
    return list(kinds.values())


def _provenance(results: Results) -> list[tuple[str, str]]:
    """Return the origin of the results as terms and texts: all cells together, then each run that has a share."""
    outcomes = results.outcomes()
    seconds = sum(outcome.seconds for _, outcome in outcomes)
    time = f"{number(seconds / 60)} minutes" if seconds > 120 else f"{number(seconds)} seconds"
    shares = Counter(results.origin(planned.cell).run for planned, _ in outcomes)
    runs = [(run, shares[key]) for key, run in results.runs.items() if shares[key]]
    return [
        ("Cells", f"{len(outcomes):,}, which took {time} of one worker's time in total"),
        ("Errors", f"on {_test_points(results)} each, the same for all learners"),
        *((f"Run of {run.started_at:%Y-%m-%d %H:%M} UTC", _run(run, share)) for run, share in runs[-_MOST_RUNS:]),
        *([("Earlier runs", f"{len(runs) - _MOST_RUNS}")] if len(runs) > _MOST_RUNS else []),
        ("This page", f"written by toymanifold {toymanifold.__version__}"),
    ]


def _test_points(results: Results) -> str:
    """Return the numbers of test points of a study's problems in words."""
    samplings = dict.fromkeys(Sampling.of(planned.cell.rows) for planned, _ in results.outcomes())
    kinds = (f"{each.n_test:,} {'fresh test points' if each.n_rows is None else 'test rows'}" for each in samplings)
    return " or ".join(kinds)


def _description(study: Study) -> str:
    """Return a study as TOML, with comments on the objects that it names."""
    objects = (f"# {name}: {short_repr(one.value)}\n" for name, one in study.objects.items())
    return "".join([study.to_toml(), *objects])


def _run(run: Run, n_cells: int) -> str:
    parts = run.describe()
    cells = f"{n_cells:,} cell{'s' if n_cells > 1 else ''}"
    return f"{cells} by {parts['command']}, on {parts['machine']}; {parts['versions']}; {parts['commit']}"


def _template() -> jinja2.Template:
    environment = rendering.environment()
    environment.filters |= {
        "px": lambda position: f"{position:.1f}",
        "intervals": _intervals,
        "verdicts": verdicts,
        "uri": figure_uri,
    }
    environment.globals |= {
        "map_size": MAP_SIZE,
        "most_cells": _MOST_CELLS,
        "error_scale": scale_of("error"),
        "arrows": {"": "", **_ARROWS},
        **charts.LAYOUT,
    }
    return environment.get_template("report.html")


def _intervals(words: str) -> Markup:
    """Return words, escaped, with intervals in brackets marked."""
    parts = re.split(r"(\[[^\]]*\])", words)
    span = Markup('<span class="interval">{}</span>')
    return Markup("").join(span.format(part) if place % 2 else part for place, part in enumerate(parts))
