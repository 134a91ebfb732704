"""How often intervals hold where training points are resamples of one data set, as Markdown tables.

    OMP_NUM_THREADS=1 python benchmarks/overlap.py [number of data sets]

A population of 100,000 points, and data sets of 2,000 of them, of which 500 are the test set. Each of ten seeds trains
on the head of its own order of the other 1,500 rows. Per cent of 95 % intervals that hold the error on this data set
(the mean over all subsets of its training rows, on its test set), that of fresh training samples on this test set, and
that of fresh samples on the population; and the mean half width in per cent.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial import KDTree
from scipy.special import gammaln

Array = NDArray[np.float64]

POPULATION, ROWS, N_TEST, SEEDS = 100_000, 2000, 500, 10
N_TRAIN = ROWS - N_TEST
SIZES = (15, 30, 75, 150, 375, 750, 1125, 1350)
LEARNERS = {"nearest neighbour": (1, 0), "linear": (0, 1), "difference": (1, -1)}
N_FRESH, N_SUBSETS = 150, 200  # for the expected errors of fresh samples, and of the linear classifier's subsets
T = stats.t.ppf(0.975, SEEDS - 1)


def population(rng: np.random.Generator) -> tuple[Array, Array]:
    """Return points with labels of -1 and 1, of which a perfect learner mistakes 15 %."""
    X = rng.standard_normal((POPULATION, 3))
    odds = 3 * X[:, 0] + 2 * X[:, 1] * X[:, 2]
    return X, np.where(rng.random(POPULATION) < 1 / (1 + np.exp(-odds)), 1.0, -1.0)


def linear_wrong(X: Array, y: Array, points: Array, labels: Array) -> NDArray[np.bool_]:
    """Return the errors of least squares on samples (..., n, d), at points (m, d): (..., m)."""
    X, points = (np.insert(each, 0, 1.0, axis=-1) for each in (X, points))
    transposed = np.swapaxes(X, -1, -2)
    weights = np.linalg.solve(transposed @ X + 1e-6 * np.eye(X.shape[-1]), transposed @ y[..., None])[..., 0]
    return np.asarray(weights @ points.T * labels < 0)


def fresh_errors(X: Array, y: Array, rng: np.random.Generator) -> Array:
    """Return the expected errors of both learners by size at each point: (n_sizes, POPULATION, 2)."""
    errors = np.zeros((len(SIZES), len(X), 2))
    for at, n in enumerate(SIZES):
        for _ in range(N_FRESH):
            rows = rng.choice(len(X), n, replace=False)
            errors[at, :, 0] += y[rows][KDTree(X[rows]).query(X)[1]] != y
            errors[at, :, 1] += linear_wrong(X[rows], y[rows], X, y)
    return errors / N_FRESH


def mean_nearest_error(wrong: NDArray[np.bool_], n: int) -> float:
    """Return the error of the nearest neighbour, exact in the mean over all subsets of n rows.

    `wrong` (n_points, N) has the rows in the order of their distance from each point. The j-th is the nearest of a
    subset that has it, none of those before it, and n - 1 of the N - j behind.
    """
    N = wrong.shape[1]
    behind = np.arange(N - 1, n - 2, -1)
    log_share = gammaln(behind + 1) - gammaln(behind - n + 2) - gammaln(N + 1) + gammaln(N - n + 1) + np.log(n)
    return float(np.mean(wrong[:, : len(behind)] @ np.exp(log_share)))


def data_set(X: Array, y: Array, rng: np.random.Generator) -> Iterator[tuple[NDArray[np.int64], Array, Array]]:
    """Yield for each size the test rows, the errors of the seeds, (SEEDS, 2), and the errors on this data set, (2,)."""
    rows = rng.choice(len(X), ROWS, replace=False)
    test, train = rows[:N_TEST], rows[N_TEST:]
    points, labels, inputs, targets = X[test], y[test], X[train], y[train]
    by_distance = KDTree(inputs).query(points, k=N_TRAIN)[1]
    wrong = targets[by_distance] != labels[:, None]
    orders, subsets = (np.argsort(rng.random((k, N_TRAIN)), axis=1) for k in (SEEDS, N_SUBSETS))
    places = [place[by_distance] for place in np.argsort(orders, axis=1)]
    for n in SIZES:
        nearest = [np.mean(wrong[np.arange(N_TEST), np.argmax(place < n, axis=1)]) for place in places]
        linear, of_subsets = (
            linear_wrong(inputs[order[:, :n]], targets[order[:, :n]], points, labels) for order in (orders, subsets)
        )
        here = np.array([mean_nearest_error(wrong, n), of_subsets.mean()])
        yield test, np.column_stack([nearest, linear.mean(axis=1)]), here


def half_widths(errors: Array, signs: tuple[int, int], n: int) -> dict[str, float]:
    """Return the half widths of the intervals of one learner, or of the difference of both."""
    f, variance, shares = n / N_TRAIN, np.var(errors @ signs, ddof=1), errors.mean(axis=0)
    overlap = variance * (1 / SEEDS + f / (1 - f))
    variances = {
        "t": variance / SEEDS,
        "NB": variance * (1 / SEEDS + N_TEST / n),
        "overlap": overlap,
        "overlap + test": overlap + shares * (1 - shares) @ np.abs(signs) / N_TEST,
    }
    return {name: float(T * np.sqrt(each)) for name, each in variances.items()}


def main(n_sets: int) -> None:
    """Print a table for each learner."""
    rng = np.random.default_rng(0)
    X, y = population(rng)
    fresh = fresh_errors(X, y, rng)
    held, widths = defaultdict(list), defaultdict(list)
    for _ in range(n_sets):
        for at, (test, errors, here) in enumerate(data_set(X, y, rng)):
            truths = np.array([here, fresh[at, test].mean(axis=0), fresh[at].mean(axis=0)])
            for learner, signs in LEARNERS.items():
                away = np.abs((truths - errors.mean(axis=0)) @ signs)
                for kind, half in half_widths(errors, signs, SIZES[at]).items():
                    held[learner, at, kind].append(away <= half)
                    widths[learner, at, kind].append(half)
    kinds = list(dict.fromkeys(kind for *_, kind in held))
    for learner, signs in LEARNERS.items():
        print(f"\n**{learner}**: {', '.join(kinds)}\n")
        print("| n | f | error | this data set | fresh, this test set | population | half width |")
        print("|--:|--:|--:|--:|--:|--:|--:|")
        for at, n in enumerate(SIZES):
            shares = 100 * np.array([np.mean(held[learner, at, kind], axis=0) for kind in kinds]).T
            half = [f"{100 * np.mean(widths[learner, at, kind]):.1f}" for kind in kinds]
            cells = [", ".join(f"{share:.0f}" for share in of_target) for of_target in shares]
            error = 100 * fresh[at].mean(axis=0) @ signs
            print(f"| {n:,} | {n / N_TRAIN:.2f} | {error:.1f} | {' | '.join(cells)} | {', '.join(half)} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
