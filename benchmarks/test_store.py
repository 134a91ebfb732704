"""Storing and finding cells: each round is 1,000 cells of five metrics, beside bare sqlite3 writing the same rows."""

import hashlib
import json
import sqlite3
from itertools import count

import pytest

from studies.store.store import Outcome, Store

N_CELLS = 1_000
N_STORED = 100_000
SPEC = json.dumps({"problem": "spiral", "estimator": "knn-1", "params": {}, "n_samples": 1000, "more": "x" * 100})
VALUES = {"accuracy": 0.9, "accuracy_uniform": 0.8, "accuracy_sparse": 0.7, "fit_seconds": 1.0, "predict_seconds": 0.1}

_numbers = count()


def fresh(seconds):
    keys = [hashlib.sha256(b"%d" % next(_numbers)).hexdigest() for _ in range(N_CELLS)]
    return [Outcome(key, SPEC, "ok", VALUES, seconds=seconds) for key in keys]


@pytest.mark.benchmark(group="add 1,000 cells")
@pytest.mark.parametrize("seconds", [0.001, 1.0], ids=["of a millisecond", "of a second, each synced to disk"])
def test_add(benchmark, tmp_path, seconds):
    with Store(f"sqlite:///{tmp_path}/results.db") as store:

        def add(outcomes):
            for outcome in outcomes:
                store.add(outcome)

        benchmark.pedantic(add, setup=lambda: ((fresh(seconds),), {}), rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group="add 1,000 cells")
@pytest.mark.parametrize("synchronous", ["NORMAL", "FULL"])
def test_sqlite3(benchmark, tmp_path, synchronous):
    connection = sqlite3.connect(tmp_path / "bare.db", isolation_level=None)
    connection.executescript(f"""
        PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous}; PRAGMA foreign_keys=ON;
        CREATE TABLE cells (key TEXT PRIMARY KEY, spec TEXT, status TEXT, seconds REAL);
        CREATE TABLE cell_values (key TEXT REFERENCES cells (key), metric TEXT, value REAL, PRIMARY KEY (key, metric));
    """)

    def add(outcomes):
        for o in outcomes:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO cells VALUES (?, ?, ?, ?)", (o.key, o.spec, o.status, o.seconds))
            rows = [(o.key, metric, value) for metric, value in o.values.items()]
            connection.executemany("INSERT INTO cell_values VALUES (?, ?, ?)", rows)
            connection.execute("COMMIT")

    benchmark.pedantic(add, setup=lambda: ((fresh(0.001),), {}), rounds=5, warmup_rounds=1)
    connection.close()


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Make a store of 1e5 cells, and return it and their keys."""
    with Store(f"sqlite:///{tmp_path_factory.mktemp('store')}/results.db") as store:
        outcomes = [outcome for _ in range(N_STORED // N_CELLS) for outcome in fresh(0.001)]
        for outcome in outcomes:
            store.add(outcome)
        yield store, [outcome.key for outcome in outcomes]


@pytest.mark.benchmark(group="find 1e5 cells among 1e5")
@pytest.mark.parametrize("verb", ["statuses", "outcomes"])
def test_find(benchmark, large, verb):
    store, keys = large
    found = benchmark.pedantic(getattr(store, verb), (keys,), rounds=3)
    assert len(found) == N_STORED
