from dataclasses import replace

import numpy as np
import pytest

from studies.execution.run import run_cell, run_task
from studies.execution.tasks import fit_task, group
from studies.spec.cells import Cell

NET = Cell("spiral", {}, "net", None, {"width": 8, "epochs": 20}, 60, 0)
KNN = replace(NET, estimator="knn-1", params={})
BROKEN = replace(NET, params={"width": 8, "epochs": 20, "learning_rate": 1e200})


def seeds(cell, n):
    return [replace(cell, seed=seed) for seed in range(n)]


def without_seconds(outcome):
    return {name: value for name, value in outcome.values.items() if "seconds" not in name}


def test_every_cell_is_in_one_task():
    cells = [*seeds(NET, 7), *seeds(KNN, 5), *seeds(replace(NET, n_samples=61), 3)]
    assert sorted(cell.key for task in group(cells) for cell in task) == sorted(cell.key for cell in cells)


def test_similar_nets_share_a_task_and_other_cells_are_alone():
    tasks = group([*seeds(NET, 4), *seeds(KNN, 4), *seeds(replace(NET, prior="polar"), 4)])
    assert [len(task) for task in tasks] == [4, 1, 1, 1, 1, 4]


def test_every_worker_has_two_tasks():
    assert max(map(len, group(seeds(NET, 24), n_workers=1))) == 12
    assert max(map(len, group(seeds(NET, 24), n_workers=4))) == 3


def test_a_task_is_bounded_by_the_memory_of_its_points():
    """A million points in 20 dimensions are 160 MB: two such samples are too many."""
    large = replace(NET, problem="sphere", problem_params={"dimension": 20}, n_samples=10**6)
    assert {len(task) for task in group(seeds(large, 8))} == {1}


def test_epochs_of_one_net_are_one_training():
    """Three lengths and two seeds are two trainings, and each cell has the values that it has alone."""
    cells = [replace(NET, seed=seed, params={"width": 8, "epochs": n}) for n in (5, 20, 11) for seed in (0, 1)]
    (task,) = group([*cells, *seeds(replace(NET, n_samples=30), 8)])[:1]
    assert set(task) == set(cells)
    fits = dict(zip(task, fit_task(task), strict=True))
    assert [len(fits[cell].estimator.history_) for cell in cells] == [5, 5, 20, 20, 11, 11]
    assert fits[cells[0]].seconds < fits[cells[2]].seconds
    for cell, outcome in zip(task, run_task(task), strict=True):
        assert without_seconds(outcome) == without_seconds(run_cell(cell))


@pytest.mark.parametrize("lengths", [(0,), (0, 5)])
def test_initial_nets_are_cells(lengths):
    cells = [replace(NET, params={"width": 8, "epochs": n}) for n in lengths]
    assert [outcome.status for outcome in run_task(tuple(cells))] == ["ok"] * len(cells)


@pytest.mark.parametrize("params", [{"schedule": "cosine"}, {"early_stopping": True}])
def test_a_training_that_depends_on_its_length_is_not_the_beginning_of_a_longer_one(params):
    cells = [replace(NET, params={"width": 8, "epochs": n, **params}) for n in (5, 20)]
    fits = [fit.estimator for fit in fit_task(tuple(cells))]
    for cell, net in zip(cells, fits, strict=True):
        (alone,) = fit_task((cell,))
        X = np.random.default_rng(0).normal(size=(20, 2))
        np.testing.assert_allclose(net.predict_proba(X), alone.estimator.predict_proba(X), atol=1e-6)


def test_an_outcome_contains_its_share_of_the_time_and_the_number_of_cells():
    task = tuple(seeds(NET, 3))
    outcomes = run_task(task)
    assert [outcome.shared for outcome in outcomes] == [3, 3, 3]
    assert all(0 < o.values["fit_seconds"] < o.seconds for o in outcomes)
    assert run_cell(KNN).shared == 1


def test_a_cell_that_fails_in_a_task_fails_alone():
    bad = replace(NET, seed=1, params={"width": -1})
    first, wrong, diverged, last = run_task((NET, bad, replace(BROKEN, seed=2), replace(NET, seed=3)))
    assert [o.status for o in (first, wrong, diverged, last)] == ["ok", "error", "error", "ok"]
    assert "The 'width' parameter of NetClassifier" in wrong.error
    assert "training diverged" in diverged.error
    assert without_seconds(first) == without_seconds(run_cell(NET))
