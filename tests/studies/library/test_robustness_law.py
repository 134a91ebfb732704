import numpy as np
import pytest

from estimators import NetRegressor, RandomFeaturesRegressor
from studies.analysis.claims import check_claims
from studies.library.robustness_law import boundary_distance, cells, exponents, robustness_law, steepness
from studies.registry.metrics import METRICS, Fitted
from studies.registry.test_sets import TestSets
from toymanifold import sphere_problem, spiral_problem

PROBLEM = sphere_problem(dimension=5, target="random", task="regression")
LEARNERS = [
    NetRegressor(depth=1, width=32, epochs=5, random_state=0),
    NetRegressor(depth=2, width=8, epochs=5, standardize=False, random_state=0),
    RandomFeaturesRegressor(64, "relu", ridge=0, random_state=0),
]


def fitted(estimator, n_samples=40):
    estimator.fit(*PROBLEM.sample(n_samples, 0))
    return Fitted(estimator, TestSets(PROBLEM), seconds=0.0, n_samples=n_samples, seed=0)


class Known:
    """A function and its gradients as a fitted regressor."""

    def __init__(self, predict, gradients):
        self.predict, self._gradients = predict, gradients

    def gradients(self, X):
        return self._gradients(X)[:, :, None]


def test_the_distance_to_a_hyperplane_is_exact_but_for_the_overshoot():
    X, w = np.random.default_rng(0).standard_normal((30, 4)), np.array([3.0, 0.0, 4.0, 0.0])
    found = boundary_distance(Known(lambda X: X @ w + 1, lambda X: np.tile(w, (len(X), 1))), X)
    np.testing.assert_allclose(found, 1.02 * np.abs(X @ w + 1) / 5)


def test_the_distance_to_a_sphere_is_found_by_several_steps():
    X = np.random.default_rng(1).standard_normal((50, 3))
    found = boundary_distance(Known(lambda X: (X**2).sum(axis=1) - 1, lambda X: 2 * X), X)
    exact = np.abs(np.linalg.norm(X, axis=1) - 1)
    assert np.all(found >= exact)
    far = np.linalg.norm(X, axis=1) > 1  # inside, Newton's first step overshoots
    np.testing.assert_allclose(found[far], exact[far], rtol=0.05, atol=0.02)


@pytest.mark.parametrize("estimator", LEARNERS, ids=["net", "net, as is", "random features"])
def test_steepness_of_a_learner_is_that_of_its_predictions(estimator):
    made = fitted(estimator, n_samples=30)
    X, step = made.train.X, 1e-6
    values = made.estimator.predict(X)
    changes = [made.estimator.predict(X + step * axis) - values for axis in np.eye(5)]
    largest = np.linalg.norm(np.array(changes) / step, axis=0).max()
    found = steepness(made)
    assert found["largest"] >= 0.999 * largest
    assert found["distance"] > 0


def test_steepness_supports_random_labels_of_regression_only():
    supports = METRICS["steepness"].supports
    assert supports(PROBLEM)
    assert not supports(sphere_problem(dimension=5, target="random"))
    assert not supports(sphere_problem(dimension=5, target="linear", task="regression"))
    assert not supports(spiral_problem())


def law(slope_of_p, fit=0.1):
    def values(p):
        n, d = p.cell.n_samples, p.axes["dimension"]
        size = p.axes["n_features"] if "n_features" in p.axes else p.axes["width"] * (d + 2) + 1
        steep = 3 * (n * d) ** 0.5 * size**slope_of_p
        return {"mse_train": fit, "steepness_largest": steep, "steepness_distance": 1 / steep}

    return values


def test_parameters_are_counted_and_slopes_recovered(invented):
    table = cells(invented("robustness-law", law(-0.5), noise=0))
    assert sorted(table.loc[(table["family"] == "net") & (table["dimension"] == 10), "p"].unique())[0] == 16 * 12 + 1
    assert table.loc[table["family"] != "net", "p"].min() == 512
    for name, exponent in {"n_samples": 0.5, "dimension": 0.5, "p": -0.5}.items():
        assert exponents(table, "steepness_largest")[name].mean() == pytest.approx(exponent)


@pytest.mark.parametrize(
    ("slope", "verdicts"),
    [(-0.45, [True] * 5), (-0.5, [None] * 2 + [True] * 3), (-0.8, [False] * 4 + [True])],
)
def test_claims_distinguish_a_law_that_is_kept_from_one_that_is_crossed(invented, slope, verdicts):
    found = check_claims("robustness-law", invented("robustness-law", law(slope), noise=1e-3))
    assert [claim.holds for claim in found] == verdicts


def test_cells_that_do_not_fit_the_noise_do_not_count(invented):
    frame = invented("robustness-law", law(-0.5))
    frame.loc[(frame["width"] == 16) & (frame["metric"] == "mse_train"), "value"] = 0.9
    found = check_claims("robustness-law", frame)
    assert "(60 cells that fit less are left out)" in found[1].measured


def test_the_curve_of_the_law_counts_parameters_as_the_claims_do(invented):
    table = cells(invented("robustness-law", law(-0.5)))
    expected = np.sqrt(table["n_samples"] * table["dimension"] / table["p"])
    given = table[["n_samples", "dimension", "width", "n_features"]].to_dict("records")
    found = [robustness_law(**{key: value for key, value in row.items() if value == value}) for row in given]
    np.testing.assert_allclose(found, expected)


@pytest.mark.slow
def test_the_bound_is_not_crossed(measured):
    found = check_claims("robustness-law", measured("robustness-law").frame())
    assert [claim.holds for claim in found if "no faster" in claim.says] == [True, True]
