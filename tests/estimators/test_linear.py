import numpy as np
import pytest

from estimators import MinimumNorm


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


def test_a_source_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"'source_coef' parameter of MinimumNorm must be of shape \(20,\)"):
        MinimumNorm([1.0, 2.0]).fit(*sample(5)[:2])
