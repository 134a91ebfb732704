import numpy as np
import pandas as pd
import pytest

from estimators import NetRegressor
from studies.analysis.claims import check_claims
from studies.execution.tasks import fit_cell
from studies.library.feature_learning import PUBLISHED
from studies.registry.metrics import METRICS, Fitted
from studies.registry.test_sets import TestSets
from studies.spec.cells import plan_study
from studies.spec.study import built_in
from toymanifold import gaussian_problem


class Known:
    """Knows a function of the first two coordinates of 20."""

    def gradients(self, X):
        G = np.zeros((*X.shape, 1))
        G[:, 0, 0], G[:, 1, 0] = X[:, 1], X[:, 0]
        return G


def measure(name, estimator, problem, n_samples=200):
    return METRICS[name].function(Fitted(estimator, TestSets(problem), 0.0, n_samples, 0))


def test_recovery_is_whole_for_a_learner_that_knows():
    assert measure("recovery", Known(), gaussian_problem(function="product")) == pytest.approx({"share": 1, "angle": 0})


def test_recovery_misses_the_direction_that_a_learner_does_not_see():
    found = measure("recovery", Known(), gaussian_problem(function="low-rank"))
    assert found == pytest.approx({"share": 1, "angle": 90})


def test_the_ansatz_is_exact_for_a_linear_net():
    problem = gaussian_problem(dimension=5)
    net = NetRegressor(depth=0, epochs=1, random_state=0).fit(*problem.sample(200, 0))
    assert measure("feature_ansatz", net, problem)["agop"] == pytest.approx(1)


def test_the_ansatz_is_of_nets_only():
    cell = next(p.cell for p in plan_study(built_in()["feature-learning"].reduced()) if p.family == "rfm")
    assert measure("feature_ansatz", fit_cell(cell), gaussian_problem(function="low-rank")) == {}


def frame_of(value):
    """Return the study's frame with values by `value(planned, metric)`, each a little different by seed."""
    rng = np.random.default_rng(0)
    rows = []
    for p in plan_study(built_in()["feature-learning"]):
        place = {"problem": p.problem, "learner": p.learner, "family": p.family, **p.axes}
        place |= {"n_samples": p.cell.n_samples, "seed": p.cell.seed}
        for metric in ("mse", "accuracy", "recovery_angle", "feature_ansatz_agop"):
            rows.append({**place, "metric": metric, "value": value(p, metric) * np.exp(0.002 * rng.standard_normal())})
    return pd.DataFrame(rows)


def learning_features(p, metric):
    step = p.axes.get("n_rounds", p.axes.get("epochs", 0))
    return {
        "mse": PUBLISHED[step] if step < len(PUBLISHED) else 1.0,
        "accuracy": 0.8 + 0.02 * step * (p.problem != "spiral"),
        "recovery_angle": 8000 / p.cell.n_samples / (1 + step),
        "feature_ansatz_agop": 1 - 0.5 / (1 + step),
    }[metric]


def learning_none(p, metric):
    return {"mse": 0.01, "accuracy": 0.8, "recovery_angle": 80.0, "feature_ansatz_agop": 0.5}[metric]


def test_claims_hold_of_learners_of_features():
    assert [claim.holds for claim in check_claims("feature-learning", frame_of(learning_features))] == [True] * 8


def test_claims_fail_of_learners_that_stay_as_they_are():
    *others, spiral = check_claims("feature-learning", frame_of(learning_none))
    assert not any(claim.holds for claim in others)
    assert spiral.holds


def test_a_part_of_the_results_makes_some_claims():
    frame = frame_of(learning_features)
    assert len(check_claims("feature-learning", frame[frame["family"] == "net"])) == 2
    assert check_claims("feature-learning", frame[:0]) == []


@pytest.mark.slow
def test_feature_learning_is_supported(measured):
    found = check_claims("feature-learning", measured("feature-learning").frame())
    assert [claim.holds for claim in found] == [True] * 8
