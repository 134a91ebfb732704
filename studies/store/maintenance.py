"""Maintenance of a store: counts, selection and removal of cells, compaction, and merging with another store."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import sqlalchemy as sa

from studies.store.provenance import now
from studies.store.schema import PARTS, cells, runs
from studies.store.store import Store

_BATCH = 500  # cells

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
    with store.database.reading() as connection:
        for spec, status in connection.execute(sa.select(cells.c.spec, cells.c.status)).yield_per(_BATCH):
            counts[learner(spec)][status] += 1
    return dict(sorted(counts.items()))


def learner(spec: str) -> Learner:
    """Return the learner in a cell's specification."""
    described = json.loads(spec)
    return str(described.get("problem")), str(described.get("estimator")), str(described.get("prior") or "")


def failed(store: Store, limit: int) -> list[str]:
    """Return the keys of the last `limit` cells that failed, newest first."""
    query = sa.select(cells.c.key).where(cells.c.status != "ok").order_by(cells.c.stored_at.desc(), cells.c.key)
    with store.database.reading() as connection:
        return list(connection.scalars(query.limit(limit)))


def select(store: Store, prefix: str = "", status: str | None = None, keys: Collection[str] | None = None) -> list[str]:
    """Return the keys of the cells that meet all given conditions.

    Parameters
    ----------
    store : Store
    prefix : str, default=""
        Start of the key.
    status : str or None, default=None
        Status of the cells; "failed" is any but "ok".
    keys : collection of str or None, default=None
        Keys to select from; by default all.
    """
    statuses = store.statuses(store.find(prefix) if keys is None else [k for k in keys if k.startswith(prefix)])
    return [k for k, s in statuses.items() if status in (None, s) or (status == "failed" and s != "ok")]


def remove(store: Store, keys: Collection[str]) -> int:
    """Remove cells with their values, maps and models in one transaction, and return their number."""
    with store.database.writing() as connection:
        return sum(
            connection.execute(cells.delete().where(cells.c.key.in_(batch))).rowcount
            for batch in _batches(sorted(keys))
        )


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


def merge(source: Store, into: Store) -> Merged:
    """Copy all cells of a store, with their runs, into another one, whose cells that are ok are kept.

    Each transaction copies a few hundred cells; a second merge completes one that was interrupted.
    """
    merged = Merged()
    for keys in _batches(source.find("")):
        new, old = source.outcomes(keys), into.outcomes(keys)
        both = [k for k in keys if k in old]
        better = {k for k in both if old[k].status != "ok" and new[k].status == "ok"}
        differing = [k for k in both if new[k].status == old[k].status == "ok" and new[k].measured != old[k].measured]
        written = _copy(source, into, (set(keys) - set(both)) | better)
        merged.added += len(written - better)
        merged.replaced += len(written & better)
        merged.same += len(both) - len(better) - len(differing)
        merged.differing += differing
    return merged


def _copy(source: Store, into: Store, keys: Collection[str]) -> set[str]:
    """Copy cells with their parts in one transaction, and return the keys of the inserted ones."""
    rows = {t: [dict(r._mapping) for r in source.rows(sa.select(t), t.c.key, keys)] for t in (cells, *PARTS)}
    used = {row["run"] for row in rows[cells]} - {None}
    runs_used = [dict(r._mapping) for r in source.rows(sa.select(runs), runs.c.id, used)]
    if not rows[cells]:
        return set()
    with into.database.writing() as connection:
        if runs_used:
            connection.execute(into.database.insert(runs).on_conflict_do_nothing(), runs_used)
        return into.put(connection, rows)


def _batches(keys: list[str]) -> Iterator[list[str]]:
    return (keys[start : start + _BATCH] for start in range(0, len(keys), _BATCH))
