"""A database at a URL: connections, transactions and errors.

Nothing here depends on the tables. Every error of the database becomes a `StoreError` with its name and advice.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psutil
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

_NETWORK_FILE_SYSTEM = re.compile(
    r"(fuse\.)?(afs|beegfs|ceph(fs|-fuse)?|cifs|davfs2?|gfs2|glusterfs|gpfs|lustre|nfs4?|ocfs2|orangefs|panfs|pvfs2|rclone"
    r"|s3fs|smb3?|smbfs|sshfs)"
)

_BUSY_SECONDS = 60  # for a writer to wait for another
_CONNECT = {"sqlite": {"timeout": _BUSY_SECONDS}, "postgresql": {"connect_timeout": 10}}
_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)  # seconds between attempts of a transaction, for a server to restart

_BEGIN = {
    "sqlite": {
        "read": ("BEGIN",),
        "write": ("PRAGMA synchronous=FULL", "BEGIN IMMEDIATE"),
        "write soon": ("PRAGMA synchronous=NORMAL", "BEGIN IMMEDIATE"),
        "nothing": (),
    },
    "postgresql": {"read": (), "write": (), "write soon": ("SET LOCAL synchronous_commit TO OFF",)},
}

_OUTSIDE = {"sqlite": {"purpose": "nothing"}, "postgresql": {"isolation_level": "AUTOCOMMIT"}}

_SIZE = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_database_size(current_database())",
}

_STORED = "All cells reported as done are stored."

_ADVICE = {  # by the start of SQLite's error name or PostgreSQL's SQLSTATE
    "SQLITE_NOTADB": "It is not a SQLite database, or its first page is damaged, and was not changed: name another"
    " file with --store.",
    "SQLITE_CORRUPT": "The file is damaged. Recover the readable part and continue with it:"
    " sqlite3 DAMAGED .recover | sqlite3 SAVED.",
    "SQLITE_READONLY": "Get write permission for the file and its folder, or copy it to a folder where you have it and"
    " name the copy with --store.",
    "SQLITE_CANTOPEN": "You need permission to read and write the file and its folder.",
    "SQLITE_FULL": f"{_STORED} Free space on that disk and run the same command again.",
    "SQLITE_BUSY": f"Another process has locked it for {_BUSY_SECONDS} s. {_STORED} End that process, or try again.",
    "SQLITE_IOERR": f"The disk failed. {_STORED} Try again, or copy the file to another disk.",
    "25006": "The server accepts no writes: it is a standby, or the user may only read.",
    "42501": "The user needs permission to create and write tables.",
    "53100": f"{_STORED} Free space on the server's disk and run the same command again.",
}

_LOGIN_ADVICE = "Check user, password and the database's name; createdb NAME creates a database."
_SERVER_GONE = ("08", "57P")
_SERVER_ADVICE = f"Is the server running, and can this machine reach it? {_STORED}"

Result = TypeVar("Result")


class StoreError(RuntimeError):
    """The results database cannot be used; the message gives the reason and advice."""


class LockedError(StoreError):
    """Another process has locked the file; a later attempt may succeed."""


class UnreachableError(StoreError):
    """The server does not answer; a later attempt may succeed."""


class Database:
    """The database at a SQLAlchemy URL: a SQLite file or a PostgreSQL server.

    Parameters
    ----------
    url : str
    must_exist : bool, default=False
        Raise if a SQLite file does not exist, instead of creating it.

    Attributes
    ----------
    name : str
        Name in messages: a SQLite file's path, or a server's URL without its password.

    Raises
    ------
    StoreError
        If the URL cannot be used. The connection to a server is made with the first transaction.
    """

    def __init__(self, url: str, *, must_exist: bool = False) -> None:
        self.name = url
        try:
            parsed = _parse_url(url)
            self.path = _sqlite_file(parsed)
            self.name = str(self.path or parsed.set(query={}).render_as_string(hide_password=True))
            if self.path:
                _check_file(self.path, must_exist)
            self._engine = sa.create_engine(parsed, connect_args=_CONNECT[parsed.get_backend_name()])
        except ImportError as error:
            raise self._error(f"{error}. Install it with: pip install 'toymanifold[postgres]'") from error
        except (sa.exc.SQLAlchemyError, OSError, ValueError) as error:
            raise self._error(str(error)) from error
        if self.dialect == "sqlite":
            sa.event.listen(self._engine, "connect", _prepare_sqlite)
        sa.event.listen(self._engine, "begin", _begin)

    @property
    def dialect(self) -> str:
        """The name of the dialect: "sqlite" or "postgresql"."""
        return str(self._engine.dialect.name)

    def insert(self, table: sa.Table) -> Any:
        """Return an INSERT of the dialect, which supports ON CONFLICT."""
        return (sqlite if self.dialect == "sqlite" else postgresql).insert(table)

    def size(self) -> int:
        """Return its size on disk in bytes."""
        with self.reading() as connection:
            return int(connection.scalar(sa.text(_SIZE[self.dialect])) or 0)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Open a connection for reading."""
        with self._store_errors(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[sa.Connection]:
        """Open a transaction for writing; in SQLite it is the only one.

        Parameters
        ----------
        durable : bool, default=True
            Wait until the transaction would survive a power cut. Otherwise it survives the end of this process, and a
            power cut only after the next durable transaction.
        """
        engine = self._engine.execution_options(purpose="write" if durable else "write soon")
        with self._store_errors(), engine.begin() as connection:
            yield connection

    def transact(self, work: Callable[[sa.Connection], Result], *, durable: bool = True) -> Result:
        """Return the result of `work` in a transaction, repeated while a server is away, so it must be idempotent."""
        for pause in _PAUSES:
            try:
                with self.writing(durable=durable) as connection:
                    return work(connection)
            except UnreachableError:
                time.sleep(pause)
        with self.writing(durable=durable) as connection:
            return work(connection)

    def outside_transaction(self, *statements: str) -> None:
        """Execute statements that are not allowed in a transaction."""
        with self._store_errors(), self._engine.connect() as connection:
            connection = connection.execution_options(**_OUTSIDE[self.dialect])
            for statement in statements:
                connection.exec_driver_sql(statement)

    def use_wal(self) -> None:
        """Turn on the write-ahead log of a SQLite file, which allows reads during writes; the setting is permanent."""
        deadline = time.monotonic() + _BUSY_SECONDS
        while self.path:
            try:
                return self.outside_transaction("PRAGMA journal_mode=WAL")
            except LockedError:  # SQLite does not wait for other processes before it changes the journal mode
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        return None

    def close(self) -> None:
        """Close all connections; SQLite then writes the journal back into the file."""
        self._engine.dispose()

    def _error(self, reason: str, kind: type[StoreError] = StoreError) -> StoreError:
        return kind(f"cannot use the results database {self.name}: {reason}")

    @contextmanager
    def _store_errors(self) -> Iterator[None]:
        """Raise errors of the database as `StoreError`."""
        try:
            yield
        except sa.exc.DBAPIError as error:
            raise self._store_error(error.orig or error) from error

    def _store_error(self, cause: BaseException) -> StoreError:
        code = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None) or ""
        reason = (str(cause).strip() or type(cause).__name__).splitlines()[0].removesuffix(".")
        for start, advice in _ADVICE.items():
            if code.startswith(start):
                return self._error(f"{reason}. {advice}", LockedError if start == "SQLITE_BUSY" else StoreError)
        if "FATAL: " in reason and "the database system is" not in reason:  # "starting up", "shutting down"
            return self._error(f"{reason}. {_LOGIN_ADVICE}")
        if self.dialect == "postgresql" and (not code or code.startswith(_SERVER_GONE)):
            return self._error(f"{reason}. {_SERVER_ADVICE}", UnreachableError)
        return self._error(f"{reason}.")


def file_system(path: Path) -> str:
    """Return the type of the file system that contains a path, such as "ext4" or "nfs4", or "" if it is unknown."""
    folders = {str(path.resolve()), *map(str, path.resolve().parents)}
    mounts = [mount for mount in psutil.disk_partitions(all=True) if mount.mountpoint in folders]
    # the innermost mount, and the last one there, since a later mount hides an earlier one
    return max(reversed(mounts), key=lambda mount: len(mount.mountpoint)).fstype if mounts else ""


def _parse_url(url: str) -> sa.URL:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() not in _BEGIN:
        raise ValueError("it must be sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME.")
    return parsed


def _sqlite_file(url: sa.URL) -> Path | None:
    """Return the SQLite file of a URL, or None for another database, one in memory, or a file given as a URI."""
    in_memory = url.database in (None, "", ":memory:") or str(url.database).startswith("file:")
    return None if url.get_backend_name() != "sqlite" or in_memory else Path(str(url.database))


def _check_file(file: Path, must_exist: bool) -> None:
    """Raise if a SQLite file cannot be used at this path; else create its folder."""
    kind = file_system(file)
    if _NETWORK_FILE_SYSTEM.fullmatch(kind):
        raise ValueError(
            f"it is on a network file system ({kind}), where SQLite's locks do not work and the file would be"
            " damaged. Keep it on a local disk, or use PostgreSQL: --store postgresql+psycopg://USER@HOST/NAME."
        )
    if must_exist and not file.exists():
        raise ValueError("the file does not exist.")
    file.parent.mkdir(parents=True, exist_ok=True)


def _prepare_sqlite(connection: Any, _: object) -> None:
    """Turn on foreign keys, and turn off the driver's own transactions in favour of `_begin`."""
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys=ON")


def _begin(connection: sa.Connection) -> None:
    purpose = connection.get_execution_options().get("purpose", "read")
    for statement in _BEGIN[connection.dialect.name][purpose]:
        connection.exec_driver_sql(statement)
