"""The tables of the results database, their version, and the migrations from earlier versions."""

import sqlalchemy as sa

from studies.store.database import Database, StoreError

VERSION = 2
"""Raised with every change of the tables, together with a new step in `_STEPS`."""

_LOCK = 7_086_001  # arbitrary key of the server's lock: one process at a time creates or changes the tables

metadata = sa.MetaData()

schema = sa.Table("toymanifold_schema", metadata, sa.Column("version", sa.Integer, primary_key=True))

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("started_at", sa.DateTime, nullable=False),
    sa.Column("finished_at", sa.DateTime),
    sa.Column("study", sa.Text, nullable=False),
    sa.Column("seeds", sa.Integer, nullable=False),
    sa.Column("command", sa.Text, nullable=False),
    sa.Column("executor", sa.Text, nullable=False),
    sa.Column("threads", sa.Integer, nullable=False),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("cpu", sa.Text, nullable=False),
    sa.Column("cores", sa.Integer, nullable=False),
    sa.Column("versions", sa.JSON, nullable=False),
    sa.Column("git_commit", sa.Text),
    sa.Column("git_dirty", sa.Boolean),
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
    sa.Column("stored_at", sa.DateTime, nullable=False, server_default=sa.func.now()),
    sa.Column("shared", sa.Integer, nullable=False, server_default=sa.text("1")),
    sa.Column("run", sa.ForeignKey("runs.id")),
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
    sa.Column("bits", sa.LargeBinary, nullable=False),
)

models = sa.Table(
    "cell_models",
    metadata,
    sa.Column("key", sa.ForeignKey("cells.key", ondelete="CASCADE"), primary_key=True),
    sa.Column("model", sa.LargeBinary, nullable=False),
)

PARTS = (values, maps, models)
"""Tables whose rows belong to a cell and are deleted with it."""

_TO_2 = """
CREATE TABLE runs (
    id VARCHAR(32) NOT NULL PRIMARY KEY, started_at {datetime} NOT NULL, finished_at {datetime}, study TEXT NOT NULL,
    seeds INTEGER NOT NULL, command TEXT NOT NULL, executor TEXT NOT NULL, threads INTEGER NOT NULL, host TEXT NOT NULL,
    cpu TEXT NOT NULL, cores INTEGER NOT NULL, versions JSON NOT NULL, git_commit TEXT, git_dirty BOOLEAN);
CREATE TABLE cell_models (
    "key" VARCHAR(64) NOT NULL PRIMARY KEY, model {blob} NOT NULL,
    FOREIGN KEY ("key") REFERENCES cells ("key") ON DELETE CASCADE);
ALTER TABLE cells ADD COLUMN shared INTEGER NOT NULL DEFAULT 1;
ALTER TABLE cells ADD COLUMN run VARCHAR(32) REFERENCES runs (id)
"""

_STEPS = {1: _TO_2}  # from a version to the next, as fixed text, since the tables above will change

_TYPES = {
    "sqlite": {"datetime": "DATETIME", "blob": "BLOB"},
    "postgresql": {"datetime": "TIMESTAMP WITHOUT TIME ZONE", "blob": "BYTEA"},
}


def prepare(database: Database, *, must_exist: bool = False) -> None:
    """Create the tables if the database is empty, and migrate those of an earlier version.

    This is one transaction, so that after a kill there are the old tables or the new ones.

    Parameters
    ----------
    database : Database
    must_exist : bool, default=False
        Raise if the database is empty.

    Raises
    ------
    StoreError
        If the database contains other tables, or those of a newer version.
    """
    with database.reading() as connection:
        version = _version(connection, database)
    if version is None and must_exist:
        raise StoreError(f"the database {database.name} contains no results.")
    if version == VERSION:
        return
    database.use_wal()
    with database.writing() as connection:
        if database.dialect == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        version = _version(connection, database)  # again, since another process may have changed it
        if version is None:
            metadata.create_all(connection)
            connection.execute(schema.insert().values(version=VERSION))
        else:
            _migrate(connection, version)


def _migrate(connection: sa.Connection, version: int) -> None:
    for step in range(version, VERSION):
        for statement in _STEPS[step].format(**_TYPES[connection.dialect.name]).split(";"):
            connection.exec_driver_sql(statement)
    connection.execute(schema.update().values(version=VERSION))


def _version(connection: sa.Connection, database: Database) -> int | None:
    """Return the version of the tables, or None for an empty database."""
    tables = sa.inspect(connection).get_table_names()
    if schema.name not in tables:
        if tables:
            raise StoreError(
                f"the database {database.name} was not created by toymanifold and was not changed: it contains"
                f" {', '.join(map(repr, tables[:3]))}. Name another with --store."
            )
        return None
    version = connection.scalar(sa.select(sa.func.max(schema.c.version)))
    if version is None:
        raise StoreError(f"the results database {database.name} has no version and was not changed.")
    if version > VERSION:
        raise StoreError(
            f"the results database {database.name} has schema version {version}, of a newer toymanifold; this one reads"
            f" versions up to {VERSION}. Update toymanifold."
        )
    return int(version)
