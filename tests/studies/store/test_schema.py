"""Stores of earlier versions, and databases that are not stores."""

import json
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from studies.store import maintenance
from studies.store.provenance import collect
from studies.store.schema import VERSION
from studies.store.store import Outcome, Store, StoreError

STORES = Path(__file__).parent / "stores"
KEPT = Path(__file__).parents[1] / "data" / "kept"
MAP = np.random.default_rng(0).random((13, 13)) < 0.5


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request):
    """Return a function that creates stores of version 1, as the code of that time wrote them."""
    dump = (STORES / f"version-1.{request.param}.sql").read_text()
    if request.param == "postgresql":
        server = request.getfixturevalue("postgresql")

        def make(name):
            return server.new_schema(dump)
    else:
        folder = request.getfixturevalue("tmp_path")

        def make(name):
            connection = sqlite3.connect(folder / f"{name}.db")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(dump)
            connection.close()
            return f"sqlite:///{folder}/{name}.db"

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def kept(request):
    """Return a function that creates stores of version 2: copies of the kept one."""
    if request.param == "postgresql":
        server = request.getfixturevalue("postgresql")
        return lambda _: server.new_schema((KEPT / "store.postgresql.sql").read_text())
    folder = request.getfixturevalue("tmp_path")
    return lambda name: f"sqlite:///{shutil.copy(KEPT / 'store.db', folder / f'{name}.db')}"


def engine(url):
    return sa.create_engine(url, poolclass=sa.NullPool)


def columns(url):
    """Return columns, primary keys and foreign keys of each table."""
    inspector = sa.inspect(engine(url))
    return {
        table: (
            [(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(table)],
            inspector.get_pk_constraint(table)["constrained_columns"],
            sorted(
                (f["constrained_columns"], f["referred_table"], f["options"]) for f in inspector.get_foreign_keys(table)
            ),
        )
        for table in inspector.get_table_names()
    }


def test_a_store_of_version_1_keeps_its_content(old):
    with Store(old("old")) as store:
        outcomes = store.outcomes(store.find(""))
        ok = next(o for o in outcomes.values() if o.status == "ok")
        assert sorted(o.status for o in outcomes.values()) == ["error", "lost", "ok"]
        assert ok.values == {"accuracy": 0.75, "accuracy_uniform": 0.1 + 0.2, "fit_seconds": 1.5}
        assert (ok.seconds, ok.shared, store.origins([ok.key])[ok.key].run) == (2.0, 1, None)
        assert json.loads(ok.spec)["n_samples"] == 50
        np.testing.assert_array_equal(store.decision_map(ok.key), MAP)
        bad = next(o for o in outcomes.values() if o.status == "error")
        assert (bad.error, bad.traceback) == ("ValueError: no", "Traceback ...\n  it's bad")


def test_a_store_of_version_2_gets_digests_and_is_taken_on_trust(kept):
    with Store(kept("kept")) as store:
        keys = store.find("")
        assert maintenance.check(store) == []
        assert all(origin.on_trust for origin in store.origins(keys).values())
        store.add(Outcome("new", "{}", "ok"))
        assert not store.origins(["new"])["new"].on_trust
        assert len(store.outcomes(keys)) == 35


def test_passwords_in_the_runs_of_an_earlier_version_are_hidden(kept):
    url = kept("kept")
    with engine(url).begin() as connection:
        connection.execute(sa.text("UPDATE runs SET command = 'toymanifold run x --store pg://h/d?password=S3CR3T'"))
    with Store(url) as store:
        assert {run.command for run in store.runs().values()} == {"toymanifold run x --store 'pg://h/d?password=***'"}
        assert maintenance.check(store) == []


def test_a_migrated_store_has_the_tables_of_a_new_one(old, request):
    new = request.getfixturevalue("postgresql_url" if "postgresql" in old("x") else "sqlite_url")
    migrated = old("old")
    with Store(new), Store(migrated) as store:
        assert columns(migrated) == columns(new)
        assert store.begin_run(collect("tiny", 1)) in store.runs()


KILLED = """
import os, signal, sys
import sqlalchemy as sa
from studies.store.store import Store

def open_and_die(url, moment):
    executed = 0
    def count(*_):
        nonlocal executed
        executed += 1
        if executed == moment:
            os.kill(os.getpid(), signal.SIGKILL)
    sa.event.listen(sa.Engine, "before_cursor_execute", count)
    sa.event.listen(sa.Engine, "commit", count)
    Store(url)

for number, url in enumerate(sys.argv[2:]):
    moment = 1 + number * int(sys.argv[1])
    child = os.fork()
    if not child:
        open_and_die(url, moment)
        os._exit(0)
    print(os.waitpid(child, 0)[1])
"""


def outline(url):
    """Return a store's version, its tables, and the columns of cells."""
    with engine(url).connect() as connection:
        version = connection.scalar(sa.text("SELECT version FROM toymanifold_schema"))
        columns = connection.execute(sa.text("SELECT * FROM cells")).keys()
        return version, sorted(sa.inspect(connection).get_table_names()), sorted(columns)


def test_a_killed_migration_leaves_the_complete_old_store_or_new_store(old, run_apart):
    check_killed(old, run_apart, version=1, n_cells=3)


def test_a_killed_migration_of_the_kept_store_does_so_too(kept, run_apart):
    check_killed(kept, run_apart, version=2, n_cells=35)


def check_killed(make, run_apart, *, version, n_cells):
    step = 2 if make("x").startswith("sqlite") else 5
    urls = [make(f"old{moment}") for moment in range(0, 41, step)]
    before = outline(urls[0])
    ends = run_apart(KILLED, str(step), *urls).split()
    assert ends.count("9") > 20 / step
    assert ends[-1] == "0", "there are more statements than moments"
    after = outline(urls[-1])
    assert (before[0], after[0]) == (version, VERSION)
    left = [outline(url) for url in urls]
    assert left[0] == before
    assert all(one in (before, after) for one in left)
    for url in urls:
        with Store(url) as store:
            assert len(store.outcomes(store.find(""))) == n_cells
        assert outline(url) == after


def set_version(url, version):
    with engine(url).begin() as connection:
        connection.execute(sa.text(f"UPDATE toymanifold_schema SET version = {version}"))


def test_a_store_of_a_newer_version_is_an_error(url):
    with Store(url):
        set_version(url, 99)
    with pytest.raises(
        StoreError, match=f"schema version 99, of a newer toymanifold; this one reads versions up to {VERSION}"
    ):
        Store(url)


def test_another_database_is_an_error_and_is_not_changed(tmp_path):
    path = tmp_path / "notes.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE notes (text)")
    connection.close()
    shutil.copy(path, tmp_path / "before.db")
    with pytest.raises(StoreError, match=r"notes.db was not created by toymanifold.* it contains 'notes'"):
        Store(f"sqlite:///{path}")
    assert path.read_bytes() == (tmp_path / "before.db").read_bytes()


def test_another_server_database_is_an_error_and_is_not_changed(postgresql):
    url = postgresql.new_schema("CREATE TABLE notes (text TEXT)")
    with pytest.raises(StoreError, match="was not created by toymanifold"):
        Store(url)
    assert list(columns(url)) == ["notes"]


def test_a_store_that_must_exist_is_not_created(sqlite_url, postgresql_url):
    with pytest.raises(StoreError, match="the file does not exist"):
        Store(sqlite_url, must_exist=True)
    assert not Path(sqlite_url.removeprefix("sqlite:///")).exists()
    with pytest.raises(StoreError, match="contains no results"):
        Store(postgresql_url, must_exist=True)
    assert columns(postgresql_url) == {}
