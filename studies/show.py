"""What a study found: answers and a table for a terminal, and pictures as files."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from rich.table import Table

from studies.compare import paired_difference, summary
from studies.curves import errors
from studies.figures import gallery, learning_curves
from studies.inference import Interval
from studies.metrics import build_problem
from studies.results import Results
from studies.runner import MAP_MARGIN
from studies.spec import Point, Question

_SHOWN_SEED = 0  # whose decision regions are drawn

_ERRORS = {"error": "error %", "error_uniform": "uniform %", "error_sparse": "sparsest %"}
_SECONDS = {"fit_seconds": "fit s", "predict_seconds": "predict s"}


def answers(results: Results) -> list[str]:
    """Answer the study's questions, one line each, from the errors under the sampling density."""
    table = errors(results.frame())
    table = table[table["metric"] == "error"]
    return [f"{question.ask} {_answer(question, table)}" for question in results.study.questions]


def measurements(results: Results) -> Table:
    """Return the measurements as a table: a row for each sample size and learner, means over seeds with intervals."""
    frame = results.frame()
    frame = pd.concat([errors(frame), frame[frame["metric"].isin(_SECONDS)]])
    means = summary(frame).set_index(["n_samples", "learner", "metric"]).sort_index()
    shown = Table(box=None)
    for heading in ("n", "learner", *_ERRORS.values(), *_SECONDS.values(), "seeds"):
        shown.add_column(heading, justify="left" if heading == "learner" else "right", no_wrap=True)
    for n_samples in sorted(frame["n_samples"].unique()):
        for learner in frame.loc[frame["n_samples"] == n_samples, "learner"].unique():
            cell = means.loc[(n_samples, learner)]
            shown.add_row(
                f"{n_samples:,}",
                learner,
                *(_percent(cell.loc[metric]) for metric in _ERRORS),
                *(_brief(cell.loc[metric, "mean"]) for metric in _SECONDS),
                str(cell.loc["error", "seeds"]),
            )
        shown.add_section()
    return shown


def write_pictures(results: Results, folder: Path) -> list[Path]:
    """Write the study's pictures as PNG files into `folder`, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {"learning-curves.png": _curves(results)}
    if results.study.gallery:
        pictures["decision-regions.png"] = _regions(results)
    for name, figure in pictures.items():
        figure.savefig(folder / name, dpi=150)
    return [folder / name for name in pictures]


def _curves(results: Results) -> Figure:
    return learning_curves(summary(errors(results.frame())), results.study.question)


def _regions(results: Results) -> Figure:
    study = results.study
    problem = build_problem(study.problem.name, study.problem.params)
    maps, shown_errors = {}, {}
    for planned, outcome in results.outcomes():
        cell = planned.cell
        if cell.seed == _SHOWN_SEED and cell.n_samples in study.gallery and outcome.status == "ok":
            inside = results.store.decision_map(cell.key)
            if inside is not None:
                maps[planned.learner, cell.n_samples] = inside
                shown_errors[planned.learner, cell.n_samples] = 1 - outcome.values["accuracy"]
    sizes = [n for n in study.gallery if any(n == n_samples for _, n_samples in maps)]
    samples = {n: problem.sample(n, _SHOWN_SEED)[0] for n in sizes}
    title = f"Decision regions over the sampling density, seed {_SHOWN_SEED}"
    return gallery(maps, shown_errors, samples, problem, MAP_MARGIN * problem.target.radius, title)


def _answer(question: Question, table: pd.DataFrame) -> str:
    a, b = _at(table, question.a), _at(table, question.b)
    if not set(a.index) & set(b.index):
        return "Not measured yet."
    difference = paired_difference(a, b)
    points = f"{100 * abs(difference.mean):.2f} points [{_bounds(difference)}]"
    means = f"{100 * a.mean():.2f} % against {100 * b.mean():.2f} %"
    if difference.high < 0:
        return f"Yes: {means}, lower by {points}."
    if difference.low > 0:
        return f"No: {means}, higher by {points}."
    return f"No difference seen: {means}, {points} apart."


def _bounds(difference: Interval) -> str:
    """Return the interval of a difference, turned so that it reads with its absolute value."""
    sign = 1 if difference.mean >= 0 else -1
    low, high = sorted((sign * difference.low, sign * difference.high))
    return f"{100 * low:.2f}, {100 * high:.2f}"


def _at(table: pd.DataFrame, point: Point) -> pd.Series:
    rows = table[(table["learner"] == point.learner) & (table["n_samples"] == point.n_samples)]
    return rows.set_index("seed")["value"]


def _percent(row: pd.Series) -> str:
    mean, low, high = (f"{100 * row[name]:.3g}" for name in ("mean", "low", "high"))
    return mean if low == "nan" else f"{mean} [{low}, {high}]"


def _brief(seconds: float) -> str:
    return f"{seconds:.2g}" if seconds >= 0.01 else "<0.01"
