"""Results for a terminal: tables of claims, measurements and scaling laws, comparisons as lines, figures as files."""

import json
from collections.abc import Collection, Iterator
from dataclasses import asdict
from pathlib import Path

import matplotlib.style
import pandas as pd
from rich.table import Table

from studies.analysis.breakdowns import is_of_bin
from studies.analysis.claims import check_claims
from studies.analysis.comparisons import summary
from studies.analysis.crossovers import find_crossovers
from studies.analysis.findings import Findings, answers, find, judged
from studies.analysis.intervals import Interval, Scale, scale_of
from studies.analysis.learning_curves import by_problem, losses, sampling_of
from studies.analysis.scaling_laws import NoScalingLaw, ScalingLaw, fit_all
from studies.plots.figures import StudyFigure, study_figures
from studies.plots.style import save_figure
from studies.registry.metrics import describe, in_order
from studies.results.results import Results
from studies.web.wording import highlights


def claims_table(results: Results) -> Table | None:
    """Return the claims of the literature beside what was measured; None if there are none about the study."""
    found = check_claims(results.study, results.frame())
    if not found:
        return None
    table = Table("the literature says", "source", "measured here", "", box=None)
    for claim in found:
        table.add_row(claim.says, claim.source, claim.measured, claim.verdict)
    return table


def measurements(results: Results) -> list[Table]:
    """Return a table of measurements for each problem, with a row for each sample size and learner.

    Means over seeds, of losses with their intervals, and how these hold for samples of one data set. Errors by bin are
    left to the plots.
    """
    return [_measured(problem, part) for problem, part in by_problem(losses(results.frame())).items()]


def _measured(problem: str, frame: pd.DataFrame) -> Table:
    found = summary(frame[~frame["metric"].map(is_of_bin)])
    metrics = in_order(found["metric"].unique())
    sampling = sampling_of(frame)
    caption = None if sampling.n_rows is None else str(sampling)
    table = Table(box=None, title=problem or None, title_justify="left", caption=caption, caption_justify="left")
    for heading in ("n", "learner", *map(_heading, metrics), "seeds"):
        table.add_column(heading, justify="left" if heading == "learner" else "right", no_wrap=True)
    for n_samples, of_size in found.groupby("n_samples"):
        for learner, rows in of_size.groupby("learner", sort=False):
            cells = {row["metric"]: _cell(row) for _, row in rows.iterrows()}
            values = (cells.get(metric, "") for metric in metrics)
            table.add_row(f"{n_samples:,}", str(learner), *values, str(rows["seeds"].max()))
        table.add_section()
    return table


def _heading(metric: str) -> str:
    shown = describe(metric)
    return f"{shown.heading} {shown.unit}".rstrip()


def _cell(row: pd.Series) -> str:
    """Return a mean in the unit of its metric: of a loss with its interval."""
    shown = describe(row["metric"])
    if shown.is_loss:
        return str(shown.factor * Interval(row["mean"], row["low"], row["high"]))
    mean = shown.factor * row["mean"]
    return "<0.01" if shown.unit == "s" and mean < 0.01 else f"{mean:.3g}"


def scalings(results: Results) -> list[Table]:
    """Return a table for each problem of the scaling laws of its learners: exponents and floors.

    A problem whose learners have a single sample size has no table.
    """
    parts = {problem: judged(part) for problem, part in by_problem(losses(results.frame())).items()}
    return [
        _scaling(problem, part)
        for problem, part in parts.items()
        if not part.empty and part.groupby("learner")["n_samples"].nunique().max() > 1
    ]


def _scaling(problem: str, frame: pd.DataFrame) -> Table:
    metric = str(frame["metric"].iloc[0])
    scale, title = scale_of(metric), "How the error falls with n"
    table = Table(box=None, title=f"{title}: {problem}" if problem else title, title_justify="left")
    for heading in ("learner", "exponent", "floor", "law"):
        table.add_column(heading, no_wrap=True)
    laws = fit_all(frame, metric)
    reasons = {law.reasons for law in laws.values() if isinstance(law, NoScalingLaw)}
    if len(reasons) == 1 and not any(isinstance(law, ScalingLaw) for law in laws.values()):
        laws = {"all learners": next(iter(laws.values()))}
    for learner, law in laws.items():
        if isinstance(law, NoScalingLaw):
            table.add_row(learner, "", "", f"none: {'; '.join(law.reasons)}")
        else:
            exponent = Scale("", 1, "").with_interval(law.exponent)
            table.add_row(learner, exponent, scale.with_interval(law.resolved_floor), law.chosen.model.formula)
    return table


def comparisons(results: Results) -> list[str]:
    """Return one line for each worth of a prior, each learner that catches up, and each crossover, on each problem."""
    parts = by_problem(losses(results.frame()))
    return [
        f"{found.problem}: {line}".removeprefix(": ")
        for found in find(results.study, results.frame())
        for line in _compared(found, judged(parts[found.problem]))
    ]


def _compared(found: Findings, frame: pd.DataFrame) -> Iterator[str]:
    for highlight in highlights(found):
        yield f"{highlight.label}: {highlight.value} {highlight.unit}. {highlight.detail}".replace(" . ", ". ")
    for crossing in find_crossovers(frame, found.measured[0].metric):
        yield f"Where {crossing.a} and {crossing.b} cross: {crossing}."


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


def results_as_json(results: Results) -> str:
    """Return what `show` prints as JSON: counts of cells, answers, claims, and means over seeds with intervals."""
    frame = results.frame()
    n_ended, n_failed = len(results.outcomes()), len(results.failed())
    means = [summary(rows).assign(problem=problem) for problem, rows in by_problem(losses(frame)).items()]
    shown = {
        "study": results.study.name,
        "question": results.study.question,
        "cells": {
            "planned": results.n_cells,
            "measured": n_ended - n_failed,
            "failed": n_failed,
        },
        "answers": answers(results.study, frame),
        "claims": [asdict(claim) | {"verdict": claim.verdict} for claim in check_claims(results.study, frame)],
        "means": json.loads(pd.concat(means, ignore_index=True).to_json(orient="records")),
    }
    return json.dumps(shown)
