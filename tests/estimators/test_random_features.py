import math
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score

from estimators.random_features import (
    RandomFeatures,
    RandomFeaturesClassifier,
    RandomFeaturesRegressor,
    ridge_coefficients,
)
from toymanifold import make_spiral
from toymanifold.spheres import sphere_problem

KINDS = ("fourier", "relu")

rng = np.random.default_rng(0)
X = rng.standard_normal((30, 4))
y = np.sin(X).sum(axis=1)


def gaussian(A, B, bandwidth):
    return np.exp(-((A[:, None] - B) ** 2).sum(axis=2) / (2 * bandwidth**2))


def arc_cosine(A, B, bandwidth):
    """Cho and Saul 2009, order 1."""
    norms = np.outer(np.linalg.norm(A, axis=1), np.linalg.norm(B, axis=1))
    angle = np.arccos(np.clip(A @ B.T / norms, -1, 1))
    return norms * (np.sin(angle) + (math.pi - angle) * np.cos(angle)) / math.pi / bandwidth**2


KERNELS = {"fourier": gaussian, "relu": arc_cosine}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bandwidth", [0.5, 3.0])
def test_inner_products_are_the_kernel_at_the_monte_carlo_rate(kind, bandwidth):
    """The root mean squared error is that of a mean of N independent features: a constant over sqrt(N)."""
    kernel = KERNELS[kind](X, X, bandwidth)

    def error(n_features, seed):
        Z = RandomFeatures(n_features, kind, bandwidth=bandwidth, random_state=seed).fit_transform(X)
        return np.mean((Z @ Z.T - kernel) ** 2)

    few, many = (math.sqrt(np.mean([error(n, seed) for seed in range(40)])) for n in (100, 6400))
    assert few / many == pytest.approx(8, rel=0.2)
    assert many < 0.05 * np.abs(kernel).max()


def test_relu_weights_are_uniform_on_their_sphere():
    weights = RandomFeatures(20_000, "relu", random_state=0).fit(X).weights_
    np.testing.assert_allclose(np.linalg.norm(weights, axis=1), 2.0)
    np.testing.assert_allclose(weights.T @ weights / len(weights), np.eye(4), atol=0.03)
    # On S^3 a coordinate's fourth moment is 3 / (d (d + 2)) of the fourth power of the radius.
    np.testing.assert_allclose((weights**4).mean(axis=0), 2.0**4 * 3 / 24, rtol=0.03)


@pytest.mark.parametrize("kind", KINDS)
def test_features_are_nested(kind):
    few, many = (RandomFeatures(n, kind, random_state=5).fit(X) for n in (7, 50))
    np.testing.assert_array_equal(few.weights_, many.weights_[:7])
    np.testing.assert_allclose(few.transform(X), math.sqrt(50 / 7) * many.transform(X)[:, :7], rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_seeds_bind_and_global_generators_are_left_alone(kind):
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    one, same, other, fresh = (RandomFeatures(5, kind, random_state=seed).fit_transform(X) for seed in (0, 0, 1, None))
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other)
    assert not np.allclose(one, fresh)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_features_do_not_replay_the_draws_of_data_of_the_same_seed():
    plain = np.random.default_rng(3).standard_normal((50, 4))
    weights = RandomFeatures(50, random_state=3).fit(X).weights_
    assert abs(np.corrcoef(plain.ravel(), weights.ravel())[0, 1]) < 0.3


@pytest.mark.parametrize("kind", KINDS)
def test_float32_is_kept_and_means_the_same(kind):
    single = X.astype(np.float32)
    features = RandomFeatures(kind=kind, random_state=0).fit(X)
    assert features.transform(single).dtype == np.float32
    np.testing.assert_allclose(features.transform(single), features.transform(X), atol=1e-5)
    model = RandomFeaturesRegressor(kind=kind, ridge=0, random_state=0).fit(single, y)
    assert model.predict(single).dtype == np.float32
    np.testing.assert_allclose(model.predict(single), clone(model).fit(X, y).predict(X), atol=1e-4)


def test_features_have_names():
    frame = pd.DataFrame(X, columns=list("abcd"))
    new = RandomFeatures(3, random_state=0).set_output(transform="pandas").fit_transform(frame)
    assert list(new.columns) == ["randomfeatures0", "randomfeatures1", "randomfeatures2"]


@pytest.mark.parametrize("kind", KINDS)
def test_ridgeless_interpolates_with_the_smallest_norm(kind):
    model = RandomFeaturesRegressor(80, kind, ridge=0, random_state=0).fit(X, y)
    Z = model.features_.transform(X)
    np.testing.assert_allclose(model.predict(X), y, atol=1e-9)
    null_space = np.linalg.svd(Z)[2][len(X) :]
    for _ in range(10):
        competitor = model.coef_[:, 0] + null_space.T @ rng.standard_normal(len(null_space))
        np.testing.assert_allclose(Z @ competitor, y, atol=1e-9)
        assert np.linalg.norm(model.coef_) < np.linalg.norm(competitor)


@pytest.mark.parametrize("n_features", [10, 80])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weights", [None, np.linspace(0, 2, len(X))])
def test_ridge_is_scikit_learns_on_the_features(kind, n_features, weights):
    Y = np.column_stack([y, y**2])
    model = RandomFeaturesRegressor(n_features, kind, ridge=0.1, random_state=0).fit(X, Y, weights)
    peer = Ridge(0.1, fit_intercept=False, solver="svd").fit(model.features_.transform(X), Y, weights)
    np.testing.assert_allclose(model.coef_, peer.coef_.T, atol=1e-10)


@pytest.mark.parametrize("n_features", [10, 80])
def test_ridgeless_is_the_limit_of_small_ridge(n_features):
    limit, near = (RandomFeaturesRegressor(n_features, ridge=r, random_state=0).fit(X, y).coef_ for r in (0, 1e-9))
    np.testing.assert_allclose(near, limit, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("ridge", [0, 1e-14, 1e-10, 1e-6, 1.0])
@pytest.mark.parametrize("n_features", [20, 80])
def test_any_ridge_is_exact_on_features_of_any_condition(n_features, ridge):
    """Singular values from 1 down to 1e-8, whose squares span all of float64."""
    rank = min(n_features, len(X))
    U, V = (np.linalg.qr(rng.standard_normal((n, rank)))[0] for n in (len(X), n_features))
    s = np.logspace(0, -8, rank)
    expected = V @ (s / (s**2 + ridge) * (U.T @ y))
    C = ridge_coefficients((U * s) @ V.T, y, ridge)
    np.testing.assert_allclose(C, expected, atol=1e-4 * np.linalg.norm(expected))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("targets", [y, np.column_stack([y, y**2])], ids=["one", "two"])
def test_gradients_are_the_differences_of_the_values(kind, targets):
    h, points = 1e-6, X[:10] + 0.1
    model = RandomFeaturesRegressor(kind=kind, random_state=0).fit(X, targets)
    differences = [
        (model.predict(points + h * e) - model.predict(points - h * e)).reshape(10, -1) / (2 * h) for e in np.eye(4)
    ]
    gradients = model.gradients(points)
    np.testing.assert_allclose(gradients, np.stack(differences, axis=1), rtol=1e-4, atol=1e-6)
    assert model.gradients(points.astype(np.float32)).dtype == np.float64


@pytest.mark.parametrize("n_classes", [2, 3])
def test_gradients_of_a_classifier_are_those_of_its_decision(n_classes):
    h, labels = np.array([1e-6, 0, 0, 0]), np.arange(len(X)) % n_classes
    model = RandomFeaturesClassifier(random_state=0).fit(X, labels)
    along = model.decision_function(X + h) - model.decision_function(X - h)
    np.testing.assert_allclose(model.gradients(X)[:, 0], along.reshape(len(X), -1) / 2e-6, rtol=1e-4, atol=1e-6)


def test_directions_that_the_data_lack_get_no_coefficient():
    Z = X @ np.array([[1.0, 2, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]])  # of rank 2
    np.testing.assert_allclose(ridge_coefficients(Z, y, 0), np.linalg.pinv(Z) @ y, atol=1e-12)


def test_with_many_features_it_is_kernel_ridge_regression():
    peer = KernelRidge(alpha=0.1, kernel="rbf", gamma=1 / (2 * 2.0**2)).fit(X, y)
    model = RandomFeaturesRegressor(50_000, bandwidth=2.0, ridge=0.1, random_state=0).fit(X, y)
    np.testing.assert_allclose(model.predict(X), peer.predict(X), atol=0.03)


def test_ridgeless_test_error_peaks_where_features_are_as_many_as_samples():
    """Double descent, as in Mei and Montanari 2019: noisy linear data on the sphere, ReLU features, no ridge."""
    n, counts = 100, (20, 100, 1000)
    problem = sphere_problem(dimension=20, target="linear", task="regression", noise=0.5)
    X_test, y_test = sphere_problem(dimension=20, target="linear", task="regression").sample(1000, 0, split="test")

    def error(n_features, ridge, seed):
        model = RandomFeaturesRegressor(n_features, "relu", ridge=ridge, random_state=seed)
        return np.mean((model.fit(*problem.sample(n, seed)).predict(X_test) - y_test) ** 2)

    few, peak, many = (np.median([error(N, 0, seed) for seed in range(9)]) for N in counts)
    assert peak > 5 * max(few, many)
    assert many < few
    assert np.median([error(n, 0.1, seed) for seed in range(9)]) < peak / 5


def test_classifier_learns_the_spiral_with_labels_of_any_type():
    points, labels = make_spiral(2000, random_state=0)
    names = np.array(["out", "in"])
    model = RandomFeaturesClassifier(500, bandwidth=0.1, random_state=0).fit(points, names[labels])
    X_test, y_test = make_spiral(2000, random_state=1)
    assert model.score(X_test, names[y_test]) > 0.85


def test_models_survive_a_search_a_pickle_and_parallel_work():
    search = GridSearchCV(RandomFeaturesRegressor(random_state=0), {"ridge": [0, 1e-2], "kind": KINDS}, cv=2).fit(X, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(search)).predict(X), search.predict(X))
    assert cross_val_score(RandomFeaturesClassifier(), X, y > 0, cv=2, n_jobs=2).shape == (2,)


@pytest.mark.parametrize(
    ("param", "bad"), [("n_features", 0), ("kind", "sine"), ("bandwidth", 0.0), ("random_state", -1)]
)
@pytest.mark.parametrize("owner", [RandomFeatures, RandomFeaturesClassifier])
def test_a_bad_parameter_is_refused_by_name(owner, param, bad):
    with pytest.raises(ValueError, match=f"The '{param}' parameter of RandomFeatures must be .* Got {bad!r} instead"):
        owner(**{param: bad}).fit(X, y > 0)


def test_a_bad_ridge_is_refused():
    with pytest.raises(ValueError, match=r"The 'ridge' parameter of RandomFeaturesRegressor must be .* Got -1 instead"):
        RandomFeaturesRegressor(ridge=-1).fit(X, y)
