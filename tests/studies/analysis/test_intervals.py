import itertools
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from studies.analysis.intervals import (
    CensoredInterval,
    Interval,
    bounded_mean_interval,
    holm,
    hull,
    jackknife_interval,
    mean_interval,
    overlap_factor,
    p_above_zero,
    positive_mean_interval,
)

VALUES = pd.Series([0.10, 0.12, 0.09, 0.15, 0.11])


def test_interval_is_scipys():
    interval = mean_interval(VALUES)
    reference = stats.ttest_1samp(VALUES, 0).confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx(tuple(reference))


def test_positive_interval_is_multiplicative_and_as_wide_to_first_order():
    interval, plain = positive_mean_interval(VALUES), mean_interval(VALUES)
    assert interval.high / interval.mean == pytest.approx(interval.mean / interval.low)
    assert np.log(interval.high / interval.mean) == pytest.approx((plain.high - plain.mean) / plain.mean)


def test_the_share_of_densities_in_a_variance_is_within_its_interval_at_its_level():
    script = runpy.run_path(str(Path(__file__).parents[3] / "benchmarks" / "densities.py"))
    rng = np.random.default_rng(0)
    values = 2 * rng.standard_normal((1000, 8, 1)) + rng.standard_normal((1000, 8, 5))
    found = [script["components"](each) for each in values]
    assert np.mean([each.between for each in found]) == pytest.approx(4, rel=0.05)
    assert np.mean([each.within for each in found]) == pytest.approx(1, rel=0.05)
    assert np.mean([each.low < 0.8 < each.high for each in found]) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("interval_of", [mean_interval, positive_mean_interval])
def test_intervals_hold_the_truth_at_their_level(interval_of):
    rng = np.random.default_rng(0)
    samples = 0.1 * np.exp(0.2 * rng.standard_normal((4000, 5)))
    intervals = [interval_of(pd.Series(sample)) for sample in samples]
    truth = 0.1 * np.exp(0.2**2 / 2)
    coverage = np.mean([i.low <= truth <= i.high for i in intervals])
    assert 0.93 < coverage < 0.97


def test_one_seed_gives_no_interval():
    for interval in (mean_interval(VALUES[:1]), positive_mean_interval(VALUES[:1]), jackknife_interval([0.1, 0.1])):
        assert interval.mean == 0.1
        assert np.isnan([interval.low, interval.high]).all()


def test_no_error_at_all_has_an_empty_interval():
    assert tuple(vars(positive_mean_interval(pd.Series([0.0, 0.0]))).values()) == (0.0, 0.0, 0.0)


def test_jackknife_of_a_mean_is_students_t():
    left_out = [VALUES.drop(i).mean() for i in VALUES.index]
    assert vars(jackknife_interval([VALUES.mean(), *left_out])) == pytest.approx(vars(mean_interval(VALUES)))


@given(st.integers(1, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_of_a_bounded_mean_is_clopper_and_pearsons_for_two_values(counts):
    k, n = counts
    found = bounded_mean_interval([1.0] * k + [0.0] * (n - k), 0, 1)
    expected = stats.binomtest(k, n).proportion_ci(0.95, "exact")
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=1e-9)


def test_the_interval_of_a_bounded_mean_is_a_quantile_of_weighted_means_and_shifts_with_the_values():
    values = np.array([1.0, 1.5, 1.5, 3.0, 4.5])
    found = bounded_mean_interval(values, 1, 5)
    weights = np.random.default_rng(0).dirichlet(np.ones(6), 200_000)
    expected = np.quantile(weights @ [*values, 1], 0.025), np.quantile(weights @ [*values, 5], 0.975)
    assert (found.low, found.high) == pytest.approx(expected, abs=0.01)
    assert vars(bounded_mean_interval(6 - values, 1, 5)) == pytest.approx(
        {"mean": 6 - found.mean, "low": 6 - found.high, "high": 6 - found.low}
    )


def test_hull_covers_all_and_exp_keeps_the_order():
    assert hull(Interval(1, 0.5, 2), [Interval(1, 0.5, 2), Interval(3, 0.7, 4)]) == Interval(1, 0.5, 4)
    assert vars(Interval(0, -1, 1).exp()) == pytest.approx({"mean": 1, "low": 1 / np.e, "high": np.e})


def test_one_sided_p_is_scipys():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((6, 3)) + 0.5
    expected = stats.ttest_1samp(values, 0, alternative="greater").pvalue
    np.testing.assert_allclose(p_above_zero(values), expected)


def test_p_is_0_or_1_for_seeds_that_agree_and_1_for_one_seed():
    np.testing.assert_array_equal(p_above_zero([[0.125, -0.125, 0.0]] * 3), [0, 1, 1])
    assert p_above_zero([[0.1]]) == 1
    assert p_above_zero([[0.1]] * 3, least_error=1.0) > 0.4


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_holm_is_bonferroni_closed(p):
    """A hypothesis falls when every set that has it falls by Bonferroni: Marcus, Peritz and Gabriel 1976."""
    sets = [s for size in range(1, len(p) + 1) for s in itertools.combinations(range(len(p)), size)]
    closed = [max(min(1, len(s) * min(p[j] for j in s)) for s in sets if i in s) for i in range(len(p))]
    np.testing.assert_allclose(holm(p), closed)


@given(value=st.floats(0.1, 10), low=st.floats(0.01, 0.1), high=st.floats(10, 100))
def test_the_reciprocal_of_the_reciprocal_is_the_interval(value, low, high):
    interval = CensoredInterval(value, low, high)
    assert vars(1 / (1 / interval)) == pytest.approx(vars(interval))
    assert 1 / CensoredInterval(value, 0, np.inf) == CensoredInterval(1 / value, 0, np.inf)
    assert 1 / CensoredInterval(np.inf, low, np.inf) == CensoredInterval(0, 0, 1 / low)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (2, 3, "2.5 [2, 3]"),
        (2, np.inf, "2.5 [at least 2]"),
        (0, 3, "2.5 [at most 3]"),
        (0, np.inf, "2.5 [unbounded]"),
    ],
)
def test_an_open_interval_says_on_which_side(low, high, words):
    assert str(CensoredInterval(2.5, low, high)) == words


@pytest.mark.parametrize(
    ("interval", "side", "words"),
    [
        (CensoredInterval(np.inf, 9486.83, np.inf), "above", "more than 9,487"),
        (CensoredInterval(0, 0, 9486.83), "below", "at most 9,487"),
    ],
)
def test_outside_the_measured_range_there_is_a_bound(interval, side, words):
    assert (interval.side, interval.value) == (side, 9486.83)
    assert f"{interval:,.0f}" == words


def test_an_interval_is_escaped_text_in_a_notebook():
    assert Interval(0.5, 0.25, 1.0)._repr_html_() == "<p>0.5 [0.25, 1]</p>"


def test_the_factor_of_an_overlap_is_1_for_fresh_samples_and_not_defined_for_all_rows():
    """The variance of a mean of k values of variance V and correlation f, over the mean of s^2 / k, V (1 - f) / k."""
    np.testing.assert_array_equal(overlap_factor([10, 10**9], None, 5), 1.0)
    f, k = np.array([0.01, 0.5, 0.9]), 10
    np.testing.assert_allclose(overlap_factor(1000 * f, 1000, k) ** 2, (f + (1 - f) / k) / ((1 - f) / k))
    assert np.isnan(overlap_factor([1000, 2000], 1000, 5)).all()


@pytest.mark.parametrize("n", [50, 90])
def test_intervals_of_overlapping_samples_hold_the_mean_of_the_population(n):
    """Means of two samples of n of 100 rows have the correlation n / 100 exactly."""
    rng, factor, plain, corrected = np.random.default_rng(0), float(overlap_factor(n, 100, 5)), [], []
    for _ in range(400):
        rows = 10 + rng.standard_normal(100)
        means = pd.Series(rng.permuted(np.tile(rows, (5, 1)), axis=1)[:, :n].mean(axis=1))
        for held, interval in ((plain, mean_interval(means)), (corrected, mean_interval(means, factor))):
            held.append(interval.low <= 10 <= interval.high)
    assert np.mean(plain) < 0.9
    assert 0.92 < np.mean(corrected) < 0.98


@pytest.mark.parametrize("interval_of", [mean_interval, positive_mean_interval])
def test_a_factor_widens_an_interval_and_without_one_there_is_none(interval_of):
    plain, wide, none = (interval_of(VALUES, factor) for factor in (1.0, 2.0, float("nan")))
    assert wide.mean == plain.mean == none.mean
    assert np.isnan([none.low, none.high]).all()
    assert np.isnan(interval_of(0 * VALUES, float("nan")).low)
    scale = (lambda value: value) if interval_of is mean_interval else np.log
    assert scale(wide.high) - scale(wide.mean) == pytest.approx(2 * (scale(plain.high) - scale(plain.mean)))
    assert p_above_zero(VALUES, factor=float("nan")) == 1
