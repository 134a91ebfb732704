"""The toy of relations: the contextual stochastic block model, a graph of two blocks whose nodes have features.

Features and edges both say something of a node's block, each as much as one likes (Deshpande, Sen, Montanari and
Mossel, Contextual stochastic block models, NeurIPS 2018).
"""

import numpy as np
from numpy.typing import NDArray

from toymanifold.datasets import DataProblem
from toymanifold.streams import Split, stream
from toymanifold.validation import check_integer, check_real, check_seed

Edges = NDArray[np.int64]
"""Pairs of nodes as (2, n_edges)."""


def block_model_problem(
    *,
    n_nodes: int = 4000,
    dimension: int = 20,
    mean: float = 0.5,
    inside: float = 15.0,
    across: float = 5.0,
    test_fraction: float = 0.5,
    problem_seed: int = 0,
) -> DataProblem:
    """Build the problem of finding the blocks of the nodes of a graph.

    A node of block y, 0 or 1, has normal features of variance 1: the first of mean ``mean * (2 y - 1)``, the others of
    0, and by symmetry the first axis stands for any direction. Each pair of nodes is an edge with a probability
    that depends on whether they are of one block.

    Learners that take a graph see it with the features of all nodes; the others see the features of labelled nodes.

    Parameters
    ----------
    n_nodes : int, default=4000
        Number of nodes, at least 8, half of them in each block.
    dimension : int, default=20
        Number of features.
    mean : float, default=0.5
        Distance of the mean of a block from the origin, in standard deviations.
    inside, across : float, default=15.0, 5.0
        Expected number of a node's neighbours in its own block and in the other. If they are equal, the graph says
        nothing of the blocks; if `across` is larger, the graph is heterophilous: neighbours tend to differ.
    test_fraction : float, default=0.5
        Share of the nodes, in (0, 1), that are held out: they are part of the graph and have no label.
    problem_seed : int, default=0
        Seed of blocks, features, edges and test nodes; with one seed blocks and features do not depend on the edges.

    Returns
    -------
    problem : DataProblem
        Whose rows are the nodes and whose samples are labelled nodes, in equal shares of the blocks.

    Examples
    --------
    >>> from toymanifold import block_model_problem
    >>> problem = block_model_problem(n_nodes=100)
    >>> X, y = problem.sample(10, random_state=0)
    >>> X.shape, np.bincount(y), problem.graph.shape
    ((10, 20), array([5, 5]), (100, 100))
    """
    owner = "block_model_problem"
    check_integer(n_nodes, "n_nodes", owner, low=8)
    check_integer(dimension, "dimension", owner, low=1)
    check_real(mean, "mean", owner, low=0)
    n_other = n_nodes // 2 - 1
    for name, value in (("inside", inside), ("across", across)):
        check_real(value, name, owner, low=0, high=n_other)
    check_real(test_fraction, "test_fraction", owner, low=0, high=1, closed="()")
    seed = check_seed(problem_seed, "problem_seed", owner)
    blocks, features, relations = stream(seed, Split.TARGET).spawn(3)
    y = blocks.permutation(np.arange(n_nodes) % 2)
    X = features.standard_normal((n_nodes, dimension))
    X[:, 0] += mean * (2 * y - 1)
    edges = _block_edges(y, inside / n_other, across / (n_nodes // 2), relations)
    return DataProblem.from_data(X, y, graph=edges, test=test_fraction, random_state=seed)


def _block_edges(y: NDArray[np.int64], inside: float, across: float, rng: np.random.Generator) -> Edges:
    """Return edges, each in both directions, that are drawn with two probabilities."""
    zeros, ones = (np.flatnonzero(y == block) for block in (0, 1))
    drawn = [nodes[_triangle(_chosen(len(nodes) * (len(nodes) - 1) // 2, inside, rng))] for nodes in (zeros, ones)]
    a, b = np.divmod(_chosen(len(zeros) * len(ones), across, rng), len(ones))
    once = np.hstack([*drawn, np.array([zeros[a], ones[b]])])
    return np.hstack([once, once[::-1]])


def _chosen(n_pairs: int, probability: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the numbers of the pairs, of `n_pairs`, that are drawn independently with a probability."""
    n_chosen = rng.binomial(n_pairs, probability)
    return rng.choice(n_pairs, n_chosen, replace=False, shuffle=False)


def _triangle(pairs: NDArray[np.int64]) -> Edges:
    """Return the pair (a, b), a > b >= 0, with each number a (a - 1) / 2 + b, as (2, n_pairs)."""
    a = ((1 + np.sqrt(1 + 8 * pairs)) / 2).astype(np.int64)  # exact below 2^52
    return np.array([a, pairs - a * (a - 1) // 2])
