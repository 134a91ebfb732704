"""Neighbours are those of scikit-learn, wherever those are defined, and the same by tree and by brute force."""

import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, NearestNeighbors

from estimators import neighbor_search
from estimators.neighbor_search import Tree
from estimators.neighbors import NeighborsClassifier, NeighborsRegressor

ALGORITHMS = ("tree", "brute")
ESTIMATORS = (NeighborsClassifier, NeighborsRegressor)


@st.composite
def cases(draw, most_features=200):
    """Points, queries (some of them points) and k: scaled, shifted, on a grid for ties; clusters; a far query."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, d = draw(st.integers(1, 120)), draw(st.integers(1, 5) | st.integers(1, most_features))
    X, Q = rng.standard_normal((n, d)), rng.standard_normal((20, d))
    if draw(st.booleans()):
        X, Q = X.round(), Q.round()
    if draw(st.booleans()):
        X[: n // 2] += draw(st.sampled_from([1e3, 1e9]))
    scale, shift = draw(st.sampled_from([1e-100, 1e-3, 1.0, 1e5])), draw(st.sampled_from([0.0, 1.0, 1e6]))
    X, Q = scale * X + shift, scale * Q + shift
    Q[:5] = X[rng.integers(n, size=5)]
    Q[5] *= draw(st.sampled_from([1.0, 1e30]))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    return X.astype(dtype), Q.astype(dtype), draw(st.integers(1, n))


def labels(X):
    return np.random.default_rng(0).integers(3, size=len(X))


def reference(X, Q):
    """Squared distances of all pairs, computed directly in float64."""
    difference = Q[:, None].astype(np.float64) - X.astype(np.float64)
    return np.einsum("ijk,ijk->ij", difference, difference)


def distinct(X, Q, k):
    """Which queries have no two points as near, to rounding, among the first k + 1."""
    nearest = np.sort(reference(X, Q), axis=1)[:, : k + 1]
    return (np.diff(nearest, axis=1) > 1e-12 * nearest[:, 1:]).all(axis=1)


@given(cases())
@settings(deadline=None)
def test_both_ways_rank_by_direct_distance_then_index(case):
    X, Q, k = case
    squares = reference(X, Q)
    expected = np.argsort(squares, axis=1, kind="stable")[:, :k]
    for algorithm in ALGORITHMS:
        distances, indices = NeighborsClassifier(k, algorithm=algorithm).fit(X, labels(X)).kneighbors(Q)
        assert_array_equal(indices, expected)
        assert_array_equal(distances, np.sqrt(np.take_along_axis(squares, expected, axis=1)))


@given(cases())
@settings(max_examples=settings().max_examples // 2, deadline=None)
def test_neighbours_are_those_of_scikit_learn(case):
    X, Q, k = case
    theirs, their_indices = NearestNeighbors(n_neighbors=k, algorithm="kd_tree").fit(X).kneighbors(Q)
    ours, our_indices = NeighborsRegressor(k).fit(X, labels(X)).kneighbors(Q)
    assert_allclose(ours, theirs, rtol=1e-12)
    clear = distinct(X, Q, k)
    assert_array_equal(our_indices[clear], their_indices[clear])


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@given(case=cases(most_features=8))
@settings(max_examples=settings().max_examples // 4, deadline=None)
def test_predictions_are_those_of_scikit_learn(weights, case):
    X, Q, k = case
    clear = distinct(X, Q, k)
    ours = NeighborsClassifier(k, weights=weights).fit(X, labels(X))
    theirs = KNeighborsClassifier(k, weights=weights, algorithm="kd_tree").fit(X, labels(X))
    assert_allclose(ours.predict_proba(Q)[clear], theirs.predict_proba(Q)[clear], rtol=1e-9, atol=1e-9)
    ours = NeighborsRegressor(k, weights=weights).fit(X, X)
    theirs = KNeighborsRegressor(k, weights=weights, algorithm="kd_tree").fit(X.astype(np.float64), X)
    assert_allclose(ours.predict(Q)[clear], theirs.predict(Q)[clear], rtol=1e-5, atol=1e-5 * np.ptp(X))


@pytest.mark.parametrize("d", [1, 2, 20, 200])
@pytest.mark.parametrize("k", [1, 2, 5, 50])
@pytest.mark.parametrize("theirs", ["brute", "kd_tree"])
def test_votes_are_exactly_those_of_scikit_learn_on_points_in_general_position(d, k, theirs):
    X, Q = np.random.default_rng(d).standard_normal((2, 300, d))
    y = np.array(["c", "a", "b"])[labels(X)]
    peer = KNeighborsClassifier(k, algorithm=theirs).fit(X, y)
    for algorithm in ALGORITHMS:
        ours = NeighborsClassifier(k, algorithm=algorithm).fit(X, y)
        assert_array_equal(ours.predict(Q), peer.predict(Q))
        assert_array_equal(ours.predict_proba(Q), peer.predict_proba(Q))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_many_blocks_agree_with_one(algorithm, monkeypatch):
    X, Q = np.random.default_rng(0).integers(9, size=(2, 500, 3)).astype(np.float64)
    knn = NeighborsRegressor(7, algorithm=algorithm).fit(X, X)
    whole = knn.kneighbors(Q)
    for name, size in (("_ENTRIES", 64), ("_SIDE", 8), ("_HITS", 400)):
        monkeypatch.setattr(neighbor_search, name, size)
    assert_array_equal(knn.kneighbors(Q), whole)


@pytest.mark.parametrize("copies", [1, 1000])
@pytest.mark.parametrize("offset", [0.0, 1e9])
@pytest.mark.parametrize("k", [1, 5, 300])
def test_more_points_than_a_tile_rank_by_direct_distance_then_index(k, offset, copies):
    X = np.random.default_rng(0).standard_normal((3000 // copies, 7)).repeat(copies, axis=0)
    X[::3] += offset
    squares, indices = neighbor_search.brute_neighbors(X, X[:300], k)
    expected = reference(X, X[:300])
    order = np.argsort(expected, axis=1, kind="stable")[:, :k]
    assert_array_equal(indices, order)
    assert_array_equal(squares, np.take_along_axis(expected, order, axis=1))


@pytest.mark.parametrize("copies", [1, 40_000])
def test_memory_beside_a_copy_of_the_points_is_bounded(copies):
    X = np.random.default_rng(0).standard_normal((40_000 // copies, 3)).repeat(copies, axis=0)
    neighbor_search.brute_neighbors(X[:10], X[:10], 5)
    tracemalloc.start()
    neighbor_search.brute_neighbors(X, X[:256], 5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40e6  # the products alone would be 41 MB in float32; of equal points all are candidates


def test_without_numba_brute_force_finds_the_same_by_a_tree(monkeypatch):
    X = np.random.default_rng(0).standard_normal((300, 20))
    knn = NeighborsRegressor(algorithm="brute").fit(X, X)
    expected = knn.kneighbors(X)
    monkeypatch.setattr(neighbor_search, "IS_COMPILED", False)
    assert_array_equal(knn.kneighbors(X), expected)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_threads_change_nothing(algorithm):
    X, Q = np.random.default_rng(0).standard_normal((2, 500, 3))
    knn = NeighborsRegressor(algorithm=algorithm).fit(X, X)
    assert_array_equal(knn.set_params(n_jobs=2).kneighbors(Q), knn.set_params(n_jobs=None).kneighbors(Q))


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_tied_vote_goes_to_the_first_class(weights):
    knn = NeighborsClassifier(2, weights=weights).fit([[-1.0], [1.0]], ["b", "a"])
    assert knn.predict([[0.0]]) == ["a"]


def test_points_met_exactly_outweigh_all_others():
    knn = NeighborsRegressor(3, weights="distance").fit([[0.0], [0.0], [1e-9]], [1.0, 2.0, 9.0])
    assert_array_equal(knn.predict([[0.0]]), [1.5])


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_float32_targets_stay_float32(weights):
    X = np.random.default_rng(0).standard_normal((20, 2))
    assert NeighborsRegressor(weights=weights).fit(X, X.astype(np.float32)).predict(X).dtype == np.float32


@pytest.mark.parametrize(("n", "d", "tree"), [(1000, 5, True), (1000, 6, False), (10**5, 7, True), (10**5, 8, False)])
def test_auto_takes_the_tree_below_the_measured_dimension(n, d, tree):
    X = np.random.default_rng(0).standard_normal((n, d), dtype=np.float32)
    assert isinstance(NeighborsClassifier().fit(X, X[:, 0] > 0)._index, Tree) == tree


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_pickle_finds_the_same(algorithm):
    X = np.random.default_rng(0).standard_normal((100, 2))
    knn = NeighborsRegressor(algorithm=algorithm).fit(X, X)
    assert_array_equal(pickle.loads(pickle.dumps(knn)).kneighbors(X), knn.kneighbors(X))


@pytest.mark.parametrize(
    ("parameters", "X", "message"),
    [
        ({"n_neighbors": 4}, 1.0, "'n_neighbors' .* n_samples=3. Got 4 instead"),
        ({"n_neighbors": 0}, 1.0, "'n_neighbors' .* Got 0 instead"),
        ({"weights": "square"}, 1.0, "'weights' .* Got 'square' instead"),
        ({"algorithm": "kd_tree"}, 1.0, "'algorithm' .* Got 'kd_tree' instead"),
        ({"n_jobs": 0}, 1.0, "'n_jobs' .* Got 0 instead"),
        ({}, 1e200, r"'X' .* in \[1e-100, 1e\+100\]"),
    ],
)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_what_is_not_allowed_is_refused_in_one_sentence(estimator, parameters, X, message):
    with pytest.raises(ValueError, match=message):
        estimator(**{"n_neighbors": 1, **parameters}).fit(X * np.arange(3.0)[:, None], [0, 1, 0])
