import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from toymanifold import DataProblem, block_model_problem
from toymanifold.block_model import _triangle
from toymanifold.strategies import seeds


def neighbours(problem):
    """Return the numbers of each node's neighbours in its own block and in the other."""
    graph, y = problem.graph.astype(bool).astype(int), problem.y
    ones = graph @ y
    return np.where(y == 1, ones, graph.sum(axis=1) - ones), np.where(y == 1, graph.sum(axis=1) - ones, ones)


@pytest.mark.parametrize(("inside", "across"), [(15.0, 5.0), (3.0, 12.0), (0.0, 8.0), (6.0, 0.0)])
def test_nodes_have_the_expected_numbers_of_neighbours(inside, across):
    own, other = neighbours(block_model_problem(n_nodes=4000, inside=inside, across=across))
    for found, expected in ((own, inside), (other, across)):
        assert found.mean() == pytest.approx(expected, abs=5 * np.sqrt(2 * expected / 4000))
        assert found.var() == pytest.approx(expected, rel=0.15)  # binomial with a small probability


@given(a=st.integers(1, 100_000), seed=seeds())
def test_numbers_of_pairs_are_those_of_a_triangle(a, seed):
    b = np.random.default_rng(seed).integers(a, size=5)
    np.testing.assert_array_equal(_triangle(a * (a - 1) // 2 + b), [np.full(5, a), b])


def test_a_dense_graph_has_every_pair_once():
    problem = block_model_problem(n_nodes=20, inside=9.0, across=9.0)
    own, other = neighbours(problem)
    assert set(own) == {9}
    assert problem.graph.max() == 1
    assert 8 < other.mean() < 10  # 0.9 of the 100 pairs


def test_features_are_normal_with_a_mean_along_the_first_axis():
    problem = block_model_problem(n_nodes=20_000, dimension=3, mean=0.8, inside=1.0, across=1.0)
    for block, sign in ((0, -1), (1, 1)):
        X = problem.X[problem.y == block]
        np.testing.assert_allclose(X.mean(axis=0), [0.8 * sign, 0, 0], atol=0.04)
        np.testing.assert_allclose(np.cov(X.T), np.eye(3), atol=0.06)


def test_one_seed_has_one_problem_and_features_that_do_not_depend_on_the_edges():
    one, same, other = (block_model_problem(n_nodes=100, problem_seed=seed) for seed in (1, 1, 2))
    denser = block_model_problem(n_nodes=100, inside=30.0, problem_seed=1)
    assert (one.graph != same.graph).nnz == 0
    for again in (same, denser):
        np.testing.assert_array_equal(again.X, one.X)
        np.testing.assert_array_equal(again.is_test, one.is_test)
    assert (one.graph != other.graph).nnz
    assert not np.array_equal(one.X, other.X)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"n_nodes": 7}, "n_nodes"),
        ({"dimension": 0}, "dimension"),
        ({"mean": -0.5}, "mean"),
        ({"n_nodes": 100, "inside": 50.0}, "inside"),
        ({"across": -1.0}, "across"),
        ({"test_fraction": 1.0}, "test_fraction"),
        ({"problem_seed": -1}, "problem_seed"),
    ],
)
def test_what_is_not_allowed_is_named(arguments, named):
    with pytest.raises(ValueError, match=f"'{named}' parameter"):
        block_model_problem(**arguments)


def test_rows_of_a_sample_are_those_that_it_has():
    problem = block_model_problem(n_nodes=60)
    X, y = problem.sample(12, 3)
    rows = problem.sample_rows(12, 3)
    np.testing.assert_array_equal(problem.X[rows], X)
    np.testing.assert_array_equal(problem.y[rows], y)
    assert not problem.is_test[rows].any()


PATH = np.array([[0, 1, 1, 2], [1, 0, 2, 1]])


@pytest.mark.parametrize("graph", [PATH, PATH.tolist(), sparse.coo_array((np.ones(4), tuple(PATH)), shape=(4, 4))])
def test_data_can_have_a_graph_of_their_rows(graph):
    problem = DataProblem.from_data(np.eye(4), [0, 1, 0, 1], graph=graph, test=[False, False, True, True])
    np.testing.assert_array_equal(problem.graph.toarray(), [[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]])


@pytest.mark.parametrize(
    "graph", [[[0, 4], [4, 0]], [[0], [1]], sparse.eye_array(3), sparse.csr_array(-np.ones((4, 4))), np.zeros((3, 2))]
)
def test_a_graph_that_is_not_one_of_the_rows_is_refused(graph):
    with pytest.raises((TypeError, ValueError), match=r"'graph' parameter of DataProblem\.from_data"):
        DataProblem.from_data(np.eye(4), [0, 1, 0, 1], graph=graph)
