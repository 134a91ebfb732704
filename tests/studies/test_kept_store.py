"""Stores of an earlier version can be read, shown, continued and verified.

The store in `data/kept`, of schema version 2, was written by commit 709d533: see `data/README.md`.
"""

import hashlib
import io
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from studies import Results, Store, Study
from studies.execution.run import remaining, run
from studies.registry import learners
from studies.spec.cells import plan_study

KEPT = Path(__file__).parent / "data" / "kept"
EXPECTED = json.loads((KEPT / "expected.json").read_text())
PATH = str(KEPT / "study.toml")
LEFT_OUT = ["spec", "cpu", "git_commit", "versions"]  # of the kept table, and columns of later versions
LATER = ["engine", "device"]
PLACE = ["problem", "learner", "family", "epochs", "prior", "noise", "n_samples", "seed", "metric", "value"]
MISSING = ("kNN + phase", 30, 1, "spiral")
REASON = "ValueError: Expected n_neighbors <= n_samples_fit, but n_neighbors = 30, n_samples_fit = 20"


@pytest.fixture(scope="module", autouse=True)
def versions_of_its_time():
    """Give learners the versions that they had when the store was written, so that its cells are found."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learners, "VERSIONS", {})
        yield


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def copy_store(request, tmp_path_factory):
    """Return a function that copies the kept store and returns the copy's URL."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{shutil.copy(KEPT / 'store.db', tmp_path_factory.mktemp('kept'))}"
    server = request.getfixturevalue("postgresql")
    return lambda: server.new_schema((KEPT / "store.postgresql.sql").read_text())


@pytest.fixture(scope="module")
def kept_url(copy_store):
    """The URL of a copy that no test changes."""
    return copy_store()


@pytest.fixture
def results(kept_url):
    with Store(kept_url, must_exist=True) as store:
        yield Results(Study.from_toml(KEPT / "study.toml"), store)


def as_text(csv):
    return pd.read_csv(csv, dtype=str, keep_default_na=False)


@pytest.fixture(scope="module")
def table():
    """The results that the earlier version exported, every value as text."""
    return as_text(KEPT / "export.csv")


def digest(decision_map):
    return hashlib.sha256(np.packbits(decision_map).tobytes()).hexdigest()


def test_values_are_read_to_the_last_digit(results, table):
    read = as_text(io.StringIO(results.frame().to_csv(index=False)))
    measured = table[table["status"] == "ok"].reset_index(drop=True)
    pd.testing.assert_frame_equal(read, measured[PLACE])


def test_cells_and_runs_are_exported_as_before(kept_url, table, toymanifold, tmp_path):
    toymanifold("export", PATH, "--store", kept_url, "--output", str(tmp_path / "export.csv"))
    exported = as_text(tmp_path / "export.csv")
    assert exported.columns.symmetric_difference(table.columns).tolist() == sorted(LEFT_OUT + LATER)
    whole = {name: table[name].str.removesuffix(".0") for name in ("epochs", "cores", "threads")}  # 2.0 in earlier ones
    pd.testing.assert_frame_equal(exported[table.columns], table.assign(**whole))
    assert [hashlib.sha256(spec.encode()).hexdigest() for spec in exported["spec"]] == table["key"].tolist()


def test_runs_are_read_and_early_cells_have_none(results):
    (first, second), store = results.store.runs().values(), results.store
    assert (first.seeds, second.seeds) == (1, 2)
    assert first.finished_at < second.started_at
    runs = {p.learner: store.origins([p.cell.key])[p.cell.key].run for p, _ in results.outcomes() if p.cell.seed == 1}
    assert runs["Bayes"] is None
    assert set(runs.values()) == {None, second.id}
    shared = {p.learner: outcome.shared for p, outcome in results.outcomes()}
    assert shared["net, epochs=2"] == shared["net, epochs=20"] == 2


def test_failed_cells_have_their_error(results, kept_url, toymanifold):
    failed = results.failed()
    assert [(p.learner, p.cell.n_samples, p.cell.seed, outcome.error.rpartition(", ")[0]) for p, outcome in failed] == [
        ("many neighbours", 20, seed, REASON) for seed in (0, 1)
    ]
    shown = toymanifold("store", "show", failed[0][0].cell.key[:12], "--store", kept_url)
    assert "status: error, 0.00" in shown
    assert shown.count(REASON) == 2, "the error, and the end of its traceback"


def test_decision_maps_are_read(results):
    maps = {p.cell.key: results.store.decision_map(p.cell.key) for p, _ in results.outcomes()}
    assert {key: digest(inside) for key, inside in maps.items() if inside is not None} == EXPECTED["maps"]
    assert {inside.shape for inside in maps.values() if inside is not None} == {(240, 240)}


@pytest.mark.parametrize("model", EXPECTED["models"], ids=["classifier", "regressor"])
def test_a_stored_net_is_loaded_and_predicts_as_before(results, model):
    cell = results.cell(**model["cell"])
    net = results.estimator(cell)
    assert net.history_["dur"].max() == model["epoch"], "it was not loaded, but trained again"
    answers = net.predict_proba(model["X"])[:, 1] if cell.problem == "spiral" else net.predict(model["X"])
    np.testing.assert_allclose(answers, model["y"], rtol=0, atol=1e-5)


def test_only_missing_or_failed_cells_remain(results):
    planned, store = plan_study(results.study), results.store
    missing = results.cell(*MISSING)
    failed = {p.cell for p, _ in results.failed()}
    assert [p.cell for p in remaining(planned, store)] == [missing]
    assert {p.cell for p in remaining(planned, store, retry_failed=True)} == {missing, *failed}
    assert set(store.find("")) == {p.cell.key for p in planned} - {missing.key}


def test_a_run_continues_from_the_kept_store(copy_store, results):
    with Store(copy_store()) as store, ThreadPoolExecutor(1) as executor:
        before = store.outcomes(store.find(""))
        ((planned, outcome),) = run(remaining(plan_study(results.study), store), store, executor)
        assert (planned.cell, outcome.status) == (results.cell(*MISSING), "ok")
        after = store.outcomes(store.find(""))
        assert after.pop(planned.cell.key).values == outcome.values
        assert after == before
        np.testing.assert_array_equal(store.decision_map(planned.cell.key), outcome.decision_map)


def test_the_command_continues_from_the_kept_store(copy_store, toymanifold):
    url = copy_store()
    ran = toymanifold("run", PATH, "--jobs", "1", "--store", url)
    assert "kept: 50 cells, 33 measured before, 2 failed" in ran
    assert "50 cells, 48 measured before, 2 failed" in toymanifold("run", PATH, "--dry-run", "--store", url)


def test_the_study_is_shown(kept_url, toymanifold, tmp_path):
    shown = toymanifold("show", PATH, "--store", kept_url, "--pictures", "--output", str(tmp_path))
    assert "signs: At n = 40, do more epochs help? " in shown
    assert "33 of 50 cells measured, 2 failed." in shown
    assert (tmp_path / "kept" / "decision-regions-spiral.png").exists()


def test_the_report_is_written(kept_url, toymanifold, tmp_path):
    toymanifold("report", PATH, "--store", kept_url, "--output", str(tmp_path / "report.html"))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Can later code use what was stored?" in page
    assert "n_neighbors = 30" in page


def test_cells_are_computed_again(kept_url, toymanifold):
    words = ("--cells", "3", "--seed", "27", "--jobs", "1", "--store", kept_url)  # none is a net's, which have changed
    assert "3 cells computed again (--seed 27), 0 differ." in toymanifold("verify", PATH, *words)
