"""The store of results: outcomes of cells, written in one transaction each.

Only the driver writes. A cell is stored when it has ended, with or without success, so a killed study leaves nothing
half done. An outcome that is ok is permanent: no later outcome of the cell replaces it.
"""

import math
import numbers
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, Self

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from studies.store.database import Database, StoreError
from studies.store.provenance import Run, now
from studies.store.schema import PARTS, cells, maps, models, prepare, runs, values

__all__ = ["Origin", "Outcome", "Store", "StoreError"]

_KEYS_AT_ONCE = 500  # in a query; SQLite allows about a thousand

_CELL = [cells.c[name] for name in ("key", "spec", "status", "error", "traceback", "seconds", "shared")]
_VALUE = [values.c[name] for name in ("key", "metric", "value")]

_SECONDS_AT_RISK = 1.0  # of computing that a power cut may cost


@dataclass(frozen=True)
class Outcome:
    """The outcome of a cell.

    Parameters
    ----------
    key, spec : str
        Key and specification of the cell.
    status : str
        "ok"; "error" if it raised; "timeout" or "memory" if it reached a limit; "lost" if its worker died.
    values : dict of str to float
        Its metrics; empty unless "ok".
    decision_map : ndarray of shape (size, size), bool, or None
        True where the learner predicts 1; only in the plane, and only if "ok".
    error, traceback : str
        Empty if "ok".
    seconds : float
        Total time in the worker, or the cell's share of it if cells were fitted together.
    shared : int
        Number of cells fitted together, including this one.
    model : bytes or None
        The fitted estimator in the form of `estimators.nets.serialization.dump`; only if "ok".
    output : str
        Text that the cell printed, cut to a few thousand characters.
    """

    key: str
    spec: str
    status: str
    values: dict[str, float] = field(default_factory=dict)
    decision_map: NDArray[np.bool_] | None = None
    error: str = ""
    traceback: str = ""
    seconds: float = 0.0
    shared: int = 1
    model: bytes | None = None
    output: str = ""

    @property
    def measured(self) -> dict[str, float]:
        """The values without times, which are the same for the same computation."""
        return {metric: value for metric, value in self.values.items() if not metric.endswith("seconds")}


@dataclass(frozen=True)
class Origin:
    """The time when a cell was stored, in UTC, and the id of its run, or None for a cell of an early version."""

    stored_at: datetime
    run: str | None


class Store:
    """The results database at a SQLAlchemy URL, created if it does not exist.

    Parameters
    ----------
    url : str
        ``sqlite:///path/to/file.db``, ``postgresql+psycopg://user@host/name``.
    must_exist : bool, default=False
        Raise if the database does not exist or contains no results.

    Raises
    ------
    StoreError
        If the database cannot be used. Every method may raise it.

    Examples
    --------
    >>> with Store("sqlite://") as store:  # in memory
    ...     len(store.runs())
    0
    """

    def __init__(self, url: str, *, must_exist: bool = False) -> None:
        self.database = Database(url, must_exist=must_exist)
        try:
            prepare(self.database, must_exist=must_exist)
        except StoreError:
            self.database.close()
            raise
        self._seconds_at_risk = 0.0
        insert = self.database.insert(cells)
        self._upsert = insert.on_conflict_do_update(
            index_elements=[cells.c.key],
            set_={column.name: insert.excluded[column.name] for column in cells.c if column is not cells.c.key},
            where=cells.c.status != "ok",
        ).returning(cells.c.key)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.database.close()

    def begin_run(self, run: Run) -> str:
        """Store the record of a run that begins, and return its id, for `add` and `end_run`."""
        insert = self.database.insert(runs).on_conflict_do_nothing()
        self.database.transact(lambda connection: connection.execute(insert, asdict(run)))
        return run.id

    def end_run(self, run: str) -> None:
        """Store the time when a run ended."""
        ended = runs.update().where(runs.c.id == run).values(finished_at=now())
        self.database.transact(lambda connection: connection.execute(ended))

    def add(self, outcome: Outcome, run: str | None = None) -> None:
        """Store the outcome of a cell in one transaction; it replaces an earlier one that is not ok.

        It survives the end of this process at once, and a power cut as soon as the outcomes since the last sync took a
        second to compute: a power cut costs a second of computing at most.

        Parameters
        ----------
        outcome : Outcome
        run : str or None, default=None
            Id of the run, from `begin_run`.

        Raises
        ------
        ValueError
            If a metric is not a number, or an outcome that is not ok has metrics, a map or a model.
        """
        rows = _rows_of(outcome, run)
        self._seconds_at_risk += outcome.seconds
        durable = self._seconds_at_risk >= _SECONDS_AT_RISK
        self.database.transact(lambda connection: self.put(connection, rows), durable=durable)
        if durable:
            self._seconds_at_risk = 0.0

    def put(self, connection: sa.Connection, rows: Mapping[sa.Table, list[dict[str, Any]]]) -> set[str]:
        """Insert cells with their parts, except those that are already stored as ok; return the inserted keys.

        Parameters
        ----------
        connection : Connection
            A transaction for writing.
        rows : dict of Table to list of dict
            Rows of `schema.cells` and `schema.PARTS`.
        """
        written = set(connection.scalars(self._upsert, rows[cells]))
        for part in PARTS:
            new = [row for row in rows.get(part, ()) if row["key"] in written]
            if new:
                connection.execute(part.insert(), new)
        return written

    def find(self, prefix: str) -> list[str]:
        """Return the keys that begin with a prefix."""
        begins = sa.func.substr(cells.c.key, 1, len(prefix)) == prefix
        with self.database.reading() as connection:
            return list(connection.scalars(sa.select(cells.c.key).where(begins).order_by(cells.c.key)))

    def statuses(self, keys: Collection[str]) -> dict[str, str]:
        """Return the status of each cell that has ended, by key."""
        query = sa.select(cells.c.key, cells.c.status)
        return dict(self.rows(query, cells.c.key, keys))

    def outcomes(self, keys: Collection[str]) -> dict[str, Outcome]:
        """Return the outcome of each cell that has ended, by key, without maps and models."""
        measured: dict[str, dict[str, float]] = {}
        query = sa.select(*_VALUE).order_by(values.c.key, values.c.metric)  # PostgreSQL has no order by default
        for key, metric, value in self.rows(query, values.c.key, keys):
            measured.setdefault(key, {})[metric] = value
        return {
            key: Outcome(key, spec, status, measured.get(key, {}), None, error, traceback, seconds, shared)
            for key, spec, status, error, traceback, seconds, shared in self.rows(sa.select(*_CELL), cells.c.key, keys)
        }

    def origins(self, keys: Collection[str]) -> dict[str, Origin]:
        """Return the origin of each cell that has ended, by key."""
        query = sa.select(cells.c.key, cells.c.stored_at, cells.c.run)
        return {row.key: Origin(row.stored_at, row.run) for row in self.rows(query, cells.c.key, keys)}

    def runs(self) -> dict[str, Run]:
        """Return all runs by id, in the order of their start."""
        names = [f.name for f in fields(Run)]
        with self.database.reading() as connection:
            rows = connection.execute(sa.select(runs).order_by(runs.c.started_at, runs.c.id)).all()
        return {row.id: Run(**{name: row._mapping[name] for name in names}) for row in rows}

    def decision_map(self, key: str) -> NDArray[np.bool_] | None:
        """Return a cell's decision map of shape (size, size), or None if it has none."""
        for row in self.rows(sa.select(maps), maps.c.key, [key]):
            bits = np.unpackbits(np.frombuffer(row.bits, dtype=np.uint8), count=row.size**2)
            return bits.astype(bool).reshape(row.size, row.size)
        return None

    def model(self, key: str) -> bytes | None:
        """Return a cell's fitted estimator for `estimators.nets.serialization.load`, or None if it was not kept."""
        for row in self.rows(sa.select(models), models.c.key, [key]):
            return bytes(row.model)
        return None

    def rows(self, query: sa.Select[Any], key: sa.ColumnElement[str], keys: Iterable[str]) -> Iterator[Any]:
        """Yield the rows of a query whose `key` is one of `keys`, from queries of a few hundred keys each."""
        wanted = sorted(set(keys))
        with self.database.reading() as connection:
            for start in range(0, len(wanted), _KEYS_AT_ONCE):
                yield from connection.execute(query.where(key.in_(wanted[start : start + _KEYS_AT_ONCE]))).all()


def _rows_of(outcome: Outcome, run: str | None) -> dict[sa.Table, list[dict[str, Any]]]:
    """Return an outcome as rows; raise if it is invalid."""
    key, inside, model = outcome.key, outcome.decision_map, outcome.model
    if outcome.status != "ok" and (outcome.values or inside is not None or model is not None):
        raise ValueError(f"an outcome with status {outcome.status!r} cannot have metrics, a map or a model: {key}")
    return {
        cells: [
            {
                "key": key,
                "spec": outcome.spec,
                "status": outcome.status,
                "error": _storable(outcome.error),
                "traceback": _storable(outcome.traceback),
                "seconds": outcome.seconds,
                "shared": outcome.shared,
                "stored_at": now(),
                "run": run,
            }
        ],
        values: [{"key": key, "metric": metric, "value": _number(metric, v)} for metric, v in outcome.values.items()],
        maps: [] if inside is None else [{"key": key, "size": len(inside), "bits": np.packbits(inside).tobytes()}],
        models: [] if model is None else [{"key": key, "model": model}],
    }


def _number(metric: str, value: Any) -> float:
    if not isinstance(value, numbers.Real) or math.isnan(value):
        raise ValueError(f"the metric {metric!r} of an outcome must be a number. Got {value!r} instead.")
    return float(value)


def _storable(text: str) -> str:
    """Return a text that a database can store: without NUL characters and lone surrogates."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
