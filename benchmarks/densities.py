"""How much of the spread of errors, and of the worth of a prior, is that of the density, as a Markdown table.

    OMP_NUM_THREADS=1 python benchmarks/densities.py [DENSITIES] [SEEDS]

The nearest neighbour on the spiral, with and without the polar prior, on a number of densities and, of each, a number
of training samples with test points of their own. The worth is how many times the samples that the learner with the
prior has at n = 1,000 the plain one needs for the same error, between its errors at `SIZES` in logarithms.
"""

import sys
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from estimators import make_learner
from toymanifold import spiral_problem

N, N_TEST = 1000, 50_000
SIZES = (1000, 2000, 4000, 8000)


class Components(NamedTuple):
    """Variances of groups and of what is drawn in a group, with the share of the groups and its 95 % interval."""

    between: float
    within: float
    share: float
    low: float
    high: float


def measured(density: int, seed: int) -> tuple[float, float, float]:
    """Return the log errors at n = 1,000 without and with the prior, and the log of the prior's worth."""
    problem, random_state = spiral_problem(problem_seed=density), 1000 * density + seed
    X, y = problem.sample(max(SIZES), random_state)
    tests = problem.sample(N_TEST, random_state, split="test")

    def log_error(prior: str | None, n: int) -> float:
        learner = make_learner("knn", prior=prior, n_neighbors=1)
        return float(np.log(1 - learner.fit(X[:n], y[:n]).score(*tests)))

    plain = [log_error(None, n) for n in SIZES]
    informed = log_error("polar", N)
    if informed < min(plain):
        raise ValueError(f"the prior is worth more than {max(SIZES) / N:g} times the data on density {density}")
    return plain[0], informed, float(np.interp(-informed, np.negative(plain), np.log(np.divide(SIZES, N))))


def components(values: NDArray[np.float64]) -> Components:
    """Return the variance components of values of shape (groups, draws), of a random model with one factor.

    The estimates are those of the analysis of variance, and the interval of the share is the exact one of normal
    values (Searle, Casella and McCulloch, Variance Components, 1992, section 3.6).
    """
    n_groups, n_draws = values.shape
    of_groups = n_draws * values.mean(axis=1).var(ddof=1)
    within = values.var(axis=1, ddof=1).mean()
    quantiles = stats.f.ppf([0.975, 0.025], n_groups - 1, n_groups * (n_draws - 1))
    ratios = np.maximum((of_groups / within / np.array([quantiles[0], 1, quantiles[1]]) - 1) / n_draws, 0)
    low, share, high = ratios / (1 + ratios)
    return Components(max((of_groups - within) / n_draws, 0), within, share, low, high)


def row(name: str, values: NDArray[np.float64]) -> str:
    """Return a row of the table: the geometric mean, the spreads as factors, and the share of the densities."""
    found = components(values)
    means = np.exp(values.mean(axis=1))
    spreads = [f"{100 * np.sqrt(variance):.0f} %" for variance in (found.between, found.within)]
    share = f"{100 * found.share:.0f} % [{100 * found.low:.0f}, {100 * found.high:.0f}]"
    return f"| {name} | {means.min():.3g} to {means.max():.3g} | {' | '.join(spreads)} | {share} |"


def main() -> None:
    n_densities, n_seeds = map(int, (*sys.argv[1:], 5, 5)[:2])
    values = np.array([[measured(k, seed) for seed in range(n_seeds)] for k in range(n_densities)])
    print(
        f"| {n_densities} densities, {n_seeds} seeds of each | mean of a density | between densities | within | share |"
    )
    print("|---|---|--:|--:|---|")
    for place, name in enumerate(["error of 1-NN", "error of 1-NN with the polar prior", "worth of the polar prior"]):
        print(row(name, values[..., place]))
    print(row("error with the prior / without", values[..., 1] - values[..., 0]))


if __name__ == "__main__":
    main()
