from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.execution.costs import Costs
from studies.spec.cells import Cell, PlannedCell
from studies.store.store import Outcome, Store

CELL = Cell("spiral", {}, "knn-1", None, {}, 100, 0)


def learnt(seconds, cell=CELL):
    costs = Costs()
    for n, value in seconds.items():
        costs.learn(replace(cell, n_samples=n), value)
    return costs


def test_without_measurements_the_larger_sample_takes_longer():
    costs = Costs()
    assert not costs
    assert costs.known(CELL) is None
    assert costs.estimate(replace(CELL, n_samples=101)) > costs.estimate(CELL)


def test_a_known_size_takes_the_mean_of_its_seeds():
    costs = learnt({100: 1.0})
    costs.learn(replace(CELL, seed=7), 3.0)
    assert costs.known(replace(CELL, seed=9)) == pytest.approx(2.0)


@given(st.floats(0.5, 3), st.integers(100, 10_000))
def test_times_follow_a_power_law_between_sizes(power, n):
    costs = learnt({size: 1e-3 * size**power for size in (100, 10_000)})
    assert costs.known(replace(CELL, n_samples=n)) == pytest.approx(1e-3 * n**power)


@pytest.mark.parametrize(("n", "seconds"), [(10, 0.2), (100_000, 125.0)])
def test_beyond_the_known_sizes_times_follow_their_power_law(n, seconds):
    assert learnt({100: 1.0, 1000: 5.0}).known(replace(CELL, n_samples=n)) == pytest.approx(seconds)


@pytest.mark.parametrize(("of_larger", "seconds"), [(0.5, 0.5), (1e9, 1e18)])
def test_beyond_the_known_sizes_times_neither_fall_nor_rise_faster_than_the_cube(of_larger, seconds):
    found = learnt({100: 1.0, 1000: of_larger}).known(replace(CELL, n_samples=1_000_000))
    assert found == pytest.approx(seconds)


@pytest.mark.parametrize(("n", "seconds"), [(10, 0.1), (1000, 10.0)])
def test_beyond_a_single_known_size_time_is_proportional_to_size(n, seconds):
    assert learnt({100: 1.0}).known(replace(CELL, n_samples=n)) == pytest.approx(seconds)


def test_an_unknown_learner_has_the_average_cost_of_the_others():
    costs = learnt({100: 1.0})
    costs.learn(replace(CELL, estimator="svm"), 3.0)
    unknown = replace(CELL, estimator="forest", n_samples=1000)
    assert costs.known(unknown) is None
    assert costs.estimate(unknown) == pytest.approx(20.0)


def test_the_average_is_of_learners_measured_up_to_that_size():
    costs = learnt({2: 1.0, 6: 2.0})  # at n = 500 an extrapolation of 32 seconds
    costs.learn(replace(CELL, estimator="svm", n_samples=500), 3.0)
    assert costs.estimate(replace(CELL, estimator="forest", n_samples=500)) == pytest.approx(3.0)


def test_later_measurements_change_the_estimate():
    costs = learnt({100: 1.0})
    assert costs.known(CELL) == pytest.approx(1.0)
    costs.learn(CELL, 2.0)
    assert costs.known(CELL) == pytest.approx(1.5)


def test_the_store_gives_the_costs_of_cells_that_are_ok():
    failed = replace(CELL, seed=1)
    with Store("sqlite://") as store:
        store.add(Outcome(CELL.key, CELL.spec, "ok", {"accuracy": 1.0}, seconds=2.0))
        store.add(Outcome(failed.key, failed.spec, "timeout", seconds=60.0))
        costs = Costs.from_store([PlannedCell("kNN", cell) for cell in (CELL, failed, replace(CELL, seed=2))], store)
    assert costs.known(CELL) == pytest.approx(2.0)
