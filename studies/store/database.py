"""A database by its URL: how it is opened, how its transactions begin, and what its errors mean.

Nothing here knows what is stored. Every error of the database is a `StoreError` that names it and says what to do.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

DEFAULT_STORE = "sqlite:///toymanifold-results/results.db"
"""The results database where none is named."""

MOUNTS = Path("/proc/mounts")
"""Where Linux tells its mounts; elsewhere a network file system is not noticed."""

_NETWORK_FILE_SYSTEM = re.compile(
    r"(fuse\.)?(afs|beegfs|ceph(fs|-fuse)?|cifs|davfs2?|gfs2|glusterfs|gpfs|lustre|nfs4?|ocfs2|orangefs|panfs|pvfs2|rclone"
    r"|s3fs|smb3?|smbfs|sshfs)"
)

_BUSY_SECONDS = 60  # that a writer waits for another
_CONNECT = {"sqlite": {"timeout": _BUSY_SECONDS}, "postgresql": {"connect_timeout": 10}}
_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)  # seconds before a transaction is tried again: a server may start anew meanwhile

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

_KEPT = "All that was reported as done is stored."

_ADVICE = {  # by how the code of SQLite or the SQLSTATE of PostgreSQL begins
    "SQLITE_NOTADB": "It is no SQLite database, or its first page is destroyed, and was left as it is: name another"
    " file with --store.",
    "SQLITE_CORRUPT": "The file is damaged. Save what can be read, and go on with that:"
    " sqlite3 DAMAGED .recover | sqlite3 SAVED.",
    "SQLITE_READONLY": "Give yourself the right to write the file and its folder, or copy it to where you have it and"
    " name the copy with --store.",
    "SQLITE_CANTOPEN": "The file and its folder must be yours to read and write.",
    "SQLITE_FULL": f"{_KEPT} Make room on that disk and run the same command again.",
    "SQLITE_BUSY": f"Another process has held it for {_BUSY_SECONDS} s. {_KEPT} End that process, or try again.",
    "SQLITE_IOERR": f"The disk failed. {_KEPT} Try again, or copy the file to another disk.",
    "25006": "The server takes no writes: it is a standby, or the user may only read.",
    "42501": "The user needs the right to make and write tables.",
    "53100": f"{_KEPT} Make room on the server's disk and run the same command again.",
}

_UNWELCOME = "Check user, password and the database's name; createdb NAME makes one."
_SERVER_GONE = ("08", "57P")
_UNREACHABLE = f"Is the server running, and can this machine reach it? {_KEPT}"

Result = TypeVar("Result")


class StoreError(RuntimeError):
    """The results database cannot be used; the message says why and what to do."""


class Locked(StoreError):  # noqa: N818  a fact and not a mistake
    """Another process holds the file, for now."""


class Unreachable(StoreError):  # noqa: N818  a fact and not a mistake
    """The server does not answer, for now."""


class Database:
    """The database at a SQLAlchemy URL, a SQLite file or a PostgreSQL server.

    Parameters
    ----------
    url : str
    must_exist : bool, default=False
        Whether a missing SQLite file is an error and not made.

    Attributes
    ----------
    name : str
        What messages call it: a SQLite file's path, a server's URL without its password.

    Raises
    ------
    StoreError
        If there can be no such database. A server is not asked before the first transaction.
    """

    def __init__(self, url: str, *, must_exist: bool = False) -> None:
        self.name = url
        try:
            parsed = _checked(url)
            self.path = _sqlite_file(parsed)
            self.name = str(self.path or parsed.set(query={}).render_as_string(hide_password=True))
            if self.path:
                _check_file(self.path, must_exist)
            self._engine = sa.create_engine(parsed, connect_args=_CONNECT[parsed.get_backend_name()])
        except ImportError as error:
            raise self._refused(f"{error}. Install it with: pip install 'toymanifold[postgres]'") from error
        except (sa.exc.SQLAlchemyError, OSError, ValueError) as error:
            raise self._refused(str(error)) from error
        if self.dialect == "sqlite":
            sa.event.listen(self._engine, "connect", _prepare_sqlite)
        sa.event.listen(self._engine, "begin", _begin)

    @property
    def dialect(self) -> str:
        """Either "sqlite" or "postgresql"."""
        return str(self._engine.dialect.name)

    def insert(self, table: sa.Table) -> Any:
        """Return the dialect's own INSERT, which knows what to do on a conflict."""
        return (sqlite if self.dialect == "sqlite" else postgresql).insert(table)

    def size(self) -> int:
        """Return the bytes that it takes on disk."""
        with self.reading() as connection:
            return int(connection.scalar(sa.text(_SIZE[self.dialect])) or 0)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Open a connection to read from."""
        with self._explained(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[sa.Connection]:
        """Open a transaction that writes, alone in SQLite.

        Parameters
        ----------
        durable : bool, default=True
            Whether to wait until it would survive a power cut. What is not durable survives the end of this process,
            and becomes durable with the next transaction that is.
        """
        engine = self._engine.execution_options(purpose="write" if durable else "write soon")
        with self._explained(), engine.begin() as connection:
            yield connection

    def transact(self, work: Callable[[sa.Connection], Result], *, durable: bool = True) -> Result:
        """Do `work`, which must be as good twice as once, in a transaction; a server that went away is waited for."""
        for pause in _PAUSES:
            try:
                with self.writing(durable=durable) as connection:
                    return work(connection)
            except Unreachable:
                time.sleep(pause)
        with self.writing(durable=durable) as connection:
            return work(connection)

    def outside_transaction(self, *statements: str) -> None:
        """Execute what no transaction may hold."""
        with self._explained(), self._engine.connect() as connection:
            connection = connection.execution_options(**_OUTSIDE[self.dialect])
            for statement in statements:
                connection.exec_driver_sql(statement)

    def use_wal(self) -> None:
        """Let a SQLite file be read while it is written; the file remembers."""
        deadline = time.monotonic() + _BUSY_SECONDS
        while self.path:
            try:
                return self.outside_transaction("PRAGMA journal_mode=WAL")
            except Locked:  # at once: for this alone SQLite does not wait until others have opened the file
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        return None

    def close(self) -> None:
        """Close all connections; of a SQLite file the journal is then written back."""
        self._engine.dispose()

    def _refused(self, reason: str) -> StoreError:
        return StoreError(f"cannot use the results database {self.name}: {reason}")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.DBAPIError as error:
            raise self._explain(error.orig or error) from error

    def _explain(self, cause: BaseException) -> StoreError:
        code = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None) or ""
        reason = (str(cause).strip() or type(cause).__name__).splitlines()[0].removesuffix(".")
        for start, advice in _ADVICE.items():
            if code.startswith(start):
                kind = Locked if start == "SQLITE_BUSY" else StoreError
                return kind(str(self._refused(f"{reason}. {advice}")))
        if "FATAL: " in reason and "the database system is" not in reason:  # "starting up", "shutting down"
            return self._refused(f"{reason}. {_UNWELCOME}")
        if self.dialect == "postgresql" and (not code or code.startswith(_SERVER_GONE)):
            return Unreachable(str(self._refused(f"{reason}. {_UNREACHABLE}")))
        return self._refused(f"{reason}.")


def file_system(path: Path) -> str:
    """Return the type of the file system that holds a path, as Linux names it; "" where that is not known."""
    if not MOUNTS.exists():
        return ""
    folders = {str(path.resolve()), *map(str, path.resolve().parents)}
    found = ("", "")
    for line in MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        _, folder, kind, *_ = line.split(" ")
        folder = folder.replace("\\040", " ")
        if folder in folders and len(folder) >= len(found[0]):  # a later mount hides an earlier one
            found = (folder, kind)
    return found[1]


def _checked(url: str) -> sa.URL:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() not in _BEGIN:
        raise ValueError("it must be sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME.")
    return parsed


def _sqlite_file(url: sa.URL) -> Path | None:
    """Return the file of a URL, if it has one and names it plainly."""
    in_memory = url.database in (None, "", ":memory:") or str(url.database).startswith("file:")
    return None if url.get_backend_name() != "sqlite" or in_memory else Path(str(url.database))


def _check_file(file: Path, must_exist: bool) -> None:
    """Raise where a SQLite file cannot be; else make the folder that it is to lie in."""
    kind = file_system(file)
    if _NETWORK_FILE_SYSTEM.fullmatch(kind):
        raise ValueError(
            f"it lies on a network file system ({kind}), where SQLite's locks do not hold and the file would be"
            " damaged. Keep it on a local disk, or use PostgreSQL: --store postgresql+psycopg://USER@HOST/NAME."
        )
    if must_exist and not file.exists():
        raise ValueError("there is no such file.")
    file.parent.mkdir(parents=True, exist_ok=True)


def _prepare_sqlite(connection: Any, _: object) -> None:
    """Leave transactions to `_begin`, and let the deletion of a row take what hangs on it."""
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys=ON")


def _begin(connection: sa.Connection) -> None:
    purpose = connection.get_execution_options().get("purpose", "read")
    for statement in _BEGIN[connection.dialect.name][purpose]:
        connection.exec_driver_sql(statement)
