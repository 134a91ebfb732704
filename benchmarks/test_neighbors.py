"""Neighbours beside scikit-learn's best settings, one thread each, building and querying together."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.neighbors import KNeighborsClassifier
from threadpoolctl import threadpool_limits

from estimators.neighbors import NeighborsClassifier
from toymanifold import make_spiral

LEARNERS = {
    "ours": NeighborsClassifier(),
    **{
        f"kd_tree, leaf_size={size}": KNeighborsClassifier(algorithm="kd_tree", leaf_size=size)
        for size in (30, 60, 120)
    },
    "ball_tree": KNeighborsClassifier(algorithm="ball_tree"),
    "brute": KNeighborsClassifier(algorithm="brute"),
}
TREES = [name for name in LEARNERS if name != "brute"]


@pytest.fixture(scope="module")
def spiral():
    return *make_spiral(10**6, random_state=0), make_spiral(10**5, random_state=1)[0]


@pytest.fixture(scope="module")
def normal():
    X, Q = np.split(np.random.default_rng(0).standard_normal((22_000, 100)), [20_000])
    return X, X[:, 0] > 0, Q


@pytest.mark.benchmark(group="the plane: 1e6 training points, 1e5 queries; at least 2.5x")
@pytest.mark.parametrize("name", TREES)
def test_plane(benchmark, spiral, name):
    agree(benchmark, spiral, name)


@pytest.mark.benchmark(group="100 dimensions: 20,000 training points, 2,000 queries")
@pytest.mark.parametrize("name", ["ours", "brute"])
def test_high_dimension(benchmark, normal, name):
    agree(benchmark, normal, name)


def agree(benchmark, data, name):
    """Time fit and predict, whose answer must be ours."""
    X, y, Q = data

    def fit_and_predict():
        return LEARNERS[name].fit(X, y).predict(Q)

    with threadpool_limits(1):
        predicted = benchmark.pedantic(fit_and_predict, rounds=5, warmup_rounds=1)
    assert_array_equal(predicted, LEARNERS["ours"].fit(X, y).predict(Q))
