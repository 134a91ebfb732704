from contextlib import suppress

import pytest

from estimators import Invariance, PredictedWorth, Prior, make_learner
from studies import Study, built_in, data_equivalence, measure_curves, run_study
from studies.analysis.crossovers import DataEquivalence, NoEquivalence
from studies.analysis.findings import PriorWorth, find
from studies.analysis.intervals import CensoredInterval
from studies.analysis.predictions import predicted_worth
from toymanifold import CyclicTurns, sphere_problem

PROBLEM = sphere_problem(dimension=4, target="joint-turns", n_coordinates=4, task="regression")
KNN = {"task": "regression", "n_neighbors": 1}


class Guess(Prior):
    """All coordinates, with a worth that is stated."""

    def __init__(self, worth=None):
        self.worth = worth

    def coordinates(self, X):
        return X

    def predicted_worth(self, problem, learner, n_samples):
        assert problem.task == "regression"
        assert learner.n_neighbors == 1
        return self.worth


def measured(**learners):
    return measure_curves(learners, PROBLEM, sizes=[100, 200, 400, 800], seeds=5, worth={"known": "plain"})


@pytest.fixture(scope="module")
def turns():
    known = make_learner("knn", prior=Invariance(CyclicTurns(2, 4), "augmentation"), **KNN)
    return measured(known=known, plain=make_learner("knn", **KNN), five=make_learner("knn", task="regression"))


def test_an_equivalence_of_results_has_the_worth_of_theory(turns):
    found = data_equivalence(turns, "known", "plain", n=200, metric="mse")
    assert found.predicted.times == 2
    assert str(found).endswith(" known has at n = 200; theory predicts 2 times (tolerated: 1.7 to 2.3): supported")
    assert data_equivalence(turns.frame(), "known", "plain", n=200, metric="mse").predicted is None


@pytest.mark.parametrize("order", [1, -1])
def test_the_prediction_is_that_of_the_problem_of_the_metric(order, tmp_path):
    """Half turns keep the labels of the first problem, and move those of the second."""
    learners = {
        "plain": {"estimator": "knn-1"},
        "known": {
            "estimator": "knn-1",
            "prior": "cyclic-turns",
            "prior_params": {"order": 2, "n_coordinates": 4, "form": "augmentation"},
        },
    }
    specs = {
        "kept": {"problem": "sphere", "params": {"dimension": 4, "target": "joint-turns", "n_coordinates": 4}},
        "moved": {"problem": "sphere", "params": {"dimension": 4, "target": "linear", "task": "regression"}},
    }
    study = {
        "name": "two",
        "question": "?",
        "seeds": 2,
        "sizes": [50, 100, 200],
        "metrics": ["accuracy", "mse"],
        "problems": dict(list(specs.items())[::order]),
        "learners": learners,
    }
    results = run_study(Study.from_dict(study), tmp_path / "results.db", n_jobs=1)
    with suppress(NoEquivalence):
        assert data_equivalence(results, "known", "plain", n=100, metric="mse").predicted is None
    assert data_equivalence(results, "known", "plain", n=50).predicted.times == 2


def test_learners_that_differ_in_more_than_a_prior_have_no_prediction(turns):
    assert data_equivalence(turns, "known", "five", n=200, metric="mse").predicted is None
    assert predicted_worth(turns.study, "plain", "known", 200) is None


def test_findings_have_the_worth_of_theory(turns):
    (found,) = find(turns.study, turns.frame())
    (worth,) = found.worths
    assert str(worth).endswith("; theory predicts 2 times (tolerated: 1.7 to 2.3): supported")


@pytest.mark.parametrize(
    ("times", "verdict"),
    [
        ((4, 3.5, 4.5), "supported"),
        ((4, 3, 4.5), "inconclusive"),
        ((2, 1.5, 2.5), "not supported"),
        ((float("inf"), 10, float("inf")), "not supported"),
        ((4, 0, float("inf")), "inconclusive"),
    ],
)
def test_the_verdict_is_that_of_the_interval(times, verdict):
    equivalence = DataEquivalence("informed", "plain", 100, CensoredInterval(*times))
    worth = PriorWorth("some", "plain", "informed", equivalence, predicted=PredictedWorth.near(4, "a theorem"))
    assert worth.theory == f"theory predicts 4 times (tolerated: 3.4 to 4.6): {verdict}"


def test_a_prediction_of_ones_own_stands_beside_the_measured_worth():
    plain = make_learner("knn", **KNN)
    known = make_learner("knn", prior=Guess(PredictedWorth.near(3, "a guess")), **KNN)
    found = data_equivalence(measured(known=known, plain=plain), "known", "plain", n=200, metric="mse")
    assert str(found).endswith("theory predicts 3 times (tolerated: 2.55 to 3.45): not supported")


def test_a_prediction_that_is_none_is_an_error():
    results = measured(known=make_learner("knn", prior=Guess(2.0), **KNN), plain=make_learner("knn", **KNN))
    with pytest.raises(TypeError, match=r"Guess\.predicted_worth must return .*PredictedWorth or None\. Got 2\.0"):
        data_equivalence(results, "known", "plain", n=200, metric="mse")


@pytest.mark.parametrize(
    ("informed", "plain", "problem", "times"),
    [
        ("kNN + 3 turns", "kNN", "turns", 3),
        ("kNN + antipodal", "kNN", "turns", 2),
        ("kNN + 6 turns", "kNN", "thirds", None),
        ("kernel + shifts", "kernel", "shifts", 10),
        ("kNN + phase", "kNN", "spiral", None),
        ("net + SO(3)", "net", "rotations", None),
    ],
)
def test_predictions_for_learners_of_a_study(informed, plain, problem, times):
    found = predicted_worth(built_in()["symmetry"], informed, plain, 1_000, problem)
    assert (found and found.times) == times
