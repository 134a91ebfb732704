import numpy as np
import pytest

from estimators import RandomFeaturesRegressor
from studies.analysis.claims import check_claims
from studies.library.double_descent import (
    least_squares_risk,
    random_features_risk,
)
from toymanifold import sphere_problem


@pytest.mark.parametrize("n", [10, 30, 60, 120])
def test_the_closed_form_is_the_mean_squared_error_of_least_squares(n):
    d, sigma, rng = 40, 0.7, np.random.default_rng(n)
    beta = np.eye(d)[0]
    X = rng.standard_normal((2000, n, d))
    y = X @ beta + sigma * rng.standard_normal((2000, n))
    risks = np.sum(((np.linalg.pinv(X) @ y[..., None])[..., 0] - beta) ** 2, axis=1)
    assert risks.mean() == pytest.approx(least_squares_risk(n, d, sigma), abs=4 * risks.std() / np.sqrt(2000))


def test_the_closed_form_is_infinite_at_the_threshold_only():
    assert np.isinf(least_squares_risk([39, 40, 41], 40, 0.5)).all()
    assert np.isfinite(least_squares_risk([38, 42], 40, 0.5)).all()


@pytest.mark.parametrize("n_features", [60, 1200])
def test_random_features_tend_to_their_limit(n_features):
    d, n, noise = 120, 240, 0.5
    problem = sphere_problem(dimension=d, radius=d**0.5, target="linear", task="regression", noise=noise)
    X, _ = problem.sample(2000, 0, split="test")
    errors = []
    for seed in range(12):
        model = RandomFeaturesRegressor(n_features, "relu", ridge=0, random_state=seed).fit(*problem.sample(n, seed))
        errors.append(np.mean((model.predict(X) - problem.label(X)) ** 2))
    assert np.mean(errors) == pytest.approx(random_features_risk(n_features, n, d, noise), rel=d**-0.5)


def test_the_limit_of_random_features_has_its_known_ends():
    assert random_features_risk(1, 10**6, 10**5, 0.5) == pytest.approx(1, rel=1e-3)  # no features: the signal itself
    assert np.isinf(random_features_risk(300, 300, 100, 0.5))
    risks = random_features_risk([301, 299, 310, 290], 300, 100, 0.5)
    assert risks[:2].min() > 5 * risks[2:].max()


def as_in_theory(p):
    return {"mse": risk(p)}


def risk(p):
    if p.family == "least squares":
        return min(float(least_squares_risk(p.cell.n_samples, 100, 0.5)), 1e3)
    if p.family == "random features":
        limit = float(random_features_risk(p.axes["n_features"], 300, 100, 0.5))
        return min(limit, 1e3) if p.axes["ridge"] == 0 else 1 / p.axes["n_features"]
    peak = 1 + np.exp(-(np.log(p.axes["width"] / 14) ** 2))
    return peak * {10: 1.0, 30: 0.1, 100: 0.5, 300: 0.5, 1000: 0.3, 3000: 0.1}[p.axes["epochs"]]


def monotone(p):
    return {"mse": 10 / p.cell.n_samples if p.family == "least squares" else 1 / sum(p.axes.values())}


def test_claims_hold_where_theory_does(invented):
    found = check_claims("double-descent", invented("double-descent", as_in_theory))
    assert [claim.holds for claim in found] == [True] * 7


def test_claims_fail_where_errors_only_fall(invented):
    found = check_claims("double-descent", invented("double-descent", monotone))
    verdicts = {claim.says: claim.holds for claim in found}
    assert verdicts.pop("A large enough ridge removes the peak.") is True
    assert set(verdicts.values()) <= {False, None}


@pytest.mark.slow
def test_double_descent_is_supported_but_in_epochs(measured):
    found = check_claims("double-descent", measured("double-descent").frame())
    assert [claim.holds for claim in found] == [True] * 6 + [False]
