"""A database at a URL: connections, transactions and errors.

Nothing here depends on the tables. Every error of the database becomes a `StoreError` with its name and advice.
"""

import os
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import psutil
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from studies.store.passwords import hide_password

_NETWORK_FILE_SYSTEM = re.compile(
    r"(fuse\.)?(afs|beegfs|ceph(fs|-fuse)?|cifs|davfs2?|gfs2|glusterfs|gpfs|lustre|nfs4?|ocfs2|orangefs|panfs|pvfs2|rclone"
    r"|s3fs|smb3?|smbfs|sshfs)"
)

_FORMS = "it must be the path of a SQLite file, sqlite:///FILE, or postgresql+psycopg://USER@HOST/NAME."

_IS_URL = re.compile(
    r"\s*['\"]?(?:[A-Za-z][\w+.:-]+:/|(?:sqlite|postgres)[\w+]*:)"
)  # a drive of Windows has one letter
_IS_PATH = re.compile(r"/(?!/)|(?:~|\.\.?)/|[A-Za-z]:[\\/]")
_IS_PARAMETERS = re.compile(r"\s*(?:host(?:addr)?|dbname|user|service)\s*=")  # of PostgreSQL's libpq

_SQLITE_QUERY = {"uri", "timeout", "isolation_level", "detect_types", "check_same_thread", "cached_statements"}

_DRIVERS = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}

_BUSY_SECONDS = 60  # to wait for another process or session
_SILENT_SECONDS = 120  # to wait for any answer of a server
_STEP_SECONDS = 0.1  # of waiting, between looks at the request to stop

_CONNECT: dict[str, dict[str, Any]] = {
    "sqlite": {"timeout": _BUSY_SECONDS},
    "postgresql": {
        "connect_timeout": 10,
        "client_encoding": "utf8",
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
    },
}
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

_SNAPSHOT: dict[str, dict[str, Any]] = {  # of all statements of a reading; SQLite's BEGIN is one
    "sqlite": {},
    "postgresql": {"isolation_level": "REPEATABLE READ"},
}

_OUTSIDE = {"sqlite": {"purpose": "nothing"}, "postgresql": {"isolation_level": "AUTOCOMMIT"}}

_SIZE = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_database_size(current_database())",
}

_JOURNAL_START = b"\x37\x7f\x06"  # of a write-ahead log

_STORED = "All cells reported as done are stored."

_ADVICE = {  # by the start of SQLite's error name or PostgreSQL's SQLSTATE
    "SQLITE_NOTADB": "It is not a SQLite database, or its first page is damaged, and was not changed: name another"
    " file with --store.",
    "SQLITE_CORRUPT": "The file is damaged. Recover the readable part and continue with it:"
    " sqlite3 DAMAGED .recover | sqlite3 SAVED.",
    "SQLITE_READONLY": "Get write permission for the file and its folder, or copy it to a folder where you have it and"
    " name the copy with --store.",
    "SQLITE_CANTOPEN": "You need permission to read and write the file and its folder. A file with a journal"
    " (FILE-wal) in a folder that is read-only can be read in a copy of both.",
    "SQLITE_FULL": f"{_STORED} Free space on that disk and run the same command again.",
    "SQLITE_BUSY": f"Another process has locked it for {_BUSY_SECONDS} s. {_STORED} End that process, or try again.",
    "SQLITE_IOERR": f"The disk failed. {_STORED} Try again, or copy the file to another disk.",
    "55P03": f"Another session has locked the tables for {_BUSY_SECONDS} s. {_STORED} End that session, or try again.",
    "25006": "The server accepts no writes: it is a standby, or the user may only read.",
    "42501": "The user needs permission to create and write tables.",
    "53100": f"{_STORED} Free space on the server's disk and run the same command again.",
}

_LOCKED = ("SQLITE_BUSY", "55P03")
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


class LostError(StoreError):
    """Cells that were stored are not in the database any more."""


class StoppedError(StoreError):
    """The request to stop came while the database was locked or did not answer."""


class Database:
    """The database of a store: a SQLite file or a PostgreSQL server.

    A SQLite file that cannot be written, or whose folder cannot, is opened for reading.

    Parameters
    ----------
    store : str or path-like
        Path of a SQLite file, taken literally but for a leading ``~``, or a SQLAlchemy URL.
    must_exist : bool, default=False
        Raise if a SQLite file does not exist, instead of creating it.

    Attributes
    ----------
    name : str
        Name in messages: a SQLite file's path, or a server's URL without its password.
    read_only : bool
        True for a SQLite file that was opened for reading.
    is_stopped : callable
        Returns True if waiting for another process, or for an answer of the server, is to end with a `StoppedError`.

    Raises
    ------
    StoreError
        If the store cannot be used. The connection to a server is made with the first transaction.
    """

    def __init__(self, store: str | os.PathLike[str], *, must_exist: bool = False) -> None:
        self.name = hide_password(os.fspath(store)).partition("?")[0]
        self.read_only = False
        self.is_stopped: Callable[[], bool] = lambda: False
        self._utf8 = True
        self._opened = threading.local()
        self._identity: tuple[int, int] | None = None
        self._journal: tuple[int, int] | None = None
        try:
            url = parse_url(store)
            self.path = sqlite_file(url)
            if self.path:
                self.name = str(self.path)
                _check_file(self.path, must_exist)
                url, self.read_only = _for_reading(url, self.path)
            self._engine = self._make_engine(url)
        except ImportError as error:
            raise self._error(f"{error}. Install it with: pip install 'toymanifold[postgres]'") from error
        except (sa.exc.SQLAlchemyError, OSError, ValueError) as error:
            raise self._error(str(error)) from error

    def _make_engine(self, url: sa.URL, **options: Any) -> sa.Engine:
        backend = url.get_backend_name()
        given = {name: value for name, value in _CONNECT[backend].items() if name not in url.query}
        engine = sa.create_engine(url, connect_args=given, **options)
        if backend == "sqlite":
            sa.event.listen(engine, "connect", _prepare_sqlite)
        else:
            sa.event.listen(engine, "do_connect", self._connect_watched)
            sa.event.listen(engine, "connect", self._prepare_postgresql)
        sa.event.listen(engine, "begin", self._begin)
        return engine

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
        """Open a connection for reading one snapshot; within an open one of this thread it is the same."""
        connection = getattr(self._opened, "connection", None)
        if connection is not None:
            yield connection
            return
        engine = self._engine.execution_options(**_SNAPSHOT[self.dialect])
        with self._store_errors(), engine.connect() as connection:
            self._opened.connection = connection
            try:
                yield connection
            finally:
                self._opened.connection = None

    @contextmanager
    def writing(self, *, durable: bool = True, patience: float | None = None) -> Iterator[sa.Connection]:
        """Open a transaction for writing; in SQLite it is the only one.

        Parameters
        ----------
        durable : bool, default=True
            Wait until the transaction would survive a power cut. Otherwise it survives the end of this process, and a
            power cut only after the next durable transaction.
        patience : float or None, default=None
            Seconds to wait for another writer of a SQLite file; by default a minute.
        """
        engine = self._engine.execution_options(purpose="write" if durable else "write soon", patience=patience)
        with self._store_errors(), engine.begin() as connection:
            yield connection
        if durable:
            self.check_file()

    def transact(self, work: Callable[[sa.Connection], Result], *, durable: bool = True) -> Result:
        """Return the result of `work` in a transaction, repeated while a server is away, so it must be idempotent."""

        def attempt() -> Result:
            with self.writing(durable=durable) as connection:
                return work(connection)

        return self.patiently(attempt)

    def patiently(self, attempt: Callable[[], Result]) -> Result:
        """Return the result of `attempt`, repeated while a server is away."""
        for pause in _PAUSES:
            try:
                return attempt()
            except UnreachableError:
                deadline = time.monotonic() + pause
                while time.monotonic() < deadline:
                    self._check_stopped()
                    time.sleep(_STEP_SECONDS)
        return attempt()

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
                self._check_stopped()
                time.sleep(_STEP_SECONDS)
        return None

    def storable(self, text: str) -> str:
        """Return a text that the database can store: NUL, lone surrogates and what its encoding lacks are escaped."""
        text = text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
        return text if self._utf8 else text.encode("ascii", "backslashreplace").decode()

    def watch_file(self) -> None:
        """Remember which file and journal these are, for `check_file`."""
        if self.path:
            self._identity, self._journal = _identity(self.path), _identity(_journal(self.path))

    def check_file(self) -> None:
        """Raise if the SQLite file or its journal is not at its path any more, since SQLite writes without a name.

        A journal that was cut is noticed after the next transaction, which does not write its first bytes again.
        """
        if self.path is None or self._identity is None:
            return
        if _identity(self.path) != self._identity:
            raise self._error(
                "the file was deleted, moved or replaced while it was open, so the last cells are not in it. Run the"
                " same command again to measure them.",
                LostError,
            )
        journal = _identity(_journal(self.path))
        if (self._journal and journal != self._journal) or _is_cut(_journal(self.path)):
            raise self._error(
                "its journal (FILE-wal) was deleted, moved, replaced or cut while it was open, so the last cells may be"
                " lost. Look at the file with toymanifold store check, and run the same command again.",
                LostError,
            )
        self._journal = journal

    def copy_to_memory(self) -> None:
        """Continue with a copy in memory, which is changed in place of a file that is only read."""
        copy = sqlite3.connect(":memory:", check_same_thread=False)
        with self._store_errors(), self._engine.connect() as connection:
            connection.connection.driver_connection.backup(copy)  # type: ignore[union-attr]
        self._engine.dispose()
        self._engine = self._make_engine(sa.make_url("sqlite://"), creator=lambda: copy, poolclass=sa.StaticPool)

    def close(self) -> None:
        """Close all connections; SQLite then writes the journal back into the file."""
        self._engine.dispose()

    def _check_stopped(self) -> None:
        if self.is_stopped():
            raise self._error(f"stopped while waiting for it. {_STORED}", StoppedError)

    def _begin(self, connection: sa.Connection) -> None:
        purpose = connection.get_execution_options().get("purpose", "read")
        if self.dialect == "sqlite":
            _set_patience(connection, _STEP_SECONDS if purpose.startswith("write") else _BUSY_SECONDS)
        for statement in _BEGIN[self.dialect][purpose]:
            if statement == "BEGIN IMMEDIATE":
                self._begin_immediate(connection)
            else:
                connection.exec_driver_sql(statement)

    def _begin_immediate(self, connection: sa.Connection) -> None:
        """Wait for SQLite's lock in short steps, since signals wait while SQLite itself waits."""
        patience = connection.get_execution_options().get("patience")
        deadline = time.monotonic() + (_BUSY_SECONDS if patience is None else patience)
        while True:
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                return
            except sa.exc.OperationalError as error:
                if getattr(error.orig, "sqlite_errorname", "") != "SQLITE_BUSY" or time.monotonic() > deadline:
                    raise
                self._check_stopped()

    def _connect_watched(self, _: object, __: object, words: list[Any], options: dict[str, Any]) -> Any:
        import psycopg

        check = self._check_waiting

        class Connection(psycopg.Connection[Any]):
            """A connection whose waiting is looked at, ten times a second."""

            def wait(self, gen: Generator[Any, Any, Any], *args: Any, **kwargs: Any) -> Any:
                return super().wait(_watched(gen, lambda seconds: check(self, seconds)), *args, **kwargs)

        return Connection.connect(*words, **options)

    def _check_waiting(self, connection: Any, seconds: float) -> None:
        """Close a server's connection if a statement is to be abandoned; the error that follows ends the waiting."""
        if not self.is_stopped() and seconds < _SILENT_SECONDS:
            return
        import psycopg

        connection.pgconn.finish()  # so that SQLAlchemy does not try to roll back
        try:
            self._check_stopped()
            raise self._error(f"the server has not answered for {_SILENT_SECONDS} s. {_SERVER_ADVICE}")
        except StoreError as error:
            raise psycopg.OperationalError(str(error)) from error

    def _prepare_postgresql(self, connection: Any, _: object) -> None:
        self._utf8 = connection.info.parameter_status("server_encoding") in ("UTF8", "SQL_ASCII")
        connection.execute(f"SET lock_timeout = '{_BUSY_SECONDS}s'")
        connection.commit()

    def _error(self, reason: str, kind: type[StoreError] = StoreError) -> StoreError:
        return kind(f"cannot use the results database {self.name}: {reason}")

    @contextmanager
    def _store_errors(self) -> Iterator[None]:
        """Raise errors of the database as `StoreError`."""
        try:
            yield
        except sa.exc.DBAPIError as error:
            raise self._store_error(error.orig or error) from error
        except MemoryError as error:  # what a damaged length asks for
            raise self._error("out of memory; the file may be damaged: toymanifold store check.") from error
        except UnicodeDecodeError as error:  # of SQLite's own message, which repeats what is damaged
            raise self._error(f"the schema is malformed. {_ADVICE['SQLITE_CORRUPT']}") from error
        except UnicodeEncodeError as error:
            raise self._error(f"{error}.") from error

    def _store_error(self, cause: BaseException) -> StoreError:
        if isinstance(cause.__cause__, StoreError):
            return cause.__cause__
        code = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None) or ""
        reason = (str(cause).strip() or type(cause).__name__).splitlines()[0].removesuffix(".")
        for start, advice in _ADVICE.items():
            if code.startswith(start):
                return self._error(f"{reason}. {advice}", LockedError if start in _LOCKED else StoreError)
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


def parse_url(store: str | os.PathLike[str]) -> sa.URL:
    """Return the URL of a store, which is a URL already or the path of a SQLite file.

    A text with a password, or with parameters of a connection, is not a path, unless it begins like one: ``./``.

    Raises
    ------
    ValueError
        If it is not one of a supported database. The message has none of its parts, which may be a password.
    """
    text = os.fspath(store)
    if isinstance(store, os.PathLike) or _IS_PATH.match(text) or not _is_address(text):
        return sa.URL.create("sqlite", database=os.path.expanduser(text))
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        raise ValueError(_FORMS) from None
    if url.drivername not in _DRIVERS or (url.get_backend_name() == "sqlite" and (url.host or url.username)):
        raise ValueError(_FORMS)
    database = url.database
    if url.get_backend_name() == "sqlite":
        _check_query(text, url)
        database = database and os.path.expanduser(database)
    return url.set(drivername=_DRIVERS[url.drivername], database=database)


def _is_address(text: str) -> bool:
    return bool(_IS_URL.match(text) or _IS_PARAMETERS.match(text) or hide_password(text) != text)


def _check_query(text: str, url: sa.URL) -> None:
    """Raise if what follows the ? of a SQLite URL is not a query that has an effect."""
    _, mark, query = text.partition("?")
    if mark and not all("=" in part for part in query.split("&")):
        raise ValueError("a ? in a URL begins a query, NAME=VALUE. Give a file with ? in its name by its plain path.")
    if "uri" not in url.query and url.query.keys() - _SQLITE_QUERY:
        raise ValueError(
            f"a parameter in its query is not valid. It must be one of {', '.join(sorted(_SQLITE_QUERY))}; those of"
            " SQLite's own URIs need uri=true."
        )


def is_in_memory(store: str | os.PathLike[str]) -> bool:
    """Return True for a store that ends with the process, such as ``sqlite://``.

    Raises
    ------
    ValueError
        As `parse_url` does.
    """
    url = parse_url(store)
    named = str(url.database or ":memory:").removeprefix("file:")
    return url.get_backend_name() == "sqlite" and (named in ("", ":memory:") or url.query.get("mode") == "memory")


def sqlite_file(url: sa.URL) -> Path | None:
    """Return the SQLite file of a URL, or None for another database, one in memory, or a file given as a URI."""
    is_uri = "uri" in url.query and str(url.database).startswith("file:")
    in_memory = url.database in (None, "", ":memory:")
    return None if url.get_backend_name() != "sqlite" or in_memory or is_uri else Path(str(url.database))


def _for_reading(url: sa.URL, file: Path) -> tuple[sa.URL, bool]:
    """Return the URL by which a file can be opened, and True if only for reading."""
    if not file.exists() or (_is_writable(file) and _is_writable(file.parent)):
        return url, False
    query = {**url.query, "mode": "ro", "uri": "true"}
    if not _is_writable(file.parent) and not _has_journal(file):
        query["immutable"] = "1"  # SQLite cannot make the index of a journal there
    return url.set(database=f"file:{quote(str(file.resolve()))}", query=query), True


def _is_writable(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _journal(file: Path) -> Path:
    return file.with_name(f"{file.name}-wal")


def _has_journal(file: Path) -> bool:
    return _journal(file).exists() and _journal(file).stat().st_size > 0


def _is_cut(journal: Path) -> bool:
    """Return True for a journal that has content and not the first bytes of one."""
    try:
        with journal.open("rb") as opened:
            return opened.read(len(_JOURNAL_START)) not in (b"", _JOURNAL_START)
    except FileNotFoundError:
        return False


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _watched(waiting: Generator[Any, Any, Any], check: Callable[[float], None]) -> Generator[Any, Any, Any]:
    """Do as a psycopg generator does, and call `check` with the seconds of silence whenever nothing has come."""
    silent_since = time.monotonic()
    try:
        wanted = next(waiting)
        while True:
            ready = yield wanted
            if ready:
                silent_since = time.monotonic()
            else:
                check(time.monotonic() - silent_since)
            wanted = waiting.send(ready)
    except StopIteration as end:
        return end.value


def _check_file(file: Path, must_exist: bool) -> None:
    """Raise if a SQLite file cannot be used at this path; else create its folder."""
    kind = file_system(file)
    if _NETWORK_FILE_SYSTEM.fullmatch(kind):
        raise ValueError(
            f"it is on a network file system ({kind}), where SQLite's locks do not work and the file would be"
            " damaged. Keep it on a local disk, or use PostgreSQL: --store postgresql+psycopg://USER@HOST/NAME."
        )
    if must_exist and not file.exists():
        raise ValueError("the file does not exist; toymanifold run creates it.")
    file.parent.mkdir(parents=True, exist_ok=True)


def _set_patience(connection: sa.Connection, seconds: float) -> None:
    """Set the seconds for which SQLite itself waits for a lock, during which signals wait."""
    if connection.info.get("patience") != seconds:
        connection.exec_driver_sql(f"PRAGMA busy_timeout={1000 * seconds:.0f}")
        connection.info["patience"] = seconds


def _prepare_sqlite(connection: Any, _: object) -> None:
    """Turn on foreign keys, and turn off the driver's own transactions in favour of `_begin`."""
    connection.isolation_level = None
    connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")  # damaged text is no error
    connection.execute("PRAGMA foreign_keys=ON")
