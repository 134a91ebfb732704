import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from studies.analysis.intervals import Interval, jackknife_interval, mean_interval
from studies.analysis.verdicts import OF_LOGS, POWER, Estimate, Requirement, verdicts

finite = st.floats(-10, 10)
samples = st.lists(finite, min_size=2, max_size=8).filter(lambda values: np.ptp(values) > 1e-6)


@given(samples)
def test_an_estimate_has_students_interval(values):
    found, expected = Estimate.of_seeds(values).interval, mean_interval(pd.Series(values))
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


@given(samples, finite)
def test_p_values_are_those_of_scipys_t_test(values, bound):
    found = Estimate.of_seeds(values)
    assert found.p_above(bound) == pytest.approx(stats.ttest_1samp(values, bound, alternative="greater").pvalue)
    assert found.p_below(bound) == pytest.approx(stats.ttest_1samp(values, bound, alternative="less").pvalue)


@given(samples, finite, finite)
def test_a_range_is_met_if_the_interval_lies_inside_and_missed_if_it_lies_outside(values, one, other):
    low, high = sorted((one, other))
    found = Estimate.of_seeds(values)
    interval, requirement = found.interval, Requirement(found, low, high)
    assert (requirement.p_inside <= 0.05) == (low <= interval.low and interval.high <= high)
    assert (requirement.p_outside <= 0.05) == (interval.high < low or interval.low > high)


def test_one_seed_decides_nothing():
    single = Estimate.of_seeds([0.5])
    assert verdicts([[Requirement(single, 0, 1)], [Requirement(single, high=0)], []]) == [None, None, None]


@pytest.mark.parametrize(("value", "verdict"), [(0.0, False), (0.5, True), (1.0, False), (-0.1, False), (1.1, False)])
def test_where_all_seeds_agree_the_bounds_do_not_belong_to_the_range(value, verdict):
    assert verdicts([[Requirement(Estimate.of_seeds([value] * 3), 0, 1)]]) == [verdict]


def test_rounding_is_no_spread():
    assert Estimate.of_seeds(np.array([0.1, 0.2, 0.3]) - np.array([0.0, 0.1, 0.2])).error == 0


def test_an_error_that_seeds_share_is_a_lower_bound():
    assert Estimate.of_seeds([1.0, 1.0, 1.0], least_error=0.5).error == 0.5
    assert Estimate.of_seeds([1.0, 2.0, 3.0], least_error=0.1, factor=2.0).error == pytest.approx(2 / np.sqrt(3))


def test_an_estimate_comes_from_a_jackknife_or_an_interval_as_well():
    values = [1.0, 0.9, 1.1, 1.3]
    interval = jackknife_interval(values)
    for found in (Estimate.of_jackknife(values), Estimate.of_interval(interval, 3)):
        assert (found.interval.low, found.interval.high) == pytest.approx((interval.low, interval.high))
    assert Estimate.of_interval(Interval(1, 0, 1.5), 3).interval.low == pytest.approx(0)  # the longer side


def test_all_quantities_must_be_inside_and_one_outside_is_enough():
    inside, outside = (Estimate.of_seeds(np.array([-0.01, 0, 0.01, 0]) + mean) for mean in (0, 5))
    unclear = Estimate.of_seeds([-5, 5, -4, 4])
    families = [[inside, inside], [inside, unclear], [inside, unclear, outside]]
    assert verdicts([[Requirement(each, -1, 1) for each in family] for family in families]) == [True, None, False]


def test_noise_never_makes_a_verdict():
    """With a thousand times the noise, decided claims become inconclusive: no claim is supported by a large p-value."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((20, 5))
    decided = {
        scale: [verdicts([[Requirement(Estimate.of_seeds(0.5 + scale * each), 0, 1)]])[0] for each in noise]
        for scale in (0.01, 10.0)
    }
    assert set(decided[0.01]) == {True}
    assert True not in decided[10.0]
    assert decided[10.0].count(None) >= 18


@pytest.mark.parametrize("spread", [0.02, 0.1, 0.5])
def test_a_wrong_claim_is_hardly_ever_supported_however_noisy(spread):
    """By p > 0.05 nine in ten were, with the largest spread."""
    values = 0.2 + spread * np.random.default_rng(0).standard_normal((400, 5))
    found = [verdicts([[Requirement(Estimate.of_seeds(each), -0.1, 0.1)]])[0] for each in values]
    assert found.count(True) <= 2


def test_of_families_of_claims_few_hold_a_wrong_verdict():
    """Eight claims whose quantities lie on the bound of their range: to support or deny any of them is wrong."""
    rng, n_families = np.random.default_rng(1), 400
    values = rng.standard_normal((n_families, 8, 5))
    wrong = sum(
        any(v is not None for v in verdicts([[Requirement(Estimate.of_seeds(x), 0, 1e9)] for x in family]))
        for family in values
    )
    assert wrong / n_families <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / n_families)


def test_what_can_be_detected_is_in_words():
    found = Estimate(0.0, 0.1, 4)
    assert Requirement(found, factor=100, unit=" points").detectable == "of 37 points"
    assert Requirement(found, unit=OF_LOGS).detectable == "by a factor of 1.45"


def test_a_detectable_difference_is_detected_with_the_power_it_states():
    rng, n = np.random.default_rng(2), 4000
    error = 1 / np.sqrt(10)
    detectable = Estimate(0.0, error, 9).detectable
    values = detectable + rng.standard_normal((n, 10))
    detected = np.mean([Estimate.of_seeds(each).p_above(0) <= 0.025 for each in values])
    assert detected == pytest.approx(POWER, abs=0.03)
