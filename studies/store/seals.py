"""Digests of rows, and the flaws of rows that were read.

SQLite has no checksums and stores any value in any column, so a damaged or foreign file can hold anything. A row is
sound if its values have the types of their columns, are within limits, and have the digest that was stored with them.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from studies.store.schema import cells, maps, models, plans, runs, values

MAX_VALUE = 1e150
"""Largest absolute value of a metric: its square is finite."""

BATCH = 500
"""Number of cells in a query or transaction; SQLite allows about a thousand."""

_BYTES = 16  # of a digest

Row = Mapping[str, Any]
PartFlaw = Callable[[Row | None, bytes | None], str]

_KINDS = {sa.Text: str, sa.String: str, sa.Float: float, sa.Integer: int, sa.Boolean: bool, sa.DateTime: datetime}
_KINDS |= {sa.LargeBinary: bytes, sa.JSON: dict}


def _kinds(column: sa.Column[Any]) -> tuple[type, ...]:
    impl = column.type.impl_instance if isinstance(column.type, sa.TypeDecorator) else column.type
    return (_KINDS[type(impl)], *((type(None),) if column.nullable else ()))


_COLUMNS = {table: {c.name: _kinds(c) for c in table.c} for table in (cells, maps, models, plans, runs, values)}

_of_cell = itemgetter(*(name for name in _COLUMNS[cells] if name != "digest"))
_OF_RUN = [name for name in _COLUMNS[runs] if name not in ("finished_at", "digest")]


def cell_digest(cell: Row, measured: Mapping[str, float]) -> bytes:
    """Return the digest of a cell with its values; those of its map and model are among its columns."""
    return _digest([*_of_cell(cell), measured])


def map_digest(row: Row) -> bytes:
    """Return the digest of a decision map."""
    return _digest([row["key"], row["size"]], row["bits"])


def model_digest(row: Row) -> bytes:
    """Return the digest of a model."""
    return _digest([row["key"]], row["model"])


def run_digest(run: Row) -> bytes:
    """Return the digest of a run's record, without the time of its end."""
    return _digest([run[name] for name in _OF_RUN])


def plan_digest(plan: Row) -> bytes:
    """Return the digest of a kept plan."""
    return _digest([plan["study"], plan["code"], plan["plan"]])


def _digest(fields: list[Any], content: bytes = b"") -> bytes:
    """Return the BLAKE2 digest of plain values, as JSON with sorted keys, and of bytes."""
    text = _JSON.encode(fields)
    return hashlib.blake2b(text.encode() + content, digest_size=_BYTES).digest()


def _as_text(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else value.isoformat(timespec="microseconds")


_JSON = json.JSONEncoder(sort_keys=True, default=_as_text)


def cell_flaw(cell: Row, measured: Mapping[str, float]) -> str:
    """Return the reason why a cell with its values cannot be used, or ""."""
    return _invalid_cell(cell, measured) or _other_digest(cell_digest(cell, measured), cell["digest"])


def map_flaw(row: Row | None, digest: bytes | None) -> str:
    """Return the reason why a cell's map cannot be used, or ""; both are None if it has none."""
    return _part_flaw("map", None if row is None else _invalid_map(row), row, digest, map_digest)


def model_flaw(row: Row | None, digest: bytes | None) -> str:
    """Return the reason why a cell's model cannot be used, or ""; both are None if it has none."""
    return _part_flaw("model", None if row is None else _invalid(models, row), row, digest, model_digest)


def run_flaw(run: Row) -> str:
    """Return the reason why a run's record cannot be used, or ""."""
    return _invalid(runs, run) or _other_digest(run_digest(run), run["digest"])


def plan_flaw(plan: Row) -> str:
    """Return the reason why a kept plan cannot be used, or ""."""
    return _invalid(plans, plan) or _other_digest(plan_digest(plan), plan["digest"])


def _part_flaw(name: str, invalid: str | None, row: Row | None, digest: bytes | None, digest_of: Any) -> str:
    if row is None:
        return f"its {name} is missing" if digest is not None else ""
    found = invalid or _other_digest(digest_of(row), digest)
    return f"its {name} is damaged: {found}" if found else ""


def _other_digest(digest: bytes, stored: bytes | None) -> str:
    return "" if digest == stored else "it does not have its digest"


def _invalid(table: sa.Table, row: Row) -> str:
    """Return the first column of a row whose value has another type, as a sentence, or ""."""
    for name, kinds in _COLUMNS[table].items():
        value = row[name]
        if type(value) not in kinds or (type(value) is str and not value.isascii() and not is_text(value)):
            return f"its {name} is not valid"
    return ""


def is_text(value: Any) -> bool:
    """Return True for a string that has a UTF-8 form."""
    return isinstance(value, str) and (value.isascii() or not any("\ud800" <= c <= "\udfff" for c in value))


def _invalid_cell(cell: Row, measured: Mapping[str, float]) -> str:
    if found := _invalid(cells, cell):
        return found
    if not (0 <= cell["seconds"] <= MAX_VALUE and cell["shared"] >= 1):
        return "its time is not valid"
    for metric, value in measured.items():
        if not is_text(metric) or type(value) is not float or not is_metric(value):
            return f"its value of {metric!r} is not valid"
    return "it failed and has values" if measured and cell["status"] != "ok" else ""


def is_metric(value: float) -> bool:
    """Return True for a finite number of at most `MAX_VALUE` in absolute value."""
    return math.isfinite(value) and abs(value) <= MAX_VALUE


def _invalid_map(row: Row) -> str:
    if found := _invalid(maps, row):
        return found
    size = row["size"]
    return "" if size > 0 and len(row["bits"]) == -(-(size**2) // 8) else "its size is not valid"


def unpack_map(row: Row) -> NDArray[np.bool_]:
    """Return a sound decision map, of shape (size, size)."""
    bits = np.unpackbits(np.frombuffer(row["bits"], dtype=np.uint8), count=row["size"] ** 2)
    return bits.astype(bool).reshape(row["size"], row["size"])


def rows_of(connection: sa.Connection, table: sa.Table, keys: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table of cells whose key is one of a few hundred."""
    names = list(_COLUMNS[table])
    for row in connection.execute(sa.select(table).where(table.c.key.in_(list(keys)))).all():
        yield dict(zip(names, row, strict=True))


def values_of(connection: sa.Connection, keys: Iterable[str]) -> dict[str, dict[str, float]]:
    """Return the values of a few hundred cells by key and metric."""
    measured: dict[str, dict[str, float]] = {}
    query = sa.select(values).where(values.c.key.in_(list(keys))).order_by(values.c.key, values.c.metric)
    for key, metric, value in connection.execute(query).all():  # PostgreSQL has no order by default
        measured.setdefault(key, {})[metric] = value
    return measured


def seal_all(connection: sa.Connection) -> None:
    """Store the digests of all rows, in a database of a version that had none: what is there is taken on trust.

    A row that is not valid gets none.
    """
    for row in connection.execute(sa.select(runs)).all():
        run = dict(row._mapping)
        if not _invalid(runs, run):
            connection.execute(runs.update().where(runs.c.id == run["id"]).values(digest=run_digest(run)))
    last = ""
    while keys := [str(key) for key in connection.scalars(_next_keys(last))]:
        last = keys[-1]
        if sealed := list(_sealed(connection, keys)):
            connection.execute(cells.update().where(cells.c.key == sa.bindparam("of")), sealed)


def _next_keys(last: str) -> sa.Select[Any]:
    return sa.select(cells.c.key).where(cells.c.key > last).order_by(cells.c.key).limit(BATCH)


def _sealed(connection: sa.Connection, keys: list[str]) -> Iterator[dict[str, Any]]:
    measured = values_of(connection, keys)
    of_maps = {row["key"]: map_digest(row) for row in rows_of(connection, maps, keys) if not _invalid_map(row)}
    of_models = {
        row["key"]: model_digest(row) for row in rows_of(connection, models, keys) if not _invalid(models, row)
    }
    for cell in rows_of(connection, cells, keys):
        key = cell["key"]
        cell |= {"on_trust": True, "map_digest": of_maps.get(key), "model_digest": of_models.get(key)}
        if not _invalid_cell(cell, measured.get(key, {})):
            cell["digest"] = cell_digest(cell, measured.get(key, {}))
        yield {"of": key, **{name: cell[name] for name in ("on_trust", "map_digest", "model_digest", "digest")}}
