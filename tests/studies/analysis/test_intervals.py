import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from studies.analysis.intervals import (
    Interval,
    exponential,
    holm,
    hull,
    jackknife_interval,
    mean_interval,
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


@pytest.mark.parametrize("interval_of", [mean_interval, positive_mean_interval])
def test_intervals_hold_the_truth_as_often_as_they_say(interval_of):
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


def test_hull_reaches_as_far_as_any_and_exponential_keeps_the_order():
    assert hull(Interval(1, 0.5, 2), [Interval(1, 0.5, 2), Interval(3, 0.7, 4)]) == Interval(1, 0.5, 4)
    assert vars(exponential(Interval(0, -1, 1))) == pytest.approx({"mean": 1, "low": 1 / np.e, "high": np.e})


def test_one_sided_p_is_scipys():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((6, 3)) + 0.5
    expected = stats.ttest_1samp(values, 0, alternative="greater").pvalue
    np.testing.assert_allclose(p_above_zero(values), expected)


def test_seeds_that_agree_leave_no_doubt_and_one_seed_leaves_all():
    np.testing.assert_array_equal(p_above_zero([[0.125, -0.125, 0.0]] * 3), [0, 1, 1])
    assert p_above_zero([[0.1]]) == 1
    assert p_above_zero([[0.1]] * 3, least_error=1.0) > 0.4


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_holm_is_bonferroni_closed(p):
    """A hypothesis falls when every set that has it falls by Bonferroni: Marcus, Peritz and Gabriel 1976."""
    sets = [s for size in range(1, len(p) + 1) for s in itertools.combinations(range(len(p)), size)]
    closed = [max(min(1, len(s) * min(p[j] for j in s)) for s in sets if i in s) for i in range(len(p))]
    np.testing.assert_allclose(holm(p), closed)
