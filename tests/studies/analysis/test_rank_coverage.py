"""How often 95 % intervals of expected ranks hold the truth, and how often learners that are equal are said to differ.

The rule, fixed before the first measurement: in every population and for every number of problems

- the interval of no learner holds its expected rank in fewer than 95 % of the studies;
- at most 5 % of the studies find a difference between two learners, each of which is as often ahead of the other;
- at 20 problems intervals are at most 1.5 times as wide as Student's t with the true spread, where that is 1 or more;

each beyond what the noise of the simulation explains (a binomial test at the level of 0.001).

The table in docs/statistics.md is printed by: pytest -m slow -s tests/studies/analysis/test_rank_coverage.py
"""

import functools
import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from studies.analysis.intervals import bounded_mean_interval, holm, t_quantile
from studies.analysis.ranking import rank_learners

RUNS, TEST_RUNS = 1000, 400
FAST_RUNS = 150
N_PROBLEMS = (3, 5, 10, 20)
SPREAD = 1.0  # standard deviation, over problems, of how well a learner suits them


def levels(*means, spread=SPREAD):
    """Errors whose logarithms have a mean for each learner; what a problem adds to all learners does not count."""
    return lambda rng, n: np.array(means) + spread * rng.standard_normal((n, len(means)))


def tied(rng, n):
    """Errors of which most are the same: counts of a few wrong test points, many of them 0."""
    return rng.poisson([0.3, 0.3, 0.5, 1.0, 1.0], (n, 5))


def two_kinds(rng, n):
    """The first learner is the best on seven problems in ten, and the worst on the others."""
    errors = rng.random((n, 5))
    errors[:, 0] = np.where(rng.random(n) < 0.7, -1, 2)
    return errors


def missing(rng, n):
    """Problems on which a learner is missing are left out; the second learner fails on those that are hard for it."""
    errors = levels(0, 0, 0.5, 1, 1.5)(rng, n)
    fails = rng.random((n, 5)) < 0.03
    fails[:, 1] |= errors[:, 1] > 1.5
    return errors[~fails.any(axis=1)]


def between(rng, n):
    """The first two are as often ahead of each other; the three others stand between them if the first one is ahead."""
    ahead = rng.random(n) < 0.5
    errors = rng.random((n, 5))
    errors[:, 0] = np.where(ahead, -1, 2)
    errors[:, 1] = np.where(ahead, 3, 1.5)
    return errors


POPULATIONS = {
    "equal": levels(0, 0, 0, 0, 0),
    "near-equal": levels(0, 0.02, 0.04, 0.06, 0.08, spread=0.3),
    "apart": levels(0, 0.5, 1, 1.5, 2),
    "one nearly always best": levels(-3, 0, 0, 0, 0),
    "best or worst": two_kinds,
    "ties": tied,
    "missing learners": missing,
    "others between": between,
    "equal, 12 learners": levels(*[0] * 12),
}


def ranks(errors):
    return pd.DataFrame(errors).rank(axis=1).to_numpy()


def studies(draw, n_problems, runs):
    """The errors of simulated studies; those of fewer than two problems are left out."""
    drawn = (draw(np.random.default_rng([run, n_problems]), n_problems) for run in range(runs))
    return [errors for errors in drawn if len(errors) > 1]


def truth(draw):
    """The expected ranks, their spread, and the pairs of which each is as often ahead."""
    errors = draw(np.random.default_rng(0), 100_000)
    of = ranks(errors)
    lead = [np.mean(np.sign(errors[:, a] - errors[:, b])) for a, b in itertools.combinations(range(errors.shape[1]), 2)]
    pairs = itertools.combinations(range(errors.shape[1]), 2)
    return of.mean(axis=0), of.std(axis=0), [pair for pair, mean in zip(pairs, lead, strict=True) if abs(mean) < 0.015]


def ours(values, n_learners):
    return _ours(tuple(np.sort(values)), n_learners)


@functools.cache
def _ours(values, n_learners):
    interval = bounded_mean_interval(values, 1, n_learners)
    return interval.low, interval.high


def student(values, n_learners):
    half = t_quantile(len(values)) * values.std(ddof=1) / np.sqrt(len(values))
    return values.mean() - half, values.mean() + half


def bootstrap(values, n_learners):
    drawn = np.random.default_rng(0).choice(values, (500, len(values))).mean(axis=1)
    return tuple(np.quantile(drawn, [0.025, 0.975]))


def held(draw, n_problems, runs, interval, expected):
    """Whether each interval holds the expected rank, and the widths: two arrays of shape (studies, learners)."""
    ends = np.array(
        [[interval(of, len(expected)) for of in ranks(errors).T] for errors in studies(draw, n_problems, runs)]
    )
    low, high = np.moveaxis(ends, -1, 0)
    return (low <= expected + 1e-9) & (expected - 1e-9 <= high), high - low


def holm_sign(errors):
    tests = rank_learners(pd.DataFrame(errors)).tests
    return {tuple(sorted(pair)) for pair in tests.loc[tests["p_holm"] < 0.05, ["a", "b"]].itertuples(index=False)}


def holm_wilcoxon(errors):
    pairs = list(itertools.combinations(range(errors.shape[1]), 2))
    differences = [errors[:, a] - errors[:, b] for a, b in pairs]
    p = holm(stats.wilcoxon(d).pvalue if d.any() else 1.0 for d in differences)
    return {pair for pair, value in zip(pairs, p, strict=True) if value < 0.05}


def nemenyi(errors):
    """The pairs whose mean ranks differ by the critical difference of Demsar (2006)."""
    n, k = errors.shape
    critical = _range_quantile(k) * np.sqrt(k * (k + 1) / (12 * n))
    means = ranks(errors).mean(axis=0)
    return {(a, b) for a, b in itertools.combinations(range(k), 2) if abs(means[a] - means[b]) > critical}


@functools.cache
def _range_quantile(n_learners):
    return stats.studentized_range.ppf(0.95, n_learners, np.inf)


def false_studies(draw, n_problems, runs, test, equal):
    """Whether each study finds a difference between two that are equal."""
    return np.array([bool(test(errors) & set(equal)) for errors in studies(draw, n_problems, runs)])


def check(hits, at_least):
    n, k = len(hits), int(np.sum(hits))
    assert stats.binomtest(k, n, at_least, "less").pvalue > 1e-3, f"{k} of {n}"


def check_widths(widths, spread, n_problems):
    needed = 2 * t_quantile(n_problems) * spread / np.sqrt(n_problems)
    assert (np.median(widths, axis=0) < 1.5 * needed).all()


@pytest.mark.parametrize("n_problems", [3, 20])
@pytest.mark.parametrize("population", ["near-equal", "one nearly always best", "best or worst", "ties"])
def test_intervals_hold_the_expected_ranks(population, n_problems):
    expected, spread, _ = truth(POPULATIONS[population])
    hits, widths = held(POPULATIONS[population], n_problems, FAST_RUNS, ours, expected)
    for of_learner in hits.T:
        check(of_learner, 0.95)
    wide = spread >= 1
    if n_problems == 20:
        check_widths(widths[:, wide], spread[wide], n_problems)


@pytest.mark.parametrize("population", ["ties", "others between"])
def test_learners_that_are_equal_are_seldom_said_to_differ(population):
    draw = POPULATIONS[population]
    equal = truth(draw)[2]
    assert equal
    check(~false_studies(draw, 10, FAST_RUNS // 2, holm_sign, equal), 0.95)


@pytest.mark.slow
@pytest.mark.parametrize("population", POPULATIONS)
def test_table_of_coverage(population):
    draw = POPULATIONS[population]
    expected, spread, equal = truth(draw)
    wide = spread >= 1
    for n_problems in N_PROBLEMS:
        shares, widths = [], []
        for interval in (bootstrap, student, ours):
            hits, width = held(draw, n_problems, RUNS, interval, expected)
            shares.append(100 * hits.mean(axis=0).min())
            widths.append(np.median(width[:, np.argmin(hits.mean(axis=0))]))
        false = [
            100 * np.mean(false_studies(draw, n_problems, TEST_RUNS, test, equal)) if equal else np.nan
            for test in (nemenyi, holm_wilcoxon, holm_sign)
        ]
        cells = [f"{value:.0f}" for value in shares] + [f"{width.mean():.1f}"]
        cells += ["" if np.isnan(value) else f"{value:.0f}" for value in false]
        print(f"| {population} | {n_problems} | {' | '.join(cells)} |")
        for of_learner in hits.T:
            check(of_learner, 0.95)
        if n_problems == max(N_PROBLEMS):
            check_widths(width[:, wide], spread[wide], n_problems)
        if equal:
            check(~false_studies(draw, n_problems, TEST_RUNS, holm_sign, equal), 0.95)
