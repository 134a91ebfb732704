"""Graphs of the rows of X: checked once, for every estimator that has one."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.neighbors import kneighbors_graph

from estimators.graphs import as_adjacency, check_graph, neighbor_graph

EDGES = [(0, 1), (1, 2), (3, 3)]
FORWARD, BACK = np.array(EDGES).T, np.array(EDGES[:2]).T[::-1]
EDGE_INDEX = np.hstack([FORWARD, BACK])
EXPECTED = [[0, 1, 0, 0, 0], [1, 0, 1, 0, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]


def dense(n_nodes, *edges):
    matrix = np.zeros((n_nodes, n_nodes))
    for a, b, weight in edges:
        matrix[a, b] = weight
    return matrix


@pytest.mark.parametrize(
    "graph",
    [
        EDGE_INDEX,
        EDGE_INDEX.tolist(),
        EDGE_INDEX.astype(np.uint8),
        sparse.csr_array(EXPECTED),
        sparse.coo_matrix(np.array(EXPECTED) + 7 * np.diag([0, 0, 1, 1, 0])),
        sparse.csc_matrix(np.array(EXPECTED, dtype=bool)),
    ],
)
def test_every_form_of_a_graph_is_its_adjacency_without_self_loops(graph):
    found = check_graph(graph, 5, "Some")
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found.toarray(), EXPECTED)
    assert found.nnz == 4


@pytest.mark.parametrize("graph", [[[], []], np.empty((2, 0)), sparse.csr_array((5, 5))])
def test_a_graph_may_have_no_edges(graph):
    assert check_graph(graph, 5, "Some").nnz == 0


def test_repeated_edges_add_up_and_rounding_is_evened_out():
    twice = check_graph(np.hstack([EDGE_INDEX, EDGE_INDEX]), 5, "Some")
    np.testing.assert_array_equal(twice.toarray(), 2 * np.array(EXPECTED))
    rounded = check_graph(sparse.csr_array(dense(2, (0, 1, 0.3), (1, 0, 0.1 + 0.2))), 2, "Some").toarray()
    assert rounded[0, 1] == rounded[1, 0]


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int8, np.float32])
def test_repeated_edges_of_small_types_add_up_without_overflow(dtype):
    ends = np.repeat(EDGE_INDEX, 200, axis=1)
    repeated = sparse.coo_array((np.ones(ends.shape[1], dtype), tuple(ends)), shape=(5, 5))
    np.testing.assert_array_equal(check_graph(repeated, 5, "Some").toarray(), 200 * np.array(EXPECTED))


def test_weights_may_differ_by_the_rounding_of_their_type():
    weights = dense(2, (0, 1, 0.3), (1, 0, 0.3 * (1 + 3e-7)))
    assert check_graph(sparse.csr_array(weights, dtype=np.float32), 2, "Some").nnz == 2
    with pytest.raises(ValueError, match="undirected"):
        check_graph(sparse.csr_array(weights), 2, "Some")


@pytest.mark.parametrize(
    ("graph", "error", "words"),
    [
        (FORWARD[:, :2], ValueError, "undirected.*weights 1 from node 0 to node 1, 0 back"),
        (sparse.csr_array(dense(5, (0, 1, 2), (1, 0, 3))), ValueError, "undirected.*weights 2 from node 0 .*, 3 back"),
        (sparse.csr_array((4, 4)), ValueError, r"of shape \(5, 5\), a node for each row of X.*shape \(4, 4\)"),
        (sparse.csr_array(dense(5, (0, 1, -1), (1, 0, -1))), ValueError, "not negative.*'-1'"),
        (sparse.csr_array(dense(5, (0, 1, np.nan), (1, 0, np.nan))), ValueError, "finite.*'nan'"),
        (sparse.csr_array(dense(5, (0, 1, 1e308), (1, 0, 1e308))), ValueError, "largest absolute value is 0 or in"),
        (
            sparse.csr_array(dense(5, (0, 1, 5e-324), (1, 0, 5e-324))),
            ValueError,
            "largest absolute value is 0 or in",
        ),
        (sparse.csr_array(1j * np.eye(5)), TypeError, "of real weights"),
        ([[0, 5], [5, 0]], ValueError, "of nodes from 0 to 4, the rows of X. Got 'node 5'"),
        ([[0, -1], [-1, 0]], ValueError, "of nodes from 0 to 4, the rows of X. Got 'node -1'"),
        ([[0.0, 1.0], [1.0, 0.0]], TypeError, "of ints. Got 'dtype float64'"),
        (np.array(EXPECTED), ValueError, r"edge_index of shape \(2, n_edges\). Got 'an array of shape \(5, 5\)'"),
        ([[0, 1], [1]], TypeError, "None, a sparse adjacency matrix or an edge_index.*a list: "),
        (torch.eye(5).to_sparse(), TypeError, "None, a sparse adjacency matrix or an edge_index.*a Tensor: "),
        ("knn", ValueError, "None, a sparse adjacency matrix or an edge_index.*'a str'"),
    ],
)
def test_what_is_not_an_undirected_graph_of_the_rows_raises(graph, error, words):
    with pytest.raises(error, match=f"The 'graph' parameter of Some must be .*{words}"):
        as_adjacency(graph, np.zeros((5, 1)), 3, "Some")


@given(
    n_nodes=st.integers(1, 40),
    n_features=st.sampled_from([1, 2, 12]),
    k=st.integers(1, 50),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_neighbour_graph_is_that_of_scikit_learn(n_nodes, n_features, k, seed):
    X = np.random.default_rng(seed).standard_normal((n_nodes, n_features))
    found = as_adjacency(None, X, k, "Some").toarray()
    nearest = kneighbors_graph(X, min(k, n_nodes - 1)).toarray() if n_nodes > 1 else np.zeros((1, 1))
    np.testing.assert_array_equal(found, np.maximum(nearest, nearest.T))


def test_copies_of_a_point_are_its_neighbours_and_it_is_not_its_own():
    X = np.array([[0.0]] * 6 + [[1.0]])
    graph = neighbor_graph(X, 2).toarray()
    assert not graph.diagonal().any()
    assert (graph.sum(axis=1) >= 2).all()


def test_a_graph_does_not_change_what_it_is_made_of():
    given_graph = sparse.csr_array(np.array(EXPECTED, dtype=float) + np.eye(5))
    before = given_graph.toarray()
    check_graph(given_graph, 5, "Some").data[:] = 9
    np.testing.assert_array_equal(given_graph.toarray(), before)
