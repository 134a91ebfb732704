"""A study's results as one tidy table in a file, for analysis with other tools."""

import itertools
import json
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from studies.registry.params import format_value
from studies.results.results import Results
from studies.store.provenance import Run
from studies.store.store import Outcome

_DTYPES: dict[type | None, Any] = {bool: "boolean", int: "Int64", float: "float64"}


class ExportError(RuntimeError):
    """The table cannot be written; the message gives the reason."""


def table(results: Results) -> pd.DataFrame:
    """Return all cells that have ended: a row for each metric of a cell, and one for each cell that failed.

    The cells of the baseline are at the end; their learner is "baseline".

    Returns
    -------
    table : DataFrame
        The columns of `Results.frame`, with missing metric and value for a failed cell; columns of the cell:
        ``status``, ``error``, ``seconds``, ``shared``, ``engine``, ``device``, ``key``, ``spec`` (its specification
        as JSON) and ``stored_at``; and columns of its run, missing if it is unknown: ``run``, ``host``, ``cpu``,
        ``cores``, ``threads``, ``executor``, ``git_commit``, ``git_dirty`` and ``versions`` (JSON). A column of one
        type has it, with missing values; one of several types, or of lists, has texts as in labels, so that 1 and 1.0
        stay apart.
    """
    ended = results.outcomes(baseline=True)
    if not ended:
        return pd.DataFrame()
    of_run = {name: _run(run) for name, run in results.runs.items()} | {"": _run(None)}
    rows = []
    for planned, outcome in ended:
        origin = results.origin(planned.cell)
        run = of_run.get(origin.run or "", of_run[""])
        rows.append(results.place(planned) | _cell(outcome) | {"stored_at": origin.stored_at} | run)
    frame = pd.DataFrame({name: _column([row[name] for row in rows]) for name in rows[0]})
    nothing: list[tuple[Any, Any]] = [(None, None)]
    measured = [list(outcome.values.items()) or nothing for _, outcome in ended]
    frame = frame.take(np.repeat(np.arange(len(ended)), list(map(len, measured)))).reset_index(drop=True)
    metrics, values = zip(*itertools.chain.from_iterable(measured), strict=True)
    place = list(frame.columns).index("seed") + 1
    frame.insert(place, "metric", _column(list(metrics)))
    frame.insert(place + 1, "value", _column(list(values)))
    return frame


def write_table(frame: pd.DataFrame, path: Path, form: str) -> None:
    """Write a table as a file.

    Parameters
    ----------
    frame : DataFrame
    path : Path
    form : {"csv", "parquet"}

    Raises
    ------
    ExportError
        If the format needs a package that is not installed, or the file cannot be written.
    """
    if form == "parquet" and find_spec("pyarrow") is None:
        raise ExportError("Parquet needs pyarrow; install it with: pip install 'toymanifold[parquet]', or use csv.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if form == "parquet":
            frame.to_parquet(path, engine="pyarrow", index=False)
        else:
            frame.to_csv(path, index=False)
    except OSError as error:
        raise ExportError(f"cannot write {path}: {error.strerror or error}") from error


def _column(values: list[Any]) -> pd.Series:
    """Return values of one type as a column of it, with missing values; of several types, or lists, as texts."""
    types = {type(value) for value in values if value is not None}
    if types <= {datetime} or types <= {str}:
        return pd.Series(values)
    one = types.pop() if len(types) == 1 else None
    if one in _DTYPES:
        return pd.Series(values, dtype=_DTYPES[one])
    return pd.Series([None if value is None else format_value(value) for value in values])


def _cell(outcome: Outcome) -> dict[str, Any]:
    return {
        "status": outcome.status,
        "error": outcome.error or None,
        "seconds": outcome.seconds,
        "shared": outcome.shared,
        "engine": outcome.engine or None,
        "device": outcome.device or None,
        "key": outcome.key,
        "spec": outcome.spec,
    }


def _run(run: Run | None) -> dict[str, Any]:
    names = ("id", "host", "cpu", "cores", "threads", "executor", "git_commit", "git_dirty")
    row = {name: getattr(run, name, None) for name in names}
    return {"run": row.pop("id"), **row, "versions": json.dumps(run.versions, sort_keys=True) if run else None}
