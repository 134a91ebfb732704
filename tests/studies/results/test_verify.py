import functools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from studies.execution.run import run_cell
from studies.results.results import Results
from studies.results.verify import TOLERANCE, verify
from studies.spec.cells import plan_study
from studies.store.provenance import collect
from studies.store.store import Outcome, Store

HERE = collect("tiny", 1)


@pytest.fixture
def results(tiny, tmp_path):
    with Store(f"sqlite:///{tmp_path}/results.db") as store:
        yield Results(tiny, store)


measured = functools.cache(run_cell)


def fill(results, run=None, **changed):
    """Measure the study, and store it with one metric changed."""
    for planned in plan_study(results.study):
        outcome = measured(planned.cell)
        values = {**outcome.values, **{metric: outcome.values[metric] + by for metric, by in changed.items()}}
        results.store.add(replace(outcome, values=values), run)


def again(results, n_cells=2, seed=0, here=HERE):
    with ThreadPoolExecutor(1) as executor:
        return list(verify(results, executor, here, n_cells=n_cells, seed=seed))


def test_cells_of_this_machine_are_computed_again_bit_for_bit(results):
    fill(results, results.store.begin_run(HERE), fit_seconds=5.0)
    compared = again(results, n_cells=100)
    assert len(compared) == len(plan_study(results.study))
    assert all(comparison.reasons == comparison.differing == [] for comparison in compared)
    assert all(set(comparison.stored.measured) > {"accuracy"} for comparison in compared)


def test_without_a_reason_a_last_bit_is_a_difference(results):
    fill(results, results.store.begin_run(HERE), accuracy_uniform=1e-12)
    assert [comparison.differing for comparison in again(results)] == [["accuracy_uniform"]] * 2


@pytest.mark.parametrize(
    ("changed", "reason"),
    [({"cpu": "abacus"}, "cpu: abacus"), ({"threads": 64}, "threads: 64"), (None, "its run is unknown")],
)
def test_another_machine_is_a_reason_for_a_small_difference(results, changed, reason):
    run = changed and results.store.begin_run(replace(HERE, **changed))
    fill(results, run, accuracy=TOLERANCE / 2, accuracy_uniform=2 * TOLERANCE)
    for comparison in again(results):
        assert comparison.reasons[0].startswith(reason)
        assert comparison.differing == ["accuracy_uniform"]


def test_epochs_of_a_longer_training_must_be_the_same_alone(results):
    run = results.store.begin_run(HERE)
    for planned in plan_study(results.study):
        results.store.add(replace(measured(planned.cell), shared=40), run)
    assert again(results)[0].reasons == []


def test_the_choice_is_random_and_of_cells_that_are_ok(results):
    fill(results)
    planned = plan_study(results.study)
    choices = [tuple(sorted(c.planned.cell.key for c in again(results, 1, seed))) for seed in (0, 0, 1, 2, 3)]
    assert choices[0] == choices[1]
    assert len(set(choices)) > 1
    with Store("sqlite://") as store:
        failed = planned[0].cell
        store.add(Outcome(failed.key, failed.spec, "error", error="no"))
        assert again(Results(results.study, store)) == []


def test_a_cell_that_fails_now_differs(results, monkeypatch):
    fill(results, results.store.begin_run(HERE))
    monkeypatch.setattr("studies.spec.cells.make_learner", lambda *_, **__: 1 / 0)
    for comparison in again(results):
        assert comparison.again.error.startswith("ZeroDivisionError")
        assert comparison.differing == sorted(comparison.stored.measured)


def test_a_metric_that_is_not_measured_any_more_is_no_difference(results):
    run = results.store.begin_run(HERE)
    for planned in plan_study(results.study):
        outcome = measured(planned.cell)
        results.store.add(replace(outcome, values={**outcome.values, "accuracy_sparse": 0.7}), run)
    assert [comparison.differing for comparison in again(results)] == [[], []]
