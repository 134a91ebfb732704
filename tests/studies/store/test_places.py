"""Stores in odd places: names with odd characters, folders that cannot be written, servers with odd encodings."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from studies.cli.main import app
from studies.store import maintenance
from studies.store.provenance import collect
from studies.store.store import Outcome, Store, StoreError

KEPT = Path(__file__).parents[1] / "data" / "kept"
OK = Outcome("k1", "{}", "ok", {"accuracy": 0.75})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=settings().max_examples // 5)
@given(st.text(st.sampled_from("?%#&@:=+~ aü42."), min_size=1, max_size=8).filter(lambda name: name.strip(".")))
def test_a_path_is_taken_literally(tmp_path, name):
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    with Store(folder / f"{name}.db") as store:
        store.add(OK)
    assert [file.name for file in folder.iterdir()] == [f"{name}.db"]


@pytest.mark.parametrize("name", ["o?p.db", "%42.db", "~/x.db"])
def test_commands_take_paths_of_stores(name, tmp_path, monkeypatch, toymanifold):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with Store("from.db") as store:
        store.add(OK)
    assert "1 cells added" in toymanifold("store", "merge", "from.db", name)
    assert (tmp_path / name.replace("~", "home")).exists()
    assert "1 cells" in toymanifold("store", "ls", "--store", name)
    assert "1 cells" in toymanifold("store", "check", "--store", name)


@pytest.mark.parametrize("url", ["sqlite:///~/x.db", "sqlite+pysqlite:///~/x.db"])
def test_a_url_may_begin_with_the_home_folder(url, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with Store(url):
        assert (tmp_path / "x.db").exists()


@pytest.mark.parametrize("name", ["./me:you@here.db", "./host=x.db", "../x/token=1.db", "a@b.db", "file:x.db"])
def test_a_path_may_look_like_an_address(name, tmp_path, monkeypatch):
    (tmp_path / "x").mkdir()
    monkeypatch.chdir(tmp_path / "x")
    with Store(name):
        assert [file.name for file in (tmp_path / "x").glob("*.db")] == [Path(name).name]


@pytest.mark.parametrize("name", ["host=h user=me", "jdbc:postgresql://h/db", "'postgresql://me@h/db'", "me:pw@h/x"])
def test_an_address_is_not_taken_for_a_file(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match="it must be the path of a SQLite file, sqlite:///FILE, or"):
        Store(name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("query", ["bogus=1", "cache=private", "p.db", "", "timeout=1&x"])
def test_a_query_that_sqlite3_does_not_take_is_an_error(query, tmp_path):
    with pytest.raises(StoreError, match=r"its query is not valid|by its plain path"):
        Store(f"sqlite:///{tmp_path}/x.db?{query}")
    assert list(tmp_path.iterdir()) == []
    with Store(f"sqlite:///{tmp_path}/x.db?timeout=1"):
        assert (tmp_path / "x.db").exists()


@pytest.mark.parametrize(
    "name", ["", ":memory:", "sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true"]
)
def test_commands_refuse_a_store_in_memory(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Store("base.db") as store:
        store.add(OK)
    for words in (
        ["store", "ls", "--store", name],
        ["store", "merge", "base.db", name],
        ["run", "ablation", "--quick", "--store", name],
        ["run", "ablation", "--quick", "--dry-run", "--store", name],
    ):
        ran = CliRunner().invoke(app, words, catch_exceptions=False)
        assert ran.exit_code == 2
        reason = "it would end with this command. Name a file or a server."
        assert ran.stderr == f"error: cannot use the results database {name!r}: {reason}\n"


@pytest.fixture
def read_only_folder():
    """A folder that this process can read and not write; root changes its user for that."""
    folder = Path(tempfile.mkdtemp())
    shutil.copy(KEPT / "store.db", folder / "old.db")
    with Store(shutil.copy(KEPT / "store.db", folder / "new.db")) as store:
        maintenance.clean(store)
    folder.chmod(0o555)
    if os.getuid() == 0:
        os.seteuid(65534)
    yield folder
    os.seteuid(os.getuid())
    folder.chmod(0o700)
    shutil.rmtree(folder)


@pytest.mark.parametrize("name", ["old.db", "new.db"])
def test_a_store_that_cannot_be_written_is_read(read_only_folder, name, toymanifold):
    """Also one of an earlier version, by a copy in memory."""
    before = (read_only_folder / name).read_bytes()
    with Store(read_only_folder / name) as store:
        assert len(store.outcomes(store.find(""))) == 35
        with pytest.raises(StoreError, match=r"attempt to write a readonly database. Get write permission"):
            store.begin_run(collect("tiny", 1))
    with tempfile.TemporaryDirectory() as output:
        toymanifold(
            *("export", str(KEPT / "study.toml"), "--store", str(read_only_folder / name)),
            *("--output", f"{output}/x.csv"),
        )
        assert Path(output, "x.csv").exists()
    assert (read_only_folder / name).read_bytes() == before
    assert sorted(file.name for file in read_only_folder.iterdir()) == ["new.db", "old.db"]


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_JP"])
def test_a_server_with_another_encoding_stores_every_text(postgresql, encoding):
    url = postgresql.new_database(encoding)
    bad = Outcome("k2", "{}", "error", error="é Δ 日本 \udc80 \0", traceback="ß", output="🙂")
    with Store(url) as store:
        store.begin_run(collect("é Δ", 1))
        store.add(bad)
        store.add(OK)
        read = store.outcomes(["k1", "k2"])
        assert read["k1"] == OK
        assert read["k2"].error in ("é Δ 日本 \\udc80 \\x00", r"\xe9 \u0394 \u65e5\u672c \udc80 \x00")
        assert maintenance.check(store) == []
        with Store("sqlite://") as copy, Store(url) as back:
            maintenance.merge(store, copy)
            assert copy.outcomes(["k2"]) == {"k2": read["k2"]}
            maintenance.merge(copy, back)
