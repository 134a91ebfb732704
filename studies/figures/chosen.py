"""What of a study is drawn: the rows of one problem, a metric, a sample size, where nothing else is asked for."""

import pandas as pd

from studies.curves import losses
from studies.findings import PRIMARY
from studies.refusals import unknown
from studies.results import Results


def rows_of(results: Results, problem: str | None = None) -> pd.DataFrame:
    """Return the rows of one problem, with accuracies as errors.

    Raises
    ------
    ValueError
        If there is no such problem, or it is not said which of several, or nothing of it is measured.
    """
    label = results.problem_label(problem)
    rows = losses(results.frame())
    rows = rows[rows["problem"] == label] if "problem" in rows else rows
    if rows.empty:
        raise ValueError(f"nothing of {results.study.name} on {label} is measured yet")
    return rows


def metric_of(rows: pd.DataFrame, metric: str | None = None) -> str:
    """Return a metric that is measured: without a name, what learners are judged by.

    Raises
    ------
    ValueError
        If it is not measured.
    """
    measured = [str(name) for name in rows["metric"].unique()]
    found = metric or next((name for name in PRIMARY if name in measured), PRIMARY[0])
    if found not in measured:
        raise ValueError(unknown("metric that is measured", found, measured))
    return found


def learners_of(rows: pd.DataFrame, learners: list[str] | None = None) -> list[str]:
    """Return the learners that have rows: of those named, by a label or its family's, or all.

    Raises
    ------
    ValueError
        If one that is named has none.
    """
    there = [str(learner) for learner in rows["learner"].unique()]
    families = dict(zip(rows["learner"], rows["family"], strict=True)) if "family" in rows else {}
    for name in learners or ():
        if name not in there and name not in families.values():
            raise ValueError(unknown("learner that is measured", name, there))
    return there if learners is None else [name for name in there if {name, families.get(name)} & {*learners}]
