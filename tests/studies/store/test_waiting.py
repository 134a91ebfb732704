"""A database that is locked or does not answer: waiting ends with a request to stop, or with one error."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from studies.store import database
from studies.store.database import LockedError, StoppedError, StoreError
from studies.store.store import Outcome, Store

OK = Outcome("k1", "{}", "ok", {"accuracy": 0.75})


@contextmanager
def locked_sqlite(url, _):
    holder = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    yield
    holder.close()


@contextmanager
def locked_postgresql(url, _):
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as holder:
        holder.execute(sa.text("LOCK TABLE cells"))
        yield


@contextmanager
def stopped_postgresql(_, store):
    with store.database.reading() as connection:
        backend = connection.scalar(sa.text("SELECT pg_backend_pid()"))
    os.kill(backend, signal.SIGSTOP)
    yield
    os.kill(backend, signal.SIGCONT)


KINDS = [
    ("sqlite_url", locked_sqlite),
    ("postgresql_url", locked_postgresql),
    ("postgresql_url", stopped_postgresql),
]


@pytest.mark.parametrize(("url", "hold"), KINDS)
def test_waiting_ends_with_a_request_to_stop(request, url, hold):
    url = request.getfixturevalue(url)
    looks = iter([False, False])
    with Store(url) as store:
        store.database.is_stopped = lambda: next(looks, True)
        with hold(url, store), pytest.raises(StoppedError, match="stopped while waiting for it"):
            store.add(OK)
        store.database.is_stopped = lambda: False
        store.add(OK)
        assert store.statuses(["k1"]) == {"k1": "ok"}


@pytest.mark.parametrize(("url", "hold"), KINDS[:2])
def test_a_lock_that_is_held_for_long_is_an_error(request, monkeypatch, url, hold):
    monkeypatch.setattr(database, "_BUSY_SECONDS", 1)
    url = request.getfixturevalue(url)
    with Store(url) as store, hold(url, store), pytest.raises(LockedError, match=r"has locked (it|the tables) for"):
        store.add(OK)


def test_a_server_that_does_not_answer_is_an_error(monkeypatch, postgresql_url):
    monkeypatch.setattr(database, "_SILENT_SECONDS", 0.5)
    with (
        Store(postgresql_url) as store,
        stopped_postgresql(None, store),
        pytest.raises(StoreError, match=r"has not answered for 0.5 s"),
    ):
        store.add(OK)


STUDY = """
name = "tiny"
question = "Does it stop?"
seeds = 1
sizes = [20]
metrics = ["accuracy"]
learners.kNN.estimator = "knn"
"""

RUN = """
from studies.cli.main import app
if __name__ == "__main__":
    app(["run", "tiny.toml", "--jobs", "1", "--store", "results.db"])
"""


def test_a_run_heeds_sigterm_while_its_store_is_locked(tmp_path):
    (tmp_path / "tiny.toml").write_text(STUDY)
    with Store(tmp_path / "results.db"):
        pass
    with locked_sqlite(str(tmp_path / "results.db"), None):
        command = [sys.executable, "-c", RUN]
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as ran:
            assert "0 measured before" in ran.stdout.readline()
            with pytest.raises(subprocess.TimeoutExpired):  # it waits for the lock
                ran.wait(timeout=4)
            ran.send_signal(signal.SIGTERM)
            out, err = ran.communicate(timeout=20)
    assert (ran.returncode, err) == (128 + signal.SIGTERM, "")
    assert "Stopped. All finished cells are stored" in out
