"""Neighbours beside scikit-learn's best settings, one thread each, building and querying; docs/neighbors.md."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.neighbors import KNeighborsClassifier
from threadpoolctl import threadpool_limits

from estimators import NeighborsClassifier
from estimators.neighbor_search import brute_neighbors
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


def faiss_flat(X, Q, k):
    faiss = pytest.importorskip("faiss", reason="faiss is not installed")
    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatL2(X.shape[1])
    index.add(X)
    return index.search(Q, k)[1]


def intelex_brute(X, Q, k):
    sklearnex = pytest.importorskip("sklearnex.neighbors", reason="scikit-learn-intelex is not installed")
    pytest.importorskip("daal4py").daalinit(1)
    return sklearnex.NearestNeighbors(n_neighbors=k, algorithm="brute").fit(X).kneighbors(Q)[1]


def our_brute(X, Q, k):
    return brute_neighbors(X, Q.astype(np.float64), k)[1]


SEARCHES = {"brute_neighbors": our_brute, "faiss flat": faiss_flat, "scikit-learn-intelex": intelex_brute}


@pytest.mark.benchmark(group="brute force, float32 points")
@pytest.mark.parametrize("d", [10, 50, 500])
@pytest.mark.parametrize("n", [10**4, 10**5])
@pytest.mark.parametrize("name", SEARCHES)
def test_brute_force(timed, name, n, d):
    rng = np.random.default_rng(0)
    X, Q = rng.standard_normal((n, d), dtype=np.float32), rng.standard_normal((1000, d), dtype=np.float32)
    SEARCHES[name](X[:100], Q[:1], 5)
    with threadpool_limits(1):
        timed(f"{name}, n = {n:,}, d = {d}", lambda: SEARCHES[name](X, Q, 5), len(Q), rounds=5)
    agreement = np.mean(SEARCHES[name](X, Q, 5) == our_brute(X, Q, 5))
    assert agreement > 0.999  # distances in float32 lose some neighbours


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
