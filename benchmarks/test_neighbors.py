"""Neighbours beside scikit-learn's best settings, one thread each, building and querying; docs/neighbors.md."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.neighbors import KNeighborsClassifier
from threadpoolctl import threadpool_limits

from estimators import NeighborsClassifier
from toymanifold import make_spiral

LEARNERS = {
    "NeighborsClassifier": NeighborsClassifier(),
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


@pytest.mark.benchmark(group="the plane: 1e6 training points, 1e5 queries")
@pytest.mark.parametrize("name", TREES)
def test_plane(timed, spiral, name):
    agree(timed, spiral, name, "plane")


@pytest.mark.benchmark(group="100 dimensions: 20,000 training points, 2,000 queries")
@pytest.mark.parametrize("name", ["NeighborsClassifier", "brute"])
def test_high_dimension(timed, normal, name):
    agree(timed, normal, name, "100 features")


def agree(timed, data, name, where):
    """Time fit and predict, whose answer must be ours."""
    X, y, Q = data

    def fit_and_predict():
        return LEARNERS[name].fit(X, y).predict(Q)

    with threadpool_limits(1):
        timed(f"{name}, {where}", fit_and_predict, len(Q), rounds=5)
    assert_array_equal(fit_and_predict(), LEARNERS["NeighborsClassifier"].fit(X, y).predict(Q))
