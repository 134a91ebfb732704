"""The rules for a bandwidth: by brute force, on samples of known bandwidth, and in other units."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from estimators.kernels import KernelClassifier, KernelRegressor, RFMRegressor, ridge
from estimators.kernels.bandwidths import RULES, choose_bandwidth, median_distance
from estimators.kernels.functions import KERNELS
from estimators.kernels.solvers import log_marginal_likelihood
from toymanifold import make_spiral

RIDGE = 1e-2
PRECISION = 2e-3  # a search ends within 1e-3 of the maximum


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def process(kernel, X, n_targets, rng):
    """Draw functions of a Gaussian process at `X`, of signals of different size."""
    covariance = kernel(X, X) + RIDGE * np.eye(len(X))
    return np.linalg.cholesky(covariance) @ rng.normal(size=(len(X), n_targets)) * np.arange(1, n_targets + 1)


def chosen(name, X, Y, metric=None, weight=None):
    return choose_bandwidth("marginal-likelihood", KERNELS[name], metric, X, Y, RIDGE, weight)


@pytest.mark.parametrize("name", KERNELS)
def test_likelihood_is_that_of_the_best_of_many_normal_distributions(name, rng):
    X = rng.normal(size=(30, 3))
    Y = process(KERNELS[name](1.0), X, 2, rng)
    bandwidths, variances = np.geomspace(0.3, 10, 5), np.geomspace(1e-3, 1e3, 20_001)

    def log_likelihood(bandwidth):
        covariance = KERNELS[name](bandwidth)(X, X) + RIDGE * np.eye(30)
        squares = (Y * np.linalg.solve(covariance, Y)).sum(axis=0)
        by_variance = multivariate_normal(cov=covariance).logpdf(0) - 15 * np.log(variances)[:, None]
        return (by_variance - squares / variances[:, None] / 2).max(axis=0).sum()

    ours = [log_marginal_likelihood(KERNELS[name](b), X, Y, RIDGE, None) for b in bandwidths]
    brute = [log_likelihood(b) for b in bandwidths]
    np.testing.assert_allclose(np.diff(ours), np.diff(brute), atol=1e-4)


@pytest.mark.parametrize("name", KERNELS)
def test_no_bandwidth_of_a_fine_grid_is_likelier(name, rng):
    X = rng.normal(size=(60, 3))
    Y = process(KERNELS[name](1.0), X, 2, rng)
    best = chosen(name, X, Y)
    grid = median_distance(X) * np.geomspace(0.01, 100, 400)
    likelihoods = [log_marginal_likelihood(KERNELS[name](b), X, Y, RIDGE, None) for b in [best, *grid]]
    assert np.argmax(likelihoods) == 0 or max(likelihoods) - likelihoods[0] < 1e-4
    assert grid[np.argmax(likelihoods[1:])] == pytest.approx(best, rel=0.03)


@pytest.mark.parametrize("name", KERNELS)
def test_bandwidth_of_a_sample_is_found_to_a_quarter(name, rng):
    X = rng.normal(size=(300, 2))
    assert chosen(name, X, process(KERNELS[name](0.7), X, 5, rng)) == pytest.approx(0.7, rel=0.25)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("rule", RULES)
def test_bandwidth_has_the_unit_of_the_points(name, rule, rng):
    X = rng.normal(size=(80, 2))
    y = np.sin(3 * X[:, 0])
    bandwidths = [KernelRegressor(name, bandwidth=rule).fit(c * X, y).kernel_.bandwidth for c in (1, 1e-3, 50)]
    np.testing.assert_allclose(bandwidths, bandwidths[0] * np.array([1, 1e-3, 50]), rtol=PRECISION)


@pytest.mark.parametrize("name", KERNELS)
def test_bandwidth_has_no_unit_of_the_targets(name, rng):
    X = rng.normal(size=(80, 2))
    Y = process(KERNELS[name](1.0), X, 2, rng)
    assert chosen(name, X, Y * [1e-3, 50]) == pytest.approx(chosen(name, X, Y), rel=PRECISION)


@pytest.mark.parametrize("name", KERNELS)
def test_metric_is_a_change_of_coordinates(name, rng):
    X, scale = rng.normal(size=(80, 2)), np.array([2.0, 0.5])
    Y = process(KERNELS[name](1.0), X, 2, rng)
    stretched = chosen(name, X * scale, Y)
    assert chosen(name, X, Y, metric=scale**2) == pytest.approx(stretched, rel=PRECISION)
    assert chosen(name, X, Y, metric=np.diag(scale**2)) == pytest.approx(stretched, rel=PRECISION)


@pytest.mark.parametrize("name", KERNELS)
def test_weights_count_as_copies(name, rng):
    X, copies = rng.normal(size=(60, 2)), rng.integers(1, 4, 60)
    Y = process(KERNELS[name](1.0), X, 2, rng)
    repeated = chosen(name, X.repeat(copies, axis=0), Y.repeat(copies, axis=0))
    assert chosen(name, X, Y, weight=copies.astype(float)) == pytest.approx(repeated, rel=PRECISION)


def test_median_distance_counts_weights_as_copies(rng):
    X, copies = rng.normal(size=(40, 3)), rng.integers(0, 4, 40)
    assert median_distance(X, copies) == median_distance(X.repeat(copies, axis=0))
    assert median_distance(np.array([[0.0], [1.0], [3.0]])) == 2
    assert median_distance(np.ones((5, 2))) == 1


def test_targets_that_say_nothing_leave_the_median(rng):
    X = rng.normal(size=(50, 2))
    assert chosen("laplace", X, np.zeros((50, 1))) == median_distance(X)


def test_edges_of_a_figure_need_a_short_bandwidth():
    (X, y), test = make_spiral(1000, random_state=0), make_spiral(2000, random_state=1)
    likely, median = (KernelClassifier("gaussian", bandwidth=rule, random_state=0).fit(X, y) for rule in RULES[::-1])
    assert likely.score(*test) > median.score(*test) + 0.1


def test_every_kernel_machine_takes_the_rule_and_sees_some_of_many_points(rng, monkeypatch):
    monkeypatch.setattr(ridge, "_BANDWIDTH_POINTS", 200)
    X = rng.normal(size=(300, 2)).astype(np.float32)
    y = np.sin(3 * X[:, 0])
    rule = {"bandwidth": "marginal-likelihood", "solver": "nystroem", "n_centers": 100}
    machines = (KernelRegressor(**rule, random_state=0), KernelRegressor(**rule, random_state=1))
    first, again, other = (m.fit(X, y).kernel_.bandwidth for m in (machines[0], machines[0], machines[1]))
    assert first == again != other
    assert other == pytest.approx(first, rel=0.2)
    assert RFMRegressor(**rule, n_rounds=1, random_state=0).fit(X, y).kernel_.bandwidth == pytest.approx(first, rel=0.2)
