"""Databases that cannot be used: one error with name and advice, and no result is lost."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from studies.cli.main import app
from studies.store import database
from studies.store.database import file_system
from studies.store.store import Outcome, Store, StoreError

N_CELLS = 300


def cell(number):
    return Outcome(f"k{number:04}", "{}", "ok", {"accuracy": number / N_CELLS})


@pytest.fixture
def path(tmp_path):
    """A store of a few pages."""
    path = tmp_path / "results.db"
    with Store(f"sqlite:///{path}") as store:
        for number in range(N_CELLS):
            store.add(cell(number))
    return path


@pytest.fixture
def foreign_folder():
    """A folder that this process can read but does not own; root changes its user for that."""
    folder = Path(tempfile.mkdtemp())
    yield folder
    os.seteuid(os.getuid())
    folder.chmod(0o700)
    shutil.rmtree(folder)


def as_other_user():
    if os.getuid() == 0:
        os.seteuid(65534)


def found(url):
    """Return all outcomes of a store."""
    with Store(url) as store:
        return store.outcomes(store.find(""))


def store_error(path, command=("store", "ls")):
    """Return the error of a store, which is the same line in Python and from the command."""
    url = f"sqlite:///{path}"
    with pytest.raises(StoreError) as error:
        found(url)
    ran = CliRunner().invoke(app, [*command, "--store", url])
    assert (ran.exit_code, ran.stderr) == (2, f"error: {error.value}\n")
    assert str(path) in str(error.value)
    return str(error.value)


def test_a_file_that_is_not_a_database_is_an_error_and_is_kept(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("my notes, and not a database at all\n" * 100)
    assert "file is not a database. It is not a SQLite database" in store_error(path)
    assert path.read_text().startswith("my notes")


def test_a_corrupt_file_is_an_error_with_the_command_to_recover_it(path):
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 3 * 4096))
    before = path.read_bytes()
    assert ".recover" in store_error(path)
    assert path.read_bytes() == before


def test_a_truncated_file_is_an_error(path):
    os.truncate(path, path.stat().st_size // 2)
    assert "malformed. The file is damaged" in store_error(path)


def test_a_folder_is_an_error(tmp_path):
    assert "unable to open database file" in store_error(tmp_path)


def test_a_read_only_file_is_read_and_a_write_is_an_error(path, foreign_folder):
    shutil.copy(path, foreign_folder / "results.db")
    (foreign_folder / "results.db").chmod(0o444)
    foreign_folder.chmod(0o777)
    as_other_user()
    url = f"sqlite:///{foreign_folder}/results.db"
    with Store(url) as store:
        assert len(store.statuses(store.find(""))) == N_CELLS
        with pytest.raises(StoreError, match=r"results.db: attempt to write a readonly database. Get write permission"):
            store.add(cell(N_CELLS))


def test_a_store_in_a_read_only_folder_is_read_and_a_write_is_an_error(path, foreign_folder):
    shutil.copy(path, foreign_folder / "results.db")
    foreign_folder.chmod(0o555)
    as_other_user()
    with Store(foreign_folder / "results.db") as store:
        assert len(store.outcomes(store.find(""))) == N_CELLS
        with pytest.raises(StoreError, match="Get write permission for the file and its folder"):
            store.add(cell(N_CELLS))


def test_a_new_store_in_a_read_only_folder_is_an_error(foreign_folder):
    foreign_folder.chmod(0o555)
    as_other_user()
    with pytest.raises(StoreError, match="You need permission to read and write the file and its folder"):
        Store(foreign_folder / "new.db")
    with pytest.raises(StoreError, match="Permission denied"):
        Store(foreign_folder / "deep" / "new.db")


@pytest.fixture
def small_disk(tmp_path):
    """Return a folder on a disk that is soon full, and a function that enlarges it."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", tmp_path], capture_output=True)
    if mounted.returncode:
        pytest.skip("may not mount a small disk")
    yield tmp_path, lambda: subprocess.run(["mount", "-o", "remount,size=8m", tmp_path], check=True)
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


@pytest.fixture
def small_file(tmp_path):
    """Do the same without mounting, by SQLite's limit."""
    limit = ["PRAGMA max_page_count=40"]

    def set_limit(connection, _):
        for statement in limit:
            connection.execute(statement)

    sa.event.listen(sa.Engine, "connect", set_limit)
    yield tmp_path, limit.clear
    sa.event.remove(sa.Engine, "connect", set_limit)


def add_until_it_fails(url, added):
    with Store(url) as store:
        for number in range(100_000):
            store.add(cell(number))
            added.append(cell(number).key)


@pytest.mark.parametrize("disk", ["small_disk", "small_file"])
def test_a_full_disk_is_an_error_and_added_cells_are_stored(request, disk):
    folder, make_room = request.getfixturevalue(disk)
    url = f"sqlite:///{folder}/results.db"
    added = []
    with pytest.raises(StoreError, match=r"full. All cells reported as done are stored. Free space"):
        add_until_it_fails(url, added)
    assert added
    assert list(found(url)) == added
    make_room()
    with Store(url) as store:
        store.add(cell(len(added)))
        assert len(store.find("")) == len(added) + 1


def test_a_locked_store_is_an_error(path, monkeypatch):
    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.3)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with Store(f"sqlite:///{path}") as store:
        assert len(store.find("")) == N_CELLS
        with pytest.raises(StoreError, match=r"database is locked. Another process has locked it"):
            store.add(cell(N_CELLS))
        holder.close()
        store.add(cell(N_CELLS))


MOUNTS = [
    ("/", "ext4"),
    ("/home", "nfs4"),
    ("/home/me/local", "xfs"),
    ("/mnt/my share", "cifs"),
    ("/mnt/ssh", "fuse.sshfs"),
    ("/hidden", "tmpfs"),
    ("/hidden", "lustre"),
]


@pytest.fixture
def mount(monkeypatch):
    """Return a function that sets the mounts of this machine, each a folder and a type."""

    def mount(mounts):
        partitions = [SimpleNamespace(mountpoint=folder, fstype=kind) for folder, kind in mounts]
        monkeypatch.setattr(database.psutil, "disk_partitions", lambda **_: partitions)

    return mount


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/results.db", "ext4"),
        ("/home/me/results.db", "nfs4"),
        ("/homes/results.db", "ext4"),
        ("/home/me/local/deep/results.db", "xfs"),
        ("/mnt/my share/results.db", "cifs"),
        ("/mnt/ssh/results.db", "fuse.sshfs"),
        ("/hidden/results.db", "lustre"),
    ],
)
def test_the_file_system_of_a_path_is_that_of_its_innermost_mount(mount, path, kind):
    mount([])
    assert file_system(Path(path)) == ""
    mount(MOUNTS)
    assert file_system(Path(path)) == kind


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "lustre", "ceph", "fuse.glusterfs"])
def test_sqlite_on_a_network_file_system_is_an_error(tmp_path, mount, kind):
    mount([("/", "ext4"), (str(tmp_path), kind)])
    message = store_error(tmp_path / "deep" / "results.db")
    assert f"it is on a network file system ({kind})" in message
    assert "or use PostgreSQL" in message
    assert not (tmp_path / "deep").exists()


@pytest.mark.skipif(not Path("/proc/mounts").exists(), reason="not on Linux")
def test_the_file_system_of_this_machine_is_known():
    assert file_system(Path("/proc/version")) == "proc"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql:/me@host/x", "it must be the path of a SQLite file, sqlite:///FILE, or postgresql"),
        ("mysql://me@host/x", "it must be the path of a SQLite file, sqlite:///FILE, or postgresql"),
        ("sqlite://results.db", "it must be the path of a SQLite file, sqlite:///FILE, or postgresql"),
        ("sqlite+aiosqlite:///results.db", "it must be the path of a SQLite file, sqlite:///FILE, or postgresql"),
        ("postgresql://me@host:port/x", "it must be the path of a SQLite file, sqlite:///FILE, or postgresql"),
        ("sqlite:////proc/nowhere/results.db", "No such file or directory"),
    ],
)
def test_a_url_without_a_database_is_an_error(url, reason):
    with pytest.raises(StoreError, match="cannot use the results database.*" + reason):
        Store(url)


def test_a_missing_driver_is_an_error_with_the_install_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"pip install 'toymanifold\[postgres\]'") as error:
        Store("postgresql+psycopg://me:secret@host/x")
    assert "secret" not in str(error.value)


def test_the_error_of_an_unreachable_server_hides_the_password(tmp_path, postgresql):
    with pytest.raises(StoreError, match="Is the server running, and can this machine reach it") as error:
        Store(f"postgresql+psycopg://me:secret@/x?host={tmp_path}")
    assert "secret" not in str(error.value)
    with pytest.raises(StoreError, match=r'database "nowhere" does not exist. Check user, password'):
        Store(f"postgresql+psycopg://postgres@/nowhere?host={postgresql.folder}")
    with pytest.raises(StoreError, match='role "nosuchuser" does not exist'):
        Store(f"postgresql+psycopg://nosuchuser@/postgres?host={postgresql.folder}")


def test_a_read_only_server_user_is_an_error_for_writes(postgresql):
    url = postgresql.new_schema()
    with Store(url) as store:
        store.add(cell(0))
    with Store(f"{url}%20-cdefault_transaction_read_only%3Don") as store:
        assert store.find("") == ["k0000"]
        with pytest.raises(StoreError, match="The server accepts no writes"):
            store.add(cell(1))
