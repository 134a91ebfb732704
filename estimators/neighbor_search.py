"""Search for nearest neighbours by a k-d tree or by brute force, with equal results, bit for bit.

A k-d tree skips points that are far away; brute force is a matrix product. Each only nominates candidates: their
squared distances, computed directly in float64, decide, and of equal distances the lower index.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Neighbors = tuple[NDArray[np.float64], NDArray[np.intp]]
"""Squared distances and indices, both (n_queries, k), the nearest first."""

_LEAST = 1e-150  # in place of a length of 0, by which coordinates are divided
_ENTRIES = 2**22  # of the arrays of one block: 32 MB in float64
_DIRECT_COST = 32  # of a directly computed distance, in entries of a matrix product


class Tree(NamedTuple):
    """A k-d tree of points in another order."""

    tree: cKDTree
    order: NDArray[np.intp]
    """Index of each of the tree's points among the points."""


def build_tree(points: NDArray[np.floating]) -> Tree:
    """Return a k-d tree of the `points`, with the settings that docs/neighbors.md found fastest to build."""
    order = _grid_order(points)
    return Tree(cKDTree(points.take(order, axis=0), leafsize=16, balanced_tree=False, compact_nodes=False), order)


def tree_neighbors(tree: Tree, queries: NDArray[np.float64], k: int, *, workers: int = 1) -> Neighbors:
    """Return the k nearest points of the `tree` to each of the `queries`."""
    squares, indices = np.empty((len(queries), k)), np.empty((len(queries), k), dtype=np.intp)
    for rows in _blocks(_grid_order(queries), k + 1):
        squares[rows], indices[rows] = _tree_block(tree, queries.take(rows, axis=0), k, k + 1, workers)
    return squares, indices


def _grid_order(points: NDArray[np.floating]) -> NDArray[np.intp]:
    """Return an order of the `points` by the cells of a grid, so that neighbouring points are together in cache.

    The cells are numbered in 16 bits, which numpy sorts by radix. The grid spans the inner 98 % of a sample of the
    points in each of their first 16 coordinates, so that a few points far away do not make it coarse.
    """
    columns = points.T[:16]
    n_bits = 16 // len(columns)
    sample = columns[:, :: max(1, len(points) // 1000)].astype(np.float64)
    low, high = np.quantile(sample, [0.01, 0.99], axis=1)
    widths = np.maximum((high - low) / 2**n_bits, _LEAST)
    cells = np.zeros(len(points), dtype=np.uint16)
    for column, start, width in zip(columns, low, widths, strict=True):
        places = ((column - start) / width).clip(0, 2**n_bits - 1)
        cells = cells << n_bits | places.astype(np.uint16)
    return cells.argsort(kind="stable")


def _tree_block(tree: Tree, queries: NDArray[np.float64], k: int, width: int, workers: int) -> Neighbors:
    """Return the k nearest of `width` candidates, and of more candidates for queries with ties."""
    search, order = tree
    ranks = np.arange(1, min(width, search.n) + 1)
    distances, candidates = search.query(queries, ranks, workers=workers)
    rows = np.repeat(np.arange(len(queries)), len(ranks))
    squares = _squared_distances(search.data, queries, rows, candidates.ravel()).reshape(candidates.shape)
    squares, indices = _first(squares, order.take(candidates), k)
    if width < search.n:
        rounding = (search.m + 8) * np.finfo(np.float64).eps
        tied = distances[:, -1] <= distances[:, k - 1] * (1 + rounding)
        for rows in _blocks(np.flatnonzero(tied), 4 * width):
            squares[rows], indices[rows] = _tree_block(tree, queries[rows], k, 4 * width, workers)
    return squares, indices


def brute_neighbors(points: NDArray[np.floating], queries: NDArray[np.float64], k: int) -> Neighbors:
    """Return the k nearest of the `points` to each of the `queries`."""
    lifted, normals, scales = _lift(points, queries)
    coarse = lifted.astype(np.float32)
    squares, indices = np.empty((len(queries), k)), np.empty((len(queries), k), dtype=np.intp)
    for block in _blocks(np.arange(len(queries)), len(points), at_least=32):  # rows for a matrix product
        hits = _candidates(coarse, normals[block], scales[block], k)
        if len(hits) > len(block) * (2 * k + len(points) // _DIRECT_COST):
            hits = _candidates(lifted, normals[block], scales[block], k)
        rows, candidates = np.divmod(hits, len(points))
        direct = _squared_distances(points, queries[block], rows, candidates)
        squares[block], indices[block] = _first(*_rectangles(rows, direct, candidates), k)
    return squares, indices


def _lift(
    points: NDArray[np.floating], queries: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return P, Q and s such that s Q P' holds squared distances, up to a constant in each row and the unit of length.

    With p and q centred and scaled to |p| <= 1, the rows are (-2 p, |p|^2) and (q, 1) / s, and s = |(q, 1)|.
    """
    centre = points.mean(axis=0, dtype=np.float64)
    P = points - centre
    unit = max(float(np.linalg.norm(P, axis=1).max()), _LEAST)
    P /= unit
    Q = np.column_stack([(queries - centre) / unit, np.ones(len(queries))])
    with np.errstate(over="ignore"):  # for a query that far away all points are candidates
        s = np.linalg.norm(Q, axis=1, keepdims=True)
    return np.column_stack([-2 * P, np.einsum("ij,ij->i", P, P)]), Q / s, s


def _candidates(P: NDArray[np.floating], Q: NDArray[np.float64], s: NDArray[np.float64], k: int) -> NDArray[np.intp]:
    """Return flat indices into Q P' of all entries that may be among the k smallest of their rows."""
    proxies = Q.astype(P.dtype) @ P.T
    # A row of Q has norm 1 and one of P at most 5^(1/2), so a product errs by less than the first term (Higham,
    # Accuracy and Stability of Numerical Algorithms, 2002, section 3.1); the second is for the direct distances.
    slack = 2 * (P.shape[1] + 8) * (np.finfo(P.dtype).eps + np.finfo(np.float64).eps * s)
    with np.errstate(over="ignore"):
        reach = (_kth_smallest_bound(proxies, k) + 2 * slack).astype(P.dtype)
    return np.flatnonzero(proxies <= reach)


def _kth_smallest_bound(A: NDArray[np.floating], k: int) -> NDArray[np.floating]:
    """Return for each row of `A` a number, (n_rows, 1), that at least k of its entries do not exceed.

    The k-th smallest of the minima of groups: a fifth of the time of a partition of all entries.
    """
    size = max(1, A.shape[1] // (64 * k))
    n_groups = A.shape[1] // size
    minima = A[:, : size * n_groups].reshape(len(A), size, n_groups).min(axis=1)
    return np.partition(minima, k - 1, axis=1)[:, k - 1 : k]


def _rectangles(rows: NDArray[np.intp], squares: NDArray[np.float64], indices: NDArray[np.intp]) -> Neighbors:
    """Return rows of different length, given one after another, as rectangles, filled up with infinite distances."""
    counts = np.bincount(rows)
    places = np.arange(len(rows)) - np.repeat(counts.cumsum() - counts, counts)
    shape = len(counts), counts.max()
    wide, candidates = np.full(shape, np.inf), np.zeros(shape, dtype=np.intp)
    wide[rows, places], candidates[rows, places] = squares, indices
    return wide, candidates


def _first(squares: NDArray[np.float64], indices: NDArray[np.intp], k: int) -> Neighbors:
    """Return the k first of each row by square, then index."""
    order = np.lexsort((indices, squares))[:, :k]
    return np.take_along_axis(squares, order, axis=1), np.take_along_axis(indices, order, axis=1)


def _squared_distances(
    points: NDArray[np.floating], queries: NDArray[np.float64], rows: NDArray[np.intp], indices: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return |queries[rows] - points[indices]|^2."""
    squares = np.empty(len(rows))
    for pairs in _blocks(np.arange(len(rows)), points.shape[1]):
        difference = queries.take(rows[pairs], axis=0) - points.take(indices[pairs], axis=0)
        squares[pairs] = np.einsum("ij,ij->i", difference, difference)
    return squares


def _blocks(rows: NDArray[np.intp], width: int, *, at_least: int = 1) -> Iterator[NDArray[np.intp]]:
    """Cut `rows` of `width` entries each into blocks of bounded memory."""
    size = max(at_least, _ENTRIES // width)
    for start in range(0, len(rows), size):  # gen_batches of scikit-learn does not take an empty array
        yield rows[start : start + size]
