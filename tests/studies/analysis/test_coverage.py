"""How often 95 % intervals hold the truth, on simulated curves.

The tables in docs/statistics.md are printed by: pytest -m slow -s tests/studies/analysis/test_coverage.py
"""

from contextlib import suppress

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq

from studies.analysis.crossovers import NoEquivalence, crossover, data_equivalence
from studies.analysis.intervals import jackknife_interval, t_quantile
from studies.analysis.learning_curves import LearningCurve
from studies.analysis.scaling_laws import UNDECIDED, NoScalingLaw, fit_scaling, prior_effect

LONG = np.round(np.geomspace(100, 100_000, 7))
SHORT = np.round(np.geomspace(100, 10_000, 5))
RUNS = 200

LOCAL = {
    "pow2": lambda n: 2 * n**-0.5,
    "pow3": lambda n: 2 * n**-0.5 + 0.02,
    "broken": lambda n: 0.5 * n**-0.2 * np.minimum(1, (n / 20_000) ** -0.5),
}
LAWS = {  # the error, its exponent and its floor
    "pow2": (lambda n: 2 * n**-0.5, 0.5, 0),
    "pow2, slow": (lambda n: 0.6 * n**-0.25, 0.25, 0),
    "pow3": (lambda n: 2 * n**-0.5 + 0.02, 0.5, 0.02),
    "pow3, low floor": (lambda n: 2 * n**-0.5 + 0.004, 0.5, 0.004),
    "pow4": (lambda n: 6 * (n + 300) ** -0.55 + 0.003, 0.55, 0.003),
    "pow4, no floor": (lambda n: 6 * (n + 300) ** -0.55, 0.55, 0),
    "mmf4": (lambda n: 0.01 + 0.29 / (1 + n**0.8 / 500), 0.8, 0.01),
    "exp3": (lambda n: 0.2 * np.exp(-n / 3000) + 0.01, None, 0.01),
    "wbl4": (lambda n: 0.01 + 0.4 * np.exp(-0.02 * n**0.5), None, 0.01),
}
PAIRS = {  # two learners, and where they cross
    "steep": (lambda n: 0.6 * n**-0.3, lambda n: 3 * n**-0.55),
    "floor": (lambda n: 1.5 * n**-0.5 + 0.02, lambda n: 3 * n**-0.5),
    "shallow": (lambda n: n**-0.4, lambda n: 1.5 * n**-0.46),
    "offset": (lambda n: 6 * (n + 300) ** -0.55 + 0.003, lambda n: 1.2 * n**-0.4),
}


def holds(interval, truth):
    return interval.low <= truth <= interval.high


def check_coverage(hits):
    """Fail where fewer than 90 % hold the truth, beyond what the noise of the simulation explains."""
    n, held = len(hits), int(np.sum(hits))
    assert stats.binomtest(held, n, 0.90, "less").pvalue > 1e-3, f"{held} of {n}"


def check_width(intervals, n_seeds):
    """Fail where the typical interval is more than 1.5 times as wide as the spread of the estimates asks for.

    The share that holds the truth cannot show this: 100 of 100 are no surprise where 98 % hold.
    """
    means, lows, highs = np.log([(i.mean, i.low, i.high) for i in intervals]).T
    needed = t_quantile(n_seeds) * means.std(ddof=1)
    assert np.median(highs - lows) / 2 < 1.5 * needed


def row(name, n_seeds, *columns):
    cells = [f"{100 * np.mean(c):.0f}" if len(c) else "" for c in columns]
    print(f"| {name} | {n_seeds} | {' | '.join(cells)} |", flush=True)


def best_fit(curve, families):
    """The best fit of a curve, law or none; raises if there are too few data for one."""
    try:
        return fit_scaling(curve, families)
    except NoScalingLaw as refusal:
        if refusal.estimate is None:
            raise
        return refusal.estimate


def pair_of(simulated, frame_of, laws, sizes, n_seeds, rng):
    """A frame of two learners on the same samples, so that half of a seed's luck is common to them."""
    common = rng.standard_normal((n_seeds, 1))
    luck = [np.sqrt(0.5) * (common + rng.standard_normal((n_seeds, 1))) for _ in laws]
    a, b = (simulated(law, sizes, n_seeds, rng, own) for law, own in zip(laws, luck, strict=True))
    return frame_of(sizes, a=a, b=b)


def root(function, low, high):
    return np.exp(brentq(lambda log_n: function(np.exp(log_n)), np.log(low), np.log(high)))


def test_a_known_family_has_true_intervals_with_five_seeds(simulated):
    law, exponent, _ = LAWS["pow3"]
    rng = np.random.default_rng(0)
    laws = [fit_scaling(LearningCurve(LONG, simulated(law, LONG, 5, rng), 50_000), ("pow3",)) for _ in range(100)]
    ahead = [found.extrapolate(found.reach) for found in laws]
    check_coverage([holds(found.exponent, exponent) for found in laws])
    check_coverage([holds(interval, law(found.reach)) for interval, found in zip(ahead, laws, strict=True)])
    check_width([found.exponent for found in laws], 5)


@pytest.mark.parametrize("n_seeds", [5, 10])
@pytest.mark.parametrize("name", LOCAL)
def test_the_local_exponent_has_true_intervals(simulated, name, n_seeds):
    law, rng = LOCAL[name], np.random.default_rng(7)
    last = LONG[-3:]
    truth = slope(np.log(law(last)), last)
    found = [LearningCurve(LONG, simulated(law, LONG, n_seeds, rng), 50_000).local_exponent() for _ in range(1000)]
    held = [holds(interval, truth) for interval in found]
    row(name, n_seeds, held)
    assert 0.93 <= np.mean(held) <= 0.97
    needed = t_quantile(n_seeds) * np.std([interval.mean for interval in found], ddof=1)
    assert np.median([interval.high - interval.low for interval in found]) / 2 < 1.1 * needed


def test_crossings_and_equivalences_have_true_intervals_with_five_seeds(simulated, frame_of):
    a, b = PAIRS["steep"]
    rng = np.random.default_rng(0)
    frames = [pair_of(simulated, frame_of, (a, b), LONG, 5, rng) for _ in range(100)]
    at, ratio = root(lambda n: a(n) / b(n) - 1, 100, 1e5), root(lambda n: b(n) / a(1000) - 1, 1, 1e6) / 1000
    crossings = [crossover(frame, "a", "b").n for frame in frames]
    ratios = [data_equivalence(frame, "a", "b", 1000).times for frame in frames]
    check_coverage([holds(interval, at) for interval in crossings])
    check_coverage([holds(interval, ratio) for interval in ratios])
    check_width(crossings, 5)
    check_width(ratios, 5)


def slope(log_errors, sizes):
    """Minus the least squares slope along the last axis, against log n."""
    x = np.log(sizes) - np.log(sizes).mean()
    return -(log_errors @ x) / (x @ x)


@pytest.mark.slow
@pytest.mark.parametrize("n_seeds", [5, 10])
def test_a_bootstrap_of_few_seeds_is_too_narrow(simulated, n_seeds):
    """Exponents of a power law by a straight line, so that a bootstrap is affordable."""
    law, exponent, _ = LAWS["pow2"]
    rng = np.random.default_rng(4)
    held = {"percentile": [], "BCa": [], "jackknife": []}
    for _ in range(2 * RUNS):
        errors = simulated(law, LONG, n_seeds, rng)

        def statistic(seeds, axis, errors=errors):
            return slope(np.log(errors[seeds.astype(int)].mean(axis=-2)), LONG)

        for method in ("percentile", "BCa"):
            found = stats.bootstrap((np.arange(n_seeds),), statistic, method=method, rng=rng, n_resamples=999)
            held[method].append(holds(found.confidence_interval, exponent))
        slopes = slope(LearningCurve(LONG, errors).log_means(), LONG)
        held["jackknife"].append(holds(jackknife_interval(slopes), exponent))
    row("straight line", n_seeds, *held.values())
    assert np.mean(held["percentile"]) < np.mean(held["jackknife"])
    check_coverage(held["jackknife"])


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [LONG, SHORT], ids=["long", "short"])
@pytest.mark.parametrize("n_seeds", [5, 10])
@pytest.mark.parametrize("name", LAWS)
def test_laws(simulated, name, n_seeds, sizes):
    law, exponent, floor = LAWS[name]
    rng = np.random.default_rng(11)
    given, refused, undecided = [], [], []
    for _ in range(RUNS):
        curve = LearningCurve(sizes, simulated(law, sizes, n_seeds, rng), 50_000)
        try:
            found, reasons = fit_scaling(curve), ()
        except NoScalingLaw as refusal:
            found, reasons = refusal.estimate, refusal.reasons
        undecided.append(reasons == (UNDECIDED,))
        into = refused if reasons and not undecided[-1] else given
        alone = exponent is not None and holds(jackknife_interval(found.chosen.exponents()), exponent)
        ahead = [holds(found.extrapolate(n), law(n)) for n in (2 * sizes[-1], found.reach)]
        into.append(
            [exponent is not None and holds(found.exponent, exponent), holds(found.floor, floor), *ahead, alone]
        )
    is_given = np.repeat([True, False], [len(given), len(refused)])
    columns = np.transpose(given) if len(given) >= RUNS / 4 else [[]] * 5
    row(f"{name}, {len(sizes)} sizes", n_seeds, ~is_given, undecided, *columns)
    if exponent is None:
        assert np.mean(is_given) < 0.1
    elif len(given) >= RUNS / 4:
        for hits in columns[:4]:
            check_coverage(hits)


@pytest.mark.slow
@pytest.mark.parametrize("n_seeds", [5, 10])
@pytest.mark.parametrize(("scale", "floor"), [(5, 0), (20, 0), (5, 2e-4)])
def test_sizes_without_errors(simulated, scale, floor, n_seeds):
    """Errors of scale / n + floor on 5,000 test points: sizes without errors are censored, or left out."""
    rng = np.random.default_rng(1)
    columns = {"censored": [], "left out": []}
    for _ in range(RUNS // 2):
        errors = simulated(lambda n: scale / n + floor, LONG, n_seeds, rng, n_test=5000)
        curve = LearningCurve(LONG, errors, 5000)
        found = curve.has_errors()
        for held, kept in zip(columns.values(), (slice(None), found), strict=True):
            with suppress(NoScalingLaw):
                law = best_fit(LearningCurve(LONG[kept], errors[:, kept], 5000), ("pow2", "pow3"))
                held.append((holds(law.exponent, 1), holds(law.floor, floor), law.exponent.high - law.exponent.low))
    for name, held in columns.items():
        row(f"{scale} / n + {floor:g}, {name}", n_seeds, *np.transpose(held))
    for hits in np.transpose(columns["censored"])[:2]:
        check_coverage(hits)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [LONG, SHORT], ids=["long", "short"])
@pytest.mark.parametrize("n_seeds", [5, 10])
@pytest.mark.parametrize("name", PAIRS)
def test_pairs(simulated, frame_of, name, n_seeds, sizes):
    a, b = PAIRS[name]
    rng = np.random.default_rng(5)
    gap = lambda n: a(n) / b(n) - 1  # noqa: E731
    at = root(gap, sizes[0], sizes[-1]) if gap(sizes[0]) * gap(sizes[-1]) < 0 else None
    crossings, found_any = [], []
    equivalences = {n: [] for n in (300, 1000, 3000)}
    for _ in range(RUNS):
        frame = pair_of(simulated, frame_of, (a, b), sizes, n_seeds, rng)
        found = crossover(frame, "a", "b")
        found_any.append(found.n is not None)
        if at:
            none_there = not found.lead or not found.lead[0] < at < found.lead[-1]
            crossings.append(holds(found.n, at) if found.n else none_there)
        for n, hits in equivalences.items():
            try:
                ratio = data_equivalence(frame, "a", "b", n).times
            except NoEquivalence as refusal:
                ratio = refusal.estimate.times
            hits.append(holds(ratio, root(lambda m, n=n: b(m) / a(n) - 1, 1e-3, 1e12) / n))
    row(f"{name}, {len(sizes)} sizes", n_seeds, found_any, crossings, *equivalences.values())
    for hits in (crossings, *equivalences.values()):
        if hits:
            check_coverage(hits)


@pytest.mark.slow
@pytest.mark.parametrize("n_seeds", [5, 10])
def test_equal_learners_seldom_cross(simulated, frame_of, n_seeds):
    law = LAWS["pow2"][0]
    rng = np.random.default_rng(5)
    found = [crossover(pair_of(simulated, frame_of, (law, law), LONG, n_seeds, rng), "a", "b") for _ in range(RUNS)]
    crossed = [c.count > 0 for c in found]
    row("equal", n_seeds, crossed)
    assert np.mean(crossed) < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("n_seeds", [5, 10])
@pytest.mark.parametrize("laws", [("pow2", "pow2, slow"), ("pow3", "pow3, low floor")], ids=" and ".join)
def test_effects(simulated, frame_of, laws, n_seeds):
    (a, exponent_a, _), (b, exponent_b, _) = (LAWS[name] for name in laws)
    rng = np.random.default_rng(7)
    middle = np.exp(np.log(LONG).mean())
    exponents, ratios = [], []
    while len(ratios) < RUNS:
        try:
            effect = prior_effect(pair_of(simulated, frame_of, (a, b), LONG, n_seeds, rng), "a", "b")
        except NoScalingLaw:
            continue
        exponents.append(holds(effect.exponent, exponent_a - exponent_b))
        ratios.append(holds(effect.error_ratio, a(middle) / b(middle)))
    row(" and ".join(laws), n_seeds, exponents, ratios)
    check_coverage(exponents)
    check_coverage(ratios)
