from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from studies.spec.cells import Cell
from studies.store import maintenance
from studies.store.provenance import collect, now
from studies.store.store import Outcome, Store, StoreError

MAP = np.eye(3, dtype=bool)


def outcome(seed, status="ok", estimator="knn-1", accuracy=0.5, **more):
    cell = Cell("spiral", {}, estimator, None, {}, 50, seed)
    if status != "ok":
        return Outcome(cell.key, cell.spec, status, error=f"{status} {seed}")
    return Outcome(cell.key, cell.spec, "ok", {"accuracy": accuracy, "fit_seconds": seed + 0.5}, **more)


@pytest.fixture
def store(url):
    with Store(url) as store:
        yield store


@pytest.fixture
def other(tmp_path):
    with Store(f"sqlite:///{tmp_path}/other.db") as store:
        yield store


def test_cells_are_counted_by_learner_and_status(store):
    for cell in (outcome(0), outcome(1), outcome(2, "lost"), outcome(0, "error", "svm")):
        store.add(cell)
    counts = maintenance.count(store)
    assert counts == {("spiral", "knn-1", ""): {"ok": 2, "lost": 1}, ("spiral", "svm", ""): {"error": 1}}
    assert maintenance.failed(store, 5) == [outcome(0, "error", "svm").key, outcome(2, "lost").key]
    assert len(maintenance.failed(store, 1)) == 1


def test_a_selection_meets_all_conditions(store):
    cells = [outcome(0), outcome(1, "lost"), outcome(2, "error")]
    for cell in cells:
        store.add(cell)
    keys = [cell.key for cell in cells]
    assert set(maintenance.select(store)) == set(keys)
    assert set(maintenance.select(store, status="failed")) == set(keys[1:])
    assert maintenance.select(store, status="lost", keys=keys) == [keys[1]]
    assert maintenance.select(store, keys[0][:8]) == [keys[0]]
    assert maintenance.select(store, keys[0][:8], status="failed") == []
    assert maintenance.select(store, keys=[keys[2], "not stored"]) == [keys[2]]


def test_cells_are_removed_with_their_parts(store):
    cell = outcome(0, decision_map=MAP, model=b"net")
    store.add(cell)
    store.add(outcome(1))
    assert maintenance.remove(store, [cell.key, "not stored"]) == 1
    assert store.find("") == [outcome(1).key]
    assert (store.decision_map(cell.key), store.model(cell.key)) == (None, None)


def test_cleaning_removes_runs_without_cells_and_no_cell(store):
    used, ended, begun = (collect(name, 1) for name in ("used", "ended", "begun"))
    abandoned = replace(collect("abandoned", 1), started_at=now() - timedelta(days=31))
    for run in (used, ended, begun, abandoned):
        store.begin_run(run)
    store.end_run(ended.id)
    store.add(outcome(0), used.id)
    store.add(outcome(1, "error"))
    maintenance.clean(store)
    assert set(store.runs()) == {used.id, begun.id}
    assert len(store.find("")) == 2


def test_cleaning_frees_space_and_leaves_one_complete_file(tmp_path, other):
    for seed in range(200):
        other.add(outcome(seed, model=bytes(10_000)))
    maintenance.remove(other, other.find(""))
    assert maintenance.clean(other) > 1_000_000
    other.add(outcome(0))
    maintenance.clean(other)
    (tmp_path / "copy.db").write_bytes((tmp_path / "other.db").read_bytes())
    with Store(f"sqlite:///{tmp_path}/copy.db") as copy:
        assert copy.find("") == [outcome(0).key]


def test_merging_copies_new_cells_with_their_parts_and_runs(store, other):
    run = collect("away", 1)
    other.begin_run(run)
    other.add(outcome(0, decision_map=MAP, model=b"net", shared=7), run.id)
    other.add(outcome(1, "error"))
    merged = maintenance.merge(other, store)
    assert (merged.added, merged.replaced, merged.same, merged.differing) == (2, 0, 0, [])
    keys = other.find("")
    assert store.outcomes(keys) == other.outcomes(keys)
    assert store.origins(keys) == other.origins(keys)
    assert store.runs() == other.runs()
    key = outcome(0).key
    np.testing.assert_array_equal(store.decision_map(key), MAP)
    assert store.model(key) == b"net"
    assert maintenance.merge(other, store).same == 2


def test_merging_replaces_failures_and_reports_differences(store, other):
    for cell in (outcome(0), outcome(1, "error"), outcome(2), outcome(3), outcome(4, "lost")):
        store.add(cell)
    for cell in (outcome(0, accuracy=0.6), outcome(1), outcome(2, "error"), outcome(3), outcome(4, "error")):
        other.add(cell)
    merged = maintenance.merge(other, store)
    assert (merged.added, merged.replaced, merged.same, merged.differing) == (0, 1, 3, [outcome(0).key])
    stored = store.outcomes(store.find(""))
    assert stored[outcome(0).key].values["accuracy"] == 0.5
    assert [stored[outcome(seed).key].status for seed in range(5)] == ["ok", "ok", "ok", "ok", "lost"]


@pytest.mark.parametrize("more", [{"fit_seconds": 99.0}, {"accuracy_sparse": 0.4}])
def test_times_and_metrics_that_one_version_measures_are_not_compared(store, other, more):
    store.add(outcome(0))
    other.add(replace(outcome(0), values={"accuracy": 0.5, **more}))
    assert maintenance.merge(other, store).differing == []


def test_merging_many_cells_loses_none(store, other):
    for number in range(1203):
        other.add(Outcome(f"k{number}", "{}", "ok", {"accuracy": number}))
    for number in range(0, 1203, 3):
        store.add(Outcome(f"k{number}", "{}", "ok", {"accuracy": number}))
    merged = maintenance.merge(other, store)
    assert (merged.added, merged.same) == (802, 401)
    assert store.outcomes(store.find("")) == other.outcomes(other.find(""))


def test_a_read_only_store_cannot_be_cleaned(tmp_path):
    with Store(f"sqlite:///{tmp_path}/results.db") as store:
        store.add(outcome(0))
    with (
        Store(f"sqlite:///file:{tmp_path}/results.db?mode=ro&uri=true") as store,
        pytest.raises(StoreError, match="readonly"),
    ):
        maintenance.clean(store)
