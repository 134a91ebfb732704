"""Care of a store: what is in it, what is to go, and results that come home from another machine."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import sqlalchemy as sa

from studies.store.provenance import now
from studies.store.schema import PARTS, cells, runs
from studies.store.store import Store

_AT_ONCE = 500

_FORGOTTEN = timedelta(
    days=30
)  # since a run began that has stored nothing; a shorter one may still be at its first cell

Learner = tuple[str, str, str]
"""Problem, estimator and prior of a cell, as text."""


@dataclass
class Merged:
    """What came of a merge.

    Attributes
    ----------
    added : int
        Cells that were not there.
    replaced : int
        Cells that were there, failed, and came ok.
    same : int
        Cells that were there as they came.
    differing : list of str
        Keys of cells that are ok here and there with different values: those that were there stay.
    """

    added: int = 0
    replaced: int = 0
    same: int = 0
    differing: list[str] = field(default_factory=list)


def count(store: Store) -> dict[Learner, Counter[str]]:
    """Return how many cells of each learner ended with each status."""
    counts: dict[Learner, Counter[str]] = defaultdict(Counter)
    with store.database.reading() as connection:
        for spec, status in connection.execute(sa.select(cells.c.spec, cells.c.status)).yield_per(_AT_ONCE):
            counts[learner(spec)][status] += 1
    return dict(sorted(counts.items()))


def learner(spec: str) -> Learner:
    """Return what a cell's specification says of its learner."""
    described = json.loads(spec)
    return str(described.get("problem")), str(described.get("estimator")), str(described.get("prior") or "")


def failed(store: Store, limit: int) -> list[str]:
    """Return the keys of the cells that failed last."""
    query = sa.select(cells.c.key).where(cells.c.status != "ok").order_by(cells.c.stored_at.desc(), cells.c.key)
    with store.database.reading() as connection:
        return list(connection.scalars(query.limit(limit)))


def select(store: Store, prefix: str = "", status: str | None = None, keys: Collection[str] | None = None) -> list[str]:
    """Return the keys of the cells to which all that is given applies.

    Parameters
    ----------
    store : Store
    prefix : str, default=""
        Of the key.
    status : str or None, default=None
        "failed" is any but "ok".
    keys : collection of str or None, default=None
    """
    statuses = store.statuses(store.find(prefix) if keys is None else [k for k in keys if k.startswith(prefix)])
    return [k for k, s in statuses.items() if status in (None, s) or (status == "failed" and s != "ok")]


def remove(store: Store, keys: Collection[str]) -> int:
    """Remove cells with all that hangs on them, in one transaction, and return how many there were."""
    with store.database.writing() as connection:
        return sum(
            connection.execute(cells.delete().where(cells.c.key.in_(batch))).rowcount
            for batch in _batches(sorted(keys))
        )


def clean(store: Store) -> int:
    """Remove what nothing refers to, give the room back, and return the bytes that were freed.

    No cell goes, whatever its status and whether or not any study still plans it: it cost time, and `remove` is there.
    Runs without a cell go once they have ended or a month has passed. A SQLite file is complete afterwards without its
    journal, so that it can be copied.
    """
    before = store.database.size()
    used = sa.select(cells.c.run).where(cells.c.run.is_not(None))
    over = sa.or_(runs.c.finished_at.is_not(None), runs.c.started_at < now() - _FORGOTTEN)
    with store.database.writing() as connection:
        connection.execute(runs.delete().where(runs.c.id.not_in(used), over))
        for part in PARTS:  # a tool that leaves foreign keys out of account may have left them behind
            connection.execute(part.delete().where(part.c.key.not_in(sa.select(cells.c.key))))
    journal = ("PRAGMA wal_checkpoint(TRUNCATE)",) if store.database.path else ()
    store.database.outside_transaction("VACUUM", *journal)
    return before - store.database.size()


def merge(source: Store, into: Store) -> Merged:
    """Bring all cells of a store, with their runs, into another; what is there and ok stays.

    A few hundred cells are one transaction; what a kill interrupts, a second merge completes.
    """
    merged = Merged()
    for keys in _batches(source.find("")):
        theirs, ours = source.outcomes(keys), into.outcomes(keys)
        both = [k for k in keys if k in ours]
        better = {k for k in both if ours[k].status != "ok" and theirs[k].status == "ok"}
        differing = [
            k for k in both if theirs[k].status == ours[k].status == "ok" and theirs[k].measured != ours[k].measured
        ]
        written = _copy(source, into, (set(keys) - set(both)) | better)
        merged.added += len(written - better)
        merged.replaced += len(written & better)
        merged.same += len(both) - len(better) - len(differing)
        merged.differing += differing
    return merged


def _copy(source: Store, into: Store, keys: Collection[str]) -> set[str]:
    """Copy cells with all that hangs on them, in one transaction, and return the keys of those that were inserted."""
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
    return (keys[start : start + _AT_ONCE] for start in range(0, len(keys), _AT_ONCE))
