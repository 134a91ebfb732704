"""The store of results: outcomes of cells, written in one transaction each.

Only the driver writes. A cell is stored when it has ended, with or without success, so a killed study leaves nothing
half done. An outcome that is ok is permanent: no later outcome of the cell replaces it.
"""

import numbers
import os
import warnings
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from textwrap import shorten
from typing import Any, Self

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from studies.store import seals
from studies.store.database import Database, LostError, StoreError
from studies.store.migrations import prepare
from studies.store.provenance import Run, now
from studies.store.schema import PARTS, cells, maps, models, plans, runs, values
from studies.store.seals import BATCH

__all__ = ["DamageWarning", "LostError", "Origin", "Outcome", "Store", "StoreError"]

_SECONDS_AT_RISK = 1.0  # of computing that a power cut may cost

_NAMED = 3  # damaged cells in a message
_SHOWN = 12  # characters of their keys

Rows = Mapping[sa.Table, list[dict[str, Any]]]


class DamageWarning(UserWarning):
    """Some cells of a store are damaged or not valid; they are left out and count as not measured."""


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
        Total time in the worker; for one of several cells of a training, its fit up to the cell's epoch.
    shared : int
        Number of cells of the training, including this one.
    model : bytes or None
        The fitted estimator in the form of `estimators.nets.serialization.dump`; only if "ok".
    output : str
        Text that the cell printed, cut to a few thousand characters.
    engine, device : str
        Engine and device that trained it; empty if it has no choice of them.
    foreign_code : str
        Digest, or name and version, of code that is not of this project; empty if there is none.
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
    engine: str = ""
    device: str = ""
    foreign_code: str = ""

    def __repr__(self) -> str:
        error = f", error={shorten(self.error, 80)!r}" if self.error else ""
        return f"{type(self).__name__}({self.key[:_SHOWN]!r}, {self.status!r}{error})"

    @property
    def measured(self) -> dict[str, float]:
        """The values without times, which are the same for the same computation."""
        return {metric: value for metric, value in self.values.items() if not metric.endswith("seconds")}


@dataclass(frozen=True)
class Origin:
    """The time when a cell was stored, in UTC; the id of its run, or None for a cell of an early version.

    It is on trust if its digest is not from the time of storing, but from the migration of an earlier version.
    """

    stored_at: datetime
    run: str | None
    on_trust: bool = False


class Store:
    """A results database, created if it does not exist.

    Parameters
    ----------
    store : str or path-like
        Path of a SQLite file, ``sqlite:///path/to/file.db``, or ``postgresql+psycopg://user@host/name``.
    must_exist : bool, default=False
        Raise if the database does not exist or contains no results.

    Attributes
    ----------
    damaged : dict of str to str
        Keys of cells that were found to be damaged or not valid, with the reason. They are left out of all results, and
        `add` replaces them.

    Raises
    ------
    StoreError
        If the database cannot be used. Every method may raise it.

    Warns
    -----
    DamageWarning
        If cells are damaged or not valid; every method that reads them may warn.

    Examples
    --------
    >>> with Store("sqlite://") as store:  # in memory
    ...     len(store.runs())
    0
    """

    def __init__(self, store: str | os.PathLike[str], *, must_exist: bool = False) -> None:
        self.database = Database(store, must_exist=must_exist)
        self.damaged: dict[str, str] = {}
        try:
            prepare(self.database, must_exist=must_exist)
            self.database.watch_file()
        except StoreError:
            self.database.close()
            raise
        self._seconds_at_risk = 0.0
        self._inserts = {part: _replacing(self.database.insert(part)) for part in PARTS}
        self._upsert = _replacing(self.database.insert(cells), where=cells.c.status != "ok").returning(cells.c.key)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.database.close()

    def begin_run(self, run: Run) -> str:
        """Store the record of a run that begins, and return its id, for `add` and `end_run`."""
        self.database.transact(lambda connection: self.put_runs(connection, [asdict(run)]))
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
            If a metric is not a finite number of at most 1e150 in absolute value, the map is not a square, or an
            outcome that is not ok has metrics, a map or a model.
        """
        rows = _rows_of(outcome, run)
        self._seconds_at_risk += outcome.seconds
        durable = self._seconds_at_risk >= _SECONDS_AT_RISK
        self.database.transact(lambda connection: self.put(connection, rows), durable=durable)
        if durable:
            self._seconds_at_risk = 0.0

    def put(self, connection: sa.Connection, rows: Rows) -> set[str]:
        """Insert cells with their parts, except those that are already stored as ok; return the inserted keys.

        Parameters
        ----------
        connection : Connection
            A transaction for writing.
        rows : dict of Table to list of dict
            Rows of `schema.cells`, without digests, and of `schema.PARTS`.
        """
        sealed = [self._sealed(cell, rows) for cell in rows[cells]]
        self._remove_damaged(connection, {cell["key"] for cell in sealed} & self.damaged.keys())
        written = set(connection.scalars(self._upsert, sealed))
        for part, insert in self._inserts.items():
            new = [row for row in rows.get(part, ()) if row["key"] in written]
            if new:
                connection.execute(insert, new)
        for key in written & self.damaged.keys():
            del self.damaged[key]
        return written

    def _sealed(self, cell: dict[str, Any], rows: Rows) -> dict[str, Any]:
        """Return the row of a cell as it is stored, with its digests."""
        key = cell["key"]
        cell = {name: self.database.storable(v) if isinstance(v, str) else v for name, v in cell.items()}
        of_cell = {part: [row for row in rows.get(part, ()) if row["key"] == key] for part in PARTS}
        cell["map_digest"] = next(map(seals.map_digest, of_cell[maps]), None)
        cell["model_digest"] = next(map(seals.model_digest, of_cell[models]), None)
        measured = {row["metric"]: row["value"] for row in of_cell[values]}
        return {**cell, "digest": seals.cell_digest(cell, measured)}

    def _remove_damaged(self, connection: sa.Connection, keys: Collection[str]) -> None:
        """Remove those of a few cells that are still damaged, so that they can be stored again."""
        if keys:
            damaged = self._flaws(connection, keys)[1]
            connection.execute(cells.delete().where(cells.c.key.in_(damaged)))

    def put_runs(self, connection: sa.Connection, records: list[dict[str, Any]]) -> None:
        """Insert the records of runs, except those that are already stored.

        Parameters
        ----------
        connection : Connection
            A transaction for writing.
        records : list of dict
            Rows of `schema.runs`, without digests.
        """
        for record in records:
            row = {name: self.database.storable(v) if isinstance(v, str) else v for name, v in record.items()}
            row["digest"] = seals.run_digest(row)
            connection.execute(self.database.insert(runs).on_conflict_do_nothing(), row)

    def find(self, prefix: str) -> list[str]:
        """Return the keys that begin with a prefix."""
        begins = sa.func.substr(cells.c.key, 1, len(prefix)) == prefix if prefix else sa.true()
        with self.database.reading() as connection:
            found = connection.scalars(sa.select(cells.c.key).where(begins).order_by(cells.c.key)).all()
        self.warn({repr(key): "its key is not valid" for key in found if not seals.is_text(key)})
        return [key for key in found if seals.is_text(key)]

    def missing(self, keys: Collection[str]) -> list[str]:
        """Return those of some keys that are not in the store, or damaged there."""
        self.database.check_file()
        stored = self.database.patiently(lambda: self.statuses(keys))
        return [key for key in keys if key not in stored]

    def without_model(self, keys: Collection[str]) -> list[str]:
        """Return those of some keys of which the store has no fitted estimator."""
        kept: set[str] = set()
        with self.database.reading() as connection:
            for batch in batches(keys):
                has_model = sa.select(cells.c.key).where(cells.c.key.in_(batch), cells.c.model_digest.is_not(None))
                kept.update(connection.scalars(has_model))
        return [key for key in keys if key not in kept]

    def statuses(self, keys: Collection[str]) -> dict[str, str]:
        """Return the status of each cell that has ended, by key."""
        return {key: outcome.status for key, (outcome, _) in self.records(keys).items()}

    def outcomes(self, keys: Collection[str]) -> dict[str, Outcome]:
        """Return the outcome of each cell that has ended, by key, without maps and models."""
        return {key: outcome for key, (outcome, _) in self.records(keys).items()}

    def origins(self, keys: Collection[str]) -> dict[str, Origin]:
        """Return the origin of each cell that has ended, by key."""
        return {key: origin for key, (_, origin) in self.records(keys).items()}

    def records(self, keys: Collection[str]) -> dict[str, tuple[Outcome, Origin]]:
        """Return the outcome of each cell that has ended, with its origin, by key, from one snapshot."""
        found: dict[str, tuple[Outcome, Origin]] = {}
        damaged: dict[str, str] = {}
        with self.database.reading() as connection:
            for batch in batches(keys):
                sound, flawed = self._flaws(connection, batch)
                found |= sound
                damaged |= flawed
        self.warn(damaged)
        return found

    def _flaws(
        self, connection: sa.Connection, keys: Collection[str]
    ) -> tuple[dict[str, tuple[Outcome, Origin]], dict[str, str]]:
        """Return those of a few cells that are sound, and the flaws of the others."""
        measured = seals.values_of(connection, keys)
        sound, flawed = {}, {}
        for cell in seals.rows_of(connection, cells, keys):
            of_cell = measured.get(cell["key"], {})
            if flaw := seals.cell_flaw(cell, of_cell):
                flawed[cell["key"]] = flaw
            else:
                sound[cell["key"]] = _record(cell, of_cell)
        return sound, flawed

    def warn(self, damaged: Mapping[str, str]) -> None:
        """Remember damaged cells, and warn if some are new."""
        if damaged.keys() - self.damaged:
            self.damaged |= damaged
            warnings.warn(self.damage, DamageWarning, stacklevel=3)

    @property
    def damage(self) -> str:
        """A sentence on the damaged cells that were found."""
        shown = ", ".join(key[:_SHOWN] for key in sorted(self.damaged)[:_NAMED])
        more = f" and {len(self.damaged) - _NAMED:,} more" if len(self.damaged) > _NAMED else ""
        return (
            f"{self.database.name} has damaged cells, which are left out and count as not measured: {shown}{more}; see"
            " toymanifold store check"
        )

    def runs(self) -> dict[str, Run]:
        """Return all runs by id, in the order of their start, without those whose records are damaged."""
        names = [f.name for f in fields(Run)]
        with self.database.reading() as connection:
            rows = connection.execute(sa.select(runs).order_by(runs.c.started_at, runs.c.id)).all()
        found = [dict(row._mapping) for row in rows]
        return {run["id"]: Run(**{name: run[name] for name in names}) for run in found if not seals.run_flaw(run)}

    def decision_map(self, key: str) -> NDArray[np.bool_] | None:
        """Return a cell's decision map of shape (size, size), or None if it has none or it is damaged."""
        row = self._part(maps, cells.c.map_digest, key, seals.map_flaw)
        return None if row is None else seals.unpack_map(row)

    def model(self, key: str) -> bytes | None:
        """Return a cell's fitted estimator for `estimators.nets.serialization.load`.

        It is None if the estimator was not kept or is damaged.
        """
        row = self._part(models, cells.c.model_digest, key, seals.model_flaw)
        return None if row is None else row["model"]

    def _part(self, table: sa.Table, digest: sa.Column[Any], key: str, flaw: seals.PartFlaw) -> seals.Row | None:
        with self.database.reading() as connection:
            stored = connection.scalar(sa.select(digest).where(cells.c.key == key))
            row = next(seals.rows_of(connection, table, [key]), None)
        if found := flaw(row, stored):
            self.warn({key: found})
            return None
        return row

    def plan(self, study: str, code: str) -> str | None:
        """Return the plan that was kept of a study by a version of the code, both given by digests, or None."""
        query = sa.select(plans).where(plans.c.study == study, plans.c.code == code)
        with self.database.reading() as connection:
            rows = [dict(row._mapping) for row in connection.execute(query)]
        return next((str(row["plan"]) for row in rows if not seals.plan_flaw(row)), None)

    def keep_plan(self, study: str, code: str, plan: str) -> None:
        """Keep the plan of a study, in place of that of another version of the code.

        It waits for a second only if another process writes.
        """
        row: dict[str, Any] = {"study": study, "code": code, "plan": plan}
        row["digest"] = seals.plan_digest(row)
        with self.database.writing(durable=False, patience=1.0) as connection:
            connection.execute(_replacing(self.database.insert(plans)), row)


def batches(keys: Collection[str]) -> Iterator[list[str]]:
    """Yield keys in order, a few hundred at a time."""
    ordered = sorted(set(keys))
    return (ordered[start : start + BATCH] for start in range(0, len(ordered), BATCH))


def _replacing(insert: Any, where: sa.ColumnElement[bool] | None = None) -> Any:
    """Return an INSERT that replaces an earlier row of the same key, if it meets a condition."""
    key = insert.table.primary_key.columns
    new = {column.name: insert.excluded[column.name] for column in insert.table.c if column not in set(key)}
    return insert.on_conflict_do_update(index_elements=list(key), set_=new, where=where)


def _record(cell: seals.Row, measured: dict[str, float]) -> tuple[Outcome, Origin]:
    names = ("key", "spec", "status", "error", "traceback", "seconds", "shared", "output", "engine", "device")
    outcome = Outcome(**{name: cell[name] for name in names}, foreign_code=cell["foreign_code"], values=measured)
    return outcome, Origin(cell["stored_at"], cell["run"], cell["on_trust"])


def _rows_of(outcome: Outcome, run: str | None) -> dict[sa.Table, list[dict[str, Any]]]:
    """Return an outcome as rows; raise if it is invalid."""
    key, inside, model = outcome.key, outcome.decision_map, outcome.model
    if outcome.status != "ok" and (outcome.values or inside is not None or model is not None):
        raise ValueError(f"an outcome with status {outcome.status!r} cannot have metrics, a map or a model: {key}")
    if inside is not None and not (inside.ndim == 2 and 0 < len(inside) == inside.shape[1]):
        raise ValueError(f"the decision map of an outcome must have shape (size, size), not {inside.shape}: {key}")
    return {
        cells: [
            {
                "key": key,
                "spec": outcome.spec,
                "status": outcome.status,
                "error": outcome.error,
                "traceback": outcome.traceback,
                "seconds": float(outcome.seconds) + 0.0,
                "shared": int(outcome.shared),
                "stored_at": now(),
                "run": run,
                "output": outcome.output,
                "engine": outcome.engine,
                "device": outcome.device,
                "foreign_code": outcome.foreign_code,
                "on_trust": False,
            }
        ],
        values: [{"key": key, "metric": metric, "value": _number(metric, v)} for metric, v in outcome.values.items()],
        maps: [] if inside is None else [{"key": key, "size": len(inside), "bits": np.packbits(inside).tobytes()}],
        models: [] if model is None else [{"key": key, "model": model}],
    }


def _number(metric: str, value: Any) -> float:
    if not isinstance(value, numbers.Real) or not seals.is_metric(float(value)):
        raise ValueError(
            f"the metric {metric!r} of an outcome must be a number of at most {seals.MAX_VALUE} in absolute value. Got"
            f" {value!r} instead."
        )
    return float(value) + 0.0  # SQLite stores -0.0 as 0.0
