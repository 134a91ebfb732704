"""What a study found: answers and a table for a terminal, and pictures as files."""

from collections.abc import Collection, Iterator
from pathlib import Path

import pandas as pd
from rich.table import Table

from studies.analysis.breakdowns import is_of_bin
from studies.analysis.claims import check_claims
from studies.analysis.comparisons import summary
from studies.analysis.crossovers import find_crossovers
from studies.analysis.findings import Findings, find, judged
from studies.analysis.intervals import Scale, scale_of
from studies.analysis.learning_curves import by_problem, losses
from studies.analysis.scaling_laws import NoScalingLaw, ScalingLaw, fit_all
from studies.plots.figures import Page, pages
from studies.results.results import Results
from studies.web.wording import highlights

_LOSSES = {
    "error": "error %",
    "error_uniform": "uniform %",
    "error_sparse": "sparsest %",
    "error_train": "training %",
    "mse": "MSE",
    "mse_uniform": "uniform MSE",
    "mse_train": "training MSE",
}
_HEADINGS = {**_LOSSES, "fit_seconds": "fit s", "predict_seconds": "predict s"}


def claims_table(results: Results) -> Table | None:
    """Return what the literature says of the study beside what was measured; None where it says nothing."""
    found = check_claims(results.study.name, results.frame())
    if not found:
        return None
    table = Table("the literature says", "source", "measured here", "", box=None)
    for claim in found:
        table.add_row(claim.says, claim.source, claim.measured, claim.verdict)
    return table


def measurements(results: Results) -> list[Table]:
    """Return the measurements as a table for each problem: a row for each sample size and learner.

    Means over seeds, with intervals where a metric is a loss.
    """
    return [_table(problem, part) for problem, part in by_problem(losses(results.frame())).items()]


def _table(problem: str, frame: pd.DataFrame) -> Table:
    measured = {metric for metric in frame["metric"] if not is_of_bin(metric)}
    metrics = [
        *(metric for metric in _HEADINGS if metric in measured),
        *sorted(measured - _HEADINGS.keys(), key=_natural),
    ]
    shown = Table(box=None, title=problem or None, title_justify="left")
    for heading in ("n", "learner", *(_HEADINGS.get(metric, metric) for metric in metrics), "seeds"):
        shown.add_column(heading, justify="left" if heading == "learner" else "right", no_wrap=True)
    for n_samples in sorted(frame["n_samples"].unique()):
        for row in _rows(frame[frame["n_samples"] == n_samples], metrics):
            shown.add_row(f"{n_samples:,}", *row)
        shown.add_section()
    return shown


def scalings(results: Results) -> list[Table]:
    """Return how errors scale with the number of training points, as a table for each problem: exponents and floors.

    A problem whose learners have one sample size each has no table.
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
    shown = Table(box=None, title=f"{title}: {problem}" if problem else title, title_justify="left")
    for heading in ("learner", "exponent", "floor", "law"):
        shown.add_column(heading, no_wrap=True)
    laws = fit_all(frame, metric)
    refusals = {law.reasons for law in laws.values() if isinstance(law, NoScalingLaw)}
    if len(refusals) == 1 and not any(isinstance(law, ScalingLaw) for law in laws.values()):
        laws = {"all learners": next(iter(laws.values()))}
    for learner, law in laws.items():
        if isinstance(law, NoScalingLaw):
            shown.add_row(learner, "", "", f"none: {'; '.join(law.reasons)}")
        else:
            bounds = Scale("", 1, "").with_interval(law.exponent)
            shown.add_row(learner, bounds, scale.with_interval(law.resolved_floor), law.chosen.model.formula)
    return shown


def comparisons(results: Results) -> list[str]:
    """Return what priors are worth, who catches up, and which learning curves cross, on each problem, one line each."""
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


def write_pictures(results: Results, folder: Path, names: Collection[str] | None = None) -> list[str]:
    """Write the study's pictures as PNG files into a folder; return a line on each: where it is, or why it is not.

    Parameters
    ----------
    results : Results
    folder : Path
    names : collection of str or None, default=None
        Of those that are wanted; None writes all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [_written(page, folder) for page in pages(results) if names is None or page.name in names]


def _written(page: Page, folder: Path) -> str:
    if page.figure is None:
        return f"no picture {page.name}: {page.refusal}"
    path = folder / f"{page.name}.png"
    page.figure.savefig(path, dpi=150)
    return f"wrote {path}"


def _natural(metric: str) -> tuple[str, int]:
    """Return what sorts metrics of one name by their numbers."""
    name, _, number = metric.rpartition("_")
    return (name, int(number)) if number.isdecimal() else (metric, 0)


def _rows(frame: pd.DataFrame, metrics: list[str]) -> Iterator[list[str]]:
    """Yield a row for each learner."""
    for learner, part in frame.groupby("learner", sort=False):
        cells = (_cell(part[part["metric"] == metric], metric) for metric in metrics)
        yield [str(learner), *cells, str(part["seed"].nunique())]


def _cell(frame: pd.DataFrame, metric: str) -> str:
    if frame.empty:
        return ""
    if metric in _LOSSES:
        return _with_interval(summary(frame).iloc[0], 100 if metric.startswith("error") else 1)
    mean = frame["value"].mean()
    return "<0.01" if metric.endswith("seconds") and mean < 0.01 else f"{mean:.2g}"


def _with_interval(row: pd.Series, factor: int) -> str:
    mean, low, high = (f"{factor * row[name]:.3g}" for name in ("mean", "low", "high"))
    return mean if low == "nan" else f"{mean} [{low}, {high}]"
