"""A study's results as one tidy table in a file, for analysis with other tools."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from studies.results.results import Results
from studies.store.provenance import Run
from studies.store.store import Outcome


class ExportError(RuntimeError):
    """The table cannot be written; the message gives the reason."""


def table(results: Results) -> pd.DataFrame:
    """Return all cells that have ended: a row for each metric of a cell, and one for each cell that failed.

    Returns
    -------
    table : DataFrame
        The columns of `Results.frame`, with missing metric and value for a failed cell; columns of the cell:
        ``status``, ``error``, ``seconds``, ``shared``, ``key``, ``spec`` (its specification as JSON) and ``stored_at``;
        and columns of its run, missing if it is unknown: ``run``, ``host``, ``cpu``, ``cores``, ``threads``,
        ``executor``, ``git_commit``, ``git_dirty`` and ``versions`` (JSON).
    """
    ended = results.outcomes()
    rows = []
    for planned, outcome in ended:
        origin = results.origin(planned.cell)
        cell = _cell(outcome) | {"stored_at": origin.stored_at} | _run(results.runs.get(origin.run or ""))
        measured = outcome.values.items() or [(None, None)]
        rows += [results.place(planned) | {"metric": metric, "value": value} | cell for metric, value in measured]
    return pd.DataFrame(rows).astype({"value": "float64"}) if rows else pd.DataFrame()


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
        raise ExportError(f"cannot write {path}: {error}") from error


def _cell(outcome: Outcome) -> dict[str, Any]:
    return {
        "status": outcome.status,
        "error": outcome.error or None,
        "seconds": outcome.seconds,
        "shared": outcome.shared,
        "key": outcome.key,
        "spec": outcome.spec,
    }


def _run(run: Run | None) -> dict[str, Any]:
    names = ("id", "host", "cpu", "cores", "threads", "executor", "git_commit", "git_dirty")
    row = {name: getattr(run, name, None) for name in names}
    return {"run": row.pop("id"), **row, "versions": json.dumps(run.versions, sort_keys=True) if run else None}
