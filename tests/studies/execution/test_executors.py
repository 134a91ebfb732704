"""Executors by name, and cells on a Dask cluster that loses workers."""

import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import joblib
import psutil
import pytest

from studies.execution.executors import ExecutorError, count_workers, open_executor
from studies.execution.run import remaining, run
from studies.execution.signals import Stop
from studies.execution.workers import WorkerPool
from studies.results.results import Results
from studies.spec.cells import Cell, PlannedCell, plan_study
from studies.store.passwords import hide_password
from studies.store.store import Outcome, Store

CELL = Cell("spiral", {}, "knn-1", None, {}, 50, 0)


def well(task):
    time.sleep(0.05)
    return [Outcome(cell.key, cell.spec, "ok", {"accuracy": int(cell.key[:8], 16) / 2**32}) for cell in task]


def misbehave(task):
    (cell,) = task
    if cell.seed == 1:
        time.sleep(600)
    if cell.seed == 2:
        os._exit(7)
    return well(task)


def end_host(task):
    os.kill(host(), signal.SIGKILL)


def host():
    """Return the process of the executor: of this worker the parent's parent's parent."""
    return psutil.Process().parents()[2].pid


@pytest.fixture
def cluster(dask_address):
    with open_executor(dask_address) as executor:
        yield executor


@pytest.fixture
def store(tmp_path):
    with Store(f"sqlite:///{tmp_path}/results.db") as store:
        yield store


def seeds(n):
    return [PlannedCell("kNN", replace(CELL, seed=seed)) for seed in range(n)]


def test_local_is_one_worker_a_core():
    with open_executor("local") as executor:
        assert isinstance(executor, WorkerPool)
        assert executor.n_workers == joblib.cpu_count() == count_workers("local")


def test_a_cluster_has_its_own_number_of_workers():
    assert count_workers("dask://host:1") is None
    with pytest.raises(ExecutorError, match="dask://host:1 has its own number of workers; leave out --jobs"):
        open_executor("dask://host:1", 4).__enter__()


ODD_NAMES = [
    "ray",
    "dask://",
    "dask://127.0.0.1",
    "dask://h:abc",
    "dask://tcp://127.0.0.1:1",
    "dask://h:1:2",
    "dask:// h:1",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_unknown_executor_is_an_error_that_names_the_known_ones(name):
    with pytest.raises(ExecutorError, match=r"must be 'local' or 'dask://host:port'\. Got '.*' instead") as caught:
        open_executor(name).__enter__()
    assert hide_password(name) in str(caught.value)


def test_a_password_in_an_address_is_not_shown():
    with pytest.raises(ExecutorError) as caught:
        open_executor("dask://me:s3cr/3t@host:1").__enter__()
    assert "dask://me:***@host:1" in str(caught.value)


def test_a_cluster_that_does_not_answer_is_one_clear_error(monkeypatch):
    monkeypatch.setattr("studies.execution.dask_executor._CONNECT", 0.2)
    for port in (1, 99999):
        with pytest.raises(ExecutorError, match="no Dask scheduler answers at dask://127"):
            open_executor(f"dask://127.0.0.1:{port}").__enter__()


def test_dask_without_dask_is_one_clear_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "studies.execution.dask_executor", None)
    with pytest.raises(ExecutorError, match=r"needs Dask; install it with: pip install 'toymanifold\[dask\]'"):
        open_executor("dask://127.0.0.1:1").__enter__()


def test_results_do_not_depend_on_executor_workers_or_order(tiny, tmp_path, cluster):
    executors = {
        "threads": ThreadPoolExecutor(2),
        "one worker": WorkerPool(1),
        "two workers": WorkerPool(2),
        "dask": cluster,
    }
    frames = []
    for name, executor in executors.items():
        with Store(f"sqlite:///{tmp_path}/{name}.db") as store:
            todo = remaining(plan_study(tiny), store)
            list(run(todo[::-1] if name == "one worker" else todo, store, executor))
            frame = Results(tiny, store).frame()
            frames.append(frame[~frame["metric"].str.endswith("seconds")].reset_index(drop=True))
        if executor is not cluster:
            executor.shutdown()
    assert len(frames[0]) == 2 * len(plan_study(tiny))
    assert all(frame.equals(frames[0]) for frame in frames)


def test_cells_that_misbehave_are_failed_outcomes_on_a_cluster_too(cluster, store):
    assert cluster.n_workers == 2
    ended = run(seeds(6), store, cluster, work=misbehave, time_limit=2.0)
    assert {p.cell.seed: outcome.status for p, outcome in ended} == {
        **dict.fromkeys(range(6), "ok"),
        1: "timeout",
        2: "lost",
    }


def test_a_module_that_the_cluster_lacks_is_one_error(cluster, store, tmp_path, monkeypatch):
    (tmp_path / "clients_learners.py").write_text("from sklearn.neighbors import KNeighborsClassifier as Mine")
    monkeypatch.syspath_prepend(tmp_path)
    foreign = replace(CELL, estimator="clients_learners:Mine", allow=("clients_learners",))
    planned = [PlannedCell("mine", replace(foreign, seed=seed)) for seed in range(6)]
    with pytest.raises(ExecutorError, match="in a worker, the module 'clients_learners' cannot be imported"):
        list(run(planned, store, cluster))
    assert store.statuses([p.cell.key for p in planned]) == {}


def test_a_second_driver_shares_the_cluster_and_leaves_it_as_it_was(cluster, dask_address, store):
    with open_executor(dask_address) as other:
        assert {outcome.status for _, outcome in run(seeds(4), store, other, work=well)} == {"ok"}
    assert cluster.submit(host).result() > 0


def test_a_stopped_cluster_finishes_running_cells_and_starts_no_more(cluster, store):
    stop = Stop()
    outcomes = run(seeds(400), store, cluster, work=well, stop=stop)
    ended = [next(outcomes) for _ in range(4)]
    stop.asked = True
    ended += outcomes
    assert {outcome.status for _, outcome in ended} == {"ok"}
    assert len(ended) + len(remaining(seeds(400), store)) == 400
    assert len(ended) < 100


def test_a_dask_worker_that_is_killed_midway_costs_nothing(cluster, store):
    planned = seeds(40)
    victim = psutil.Process(cluster.submit(host).result())
    outcomes = run(planned, store, cluster, work=well)
    ended = [next(outcomes) for _ in range(10)]
    victim.kill()
    ended += outcomes
    assert sorted(p.cell.seed for p, _ in ended) == list(range(40))
    expected = {o.key: (o.status, o.values) for o in well([p.cell for p in planned])}
    assert {o.key: (o.status, o.values) for o in store.outcomes(expected).values()} == expected
    assert not victim.is_running()


@pytest.mark.slow
def test_a_task_that_its_dask_workers_do_not_survive_is_lost(cluster, store):
    """Here the task ends the Dask worker itself, not only its worker process."""
    (ended,) = run(seeds(1), store, cluster, work=end_host)
    assert ended[1].status == "lost"
    assert "workers died while running it" in ended[1].error
