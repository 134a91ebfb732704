"""The baseline is measured beside the learners of every study, shown, and compared with none of them."""

import numpy as np
import pandas as pd
import pytest

from studies import Results, Store, Study, metric
from studies.analysis.comparisons import paired_tests, summary
from studies.analysis.findings import answers, find
from studies.api import measure_curves, run_study
from studies.cli.tables import shown_results
from studies.execution.run import run_cell
from studies.registry.metrics import METRICS
from studies.registry.test_sets import TestSets
from studies.spec.cells import plan_baseline, plan_run, plan_study
from studies.store.store import Outcome

KNN = {"estimator": "knn-1"}


def described(**parts):
    return Study.from_dict(
        {"name": "x", "question": "?", "seeds": 2, "sizes": [20, 60], "learners": {"kNN": KNN}, **parts}
    )


@pytest.fixture
def mixed():
    """A study of a classification and of a regression along an axis, with learners along another axis."""
    sphere = {"problem": "sphere", "params": {"target": "linear", "task": "regression", "dimension": [3, 4]}}
    learners = {
        "kNN": {"estimator": "knn", "params": {"n_neighbors": [1, 2, 3]}, "max_samples": 30},
        "late": {**KNN, "sizes": [40], "problems": ["spiral"]},
    }
    return described(problems={"spiral": {"problem": "spiral"}, "sphere": sphere}, learners=learners)


def test_it_is_planned_once_for_each_problem_size_and_seed(mixed):
    sizes = {"spiral": [20, 40], "sphere, dimension=3": [20], "sphere, dimension=4": [20]}
    planned = plan_baseline(mixed)
    assert [(p.problem, p.cell.n_samples, p.cell.seed) for p in planned] == [
        (problem, n, seed) for problem in sizes for n in sizes[problem] for seed in (0, 1)
    ]
    assert {p.learner for p in planned} == {"baseline"}
    assert [p.axes for p in planned[-2:]] == [{"dimension": 4}] * 2
    assert plan_run(mixed) == [*plan_study(mixed), *planned]


def test_it_measures_what_has_a_best_value():
    planned = plan_baseline(described(metrics=["fit_seconds", "accuracy", "accuracy_train"]))
    assert {p.cell.metrics for p in planned} == {("accuracy", "accuracy_train")}


def test_a_study_without_losses_has_none():
    assert plan_baseline(described(metrics=["fit_seconds"])) == []


@pytest.mark.parametrize("seed", [0, 1])
def test_its_error_is_the_share_of_all_classes_but_the_most_frequent_one(seed):
    (planned, *_) = [p for p in plan_baseline(described()) if p.cell.seed == seed]
    problem = planned.cell.build_problem()
    classes, counts = np.unique(problem.sample(20, seed)[1], return_counts=True)
    assert run_cell(planned.cell).values["accuracy"] == np.mean(TestSets(problem).density.y == classes[counts.argmax()])


def test_its_squared_error_is_that_of_the_mean(mixed):
    cell = plan_baseline(mixed)[-1].cell
    problem = cell.build_problem()
    mean = problem.sample(20, cell.seed)[1].mean()
    assert run_cell(cell).values["mse"] == pytest.approx(np.mean((TestSets(problem).density.y - mean) ** 2))


@pytest.mark.parametrize("params", [{}, {"params": {"n_neighbors": [1, 2]}}])
def test_a_learner_of_its_label_is_an_ordinary_learner_in_its_place(params):
    study = described(learners={"kNN": KNN, "baseline": {"estimator": "knn", **params}})
    assert plan_baseline(study) == []
    assert plan_run(study) == plan_study(study)
    with Store("sqlite://") as store:
        for planned in plan_study(study):
            store.add(Outcome(planned.cell.key, planned.cell.spec, "ok", {"accuracy": 0.8}))
        results = Results(study, store)
        assert results.baseline().empty
        assert set(results.frame()["learner"]) == {p.learner for p in plan_study(study)}


def test_a_study_asks_for_it_under_another_label_and_shares_its_cells():
    dummy = described(learners={"guess": {"estimator": "dummy"}}, metrics=["accuracy"])
    assert {p.cell.key for p in plan_study(dummy)} == {p.cell.key for p in plan_baseline(dummy)}


@pytest.fixture
def without(worth, worth_results):
    """The results of the study `worth` as an earlier version stored them."""
    with Store("sqlite://") as store:
        for _, outcome in worth_results.outcomes():
            store.add(outcome)
        yield Results(worth, store)


def test_answers_findings_and_tests_are_the_same_without_it(worth, worth_results, without):
    assert len(worth_results.baseline()) == len(worth_results.outcomes(baseline=True)) - 51 == 21
    pd.testing.assert_frame_equal(worth_results.frame(), without.frame())
    pd.testing.assert_frame_equal(paired_tests(worth_results, 1000), paired_tests(without, 1000))
    pd.testing.assert_frame_equal(summary(worth_results), summary(without))
    assert answers(worth, worth_results.frame()) == answers(worth, without.frame())
    beside, alone = (find(worth, each.frame(), each.baseline())[0] for each in (worth_results, without))
    for name in ("worths", "reference", "n_samples", "competitors", "main_competitors", "smallest_errors"):
        assert getattr(beside, name) == getattr(alone, name)
    assert [measured.curves for measured in beside.measured] == [measured.curves for measured in alone.measured]
    assert [measured.baseline is None for measured in beside.measured] == [False, True, True]


def test_it_is_the_last_row_of_the_table_and_its_absence_is_not_missed(worth_results, without):
    shown, before = ([str(part) for part in shown_results(each, 80)] for each in (worth_results, without))
    tables = [part for part in shown_results(worth_results, 200) if not isinstance(part, str)]
    assert list(tables[0].columns[0].cells) == ["net", "net + polar", "kNN", "baseline"]
    assert {list(column.cells)[-1] for column in tables[0].columns[1:]} == {"40"}, "the seeds agree but for rounding"
    assert not any("cells measured" in line for line in (*shown, *before))


def test_a_run_measures_it_and_the_frame_of_learners_is_without_it(mixed):
    results = run_study(mixed, "sqlite://", n_jobs=1)
    assert results.failed() == []
    assert set(results.frame()["learner"]) == {"kNN, n_neighbors=1", "kNN, n_neighbors=2", "kNN, n_neighbors=3", "late"}
    found = results.baseline()
    assert list(found.columns) == list(results.frame().columns)
    assert set(found["learner"]) == set(found["family"]) == {"baseline"}
    assert set(found["metric"]) >= {"accuracy", "mse"}


def test_a_metric_that_it_lacks_is_a_failed_cell_of_it():
    @metric("1", best=0.0, default=False)
    def needs_neighbours(fitted):
        return float(fitted.estimator.n_samples_fit_)

    try:
        (planned, *_) = plan_baseline(described(metrics=["needs_neighbours"]))
        assert "has no attribute 'n_samples_fit_'" in run_cell(planned.cell).error
    finally:
        del METRICS._entries["needs_neighbours"]


def test_curves_of_objects_and_of_texts_have_it():
    from sklearn.neighbors import KNeighborsClassifier

    X, y = np.arange(80.0)[:, None], np.repeat(["rare", "common", "common", "common"], 20)
    results = measure_curves({"kNN": KNeighborsClassifier(1)}, (X, y), sizes=[20], seeds=2)
    assert results.baseline().query("metric == 'accuracy'")["value"].tolist() == [0.75, 0.75]
