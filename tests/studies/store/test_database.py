"""A database that cannot be used: one error that names it and says what to do, and nothing is lost."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

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
def strangers_folder():
    """A folder that this process reads and does not own; root is for the time a stranger to it."""
    folder = Path(tempfile.mkdtemp())
    yield folder
    os.seteuid(os.getuid())
    folder.chmod(0o700)
    shutil.rmtree(folder)


def as_stranger():
    if os.getuid() == 0:
        os.seteuid(65534)


def found(url):
    """Open a store and read it whole."""
    with Store(url) as store:
        return store.outcomes(store.find(""))


def refused(path, command=("store", "ls")):
    """Use a store in Python and from the command line, and return the one line that both say."""
    url = f"sqlite:///{path}"
    with pytest.raises(StoreError) as error:
        found(url)
    told = CliRunner().invoke(app, [*command, "--store", url])
    assert (told.exit_code, told.stderr) == (2, f"error: {error.value}\n")
    assert str(path) in str(error.value)
    return str(error.value)


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("my notes, and not a database at all\n" * 100)
    assert "file is not a database. It is no SQLite database" in refused(path)
    assert path.read_text().startswith("my notes")


def test_a_corrupt_file_is_told_with_a_way_to_save_what_is_left(path):
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 3 * 4096))
    before = path.read_bytes()
    assert ".recover" in refused(path)
    assert path.read_bytes() == before


def test_a_file_cut_short_is_told(path):
    os.truncate(path, path.stat().st_size // 2)
    assert "malformed. The file is damaged" in refused(path)


def test_a_folder_is_no_database(tmp_path):
    assert "unable to open database file" in refused(tmp_path)


def test_a_file_that_may_only_be_read_is_read_and_a_write_is_refused(path, strangers_folder):
    shutil.copy(path, strangers_folder / "results.db")
    (strangers_folder / "results.db").chmod(0o444)
    strangers_folder.chmod(0o777)
    as_stranger()
    url = f"sqlite:///{strangers_folder}/results.db"
    with Store(url) as store:
        assert len(store.statuses(store.find(""))) == N_CELLS
        with pytest.raises(
            StoreError, match=r"results.db: attempt to write a readonly database. Give yourself the right"
        ):
            store.add(cell(N_CELLS))


def test_a_folder_that_may_only_be_read_is_told(path, strangers_folder):
    shutil.copy(path, strangers_folder / "results.db")
    strangers_folder.chmod(0o555)
    as_stranger()
    assert "Give yourself the right to write the file and its folder" in refused(strangers_folder / "results.db")
    assert "The file and its folder must be yours" in refused(strangers_folder / "new.db", ["list"])
    assert "Permission denied" in refused(strangers_folder / "deep" / "new.db", ["list"])


@pytest.fixture
def small_disk(tmp_path):
    """Return a folder on a full disk's eve, and a function that makes room."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", tmp_path], capture_output=True)
    if mounted.returncode:
        pytest.skip("may not mount a small disk")
    yield tmp_path, lambda: subprocess.run(["mount", "-o", "remount,size=8m", tmp_path], check=True)
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


@pytest.fixture
def small_file(tmp_path):
    """Do the same where nothing can be mounted, by SQLite's own limit."""
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
def test_a_full_disk_is_told_and_all_that_was_added_is_there(request, disk):
    folder, make_room = request.getfixturevalue(disk)
    url = f"sqlite:///{folder}/results.db"
    added = []
    with pytest.raises(StoreError, match=r"full. All that was reported as done is stored. Make room"):
        add_until_it_fails(url, added)
    assert added
    assert list(found(url)) == added
    make_room()
    with Store(url) as store:
        store.add(cell(len(added)))
        assert len(store.find("")) == len(added) + 1


def test_a_store_that_another_process_holds_is_told(path, monkeypatch):
    monkeypatch.setitem(database._CONNECT, "sqlite", {"timeout": 0.1})
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with Store(f"sqlite:///{path}") as store:
        assert len(store.find("")) == N_CELLS
        with pytest.raises(StoreError, match=r"database is locked. Another process has held it"):
            store.add(cell(N_CELLS))
        holder.close()
        store.add(cell(N_CELLS))


MOUNTS = r"""
/dev/sda1 / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
/dev/sdb1 /home/me/local xfs rw 0 0
//nas/share /mnt/my\040share cifs rw 0 0
me@host: /mnt/ssh fuse.sshfs rw 0 0
tmpfs /hidden tmpfs rw 0 0
cluster:/x /hidden lustre rw 0 0
"""


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
def test_the_file_system_of_a_path_is_that_of_its_nearest_mount(tmp_path, monkeypatch, path, kind):
    monkeypatch.setattr(database, "MOUNTS", tmp_path / "mounts")
    assert file_system(Path(path)) == ""
    (tmp_path / "mounts").write_text(MOUNTS.strip())
    assert file_system(Path(path)) == kind


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "lustre", "ceph", "fuse.glusterfs"])
def test_sqlite_on_a_network_file_system_is_refused(tmp_path, monkeypatch, kind):
    (tmp_path / "mounts").write_text(f"/dev/sda1 / ext4 rw 0 0\nserver:/x {tmp_path} {kind} rw 0 0\n")
    monkeypatch.setattr(database, "MOUNTS", tmp_path / "mounts")
    message = refused(tmp_path / "deep" / "results.db")
    assert f"it lies on a network file system ({kind})" in message
    assert "or use PostgreSQL" in message
    assert not (tmp_path / "deep").exists()


@pytest.mark.skipif(not Path("/proc/mounts").exists(), reason="no Linux")
def test_the_file_system_of_this_machine_is_known():
    assert file_system(Path("/proc/version")) == "proc"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("not a url", "Could not parse"),
        ("mysql://me@host/x", "it must be sqlite:///FILE or postgresql"),
        ("nosuchdb://x", "it must be sqlite:///FILE or postgresql"),
        ("sqlite:////proc/nowhere/results.db", "No such file or directory"),
    ],
)
def test_a_url_that_leads_nowhere_is_told(url, reason):
    with pytest.raises(StoreError, match="cannot use the results database.*" + reason):
        Store(url)


def test_a_missing_driver_is_told_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"pip install 'toymanifold\[postgres\]'") as error:
        Store("postgresql+psycopg://me:secret@host/x")
    assert "secret" not in str(error.value)


def test_a_server_that_cannot_be_reached_is_told_without_the_password(tmp_path, postgresql):
    with pytest.raises(StoreError, match="Is the server running, and can this machine reach it") as error:
        Store(f"postgresql+psycopg://me:secret@/x?host={tmp_path}")
    assert "secret" not in str(error.value)
    with pytest.raises(StoreError, match=r'database "nowhere" does not exist. Check user, password'):
        Store(f"postgresql+psycopg://postgres@/nowhere?host={postgresql.folder}")
    with pytest.raises(StoreError, match='role "stranger" does not exist'):
        Store(f"postgresql+psycopg://stranger@/postgres?host={postgresql.folder}")


def test_a_server_user_who_may_only_read_is_told(postgresql):
    url = postgresql.new_schema()
    with Store(url) as store:
        store.add(cell(0))
    with Store(f"{url}%20-cdefault_transaction_read_only%3Don") as store:
        assert store.find("") == ["k0000"]
        with pytest.raises(StoreError, match="The server takes no writes"):
            store.add(cell(1))
