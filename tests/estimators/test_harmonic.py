"""Harmonic functions on graphs, against their definition, the dense solution and closed forms."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.neighbors import kneighbors_graph

from estimators import HarmonicClassifier
from estimators.graphs import neighbor_graph
from toymanifold import spiral_problem

PATH = sparse.diags_array([np.ones(4), np.ones(4)], offsets=[-1, 1], shape=(5, 5), format="csr")
TIED = sparse.diags_array([[1e-20, 1, 1e-20, 1]] * 2, offsets=[-1, 1], shape=(5, 5), format="csr")
X5 = np.arange(5.0)[:, None]


@given(
    n_unlabelled=st.integers(0, 40), n_labels=st.integers(1, 8), n_classes=st.integers(1, 4), seed=st.integers(0, 999)
)
def test_each_value_is_the_mean_over_its_neighbours(n_unlabelled, n_labels, n_classes, seed):
    """The definition, by weights, wherever a label is connected; and the shares of the classes elsewhere."""
    rng = np.random.default_rng(seed)
    n = n_labels + n_unlabelled
    weights = np.triu(rng.random((n, n)) * (rng.random((n, n)) < 2 / n), 1)
    graph = weights + weights.T
    y = np.concatenate([rng.integers(n_classes, size=n_labels), [-1] * n_unlabelled]).astype(int)
    found = HarmonicClassifier(graph=sparse.csr_array(graph)).fit(rng.standard_normal((n, 2)), y)
    values = found.label_distributions_
    np.testing.assert_array_equal(values[:n_labels], y[:n_labels, None] == found.classes_)
    reached = np.linalg.matrix_power((graph > 0) + np.eye(n), n)[:, :n_labels].any(axis=1)
    for node in np.flatnonzero(y == -1):
        shares = values[:n_labels].mean(axis=0)
        expected = graph[node] @ values / graph[node].sum() if reached[node] else shares
        np.testing.assert_allclose(values[node], expected, atol=1e-12)
    np.testing.assert_allclose(values.sum(axis=1), 1)


@pytest.mark.parametrize("n_neighbors", [3, 10, 400])
def test_values_are_the_dense_solution_on_the_graph_of_scikit_learn(n_neighbors):
    """Zhu, Ghahramani and Lafferty 2003, equation 5: f_u = (D_uu - W_uu)^-1 W_ul f_l."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((200, 2)), np.r_[np.arange(30) % 3, [-1] * 170]
    nearest = kneighbors_graph(X, min(n_neighbors, 199)).toarray()
    weights = np.maximum(nearest, nearest.T)
    laplacian = np.diag(weights.sum(axis=1)) - weights
    expected = np.linalg.solve(laplacian[30:, 30:], weights[30:, :30] @ np.eye(3)[y[:30]])
    found = HarmonicClassifier(n_neighbors=n_neighbors).fit(X, y)
    np.testing.assert_allclose(found.label_distributions_[30:], expected, atol=1e-12)
    np.testing.assert_array_equal(found.transduction_[30:], expected.argmax(axis=1))


def test_values_on_a_path_are_a_straight_line_and_weights_are_conductances():
    y = [0, -1, -1, -1, 1]
    line = HarmonicClassifier(graph=PATH).fit(X5, y)
    np.testing.assert_allclose(line.label_distributions_[:, 1], np.linspace(0, 1, 5))
    weighted = sparse.csr_array(PATH.toarray() * np.array([[1, 1, 1, 1, 1]]))
    weighted[0, 1] = weighted[1, 0] = 1 / 3  # three times the resistance of the others
    line.set_params(graph=weighted).fit(X5, y)
    np.testing.assert_allclose(line.label_distributions_[:, 1], [0, 0.5, 2 / 3, 5 / 6, 1])


@pytest.mark.parametrize("dtype", [object, str])
def test_labels_of_any_type_are_kept_and_the_others_are_found(dtype):
    y = np.array(["b", -1, -1, -1, "a"], dtype=dtype)
    found = HarmonicClassifier(graph=PATH).fit(X5, y)
    assert found.classes_.tolist() == ["a", "b"]
    assert found.transduction_.tolist()[:2] + found.transduction_.tolist()[3:] == ["b", "b", "a", "a"]


@pytest.mark.parametrize("make", [np.array, pd.Series, lambda y: pd.Series(y, dtype="category")])
def test_strings_of_numpy_and_of_pandas_mark_unlabelled_points(make):
    found = HarmonicClassifier(graph=PATH).fit(X5, make(["b", "-1", "-1", "-1", "a"]))
    assert found.classes_.tolist() == ["a", "b"]


def test_a_component_without_a_label_has_the_shares_of_the_classes():
    found = HarmonicClassifier(n_neighbors=2).fit([[0], [1], [2], [100], [101], [102]], [7, 7, 3, -1, -1, -1])
    np.testing.assert_allclose(found.label_distributions_[3:], [[1 / 3, 2 / 3]] * 3)
    assert found.transduction_.tolist() == [7, 7, 3, 7, 7, 7]


def test_a_new_point_has_the_mean_of_its_neighbours():
    problem = spiral_problem(arms=3, turns=2, fill=0.25, density="bands", start=0.5, n_unlabelled=500)
    X, y = problem.sample(30, 0)
    found = HarmonicClassifier(n_neighbors=4).fit(X, y)
    queries, _ = problem.sample(50, 0, split="test")
    nearest = np.linalg.norm(queries[:, None] - X, axis=2).argsort(axis=1)[:, :4]
    expected = found.label_distributions_[nearest].mean(axis=1)
    np.testing.assert_allclose(found.predict_proba(queries), expected)
    np.testing.assert_array_equal(found.predict(queries), found.classes_[expected.argmax(axis=1)])


def test_a_training_point_has_its_own_value():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((200, 2)), np.r_[np.arange(20) % 3, [-1] * 180]
    found = HarmonicClassifier().fit(X, y)
    np.testing.assert_array_equal(found.predict_proba(X), found.label_distributions_)
    np.testing.assert_array_equal(found.predict(X), found.transduction_)


def test_one_label_of_each_arm_is_enough_where_the_graph_resolves_the_gap():
    problem = spiral_problem(arms=2, turns=2, fill=0.25, density="bands", start=0.5, n_unlabelled=3000)
    X, y = problem.sample(40, 0)
    kept = [np.flatnonzero(y == label)[0] for label in (0, 1)]
    y = np.where(np.isin(np.arange(len(y)), kept), y, -1)
    found = HarmonicClassifier().fit(X, y)
    assert (found.transduction_ == problem.label(X)).all()
    test, truth = problem.sample(2000, 0, split="test")
    assert (found.predict(test) == truth).all()


def test_the_graph_and_the_points_can_be_of_different_kinds():
    """The graph decides at the training points, distances at new ones."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 2))
    graph = neighbor_graph(X, 5)
    order = rng.permutation(60)
    y = np.where(np.arange(60) < 6, np.arange(60) % 2, -1)
    one = HarmonicClassifier(graph=graph).fit(X, y)
    other = HarmonicClassifier(graph=graph[order][:, order]).fit(X[order], y[order])
    np.testing.assert_allclose(other.label_distributions_, one.label_distributions_[order], atol=1e-12)


def test_parameters_that_are_set_after_the_fit_change_no_prediction():
    harmonic = HarmonicClassifier(n_neighbors=2).fit(X5, [0, -1, -1, -1, 1])
    before = harmonic.predict_proba([[0.4]])
    np.testing.assert_array_equal(harmonic.set_params(n_neighbors=0).predict_proba([[0.4]]), before)


@pytest.mark.parametrize(
    ("params", "y", "words"),
    [
        ({}, [-1] * 5, "'y' parameter of HarmonicClassifier must be of one label at least"),
        ({"n_neighbors": 0}, [0, 1, -1, -1, -1], "'n_neighbors' parameter of HarmonicClassifier"),
        ({"graph": PATH, "n_neighbors": 0}, [0, 1, -1, -1, -1], "'n_neighbors' parameter of HarmonicClassifier"),
        ({"graph": PATH[:4, :4]}, [0, 1, -1, -1, -1], "'graph' parameter of HarmonicClassifier"),
        ({"graph": 1e200 * PATH}, [0, 1, -1, -1, -1], "'graph' parameter of HarmonicClassifier.* largest absolute"),
        ({"graph": TIED}, [0, -1, -1, 1, -1], "'graph' parameter of HarmonicClassifier.* from 1e-20 to 1"),
        ({}, [0.5, 1, -1, -1, -1], "continuous"),
        ({}, ["a", None, "b", None, None], "'y' parameter of HarmonicClassifier must be of labels.*'None in row 1'"),
    ],
)
def test_bad_input_raises(params, y, words):
    with pytest.raises(ValueError, match=words):
        HarmonicClassifier(**params).fit(X5, y)
