"""Search for nearest neighbours by a k-d tree or by brute force, with equal results, bit for bit.

A k-d tree skips points that are far away; brute force is a matrix product in tiles that stay in a core's cache. Each
only nominates candidates: their squared distances, computed directly in float64, decide, and of equal distances the
lower index. Beside its result, brute force needs a copy of the points in float32, and for each thread 10 MB however
many points there are; without numba it is a search of a tree.
"""

import math
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from estimators.compilation import IS_COMPILED, compiler
from estimators.threads import one_blas_thread

Neighbors = tuple[NDArray[np.float64], NDArray[np.intp]]
"""Squared distances and indices, both (n_queries, k), the nearest first."""

_LEAST = 1e-150  # in place of a length of 0, by which coordinates are divided
_ENTRIES = 2**14  # of an array of one block: 128 kB in float64
_SIDE = 256  # points and queries of one product of matrices, which stays in a core's cache: docs/neighbors.md
_LANES = 64  # entries of a product that are compared at once
_HITS = 2**18  # candidates of one block of queries: 4 MB
_LEAST_SQUARE = 1e-36  # of the points' lengths, so that its inverse is a float32
_DIRECT_COST = 32  # of a directly computed distance, in entries of a matrix product


class Tree(NamedTuple):
    """A k-d tree of points in another order."""

    tree: cKDTree
    order: NDArray[np.intp]
    """Index of each of the tree's points among the points."""


Index = Tree | NDArray[np.floating]
"""The points as the faster search takes them: in a tree, or as they are for brute force."""


def build_index(points: NDArray[np.floating], algorithm: str = "auto") -> Index:
    """Return the `points` for a search by "tree", by "brute" force, or by whichever is faster."""
    if algorithm == "auto":
        algorithm = _faster(*points.shape)
    return build_tree(points) if algorithm == "tree" else points


def index_neighbors(index: Index, queries: NDArray[np.float64], k: int, *, workers: int = 1) -> Neighbors:
    """Return the k nearest points of an index to each of the `queries`."""
    if isinstance(index, Tree):
        return tree_neighbors(index, queries, k, workers=workers)
    return brute_neighbors(index, queries, k, workers=workers)


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


def brute_neighbors(
    points: NDArray[np.floating], queries: NDArray[np.float64], k: int, *, workers: int = 1
) -> Neighbors:
    """Return the k nearest of the `points` to each of the `queries`."""
    if not IS_COMPILED:
        return tree_neighbors(build_tree(points), queries, k, workers=workers)
    lifted = [_lift(points, np.float32)]
    squares, indices = np.empty((len(queries), k)), np.empty((len(queries), k), dtype=np.intp)

    def search(block: slice) -> None:
        found = _brute_block(points, lifted[-1], queries[block], k)
        if found is None:
            lifted.append(_lift(points, np.float64))  # for all blocks to come, too
            found = _brute_block(points, lifted[-1], queries[block], k)
        assert found is not None
        squares[block], indices[block] = found

    with one_blas_thread, ThreadPoolExecutor(workers) as executor:
        deque(executor.map(search, _slices(len(queries), max(1, min(_SIDE, _HITS // (8 * k))))), maxlen=0)
    return squares, indices


class _Lifted(NamedTuple):
    """Points p, centred and divided by `unit`, as rows (p, |p|^2), and the largest |p|."""

    rows: NDArray[np.floating]
    centre: NDArray[np.float64]
    unit: float
    radius: float


def _lift(points: NDArray[np.floating], dtype: type[np.floating]) -> _Lifted:
    """Return the lifted points; the centre and the unit need not be exact."""
    centre = points[:: max(1, len(points) // 1000)].mean(axis=0, dtype=np.float64)
    unit = max(float(points.max()), -float(points.min()), _LEAST)
    lifted = np.empty((len(points), points.shape[1] + 1), dtype=dtype)
    _fill(lifted, points, centre, 1 / unit)
    return _Lifted(lifted, centre, unit, math.sqrt(max(lifted[:, -1].max(), _LEAST_SQUARE)))


@compiler(fastmath={"reassoc"})  # a sum in any order: vector instructions
def _fill(lifted, points, centre, factor):  # type: ignore[no-untyped-def]
    for i in range(len(points)):
        square = 0.0
        for j in range(points.shape[1]):
            p = (points[i, j] - centre[j]) * factor
            lifted[i, j] = p
            square += p * p
        lifted[i, -1] = square


def _lift_queries(lifted: _Lifted, queries: NDArray[np.float64]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return columns whose products with the lifted points rank these, and the largest error of a product.

    With the largest |p| as the unit of length, the column of q is (-2 q, 1) / s, s = |(-2 q, 1)|: the product is the
    squared distance, less |q|^2, over s.
    """
    rows, centre, unit, radius = lifted
    eps = np.finfo(rows.dtype).eps
    Q = np.column_stack([(queries - centre) / (-0.5 * unit * radius), np.ones(len(queries))])
    with np.errstate(over="ignore"):  # for a query that far away all points are candidates
        s = np.linalg.norm(Q, axis=1)
        # The terms of a product sum up to at most 2^(1/2), so it errs by less than the first part (Higham, Accuracy and
        # Stability of Numerical Algorithms, 2002, section 3.1); the second is for the direct distances.
        slack = (2 * (rows.shape[1] + 8) * (eps + np.finfo(np.float64).eps * s)).astype(rows.dtype)
    Q /= s[:, None] * radius
    Q[:, -1] /= radius
    return np.ascontiguousarray(Q.T, dtype=rows.dtype), slack


def _brute_block(
    points: NDArray[np.floating], lifted: _Lifted, queries: NDArray[np.float64], k: int
) -> Neighbors | None:
    """Return the k nearest points to a block of queries, or None if float32 rules out too few of the points."""
    P, n_queries = lifted.rows, len(queries)
    Q, slack = _lift_queries(lifted, queries)
    bounds = np.full((n_queries, k), np.inf, dtype=P.dtype)
    products = np.empty((_SIDE, n_queries), dtype=P.dtype)
    n_places = max(k, _HITS) + products.size
    hits = np.empty(n_places, dtype=P.dtype), np.empty(n_places, dtype=np.int16), np.empty(n_places, dtype=np.intp)
    squares, rows, indices = np.empty(0), np.empty(0, dtype=np.int16), np.empty(0, dtype=np.intp)
    start = 0
    while start < len(P):
        n_hits, start = _nominate(P, Q, slack, bounds, start, products, *hits)
        lowest, new_rows, new = (array[:n_hits] for array in hits)
        kept = lowest <= bounds[new_rows, 0]
        new_rows, new = new_rows[kept], new[kept]
        if P.dtype == np.float32 and len(new) > n_queries * (2 * k + start // _DIRECT_COST):
            return None
        rows, indices = np.append(rows, new_rows), np.append(indices, new)
        squares = np.append(squares, _squared_distances(points, queries, new_rows, new))
        order = np.lexsort((squares, rows))  # is stable, and the indices ascend
        firsts = np.searchsorted(rows[order], np.arange(n_queries))
        order = order[firsts[:, None] + np.arange(k)].ravel()
        squares, rows, indices = squares[order], rows[order], indices[order]
    return squares.reshape(-1, k), indices.reshape(-1, k)


@compiler()
def _nominate(P, Q, slack, bounds, start, products, lowest, rows, indices):  # type: ignore[no-untyped-def]
    """Find the entries of P Q that may be among the k smallest of their columns, until the arrays for them are full.

    The k smallest upper bounds of each column are a heap in `bounds`, the largest first. Returned are the number of
    entries, whose lower bounds, columns and rows are in `lowest`, `rows` and `indices`, and the row of P to go on from.
    """
    n_queries, n_hits, reach = Q.shape[1], 0, bounds[:, 0] + slack
    while start < len(P) and n_hits + products.size <= len(lowest):
        stop = min(start + len(products), len(P))
        np.dot(P[start:stop], Q, products[: stop - start])
        for i in range(start, stop):
            row = products[i - start]
            for chunk in range((n_queries + _LANES - 1) // _LANES):
                first = chunk * _LANES
                found = np.int32(first + _LANES > n_queries)
                if not found:
                    for j in range(first, first + _LANES):  # a fixed number: vector instructions
                        found |= np.int32(row[j] <= reach[j])
                if found:
                    for j in range(first, min(first + _LANES, n_queries)):
                        if row[j] <= reach[j]:
                            lowest[n_hits], rows[n_hits], indices[n_hits] = row[j] - slack[j], j, i
                            n_hits += 1
                            _replace_largest(bounds[j], row[j] + slack[j])
                            reach[j] = bounds[j, 0] + slack[j]
        start = stop
    return n_hits, start


@compiler()
def _replace_largest(heap, value):  # type: ignore[no-untyped-def]
    """Put a smaller `value` in place of the largest of the heap."""
    if not value < heap[0]:
        return
    place, child = 0, 1
    while child < len(heap):
        if child + 1 < len(heap) and heap[child + 1] > heap[child]:
            child += 1
        if heap[child] <= value:
            break
        heap[place] = heap[child]
        place, child = child, 2 * child + 1
    heap[place] = value


def _first(squares: NDArray[np.float64], indices: NDArray[np.intp], k: int) -> Neighbors:
    """Return the k first of each row by square, then index."""
    order = np.lexsort((indices, squares))[:, :k]
    return np.take_along_axis(squares, order, axis=1), np.take_along_axis(indices, order, axis=1)


def _squared_distances(
    points: NDArray[np.floating], queries: NDArray[np.float64], rows: NDArray[np.intp], indices: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return |queries[rows] - points[indices]|^2."""
    squares = np.empty(len(rows))
    for pairs in _slices(len(rows), max(1, _ENTRIES // points.shape[1])):
        difference = queries.take(rows[pairs], axis=0) - points.take(indices[pairs], axis=0)
        squares[pairs] = np.einsum("ij,ij->i", difference, difference)
    return squares


def _blocks(rows: NDArray[np.intp], width: int) -> Iterator[NDArray[np.intp]]:
    """Cut `rows` of `width` entries each into blocks of bounded memory."""
    return (rows[block] for block in _slices(len(rows), max(1, _ENTRIES // width)))


def _slices(n_rows: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, n_rows, size))


def _faster(n_samples: int, n_features: int) -> str:
    """Return "tree" or "brute", whichever was faster at k = 5.

    In docs/neighbors.md they were equally fast at 5, 6, 7 to 8 and 9 to 10 features for 10^3, 10^4, 10^5 and 10^6
    normal or uniform points.
    """
    return "tree" if n_features <= 1 + 4 / 3 * np.log10(n_samples) else "brute"
