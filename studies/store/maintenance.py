"""Maintenance of a store: counts, selection and removal of cells, compaction, and merging with another store."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from studies.store import seals
from studies.store.provenance import now
from studies.store.schema import PARTS, cells, maps, models, plans, runs
from studies.store.store import Outcome, Store, batches

_MOST_LINES = 20  # of SQLite's own check

_ABANDONED_AFTER = timedelta(days=30)  # without any cell; a younger run may still be at its first one

Learner = tuple[str, str, str]
"""Problem, estimator and prior of a cell, as text."""


@dataclass
class Merged:
    """The result of a merge.

    Attributes
    ----------
    added : int
        Number of new cells.
    replaced : int
        Number of failed cells that were replaced by ones that are ok.
    same : int
        Number of cells that were kept, without a difference.
    differing : list of str
        Keys of cells that are ok in both stores with different values, which were kept.
    """

    added: int = 0
    replaced: int = 0
    same: int = 0
    differing: list[str] = field(default_factory=list)


def count(store: Store) -> dict[Learner, Counter[str]]:
    """Return the number of cells by learner and status."""
    counts: dict[Learner, Counter[str]] = defaultdict(Counter)
    with store.database.reading():
        for keys in batches(store.find("")):
            for outcome in store.outcomes(keys).values():
                counts[learner(outcome.spec)][outcome.status] += 1
    return dict(sorted(counts.items()))


def learner(spec: str) -> Learner:
    """Return the learner in a cell's specification."""
    parts = described(spec)
    return str(parts.get("problem")), str(parts.get("estimator")), str(parts.get("prior") or "")


def described(spec: str) -> dict[str, Any]:
    """Return a cell's specification, or nothing if it is not one."""
    try:
        found = json.loads(spec)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def failed(store: Store, limit: int) -> list[str]:
    """Return the keys of the last `limit` cells that failed, newest first."""
    query = sa.select(cells.c.key).where(cells.c.status != "ok").order_by(cells.c.stored_at.desc(), cells.c.key)
    with store.database.reading() as connection:
        return [key for key in connection.scalars(query.limit(limit)) if seals.is_text(key)]


def select(store: Store, prefix: str = "", status: str | None = None, keys: Collection[str] | None = None) -> list[str]:
    """Return the keys of the cells that meet all given conditions.

    Parameters
    ----------
    store : Store
    prefix : str, default=""
        Start of the key.
    status : str or None, default=None
        Status of the cells; "failed" is any but "ok", and "damaged" is that of cells that are damaged or not valid.
    keys : collection of str or None, default=None
        Keys to select from; by default all.
    """
    statuses = store.statuses(store.find(prefix) if keys is None else [k for k in keys if k.startswith(prefix)])
    statuses |= {k: "damaged" for k in store.damaged if k.startswith(prefix) and (keys is None or k in keys)}
    accepted = set(statuses.values()) - {"ok", "damaged"} if status == "failed" else {status}
    return [k for k, s in statuses.items() if status is None or s in accepted]


def remove(store: Store, keys: Collection[str]) -> int:
    """Remove cells with their values, maps and models in one transaction, and return their number."""
    with store.database.writing() as connection:
        return sum(connection.execute(cells.delete().where(cells.c.key.in_(batch))).rowcount for batch in batches(keys))


def clean(store: Store) -> int:
    """Remove runs without cells, compact the database, and return the bytes that were freed.

    No cell is removed, whatever its status and even if no study contains it; `remove` does that. A run without cells is
    removed if it has ended or is a month old. A SQLite file is then complete without its journal and can be copied.
    """
    before = store.database.size()
    used = sa.select(cells.c.run).where(cells.c.run.is_not(None))
    over = sa.or_(runs.c.finished_at.is_not(None), runs.c.started_at < now() - _ABANDONED_AFTER)
    with store.database.writing() as connection:
        connection.execute(runs.delete().where(runs.c.id.not_in(used), over))
        for part in PARTS:  # which other tools may have left behind, without foreign keys
            connection.execute(part.delete().where(part.c.key.not_in(sa.select(cells.c.key))))
    journal = ("PRAGMA wal_checkpoint(TRUNCATE)",) if store.database.path else ()
    store.database.outside_transaction("VACUUM", *journal)
    return before - store.database.size()


def check(store: Store) -> list[str]:
    """Return a line for each part of a store that is damaged or not valid, after reading all of it."""
    lines: list[str] = []
    with store.database.reading() as connection:
        if store.database.dialect == "sqlite":
            found = connection.exec_driver_sql(f"PRAGMA integrity_check({_MOST_LINES})").scalars().all()
            lines += (f"file: {line}" for line in found if line != "ok")
        for keys in batches(store.find("")):
            store.warn(_damaged_parts(connection, keys))
            store.records(keys)
        lines += (f"{key}: {flaw}" for key, flaw in sorted(store.damaged.items()))
        lines += _orphans(connection)
        for table, name, flaw_of in ((runs, "run", seals.run_flaw), (plans, "plan", seals.plan_flaw)):
            rows = [dict(row._mapping) for row in connection.execute(sa.select(table))]
            lines += (f"{name} {next(iter(row.values()))}: {flaw}" for row in rows if (flaw := flaw_of(row)))
    return lines


def _orphans(connection: sa.Connection) -> list[str]:
    """Return a line for each key of values, maps and models without a cell."""
    lines = []
    for part in PARTS:
        query = sa.select(part.c.key).where(~sa.exists().where(cells.c.key == part.c.key)).distinct()
        lines += [f"{part.name}: {key!r} is not the key of a cell" for key in connection.scalars(query)]
    return lines


def _damaged_parts(connection: sa.Connection, keys: list[str]) -> dict[str, str]:
    """Return the flaws of the maps and models of a few hundred cells, by key."""
    query = sa.select(cells.c.key, cells.c.map_digest, cells.c.model_digest).where(cells.c.key.in_(keys))
    of_maps = {row["key"]: row for row in seals.rows_of(connection, maps, keys)}
    of_models = {row["key"]: row for row in seals.rows_of(connection, models, keys)}
    flaws = {
        key: seals.map_flaw(of_maps.get(key), of_map) or seals.model_flaw(of_models.get(key), of_model)
        for key, of_map, of_model in connection.execute(query).all()
    }
    return {key: flaw for key, flaw in flaws.items() if flaw}


def merge(source: Store, into: Store) -> Merged:
    """Copy all cells of a store, with their runs, into another one, whose cells that are ok are kept.

    Cells that are damaged, or whose map or model is, are not copied. Each transaction copies a few hundred cells; a
    second merge completes one that was interrupted.
    """
    merged = Merged()
    with source.database.reading():
        known = set(source.runs())
        for keys in batches(source.find("")):
            _merge_batch(source, into, keys, known, merged)
    return merged


def _merge_batch(source: Store, into: Store, keys: list[str], known: Collection[str], merged: Merged) -> None:
    new, old = source.outcomes(keys), into.outcomes(keys)
    both = [k for k in new if k in old]
    better = {k for k in both if old[k].status != "ok" and new[k].status == "ok"}
    differing = [k for k in both if new[k].status == old[k].status == "ok" and _differ(new[k], old[k])]
    written = _copy(source, into, (set(new) - set(both)) | better, known)
    merged.added += len(written - better)
    merged.replaced += len(written & better)
    merged.same += len(both) - len(better) - len(differing)
    merged.differing += differing


def _differ(one: Outcome, other: Outcome) -> bool:
    """Return whether two outcomes have other values of a metric; versions of the code may measure different metrics."""
    common = one.measured.keys() & other.measured.keys()
    return any(one.measured[metric] != other.measured[metric] for metric in common)


def _copy(source: Store, into: Store, keys: Collection[str], known: Collection[str]) -> set[str]:
    """Copy cells with their parts in one transaction, and return the keys of the inserted ones."""
    with source.database.reading() as connection:
        damaged = _damaged_parts(connection, list(keys))
        sound = set(keys) - damaged.keys()
        rows = {table: list(map(dict, seals.rows_of(connection, table, sound))) for table in (cells, *PARTS)}
        used = {row["run"] for row in rows[cells]} & set(known)
        records = [dict(row._mapping) for row in connection.execute(sa.select(runs).where(runs.c.id.in_(used)))]
    source.warn(damaged)
    if not rows[cells]:
        return set()
    for row in rows[cells]:
        row["run"] = row["run"] if row["run"] in used else None
    with into.database.writing() as connection:
        into.put_runs(connection, records)
        return into.put(connection, rows)
