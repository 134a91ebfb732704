import numpy as np
import pandas as pd
import pytest

from estimators import MinimumNorm, Pretrained


def sample(n, d=20, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.standard_normal(n), rng.standard_normal(d)


@pytest.mark.parametrize("n", [5, 40])
def test_it_is_the_limit_of_gradient_descent_from_the_source(n):
    X, y, source = sample(n)
    coef = source.copy()
    for _ in range(2000):
        coef -= X.T @ (X @ coef - y) / np.linalg.norm(X, 2) ** 2
    np.testing.assert_allclose(MinimumNorm(source).fit(X, y).coef_, coef, atol=1e-8)


def test_without_a_source_it_is_the_least_squares_of_minimum_norm():
    X, y, _ = sample(7)
    np.testing.assert_allclose(MinimumNorm().fit(X, y).coef_, np.linalg.pinv(X) @ y)


@pytest.mark.parametrize("n", [22, 40])
def test_from_two_points_more_than_features_on_the_source_is_forgotten(n):
    X, y, source = sample(n)
    np.testing.assert_allclose(MinimumNorm(source).fit(X, y).coef_, MinimumNorm().fit(X, y).coef_, rtol=1e-9)


@pytest.mark.parametrize("source_coef", [[1.0, 2.0], np.ones((1, 20)), 3, "ab", ["1"] * 20, [1j] * 20, [None] * 20])
def test_a_source_that_is_not_a_number_for_each_feature_is_refused(source_coef):
    with pytest.raises(ValueError, match=r"'source_coef' parameter of MinimumNorm must be of shape \(20,\)"):
        MinimumNorm(source_coef).fit(*sample(5)[:2])


@pytest.mark.parametrize("number", [np.nan, np.inf, 1e200])
def test_a_source_of_infinite_numbers_is_refused(number):
    with pytest.raises(ValueError, match="source_coef"):
        MinimumNorm([number] * 20).fit(*sample(5)[:2])


def test_weights_are_of_squared_errors():
    X, y, source = sample(40)
    whole = np.arange(40) % 3
    repeated = MinimumNorm(source).fit(X.repeat(whole, axis=0), y.repeat(whole))
    np.testing.assert_allclose(MinimumNorm(source).fit(X, y, whole).coef_, repeated.coef_)


def test_the_features_of_the_source_are_those_of_the_data():
    X, y, _ = sample(5, d=2)
    source = MinimumNorm().fit(pd.DataFrame(X, columns=["a", "b"]), y)
    with pytest.raises(ValueError, match="feature names should match"):
        Pretrained(MinimumNorm(), source).fit(pd.DataFrame(X, columns=["b", "a"]), y)
    with pytest.raises(ValueError, match=r"of the 2 features of the source\. Got .1 features"):
        Pretrained(MinimumNorm(), source).fit(X[:, :1], y)
