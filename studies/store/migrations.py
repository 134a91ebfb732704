"""Creation of the tables, and migrations from earlier versions."""

import sqlalchemy as sa

from studies.store.database import Database, StoreError
from studies.store.passwords import hide_passwords
from studies.store.schema import VERSION, metadata, runs, schema
from studies.store.seals import seal_all

_LOCK = 7_086_001  # arbitrary key of the server's lock: one process at a time creates or changes the tables

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

_TO_3 = """
ALTER TABLE runs ADD COLUMN digest {blob};
ALTER TABLE cells ADD COLUMN output TEXT NOT NULL DEFAULT '';
ALTER TABLE cells ADD COLUMN engine TEXT NOT NULL DEFAULT '';
ALTER TABLE cells ADD COLUMN device TEXT NOT NULL DEFAULT '';
ALTER TABLE cells ADD COLUMN foreign_code TEXT NOT NULL DEFAULT '';
ALTER TABLE cells ADD COLUMN on_trust BOOLEAN NOT NULL DEFAULT {false};
ALTER TABLE cells ADD COLUMN map_digest {blob};
ALTER TABLE cells ADD COLUMN model_digest {blob};
ALTER TABLE cells ADD COLUMN digest {blob};
CREATE TABLE plans (
    study VARCHAR(64) NOT NULL PRIMARY KEY, code VARCHAR(64) NOT NULL, plan TEXT NOT NULL, digest {blob} NOT NULL)
"""

_FIRST_WITH_DIGESTS = 3

_STEPS = {1: _TO_2, 2: _TO_3}  # from a version to the next, as fixed text, since the tables above will change

_TYPES = {
    "sqlite": {"datetime": "DATETIME", "blob": "BLOB", "false": "0"},
    "postgresql": {"datetime": "TIMESTAMP WITHOUT TIME ZONE", "blob": "BYTEA", "false": "FALSE"},
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
    if database.read_only and version is not None:
        database.copy_to_memory()
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
    if database.read_only:
        database.outside_transaction("PRAGMA query_only=ON")


def _migrate(connection: sa.Connection, version: int) -> None:
    for step in range(version, VERSION):
        for statement in _STEPS[step].format(**_TYPES[connection.dialect.name]).split(";"):
            connection.exec_driver_sql(statement)
    if version < _FIRST_WITH_DIGESTS:
        _hide_passwords(connection)
        seal_all(connection)
    connection.execute(schema.update().values(version=VERSION))


def _hide_passwords(connection: sa.Connection) -> None:
    """Hide the passwords that earlier versions left in the commands of runs."""
    for run, command in connection.execute(sa.select(runs.c.id, runs.c.command)).all():
        if isinstance(command, str) and (hidden := hide_passwords(command)) != command:
            connection.execute(runs.update().where(runs.c.id == run).values(command=hidden))


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
    if not isinstance(version, int) or version < 1:
        raise StoreError(f"the results database {database.name} has no valid version and was not changed.")
    if version > VERSION:
        raise StoreError(
            f"the results database {database.name} has schema version {version}, of a newer toymanifold; this one reads"
            f" versions up to {VERSION}. Update toymanifold."
        )
    return version
