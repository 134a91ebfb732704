"""An overview of the runs in a SQLite file, read without SQLAlchemy, whose import takes longer than the reading."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunSummary:
    """The runs of one command line of studies.

    Attributes
    ----------
    studies : tuple of str
        Names of the studies that ran together.
    n_cells : int
        Number of cells that they stored as ok.
    day : str
        Date of the last run, as in "2026-01-31".
    """

    studies: tuple[str, ...]
    n_cells: int
    day: str


_RUNS = """
    SELECT study, coalesce(sum(n_cells), 0), substr(max(started_at), 1, 10)
    FROM runs LEFT JOIN (SELECT run, count(*) AS n_cells FROM cells WHERE status = 'ok' GROUP BY run) ON run = id
    GROUP BY study
"""


def summarise_runs(path: Path) -> list[RunSummary]:
    """Return a summary of the runs in a results database; none if there is no such file, or it cannot be read."""
    if not path.is_file():
        return []
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute(_RUNS).fetchall()
    except sqlite3.Error:  # commands that need the results report it
        return []
    return [RunSummary(tuple(str(study).split(", ")), n_cells, day) for study, n_cells, day in rows]
