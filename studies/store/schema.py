"""The tables of the results database."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

VERSION = 3
"""Raised with every change of the tables, together with a new step in `studies.store.migrations`."""

metadata = sa.MetaData()


class _Lenient(sa.TypeDecorator[Any]):
    """A type that reads what its database does not allow, such as a text in place of a date, as `NotImplemented`.

    SQLite stores any value in any column; `studies.store.seals` finds it, and one row does not spoil the others.
    """

    impl: Any = sa.Text

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Return the reader of the type, if it has one, without its errors."""
        read = super().result_processor(dialect, coltype)
        if read is None:
            return None

        def lenient(value: Any) -> Any:
            try:
                return read(value)
            except Exception:  # a parser can raise anything
                return NotImplemented

        return lenient


class _DateTime(_Lenient):
    impl = sa.DateTime
    cache_ok = True


class _Boolean(_Lenient):
    impl = sa.Boolean
    cache_ok = True


class _Binary(_Lenient):
    impl = sa.LargeBinary
    cache_ok = True


class _Json(_Lenient):
    impl = sa.JSON
    cache_ok = True


schema = sa.Table("toymanifold_schema", metadata, sa.Column("version", sa.Integer, primary_key=True))

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("started_at", _DateTime, nullable=False),
    sa.Column("finished_at", _DateTime),
    sa.Column("study", sa.Text, nullable=False),
    sa.Column("seeds", sa.Integer, nullable=False),
    sa.Column("command", sa.Text, nullable=False),
    sa.Column("executor", sa.Text, nullable=False),
    sa.Column("threads", sa.Integer, nullable=False),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("cpu", sa.Text, nullable=False),
    sa.Column("cores", sa.Integer, nullable=False),
    sa.Column("versions", _Json, nullable=False),
    sa.Column("git_commit", sa.Text),
    sa.Column("git_dirty", _Boolean),
    sa.Column("digest", _Binary),
)

cells = sa.Table(
    "cells",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("spec", sa.Text, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("traceback", sa.Text, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("stored_at", _DateTime, nullable=False, server_default=sa.func.now()),
    sa.Column("shared", sa.Integer, nullable=False, server_default=sa.text("1")),
    sa.Column("run", sa.ForeignKey("runs.id")),
    sa.Column("output", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.Column("engine", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.Column("device", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.Column("foreign_code", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.Column("on_trust", _Boolean, nullable=False, server_default=sa.false()),
    sa.Column("map_digest", _Binary),
    sa.Column("model_digest", _Binary),
    sa.Column("digest", _Binary),
)

values = sa.Table(
    "cell_values",
    metadata,
    sa.Column("key", sa.ForeignKey("cells.key", ondelete="CASCADE"), primary_key=True),
    sa.Column("metric", sa.String(64), primary_key=True),
    sa.Column("value", sa.Float, nullable=False),
)

maps = sa.Table(
    "cell_maps",
    metadata,
    sa.Column("key", sa.ForeignKey("cells.key", ondelete="CASCADE"), primary_key=True),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("bits", _Binary, nullable=False),
)

models = sa.Table(
    "cell_models",
    metadata,
    sa.Column("key", sa.ForeignKey("cells.key", ondelete="CASCADE"), primary_key=True),
    sa.Column("model", _Binary, nullable=False),
)

plans = sa.Table(
    "plans",
    metadata,
    sa.Column("study", sa.String(64), primary_key=True),
    sa.Column("code", sa.String(64), nullable=False),
    sa.Column("plan", sa.Text, nullable=False),
    sa.Column("digest", _Binary, nullable=False),
)

PARTS = (values, maps, models)
"""Tables whose rows belong to a cell and are deleted with it."""
