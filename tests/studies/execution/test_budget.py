"""Budgets, with clocks and costs that are set."""

from concurrent.futures import Future
from dataclasses import replace

import pytest

from studies.execution.budget import Budget, by_seed, cells_in_budget
from studies.execution.costs import Costs
from studies.execution.run import remaining, run
from studies.spec.cells import Cell, PlannedCell
from studies.store.store import Outcome, Store

CELL = Cell("spiral", {}, "knn-1", None, {}, 100, 0)
SIZES = (10, 100, 1000)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Paced:
    """An executor on which each call takes as many seconds of a clock as its cell has samples."""

    n_workers = 1

    def __init__(self, clock):
        self.clock = clock

    def submit(self, call, task):
        self.clock.now += task[-1].n_samples
        future = Future()
        future.set_result(call(task))
        return future


def well(task):
    return [Outcome(cell.key, cell.spec, "ok", {"accuracy": 1.0}, seconds=float(cell.n_samples)) for cell in task]


def cells(seeds, sizes=SIZES):
    return [
        PlannedCell("kNN", replace(CELL, n_samples=n, seed=seed, metrics=("accuracy",)))
        for n in sizes
        for seed in range(seeds)
    ]


def known(n_samples):
    """Return the costs of one measured cell, which took a second for each sample."""
    costs = Costs()
    costs.learn(cells(1, sizes=(n_samples,))[0].cell, float(n_samples))
    return costs


def places(found):
    return [(planned.cell.seed, planned.cell.n_samples) for planned in found]


def test_one_seed_comes_after_another_and_in_each_the_longest_first():
    assert places(by_seed(cells(2), known(10))) == [(0, 1000), (0, 100), (0, 10), (1, 1000), (1, 100), (1, 10)]


def test_learners_whose_time_is_unknown_begin_with_small_samples():
    other = [replace(p, cell=replace(p.cell, estimator="svm")) for p in cells(1)]
    ordered = by_seed([*cells(1), *other], known(10))
    assert [p.cell.estimator for p in ordered] == ["svm"] * 3 + ["knn-1"] * 3
    assert places(ordered) == [(0, 10), (0, 100), (0, 1000), (0, 1000), (0, 100), (0, 10)]


@pytest.mark.parametrize(
    ("seconds", "ran"),
    [
        (10_000, [(0, 10), (0, 100), (0, 1000), (1, 10), (1, 100), (1, 1000)]),
        (1111, [(0, 10), (0, 100), (0, 1000)]),
        (1109, [(0, 10), (0, 100), (1, 10), (1, 100)]),  # the dear cell does not fit; cheap ones go on
        (5, [(0, 10)]),  # nothing was known of it, and none starts after the end
    ],
)
def test_cells_start_while_they_are_predicted_to_end_in_time(seconds, ran):
    clock = Clock()
    with Store("sqlite://") as store:
        todo = remaining(cells(2), store, in_budget=True)
        budget = Budget(seconds, Costs(), clock)
        ended = [planned for planned, _ in run(todo, store, Paced(clock), work=well, budget=budget)]
        assert places(ended) == ran
        assert len(store.missing([p.cell.key for p in cells(2)])) == 6 - len(ran)


@pytest.mark.parametrize(("n_workers", "seeds"), [(1, {0}), (2, {0, 1})])
def test_a_prediction_shares_the_time_among_the_workers(n_workers, seeds):
    todo = by_seed(cells(3, sizes=(1000,)), known(1000))
    chosen = cells_in_budget(todo, 1500, n_workers, known(1000))
    assert {cell.seed for cell in chosen} == seeds


def test_cells_of_one_training_take_the_time_of_the_longest():
    net = replace(CELL, estimator="net", params={"epochs": 10})
    costs = Costs()
    costs.learn(replace(net, params={"epochs": 20}), 20.0)
    costs.learn(net, 10.0)
    todo = [PlannedCell("net", cell) for cell in (net, replace(net, params={"epochs": 20}))]
    assert len(cells_in_budget(todo, 20.0, 1, costs)) == 2
    assert not cells_in_budget(todo, 19.0, 1, costs)
