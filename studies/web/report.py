"""The report of a study: one self-contained page, which needs no network, and no script to be read.

The numbers come from `studies.analysis.findings`, the words from `wording`, the pictures from `studies.plots`; the
template puts them together and escapes all names. The page's script draws the learning curves from their data.
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
from studies.analysis.comparisons import outlying_seeds
from studies.analysis.findings import Findings, Mean, Measured, answers, find
from studies.analysis.intervals import Scale, number, scale_of, zero_text
from studies.analysis.learning_curves import Sampling, by_problem, losses
from studies.plots.figures import StudyFigure, curves_figure, requested_plots, worth_parts
from studies.plots.looks import chosen
from studies.plots.style import GAP
from studies.registry.errors import short_repr
from studies.registry.test_sets import MAP_SIZE
from studies.results.failures import can_retry, reasons
from studies.results.results import Results
from studies.spec.study import Study
from studies.store.provenance import Run
from studies.web import marks, rendering
from studies.web.gallery import Gallery, embedded, galleries
from studies.web.marks import Strip, Style
from studies.web.tables import BreakdownTable, breakdown_tables
from studies.web.wording import further_highlights, headline, needed, verdicts

_MOST_CURVES = 60  # of all pictures of learning curves: their laws take time
_MOST_RUNS = 10
_MOST_FAILURES = 50
_MOST_CELLS = 20
_MOST_OUTLYING = 10  # learners and sizes whose outlying seeds are named
_LONGEST_TRACEBACK = 4000
_ARROWS = {"above": "M-5-5L5 0-5 5z", "below": "M5-5L-5 0 5 5z"}


class ReportError(RuntimeError):
    """There is nothing to report; the message says why."""


@dataclass(frozen=True)
class Table:
    """A metric as a table: means by learner and sample size, and the best learner of each size."""

    measured: Measured
    scale: Scale
    sizes: list[int]
    means: dict[str, dict[int, Mean]]
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
    headline: list[str]
    sampling: Sampling
    learners: list[str]
    coloured: list[str]
    sizes: list[int]
    curves: StudyFigure | None
    tables: list[Table]
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
    outcomes, failed = [outcome for _, outcome in results.outcomes()], results.failed()
    study = results.study
    if not commands and not study.objects:
        commands = [shlex.join(["toymanifold", verb, study.name]) for verb in ("run", "report")]
    if not outcomes:
        advice = f"; run it with: {commands[0]}" if commands else ""
        raise ReportError(f"nothing of {study.name} is measured yet{advice}")
    if all(outcome.status != "ok" for outcome in outcomes):
        errors = "\n".join(reasons(outcomes))
        raise ReportError(f"all {len(outcomes):,} cells of {study.name} that have run failed:\n{errors}")
    frame = results.frame()
    outlying = list(map(str, outlying_seeds(frame)))
    found, shown, rows = find(study, frame, results.baseline()), galleries(results), by_problem(losses(frame))
    pictures = _pictures(results, found, rows)
    learners = [str(learner) for learner in frame["learner"].unique()]
    styles = {learner: style for learner, style in marks.styles(study).items() if learner in learners}
    failures = _failures(results)
    script = rendering.text("report.js")
    return _template().render(
        study=study,
        seeds=int(frame["seed"].nunique()),
        fresh_problems=["problem"] if results.fresh_problems == results.problems else results.fresh_problems,
        chapters=[
            _chapter(i, each, styles, rows[each.problem], pictures[each.problem], shown.get(each.problem))
            for i, each in enumerate(found, 1)
        ],
        plots=list(requested_plots(results)),
        claims=check_claims(study, frame),
        worth=worth_parts(results, found[0]),
        highlights=further_highlights(found[0]),
        answers=answers(study, frame),
        outlying=outlying[:_MOST_OUTLYING],
        outlying_left_out=max(0, len(outlying) - _MOST_OUTLYING),
        missing=results.missing_seeds(),
        failures=failures[:_MOST_FAILURES],
        failures_left_out=len(failures) - _MOST_FAILURES if len(failures) > _MOST_FAILURES else 0,
        n_failed=len(failed),
        can_retry=can_retry(outcome for _, outcome in failed),
        n_measured=len(results.outcomes(baseline=True)) - len(failed),
        n_planned=results.n_cells,
        is_complete=results.is_complete and not failed,
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


def _pictures(
    results: Results, found: Sequence[Findings], rows: dict[str, pd.DataFrame]
) -> dict[str, StudyFigure | None]:
    """Return the pictures of the primary metric's learning curves by problem: of the first ones, if curves are many."""
    pictures: dict[str, StudyFigure | None] = {}
    room = _MOST_CURVES
    for place, each in enumerate(found, 1):
        own, name = rows[each.problem], f"curves-{place}"
        room -= len(each.measured[0].curves)
        if room < 0:
            pictures[each.problem] = StudyFigure(name, None, refusal="there are many; `show --pictures` draws all")
        else:
            main = own[own["metric"] == each.measured[0].metric]
            pictures[each.problem] = curves_figure(results, main, name, "")
    return pictures


def _chapter(
    place: int,
    found: Findings,
    styles: dict[str, Style],
    rows: pd.DataFrame,
    curves: StudyFigure | None,
    gallery: Gallery | None,
) -> Chapter:
    measured_learners = [learner for learner in styles if learner in _measured_learners(found)]
    asked = [learner for worth in found.worths[:1] for learner in (worth.informed, worth.plain)]
    asked += [competitor.learner for competitor in found.main_competitors]
    coloured = chosen(measured_learners, styles, asked)
    tables = [_table(measured, primary=i == 0) for i, measured in enumerate(found.measured)]
    sizes = sorted({n for table in tables for n in table.sizes})
    competitors = [
        Versus(
            competitor.learner,
            needed(competitor),
            competitor.crossover.standing(competitor.learner)
            if competitor.crossover
            else "has too few sample sizes in common",
            marks.strip(competitor.equivalence, sizes) if competitor.equivalence else None,
        )
        for competitor in found.competitors
    ]
    return Chapter(
        id=f"chapter-{place}",
        problem=found.problem,
        headline=headline(found),
        sampling=found.sampling,
        learners=measured_learners,
        coloured=coloured,
        sizes=sizes,
        curves=curves,
        tables=tables,
        reference=found.reference,
        reference_at=marks.place(found.n_samples, sizes) if found.n_samples else 0,
        n_samples=found.n_samples,
        competitors=competitors,
        breakdowns=breakdown_tables(rows, found.worths[0] if found.worths else None),
        gallery=gallery,
        data=_data(tables, styles),
    )


def _measured_learners(found: Findings) -> set[str]:
    return {curve.learner for measured in found.measured for curve in measured.curves}


def _table(measured: Measured, *, primary: bool) -> Table:
    means = {curve.learner: {mean.n_samples: mean for mean in curve.means} for curve in measured.rows}
    learners = [curve.learner for curve in measured.curves]
    sizes = sorted({n for learner in learners for n in means[learner]})
    best = {}
    if primary and len(learners) > 1:
        for n in sizes:
            there = {learner: means[learner][n].interval.mean for learner in learners if n in means[learner]}
            best[n] = min(there, key=lambda learner: there[learner])
    scale = scale_of(measured.metric, on_rows=measured.sampling.on_rows)
    return Table(measured, scale, sizes, means, best)


def _data(tables: list[Table], styles: dict[str, Style]) -> dict[str, Any]:
    """Return the data of the page's script, without NaN, which JSON does not have."""
    places = {learner: place for place, learner in enumerate(styles)}
    return {
        "gap": GAP,
        "learners": [{"name": name, "shape": style.shape, "dash": style.dash} for name, style in styles.items()],
        "metrics": {
            table.measured.metric: {
                "title": table.scale.title,
                "factor": table.scale.factor,
                "unit": table.scale.unit,
                "sizes": table.sizes,
                "zero": zero_text(table.measured.metric, table.measured.sampling.n_test),
                "curves": [
                    {
                        "learner": places[curve.learner],
                        "points": [_point(mean, table.scale) for mean in curve.means],
                    }
                    for curve in table.measured.curves
                ],
                "baseline": [
                    {"n": mean.n_samples, "mean": mean.interval.mean}
                    for mean in (table.measured.baseline.means if table.measured.baseline else ())
                ],
            }
            for table in tables
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
    outcomes = results.outcomes(baseline=True)
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
    samplings = {Sampling.of(planned.cell) for planned, _ in results.outcomes()}
    kinds = (f"{each.n_test:,} {'fresh test points' if each.n_rows is None else 'test rows'}" for each in samplings)
    return " or ".join(sorted(set(kinds)))


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
    }
    environment.globals |= {
        "map_size": MAP_SIZE,
        "most_cells": _MOST_CELLS,
        "error_scale": scale_of("error"),
        "arrows": {"": "", **_ARROWS},
        "embedded": embedded,
    }
    return environment.get_template("report.html")


def _intervals(words: str) -> Markup:
    """Return words, escaped, with intervals in brackets marked."""
    parts = re.split(r"(\[[^\]]*\])", words)
    span = Markup('<span class="interval">{}</span>')
    return Markup("").join(span.format(part) if place % 2 else part for place, part in enumerate(parts))
