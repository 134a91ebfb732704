"""What a study found: answers and a table for a terminal, and pictures as files."""

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from rich.table import Table

from studies.claims import check_claims
from studies.compare import paired_difference, summary
from studies.curves import errors
from studies.figures import gallery, learning_curves
from studies.inference import Interval
from studies.parts import Point, Question
from studies.problems import build_problem
from studies.results import Results
from studies.runner import MAP_MARGIN

_SHOWN_SEED = 0  # whose decision regions are drawn
_MOST_REGIONS = 12  # beside each other

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


def answers(results: Results) -> list[str]:
    """Answer the study's questions, on each problem, one line each, from the errors under the sampling density."""
    frame = _losses(results.frame())
    parts = _by_problem(frame[frame["metric"].isin(("error", "mse"))])
    return [
        f"{problem}: {question.ask} {_answer(question, part)}".removeprefix(": ")
        for problem, part in parts.items()
        for question in results.study.questions
    ]


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
    return [_table(problem, part) for problem, part in _by_problem(_losses(results.frame())).items()]


def _table(problem: str, frame: pd.DataFrame) -> Table:
    measured = set(frame["metric"])
    metrics = [*(metric for metric in _HEADINGS if metric in measured), *sorted(measured - _HEADINGS.keys())]
    shown = Table(box=None, title=problem or None, title_justify="left")
    for heading in ("n", "learner", *(_HEADINGS.get(metric, metric) for metric in metrics), "seeds"):
        shown.add_column(heading, justify="left" if heading == "learner" else "right", no_wrap=True)
    for n_samples in sorted(frame["n_samples"].unique()):
        for row in _rows(frame[frame["n_samples"] == n_samples], metrics):
            shown.add_row(f"{n_samples:,}", *row)
        shown.add_section()
    return shown


def write_pictures(results: Results, folder: Path) -> list[Path]:
    """Write the study's pictures, of each problem, as PNG files into `folder`, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, figure in _pictures(results):
        paths.append(folder / f"{name}.png")
        figure.savefig(paths[-1], dpi=150)
    return paths


def _pictures(results: Results) -> Iterator[tuple[str, Figure]]:
    for problem, part in _by_problem(_losses(results.frame())).items():
        suffix = re.sub(r"[^\w.=]+", "-", f" {problem}") if problem else ""
        curves = pd.concat([part[part["metric"] == loss] for loss in _LOSSES])
        if not curves.empty:
            title = results.study.question + (f" ({problem})" if problem else "")
            yield f"learning-curves{suffix}", learning_curves(summary(curves), title)
        regions = _regions(results, problem)
        if regions is not None:
            yield f"decision-regions{suffix}", regions


def _regions(results: Results, problem: str) -> Figure | None:
    """Draw the decision maps that the study's gallery asks for; None if there are none of a problem."""
    maps, shown_errors, cell = {}, {}, None
    for planned, outcome in results.outcomes():
        wanted = planned.cell.seed == _SHOWN_SEED and planned.cell.n_samples in results.study.gallery
        if wanted and outcome.status == "ok" and problem in ("", planned.problem):
            inside = results.store.decision_map(planned.cell.key)
            if inside is not None and "accuracy" in outcome.values:
                cell = planned.cell
                maps[planned.learner, cell.n_samples] = inside
                shown_errors[planned.learner, cell.n_samples] = 1 - outcome.values["accuracy"]
    if cell is None:
        return None
    built = build_problem(cell.problem, cell.problem_params)
    learners = list(dict.fromkeys(learner for learner, _ in maps))
    shown = learners[:_MOST_REGIONS]
    maps = {(learner, n): inside for (learner, n), inside in maps.items() if learner in shown}
    samples = {n: built.sample(n, _SHOWN_SEED)[0] for n in results.study.gallery if any(n == size for _, size in maps)}
    title = f"Decision regions over the sampling density, seed {_SHOWN_SEED}" + (f" ({problem})" if problem else "")
    if len(shown) < len(learners):
        title += f"; the first {len(shown)} of {len(learners)} learners"
    return gallery(maps, shown_errors, samples, built, MAP_MARGIN * built.target.radius, title)


def _losses(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame in which accuracies are errors."""
    return pd.concat([errors(frame), frame[~frame["metric"].str.startswith("accuracy")]])


def _by_problem(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the rows of each problem by its label; there is none where the study has one problem."""
    if "problem" not in frame:
        return {"": frame}
    return {str(problem): part for problem, part in frame.groupby("problem", sort=False)}


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


def _answer(question: Question, table: pd.DataFrame) -> str:
    a, b = _at(table, question.a), _at(table, question.b)
    if not set(a.index) & set(b.index):
        return "Not measured yet."
    difference = paired_difference(a, b)
    if "mse" in set(table["metric"]):
        means = f"{a.mean():.3g} against {b.mean():.3g}"
        apart = f"{abs(difference.mean):.2g} [{_bounds(difference, '.2g', 1)}]"
    else:
        means = f"{100 * a.mean():.2f} % against {100 * b.mean():.2f} %"
        apart = f"{100 * abs(difference.mean):.2f} points [{_bounds(difference, '.2f', 100)}]"
    if difference.high < 0:
        return f"Yes: {means}, lower by {apart}."
    if difference.low > 0:
        return f"No: {means}, higher by {apart}."
    return f"No difference seen: {means}, {apart} apart."


def _bounds(difference: Interval, digits: str, factor: int) -> str:
    """Return the interval of a difference, turned so that it reads with its absolute value."""
    sign = factor if difference.mean >= 0 else -factor
    low, high = sorted((sign * difference.low, sign * difference.high))
    return f"{low:{digits}}, {high:{digits}}"


def _at(table: pd.DataFrame, point: Point) -> pd.Series:
    rows = table[(table["learner"] == point.learner) & (table["n_samples"] == point.n_samples)]
    return rows.set_index("seed")["value"]


def _with_interval(row: pd.Series, factor: int) -> str:
    mean, low, high = (f"{factor * row[name]:.3g}" for name in ("mean", "low", "high"))
    return mean if low == "nan" else f"{mean} [{low}, {high}]"
