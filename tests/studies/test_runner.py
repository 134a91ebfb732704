import os
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from estimators import make
from studies import Cell, Outcome, Planned, Results, Slots, Store, plan_study, remaining, run, run_cell
from studies.points import N_TEST, decision_map
from toymanifold import spiral_problem

CELL = Cell("spiral", {}, "knn-1", None, {}, 50, 0)


@pytest.fixture
def store(tmp_path):
    with Store(f"sqlite:///{tmp_path}/results.db") as store:
        yield store


def fail_or_die(task):
    (cell,) = task
    if cell.seed == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return [run_cell(replace(cell, params={"n_neighbors": -1}) if cell.seed == 2 else cell)]


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


def test_a_failing_cell_is_a_failed_row_and_never_a_score():
    outcome = run_cell(replace(CELL, params={"n_neighbors": -1}))
    assert (outcome.status, outcome.values) == ("error", {})
    assert outcome.error.startswith("ValueError: The 'n_neighbors' parameter of NeighborsClassifier must be")
    assert "Traceback" in outcome.traceback


def test_seed_reaches_the_learner_and_binds():
    forest = replace(CELL, estimator="forest", prior="polar", params={"n_estimators": 3})
    first, again, other = (run_cell(replace(forest, seed=seed)) for seed in (0, 0, 1))
    assert first.values["accuracy"] == again.values["accuracy"] != other.values["accuracy"]
    np.testing.assert_array_equal(first.decision_map, again.decision_map)


def test_no_finished_cell_is_computed_again(tiny, store):
    planned = plan_study(tiny)
    assert len(run_all(planned[:3], store)) == 3
    todo = remaining(planned, store)
    assert {p.cell.key for p in todo} == {p.cell.key for p in planned[3:]}
    run_all(planned, store)
    assert remaining(planned, store) == []


def test_large_samples_start_first(tiny, store):
    sizes = [p.cell.n_samples for p in remaining(plan_study(tiny), store)]
    assert sizes == sorted(sizes, reverse=True)


def test_one_that_fails_and_one_that_dies_are_rows_and_the_others_are_done(store):
    planned = [Planned("kNN", replace(CELL, seed=seed)) for seed in range(5)]
    with Slots(2) as slots:
        outcomes = {p.cell.seed: o for p, o in run(planned, store, slots, work=fail_or_die)}
    assert {seed: o.status for seed, o in outcomes.items()} == {0: "ok", 1: "lost", 2: "error", 3: "ok", 4: "ok"}
    assert store.statuses([p.cell.key for p in planned if p.cell.seed != 2]) == {
        p.cell.key: outcomes[p.cell.seed].status for p in planned if p.cell.seed != 2
    }


def test_failed_cells_are_tried_again_only_when_asked(store):
    planned = [Planned("kNN", CELL)]
    store.add(Outcome(CELL.key, CELL.spec, "error", error="once"))
    assert remaining(planned, store) == []
    assert remaining(planned, store, retry_failed=True) == planned
    run_all(planned, store, retry_failed=True)
    assert store.statuses([CELL.key]) == {CELL.key: "ok"}


def test_results_do_not_depend_on_the_executor(tiny, tmp_path):
    frames = []
    for name, executor in (("threads", ThreadPoolExecutor(2)), ("slots", Slots(2))):
        with Store(f"sqlite:///{tmp_path}/{name}.db") as store, executor:
            list(run(remaining(plan_study(tiny), store), store, executor))
            frame = Results(tiny, store).frame()
            frames.append(frame[~frame["metric"].str.endswith("seconds")].reset_index(drop=True))
    assert frames[0].equals(frames[1])
