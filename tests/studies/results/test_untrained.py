import numpy as np
import pandas as pd
import pytest

from studies.analysis.comparisons import loss_interval
from studies.analysis.learning_curves import Sampling
from studies.cli.tables import shown_results
from studies.results.export import table
from studies.results.failures import can_retry
from studies.results.results import Results
from studies.results.untrained import mark_untrained
from studies.spec.cells import plan_baseline, plan_study
from studies.spec.study import Study
from studies.store.store import Outcome, Store
from studies.web.report import render_report

CONSTANT = 0.496


@pytest.fixture
def store():
    with Store("sqlite://") as store:
        yield store


def results_of(store, losses, *, metric="accuracy_train", constant=CONSTANT, epochs=10):
    """Results of a net whose losses on its training points are those of each seed, by epochs if that is a list."""
    named, task = {"accuracy_train": ("accuracy", "classification"), "mse_train": ("mse", "regression")}[metric]
    problem = {"problem": "sphere", "params": {"target": "quadratic", "task": task}}
    study = Study.from_dict(
        {
            "name": "trained",
            "question": "?",
            "seeds": np.shape(losses)[-1],
            "sizes": [100],
            "metrics": [named, metric],
            "problems": {"sphere": problem},
            "learners": {"net": {"estimator": "net", "params": {"epochs": epochs}}},
        }
    )
    of_net = zip(plan_study(study), np.ravel(losses), strict=True)
    for planned, loss in [*of_net, *((planned, constant) for planned in plan_baseline(study))]:
        value = loss if np.isnan(loss) or metric == "mse_train" else 1 - loss
        values = {named: value, metric: value} if not np.isnan(loss) else {named: 0.5}
        store.add(Outcome(planned.cell.key, planned.cell.spec, "ok", values))
    return Results(study, store)


def failed_seeds(results):
    return [planned.cell.seed for planned, _ in results.failed()]


@pytest.mark.parametrize(
    ("losses", "failed"),
    [
        ([0.0, 0.01, 0.02, 0.498], [3]),
        ([0.0, 0.01, 0.02, CONSTANT], [3]),
        ([0.0, 0.01, 0.02, 0.49], []),  # a little better than a constant
        ([0.0, 0.01, 0.498, 0.51], []),  # not most seeds have trained
        ([0.45, 0.47, 0.48, 0.498, 0.45], []),  # as with random weights
        ([0.5, 0.52, 0.498, 0.51], []),  # a learner that never trains
        ([0.0, np.nan, 0.02, 0.498], [3]),  # nothing is known of a cell without a training error
        ([0.0], []),
    ],
)
@pytest.mark.parametrize("metric", ["accuracy_train", "mse_train"])
def test_a_cell_as_bad_on_its_training_points_as_a_constant_failed_if_most_seeds_trained(store, losses, failed, metric):
    results = results_of(store, losses, metric=metric)
    assert failed_seeds(results) == failed
    assert sorted(set(range(len(losses))) - set(results.frame()["seed"])) == failed


@pytest.mark.parametrize(
    ("losses", "failed"),
    [
        ([[0.2, 0.2, 0.2, 0.5], [0.1, 0.1, 0.1, 0.3]], []),  # only late
        ([[0.2, 0.2, 0.2, 0.5], [0.1, 0.1, 0.1, 0.5]], [3, 3]),
        ([[0.2, 0.2, 0.2, 0.3], [0.1, 0.1, 0.1, 0.5]], [3]),  # it diverged
    ],
)
def test_a_net_that_trains_with_more_epochs_has_not_failed(store, losses, failed):
    results = results_of(store, losses, epochs=[10, 100])
    assert failed_seeds(results) == failed


def test_a_failed_training_is_listed_with_its_reason_and_not_run_again(store):
    results = results_of(store, [0.0, 0.01, 0.02, 0.498])
    reason = "training failed: an error of 49.8 % on its training points, where the most frequent class has 49.6 %"
    ((_, outcome),) = results.failed()
    assert (outcome.status, outcome.error) == ("untrained", reason)
    assert not can_retry([outcome])
    assert f"  1 cell, untrained: {reason}" in list(shown_results(results, 80))
    page = render_report(results)
    assert reason in page
    assert "--retry-failed" not in page
    exported = table(results).query("status == 'untrained'")
    assert exported[["error", "seed"]].to_numpy().tolist() == [[reason, 3]]
    assert exported["value"].isna().all()
    assert store.statuses([outcome.key]) == {outcome.key: "ok"}


def test_where_all_training_labels_are_the_same_no_training_failed(store):
    assert results_of(store, [0.0, 0.0, 0.0, 0.0], constant=0.0).failed() == []


def test_intervals_hold_the_error_of_nets_that_train_where_one_in_ten_fails(store):
    """The figures are in docs/statistics.md."""
    cells = [planned for planned, _ in results_of(store, [0.1] * 10).outcomes()]
    constant = [(p, Outcome("", "", "ok", {"accuracy_train": 0.5})) for p in cells]
    rng, before, after = np.random.default_rng(0), [], []
    for _ in range(1000):
        errors = 0.1 * np.exp(0.1 * rng.standard_normal(10) - 0.005)
        errors[rng.random(10) < 0.1] = 0.5
        drawn = [(p, Outcome("", "", "ok", {"accuracy_train": 1 - e})) for p, e in zip(cells, errors, strict=True)]
        trained = [o.values["accuracy_train"] for _, o in mark_untrained(drawn, constant) if o.values]
        before.append(loss_interval(pd.Series(errors), "error", Sampling(None, None), 100))
        after.append(loss_interval(1 - pd.Series(trained), "error", Sampling(None, None), 100))
    held = [
        np.mean([interval.low <= truth <= interval.high for interval in found])
        for found, truth in ((before, 0.9 * 0.1 + 0.1 * 0.5), (after, 0.1))
    ]
    print(held, [np.exp(np.median([np.log(i.high / i.low) for i in found])) for found in (before, after)])
    assert held[0] < 0.7
    assert 0.92 < held[1] < 0.97
