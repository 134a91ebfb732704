"""The results database: rows in, rows out, one transaction for each cell.

SQLite by default, any server by the same SQLAlchemy URL. Only the driver writes. A cell is stored when it has ended,
well or badly, so nothing in the store says "running" and a killed study leaves nothing half done.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

SCHEMA_VERSION = 1

_KEYS_AT_ONCE = 500  # of a query; SQLite takes no more than a thousand or so

_metadata = sa.MetaData()

_schema = sa.Table("toymanifold_schema", _metadata, sa.Column("version", sa.Integer, primary_key=True))

_cells = sa.Table(
    "cells",
    _metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("spec", sa.Text, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("traceback", sa.Text, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("stored_at", sa.DateTime, nullable=False, server_default=sa.func.now()),
)

_values = sa.Table(
    "cell_values",
    _metadata,
    sa.Column("key", sa.ForeignKey("cells.key", ondelete="CASCADE"), primary_key=True),
    sa.Column("metric", sa.String(64), primary_key=True),
    sa.Column("value", sa.Float, nullable=False),
)

_maps = sa.Table(
    "cell_maps",
    _metadata,
    sa.Column("key", sa.ForeignKey("cells.key", ondelete="CASCADE"), primary_key=True),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("bits", sa.LargeBinary, nullable=False),
)


class StoreError(RuntimeError):
    """The results database cannot be used; the message says why."""


@dataclass(frozen=True)
class Outcome:
    """How a cell ended.

    Parameters
    ----------
    key, spec : str
        Of the cell.
    status : str
        "ok"; "error", it raised; "timeout" or "memory", it came to its limit; or "lost", its worker died.
    values : dict of str to float
        Its metrics; empty unless "ok".
    decision_map : ndarray of shape (size, size), bool, or None
        Where the learner answers 1; only in the plane.
    error, traceback : str
        Empty if "ok".
    seconds : float
        In the worker, all told; where cells were fitted together, this one's share.
    """

    key: str
    spec: str
    status: str
    values: dict[str, float] = field(default_factory=dict)
    decision_map: NDArray[np.bool_] | None = None
    error: str = ""
    traceback: str = ""
    seconds: float = 0.0


class Store:
    """The results database at a SQLAlchemy URL, made if it is not there.

    Parameters
    ----------
    url : str
        ``sqlite:///path/to/file.db``, ``postgresql+psycopg://...``.

    Raises
    ------
    StoreError
        If the database cannot be opened, or was written by a newer version.
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = sa.make_url(url)
            if parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:"):
                Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
            self._engine = sa.create_engine(parsed)
            sa.event.listen(self._engine, "connect", _prepare_sqlite)
            with self._engine.begin() as connection:
                _metadata.create_all(connection)
                version = connection.scalar(sa.select(sa.func.max(_schema.c.version)))
                if version is None:
                    connection.execute(_schema.insert().values(version=SCHEMA_VERSION))
        except (sa.exc.SQLAlchemyError, OSError) as error:
            raise StoreError(f"cannot open the results database {url!r}: {error}") from error
        if version is not None and version > SCHEMA_VERSION:
            raise StoreError(
                f"the results database {url!r} has schema version {version}, of a newer toymanifold;"
                f" this one reads up to {SCHEMA_VERSION}"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    def add(self, outcome: Outcome) -> None:
        """Store how a cell ended, in one transaction; an earlier outcome of the same cell is replaced."""
        row = {name: getattr(outcome, name) for name in ("key", "spec", "status", "error", "traceback", "seconds")}
        with self._engine.begin() as connection:
            connection.execute(_cells.delete().where(_cells.c.key == outcome.key))
            connection.execute(_cells.insert().values(row))
            if outcome.values:
                values = [{"key": outcome.key, "metric": m, "value": v} for m, v in outcome.values.items()]
                connection.execute(_values.insert(), values)
            if outcome.decision_map is not None:
                bits = np.packbits(outcome.decision_map).tobytes()
                size = len(outcome.decision_map)
                connection.execute(_maps.insert().values(key=outcome.key, size=size, bits=bits))

    def statuses(self, keys: Collection[str]) -> dict[str, str]:
        """Return the status of those of the cells that have ended."""
        return {row.key: row.status for row in self._rows(sa.select(_cells.c.key, _cells.c.status), _cells, keys)}

    def outcomes(self, keys: Collection[str]) -> dict[str, Outcome]:
        """Return how those of the cells that have ended did, without their maps."""
        values: dict[str, dict[str, float]] = {}
        for row in self._rows(sa.select(_values), _values, keys):
            values.setdefault(row.key, {})[row.metric] = row.value
        return {
            row.key: Outcome(
                key=row.key,
                spec=row.spec,
                status=row.status,
                values=values.get(row.key, {}),
                error=row.error,
                traceback=row.traceback,
                seconds=row.seconds,
            )
            for row in self._rows(sa.select(_cells), _cells, keys)
        }

    def decision_map(self, key: str) -> NDArray[np.bool_] | None:
        """Return a cell's decision map (size, size), or None if it has none."""
        for row in self._rows(sa.select(_maps), _maps, [key]):
            bits = np.unpackbits(np.frombuffer(row.bits, dtype=np.uint8), count=row.size**2)
            return bits.astype(bool).reshape(row.size, row.size)
        return None

    def _rows(
        self, query: sa.Select[tuple[object, ...]], table: sa.Table, keys: Collection[str]
    ) -> list[sa.Row[tuple[object, ...]]]:
        wanted = sorted(set(keys))
        rows: list[sa.Row[tuple[object, ...]]] = []
        with self._engine.connect() as connection:
            for start in range(0, len(wanted), _KEYS_AT_ONCE):
                rows += connection.execute(query.where(table.c.key.in_(wanted[start : start + _KEYS_AT_ONCE])))
        return rows


def _prepare_sqlite(connection: object, _: object) -> None:
    """Let readers read while the driver writes, and let deletion of a cell take what hangs on it."""
    if type(connection).__module__.startswith("sqlite3"):
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")  # type: ignore[attr-defined]
