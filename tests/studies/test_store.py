import sqlite3

import numpy as np
import pytest

from studies import Outcome, Store, StoreError

MAP = np.random.default_rng(0).random((13, 13)) < 0.5
OK = Outcome("k1", '{"n": 1}', "ok", {"accuracy": 0.75, "fit_seconds": 1.5}, MAP, seconds=2.0)
BAD = Outcome("k2", '{"n": 2}', "error", error="ValueError: no", traceback="Traceback ...", seconds=0.1)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/deep/down/results.db"


def test_what_is_added_is_found_again(url):
    with Store(url) as store:
        store.add(OK)
        store.add(BAD)
    with Store(url) as store:
        found = store.outcomes(["k1", "k2", "never"])
        assert set(found) == {"k1", "k2"}
        assert found["k1"].values == OK.values
        assert (found["k2"].status, found["k2"].error, found["k2"].traceback) == ("error", BAD.error, BAD.traceback)
        assert store.statuses(["k1", "k2"]) == {"k1": "ok", "k2": "error"}
        np.testing.assert_array_equal(store.decision_map("k1"), MAP)
        assert store.decision_map("k2") is None


def test_a_new_outcome_replaces_the_old_one_whole(url):
    with Store(url) as store:
        store.add(OK)
        store.add(Outcome("k1", OK.spec, "lost", error="gone"))
        assert store.outcomes(["k1"])["k1"] == Outcome("k1", OK.spec, "lost", error="gone")
        assert store.decision_map("k1") is None


def test_an_outcome_is_stored_whole_or_not_at_all(url):
    """The second insert fails; the first one, and the deletion before it, must not stay."""
    with Store(url) as store:
        store.add(OK)
        with pytest.raises(Exception, match="NOT NULL"):
            store.add(Outcome("k1", OK.spec, "ok", {"accuracy": None}))
        assert store.outcomes(["k1"])["k1"].values == OK.values


def test_many_keys_are_asked_for_at_once(url):
    with Store(url) as store:
        store.add(OK)
        assert store.statuses([f"x{i}" for i in range(5000)] + ["k1"]) == {"k1": "ok"}


def test_a_second_store_reads_while_the_first_is_open(url):
    with Store(url) as writer, Store(url) as reader:
        writer.add(OK)
        assert reader.statuses(["k1"]) == {"k1": "ok"}


def test_a_store_of_a_newer_version_is_refused(url):
    with Store(url):
        pass
    path = url.removeprefix("sqlite:///")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE toymanifold_schema SET version = 99")
    connection.close()
    with pytest.raises(StoreError, match="schema version 99, of a newer toymanifold; this one reads up to 1"):
        Store(url)


@pytest.mark.parametrize("bad", ["not a url", "sqlite:////proc/nowhere/results.db", "nosuchdb://x"])
def test_what_cannot_be_opened_is_one_clear_error(bad):
    with pytest.raises(StoreError, match="cannot open the results database"):
        Store(bad)


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("my notes, and not a database at all\n" * 100)
    with pytest.raises(StoreError, match="cannot open"):
        Store(f"sqlite:///{path}")
    assert path.read_text().startswith("my notes")
