from dataclasses import replace

import pytest
import torch

from estimators import CATALOG
from studies.execution import tasks
from studies.execution.run import run_cell, run_task
from studies.execution.tasks import fit_task, group
from studies.spec.cells import Cell

NET = Cell("spiral", {}, "net", None, {"width": 8, "epochs": 20}, 60, 0)
KNN = replace(NET, estimator="knn-1", params={})


def seeds(cell, n):
    return [replace(cell, seed=seed) for seed in range(n)]


def without_seconds(outcome):
    return {name: value for name, value in outcome.values.items() if "seconds" not in name}


def test_every_cell_is_in_one_task():
    cells = [*seeds(NET, 7), *seeds(KNN, 5), *seeds(replace(NET, n_samples=61), 3)]
    assert sorted(cell.key for task in group(cells) for cell in task) == sorted(cell.key for cell in cells)


def test_cells_are_alone_unless_they_are_epochs_of_one_training():
    tasks = group([*seeds(NET, 3), *seeds(KNN, 2), replace(NET, params={"width": 8, "epochs": 5})])
    assert [len(task) for task in tasks] == [2, 1, 1, 1, 1]


def test_epochs_of_one_net_are_one_training():
    """Each cell has the values that it has alone."""
    cells = [replace(NET, params={"width": 8, "epochs": n}) for n in (5, 20, 11)]
    (task,) = group(cells)
    fits = dict(zip(task, fit_task(task), strict=True))
    assert [len(fits[cell].estimator.history_) for cell in cells] == [5, 20, 11]
    assert fits[cells[0]].seconds < fits[cells[1]].seconds
    for cell, outcome in zip(task, run_task(task), strict=True):
        assert outcome.shared == 3
        assert 0 < outcome.values["fit_seconds"] < outcome.seconds
        assert without_seconds(outcome) == without_seconds(run_cell(cell))


def test_the_code_of_nets_is_loaded_for_nets_and_before_the_time_begins(monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr(tasks.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(tasks, "load_nets", lambda: loads.append(next(clock)))
    loads = []
    assert fit_task((KNN,))[0].seconds == 1
    assert (fit_task((NET,))[0].seconds > 0, loads) == (True, [2])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("estimator", [*CATALOG, "sklearn.neural_network:MLPClassifier"])
@pytest.mark.parametrize("problem", ["spiral", "sphere"])
def test_no_cell_touches_a_gpu(monkeypatch, estimator, problem):
    """CUDA cannot start in the children of a fork server."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "_lazy_init", lambda: pytest.fail("CUDA was initialised"))
    monkeypatch.setattr(torch.cuda, "_queued_calls", [])
    params = {"epochs": 2} if estimator == "net" else {}
    cell = Cell(problem, {}, estimator, None if estimator.startswith("sklearn") else "polar", params, 40, 0)
    (outcome,) = run_task((cell,), keep_models=True)
    assert (outcome.status, outcome.error) == ("ok", "")
    assert (outcome.engine, outcome.device) == (("compiled", "cpu") if estimator == "net" else ("", ""))


@pytest.mark.parametrize("lengths", [(0,), (0, 5)])
def test_initial_nets_are_cells(lengths):
    cells = [replace(NET, params={"width": 8, "epochs": n}) for n in lengths]
    assert [outcome.status for outcome in run_task(tuple(cells))] == ["ok"] * len(cells)


@pytest.mark.parametrize(
    "params", [{"schedule": "cosine"}, {"early_stopping": True}, {"max_steps": 7}, {"until_fitted": True}]
)
def test_a_training_that_depends_on_its_length_is_not_the_beginning_of_a_longer_one(params):
    assert len(group([replace(NET, params={"width": 8, "epochs": n, **params}) for n in (5, 20)])) == 2


@pytest.mark.parametrize(
    ("params", "message"),
    [({"width": -1}, "The 'width' parameter of NetClassifier"), ({"learning_rate": 1e200}, "training diverged")],
)
def test_a_failure_is_that_of_all_cells_of_a_training(params, message):
    task = group([replace(NET, params={"width": 8, **params, "epochs": n}) for n in (3, 20)])[0]
    for outcome in run_task(task):
        assert outcome.status == "error"
        assert message in outcome.error


@pytest.mark.parametrize(
    ("estimator", "prior", "n_points"),
    [
        ("estimators:HarmonicClassifier", None, 80),
        ("estimators:HarmonicClassifier", "polar", 80),
        ("sklearn.semi_supervised:LabelSpreading", None, 80),
        ("knn-1", None, 30),
        ("sklearn.neighbors:KNeighborsClassifier", "polar", 30),
    ],
)
def test_unlabelled_points_are_for_learners_that_use_them(monkeypatch, estimator, prior, n_points):
    cell = Cell("spiral", {"n_unlabelled": 50}, estimator, prior, {}, 30, 0, ("accuracy", "accuracy_train"))
    given = []
    kind = type(cell.build_learner())
    fit = kind.fit
    monkeypatch.setattr(kind, "fit", lambda self, X, y: (given.append((X, y)), fit(self, X, y))[1])
    assert run_cell(cell).values["accuracy_train"] > 0.5
    ((X, y),) = given
    assert len(X) == len(y) == n_points
    assert (y == -1).sum() == n_points - 30
