import os
import random
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
from studies.execution.workers import ExecutorError, WorkerPool
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
    assert set(outcome.values) == {"accuracy", "accuracy_uniform", "fit_seconds", "predict_seconds"}
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


def test_one_cell_of_each_unknown_learner_and_size_starts_first_from_the_smallest_up_then_large_samples(tiny, store):
    planned = plan_study(tiny)
    todo = remaining(planned, store)
    assert [(p.cell.n_samples, p.cell.seed) for p in todo] == [(20, 0), (20, 0), (200, 0), (200, 1), (20, 1), (20, 1)]


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
    monkeypatch.setattr("studies.execution.run.group", lambda cells: list(zip(*[iter(cells)] * together, strict=True)))
    planned = seeds(12)
    with WorkerPool(2, memory_limit=10**9) as pool:
        ended = list(run(planned, store, pool, work=misbehave, time_limit=60.0))
    outcomes = store.outcomes([p.cell.key for p in planned])
    assert sorted(outcome.key for _, outcome in ended) == sorted(outcomes)
    results = {p.cell.seed: (outcomes[p.cell.key].status, outcomes[p.cell.key].error) for p in planned}
    assert {seed: status for seed, (status, _) in results.items()} == {
        **dict.fromkeys(range(12), "ok"),
        1: "error",
        4: "memory",
        6: "lost",
        8: "lost",
        10: "error",
    }
    assert results[1][1] == "ValueError: no fit"
    assert "the limit is 1,000 MB" in results[4][1]
    assert "exit code 0" in results[6][1]
    assert "SIGKILL" in results[8][1]
    assert results[10][1] == "ValueError: metric 'margin' is nan"
    for seed in (1, 4, 10):
        assert outcomes[planned[seed].cell.key].traceback


def hang(task):
    return time.sleep(600) if any(cell.seed == 1 for cell in task) else well(task)


def test_a_cell_above_its_time_limit_fails_alone(store, monkeypatch):
    monkeypatch.setattr("studies.execution.run.group", lambda cells: [tuple(cells)])
    with WorkerPool(1) as pool:
        outcomes = {p.cell.seed: o for p, o in run(seeds(3), store, pool, work=hang, time_limit=1.0)}
    assert {seed: outcome.status for seed, outcome in outcomes.items()} == {0: "ok", 1: "timeout", 2: "ok"}
    assert outcomes[1].error == "not finished within the time limit of 0:00:01"
    assert "in hang" in outcomes[1].traceback


def test_a_cell_whose_worker_dies_is_tried_once_more(store, tmp_path):
    planned = [PlannedCell("kNN", replace(CELL, seed=seed, params={"folder": str(tmp_path)})) for seed in range(3)]
    with WorkerPool(2) as pool:
        outcomes = [outcome for _, outcome in run(planned, store, pool, work=die_once)]
    assert [outcome.status for outcome in outcomes] == ["ok"] * 3


def test_a_limit_is_for_each_cell_of_a_task(store, monkeypatch):
    """Three cells of half a limit each stay within three limits."""
    monkeypatch.setattr("studies.execution.run.group", lambda cells: [tuple(cells)])
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


HOSTILE = """
import asyncio, random, sys
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

class Own(BaseException):
    pass

class Mute(Exception):
    def __str__(self):
        raise ValueError("no text")

class Leaving(Exception):
    def __str__(self):
        sys.exit(3)
    __repr__ = __str__

class Two(Exception):
    def __init__(self, text, number):
        super().__init__(text)

def errors():
    return {
        "KeyboardInterrupt": KeyboardInterrupt(), "GeneratorExit": GeneratorExit(), "StopIteration": StopIteration(),
        "CancelledError": asyncio.CancelledError(), "SystemExit": SystemExit(0), "Own": Own("own"), "Mute": Mute(),
        "Leaving": Leaving(), "Two": Two("a", 2), "BaseExceptionGroup": BaseExceptionGroup("g", [Own(), Mute()]),
        "long": ValueError("x" * 10**7), "odd text": ValueError("a\\0b\\udc80"),
    }

class Hostile(ClassifierMixin, BaseEstimator):
    def __init__(self, place="nowhere", error="Own"):
        self.place, self.error = place, error
        self._act("init")

    def _act(self, place):
        if self.place == place:
            raise errors()[self.error]

    def get_params(self, deep=True):
        self._act("get_params")
        return super().get_params(deep)

    def fit(self, X, y):
        print("fitting", self.place)
        self._act("fit")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        self._act("predict")
        return np.zeros(len(X), dtype=int)

class Gambler(Hostile):
    def predict(self, X):
        import torch
        share = np.random.random() * random.random() * torch.rand(()).item()
        return np.arange(len(X)) < share * len(X)

OWN, DRAWN = np.random.default_rng(0), np.random.random()

class Drifter(Gambler):
    def predict(self, X):
        share = OWN.random() * DRAWN * np.random.random() * (hash("text") % 1000 + 1) / 1000
        return np.arange(len(X)) < share * len(X)
"""


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """Return a function from the name and parameters of a class of a module outside to a cell of it."""
    (tmp_path / "hostile_learners.py").write_text(HOSTILE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    cell = Cell("spiral", {}, "", None, {}, 50, 0, ("accuracy",), ("hostile_learners",))
    return lambda name, seed=0, **params: PlannedCell(
        name, replace(cell, estimator=f"hostile_learners:{name}", params=params, seed=seed)
    )


EVERY_ERROR = ("KeyboardInterrupt", "GeneratorExit", "StopIteration", "CancelledError", "SystemExit", "Own", "Mute")
EVERY_ERROR += ("Leaving", "Two", "BaseExceptionGroup", "long", "odd text")
PLACES = ("init", "get_params", "fit", "predict")


def test_whatever_a_learner_raises_is_the_error_of_its_cell(hostile, store):
    cells = [hostile("Hostile", place="fit", error=error) for error in EVERY_ERROR]
    cells += [hostile("Hostile", place=place, error="KeyboardInterrupt") for place in PLACES]
    innocent = [PlannedCell("kNN", replace(CELL, seed=seed, metrics=("accuracy",))) for seed in range(4)]
    with WorkerPool(2) as pool:
        ended = dict(run([*cells, *innocent], store, pool))
    assert {p.cell.key: o.status for p, o in ended.items()} == {
        **{p.cell.key: "error" for p in cells},
        **{p.cell.key: "ok" for p in innocent},
    }
    errors = {p.cell.params["error"]: o.error for p, o in ended.items() if p.cell.params.get("place") == "fit"}
    assert errors["Mute"] == "Mute: its text cannot be made"
    assert errors["Own"] == "Own: own"
    assert errors["odd text"] == r"ValueError: a\x00b\udc80"
    assert len(errors["long"]) < 4100
    assert len(max((o.traceback for o in ended.values()), key=len)) < 4100
    assert {o.output for p, o in ended.items() if p.cell.params.get("place") == "predict"} == {"fitting predict\n"}


@pytest.mark.parametrize("learner", ["Gambler", "Drifter"])
def test_learners_that_draw_from_global_generators_depend_on_nothing_but_the_cell(hostile, store, tmp_path, learner):
    """Those of Python, NumPy and torch; and one of the module's own, a draw at its import, and hashes of texts."""
    planned = [hostile(learner, seed) for seed in range(6)]
    with WorkerPool(2) as pool, Store(f"sqlite:///{tmp_path}/again.db") as again:
        first = {p.cell.seed: o.values["accuracy"] for p, o in run(planned, store, pool)}
        second = {p.cell.seed: o.values["accuracy"] for p, o in run(planned[::-1], again, pool)}
    assert first == second
    assert len(set(first.values())) == 6
    if learner == "Gambler":  # as in a process that has other hashes and has used the module
        assert run_cell(planned[0].cell).values["accuracy"] == first[0]


def test_a_cell_leaves_the_global_generators_as_they_were(hostile):
    legacy = np.random

    def state():
        return legacy.get_state()[1].tolist(), random.getstate(), torch.get_rng_state().tolist()

    before = state()
    run_cell(hostile("Gambler").cell)
    assert state() == before


def test_a_module_that_a_worker_lacks_is_one_error_and_nothing_is_stored(hostile, store, tmp_path):
    planned = [hostile("Hostile", seed) for seed in range(6)]
    (tmp_path / "hostile_learners.py").unlink()
    with WorkerPool(2) as pool, pytest.raises(ExecutorError, match="in a worker, the module 'hostile_learners' cannot"):
        list(run(planned, store, pool))
    assert store.statuses([p.cell.key for p in planned]) == {}


def test_an_outcome_that_cannot_be_stored_is_an_error_of_its_cell(store):
    def work(task):
        return [replace(outcome, values={"accuracy": "high"}) for outcome in well(task)]

    with ThreadPoolExecutor(1) as executor:
        ((_, outcome),) = run(seeds(1), store, executor, work=work)
    assert outcome.status == "error"
    assert outcome.error.startswith("ValueError: the metric 'accuracy' of an outcome must be a number")
    assert store.statuses([outcome.key]) == {outcome.key: "error"}


def test_any_other_error_of_a_task_is_that_of_its_cells(store):
    def work(task):
        if any(cell.seed == 1 for cell in task):
            raise KeyboardInterrupt("not the user's")
        return well(task)

    with ThreadPoolExecutor(1) as executor:
        ended = {p.cell.seed: o.status for p, o in run(seeds(3), store, executor, work=work)}
    assert ended == {0: "ok", 1: "error", 2: "ok"}


def test_a_time_limit_needs_workers_that_can_be_ended(store):
    with ThreadPoolExecutor(1) as executor, pytest.raises(ValueError, match="needs workers that can be ended"):
        list(run(seeds(1), store, executor, time_limit=1.0))


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
