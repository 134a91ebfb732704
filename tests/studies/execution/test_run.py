import os
import signal
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from estimators import make
from studies.execution.run import check_finite, remaining, run, run_cell
from studies.execution.signals import Stop
from studies.execution.workers import WorkerPool
from studies.registry.test_sets import N_TEST, decision_map
from studies.spec.cells import Cell, PlannedCell, plan_study
from studies.store.store import Outcome, Store
from toymanifold import spiral_problem

CELL = Cell("spiral", {}, "knn-1", None, {}, 50, 0)


@pytest.fixture
def store(tmp_path):
    with Store(f"sqlite:///{tmp_path}/results.db") as store:
        yield store


def misbehave(task):
    return [misbehaved(cell) for cell in task]


def misbehaved(cell):
    """Run a cell in the way of its seed: by default without failure."""
    match cell.seed:
        case 1:
            return patched("studies.spec.cells.make_learner", fail, cell)
        case 2:
            time.sleep(600)
        case 4:
            eaten = []
            while True:
                eaten.append(np.ones(10**6))
        case 6:
            os._exit(0)
        case 8:
            os.kill(os.getpid(), signal.SIGKILL)
        case 10:
            return patched("studies.execution.run.measure", lambda *_: {"accuracy": 0.5, "margin": np.nan}, cell)
    return well([cell])[0]


def patched(name, function, cell):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(name, function)
        return run_cell(cell)


def fail(*_, **__):
    raise ValueError("no fit")


def well(task):
    """Return outcomes that depend on nothing but the cell."""
    return [Outcome(cell.key, cell.spec, "ok", {"accuracy": int(cell.key[:8], 16) / 2**32}) for cell in task]


def seeds(n):
    return [PlannedCell("kNN", replace(CELL, seed=seed)) for seed in range(n)]


def die_once(task):
    """End the worker, but only the first one that gets this cell."""
    (cell,) = task
    first = Path(cell.params["folder"], str(cell.seed))
    if not first.exists():
        first.touch()
        os._exit(1)
    return [Outcome(cell.key, cell.spec, "ok", {"accuracy": 1.0})]


def run_all(planned, store, **options):
    with ThreadPoolExecutor(2) as executor:
        return [outcome for _, outcome in run(remaining(planned, store, **options), store, executor)]


def test_a_cell_is_fitted_and_measured_as_by_hand():
    outcome = run_cell(CELL)
    problem = spiral_problem()
    estimator = make("knn-1").fit(*problem.sample(50, 0))
    X, y = problem.sample(N_TEST, 0, split="test")
    assert outcome.status == "ok"
    assert outcome.values["accuracy"] == estimator.score(X, y)
    assert set(outcome.values) == {"accuracy", "accuracy_uniform", "accuracy_sparse", "fit_seconds", "predict_seconds"}
    np.testing.assert_array_equal(outcome.decision_map, decision_map(estimator, 1.2))


def test_a_failing_cell_is_a_failed_outcome_without_metrics():
    outcome = run_cell(replace(CELL, params={"n_neighbors": -1}))
    assert (outcome.status, outcome.values) == ("error", {})
    assert outcome.error.startswith("ValueError: The 'n_neighbors' parameter of NeighborsClassifier must be")
    assert "Traceback" in outcome.traceback


def test_the_seed_determines_the_learner():
    forest = replace(CELL, estimator="forest", prior="polar", params={"n_estimators": 3})
    first, again, other = (run_cell(replace(forest, seed=seed)) for seed in (0, 0, 1))
    assert first.values["accuracy"] == again.values["accuracy"] != other.values["accuracy"]
    np.testing.assert_array_equal(first.decision_map, again.decision_map)


def test_finished_cells_are_not_computed_again(tiny, store):
    planned = plan_study(tiny)
    assert len(run_all(planned[:3], store)) == 3
    todo = remaining(planned, store)
    assert {p.cell.key for p in todo} == {p.cell.key for p in planned[3:]}
    run_all(planned, store)
    assert remaining(planned, store) == []


def test_large_samples_start_first(tiny, store):
    sizes = [p.cell.n_samples for p in remaining(plan_study(tiny), store)]
    assert sizes == sorted(sizes, reverse=True)


def test_cells_that_took_long_before_start_first(tiny, store):
    planned = plan_study(tiny)
    for p, seconds in ((planned[0], 1.0), (planned[2], 2.0), (planned[4], 9.0)):  # seed 0 of each learner and size
        store.add(Outcome(p.cell.key, p.cell.spec, "ok", {"accuracy": 1.0}, seconds=seconds))
    assert remaining(planned, store) == [planned[5], planned[3], planned[1]]


def test_the_number_of_submitted_tasks_is_bounded(store, monkeypatch):
    monkeypatch.setattr("studies.execution.run._OUTSTANDING", 3)
    with Counting(1) as executor:
        assert len(list(run(seeds(20), store, executor, work=lambda task: time.sleep(0.01) or well(task)))) == 20
    assert executor.most <= 3


class Counting(ThreadPoolExecutor):
    """An executor that counts its largest number of tasks at once."""

    now = most = 0

    def submit(self, *args):
        future = super().submit(*args)
        self.now += 1
        self.most = max(self.most, self.now)
        future.add_done_callback(self._ended)
        return future

    def _ended(self, _):
        self.now -= 1


def test_a_stopped_run_finishes_running_cells_and_starts_no_more(store):
    stop, shut = Stop(), threading.Event()

    class Pool(ThreadPoolExecutor):
        def shutdown(self, *args, **options):
            super().shutdown(*args, **options)
            shut.set()

    def work(task):
        stop.asked = True
        assert shut.wait(60)
        return well(task)

    with Pool(1) as executor:
        ended = list(run(seeds(5), store, executor, work=work, stop=stop))
    assert [p.cell.seed for p, _ in ended] == [0]
    assert remaining(seeds(5), store) == seeds(5)[1:]


def test_a_run_stopped_now_stores_finished_cells_and_abandons_running_ones(store):
    stop, finished, release = Stop(), threading.Barrier(3), threading.Event()

    def work(task):
        if task[0].seed >= 2:
            finished.wait(60)
            release.wait(60)
        return well(task)

    with ThreadPoolExecutor(2) as executor:
        outcomes = run(seeds(9), store, executor, work=work, stop=stop)
        ended = [next(outcomes)]
        finished.wait(60)  # two cells have finished, and both workers are busy
        stop.asked = stop.now = True
        ended += outcomes
        release.set()
    assert sorted(p.cell.seed for p, _ in ended) == [0, 1]
    assert remaining(seeds(9), store) == seeds(9)[2:]


def test_a_task_that_the_executor_cancels_is_tried_again_and_then_lost(store):
    class Cancelling(ThreadPoolExecutor):
        def submit(self, *args):
            future = Future()
            future.cancel()
            return future

    (ended,) = run(seeds(1), store, Cancelling())
    assert (ended[1].status, ended[1].error) == ("lost", "the executor cancelled the task")


@pytest.mark.parametrize("together", [1, 2])
def test_cells_that_misbehave_are_failed_outcomes_and_the_others_are_ok(store, monkeypatch, together):
    monkeypatch.setattr(
        "studies.execution.run.group", lambda cells, _: list(zip(*[iter(cells)] * together, strict=True))
    )
    planned = seeds(12)
    with WorkerPool(2, memory_limit=500 * 10**6) as pool:
        ended = list(run(planned, store, pool, work=misbehave, time_limit=2.0))
    outcomes = store.outcomes([p.cell.key for p in planned])
    assert sorted(outcome.key for _, outcome in ended) == sorted(outcomes)
    results = {p.cell.seed: (outcomes[p.cell.key].status, outcomes[p.cell.key].error) for p in planned}
    assert {seed: status for seed, (status, _) in results.items()} == {
        **dict.fromkeys(range(12), "ok"),
        1: "error",
        2: "timeout",
        4: "memory",
        6: "lost",
        8: "lost",
        10: "error",
    }
    assert results[1][1] == "ValueError: no fit"
    assert results[2][1] == "not finished within the time limit of 0:00:02"
    assert "the limit is 500 MB" in results[4][1]
    assert "exit code 0" in results[6][1]
    assert "SIGKILL" in results[8][1]
    assert results[10][1] == "ValueError: metric 'margin' is nan"
    for seed in (1, 2, 4, 10):
        assert outcomes[planned[seed].cell.key].traceback


def test_a_cell_whose_worker_dies_is_tried_once_more(store, tmp_path):
    planned = [PlannedCell("kNN", replace(CELL, seed=seed, params={"folder": str(tmp_path)})) for seed in range(3)]
    with WorkerPool(2) as pool:
        outcomes = [outcome for _, outcome in run(planned, store, pool, work=die_once)]
    assert [outcome.status for outcome in outcomes] == ["ok"] * 3


def test_a_limit_is_for_each_cell_of_a_task(store, monkeypatch):
    """Three cells of half a limit each stay within three limits."""
    monkeypatch.setattr("studies.execution.run.group", lambda cells, _: [tuple(cells)])
    planned = seeds(3)
    with WorkerPool(1) as pool:
        (first, *_) = [outcome for _, outcome in run(planned, store, pool, work=sleep_half_a_second, time_limit=1.0)]
    assert first.status == "ok"
    assert first.error == "in one task"


def sleep_half_a_second(task):
    time.sleep(0.5 * len(task))
    return [Outcome(cell.key, cell.spec, "ok", error="in one task" if len(task) > 1 else "alone") for cell in task]


def leave():
    sys.exit(3)


@pytest.mark.parametrize(
    ("do", "status", "error"),
    [
        (lambda: np.ones(10**15), "memory", "MemoryError: Unable to allocate"),
        (lambda: torch.ones(10**15), "memory", "RuntimeError: "),
        (leave, "error", "SystemExit: 3"),
    ],
)
def test_an_error_of_a_learner_is_an_outcome(monkeypatch, do, status, error):
    monkeypatch.setattr("studies.spec.cells.make_learner", lambda *_, **__: do())
    outcome = run_cell(CELL)
    assert outcome.status == status
    assert outcome.error.startswith(error)


def test_metrics_that_are_not_finite_are_named():
    check_finite({"accuracy": 0.0, "margin": -1e100})
    with pytest.raises(ValueError, match=r"^metric 'a' is nan, metric 'c' is -inf$"):
        check_finite({"a": np.nan, "b": 1.0, "c": -np.inf})


def test_failed_cells_are_tried_again_only_on_request(store):
    planned = [PlannedCell("kNN", CELL)]
    store.add(Outcome(CELL.key, CELL.spec, "error", error="once"))
    assert remaining(planned, store) == []
    assert remaining(planned, store, retry_failed=True) == planned
    run_all(planned, store, retry_failed=True)
    assert store.statuses([CELL.key]) == {CELL.key: "ok"}
