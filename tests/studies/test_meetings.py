"""Numbers are compared with curves whose worths and crossings are known in closed form."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.meetings import Estimate, crossover, equivalence

SIZES = [100, 316, 1000, 3162, 10_000]


def tidy(curves, sizes=SIZES):
    """A frame of errors from {learner: one row of errors for each seed}."""
    rows = [
        (learner, n, seed, "error", value)
        for learner, seeds in curves.items()
        for seed, errors in enumerate(np.atleast_2d(seeds))
        for n, value in zip(sizes, errors, strict=True)
    ]
    return pd.DataFrame(rows, columns=["learner", "n_samples", "seed", "metric", "value"])


def law(factor, exponent, seeds=(1.0,)):
    return np.outer(seeds, factor * np.array(SIZES, dtype=float) ** -exponent)


@given(
    exponents=st.tuples(st.floats(0.2, 1.5), st.floats(0.2, 1.5)),
    factors=st.tuples(st.floats(0.3, 3), st.floats(0.3, 3)),
    n=st.sampled_from(SIZES),
)
def test_equivalence_solves_power_laws(exponents, factors, n):
    (slope_a, slope_b), (factor_a, factor_b) = exponents, factors
    frame = tidy({"a": law(factor_a, slope_a), "b": law(factor_b, slope_b)}).query("value > 1e-5")
    needed = (factor_b / factor_a * n**slope_a) ** (1 / slope_b)
    sizes = frame.loc[frame["learner"] == "b", "n_samples"]
    found = equivalence(frame, "a", "b", n)
    if found is None:
        assert factor_a * n**-slope_a <= 1e-5
    elif needed > sizes.max() * 1.0001:
        assert (found.needed.beyond, round(found.needed.value)) == ("above", sizes.max())
    elif needed < sizes.min() / 1.0001:
        assert (found.needed.beyond, round(found.needed.value)) == ("below", sizes.min())
    elif sizes.min() * 1.0001 < needed < sizes.max() / 1.0001:
        assert found.needed.value == pytest.approx(needed, rel=1e-6)


def test_equivalence_in_the_other_direction_is_the_inverse():
    frame = tidy({"a": law(1, 0.5), "b": law(2, 0.5)})
    assert equivalence(frame, "a", "b", 316).needed.value == pytest.approx(4 * 316)
    assert equivalence(frame, "b", "a", 3162).needed.value == pytest.approx(3162 / 4)


def test_crossover_is_where_power_laws_meet():
    frame = tidy({"fast": law(10, 1, (0.99, 1.01)), "slow": law(10 / 500**0.5, 0.5, (0.99, 1.01))})
    for pair in (("fast", "slow"), ("slow", "fast")):
        found = crossover(frame, *pair)
        assert found.at.value == pytest.approx(500)
        assert (found.ahead, found.crossings, found.certain) == ("fast", 1, True)


def test_curves_that_do_not_cross_have_a_leader_and_no_crossing():
    found = crossover(tidy({"a": law(1, 0.5, (1, 1.1)), "b": law(2, 0.5, (1, 1.1))}), "b", "a")
    assert (found.ahead, found.at, found.crossings, found.certain) == ("a", None, 0, True)


def test_of_several_crossings_the_last_is_told_and_all_are_counted():
    zigzag = law(1, 0.5) * [0.5, 2, 0.5, 0.5, 2]
    found = crossover(tidy({"a": law(1, 0.5), "b": zigzag}), "a", "b")
    assert (found.ahead, found.crossings) == ("a", 3)
    assert 3162 < found.at.value < 10_000


def test_curves_that_are_the_same_but_for_noise_are_not_told_apart():
    rng = np.random.default_rng(0)
    told_apart = []
    for _ in range(100):
        a, b = (law(1, 0.5, np.ones(4)) * np.exp(0.1 * rng.standard_normal((4, 5))) for _ in "ab")
        told_apart.append(crossover(tidy({"a": a, "b": b}), "a", "b").certain)
    assert np.mean(told_apart) < 0.08


def test_pairing_takes_out_what_a_seed_does_to_both():
    seeds = (0.5, 1, 2)
    found = equivalence(tidy({"a": law(1, 0.5, seeds), "b": law(2, 0.5, seeds)}), "a", "b", 316)
    assert found.needed.low == pytest.approx(found.needed.high) == pytest.approx(4 * 316)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(0)
    held = []
    for _ in range(150):
        a, b = (law(factor, 0.5, np.ones(5)) * np.exp(0.1 * rng.standard_normal((5, 5))) for factor in (1, 2))
        needed = equivalence(tidy({"a": a, "b": b}), "a", "b", 1000).needed
        held.append(needed.low <= 4000 <= needed.high)
    assert 0.9 < np.mean(held) < 0.98


def test_one_seed_gives_no_interval():
    needed = equivalence(tidy({"a": law(1, 0.5), "b": law(2, 0.5)}), "a", "b", 316).needed
    assert np.isnan([needed.low, needed.high]).all()


def test_a_squared_error_may_be_as_small_as_it_likes():
    frame = tidy({"a": law(1e-9, 0.5), "b": law(2e-9, 0.5)}).assign(metric="mse")
    assert equivalence(frame, "a", "b", 316).needed.value == pytest.approx(4 * 316)


def test_an_interval_that_leaves_the_measured_sizes_is_open():
    noisy = law(2, 0.5, (0.6, 1, 1.6))
    needed = equivalence(tidy({"a": law(1, 0.5, (1, 1, 1)), "b": noisy}), "a", "b", 1000).needed
    assert (needed.beyond, needed.high) == ("", np.inf)
    assert 100 < needed.low < needed.value


def test_a_seed_with_a_hole_is_left_out_and_no_seed_at_all_is_no_answer():
    frame = tidy({"a": law(1, 0.5, (1, 1, 9)), "b": law(2, 0.5, (1, 1, 1))})
    holed = frame.query("not (seed == 2 and n_samples == 100)")
    assert equivalence(holed, "a", "b", 316).needed.value == pytest.approx(4 * 316)
    apart = frame.query("(learner == 'a') == (seed == 0)")
    assert equivalence(apart, "a", "b", 316) is None
    assert crossover(apart, "a", "b") is None
    assert crossover(frame, "a", "unheard of") is None


def test_no_error_at_all_counts_as_half_a_test_point():
    perfect = np.zeros((1, 5))
    found = equivalence(tidy({"a": perfect, "b": law(2, 0.5)}), "a", "b", 316)
    assert found.needed.beyond == "above"
    assert equivalence(tidy({"a": law(2, 0.5), "b": perfect}), "a", "b", 316).needed.beyond == "below"


@given(
    value=st.floats(0.1, 10), low=st.floats(0.01, 0.1), high=st.floats(10, 100), beyond=st.sampled_from(("", "above"))
)
def test_the_reciprocal_of_the_reciprocal_is_the_estimate(value, low, high, beyond):
    estimate = Estimate(value, low, high, beyond)
    back = estimate.inverse().inverse()
    assert (back.value, back.low, back.high) == pytest.approx((value, low, high))
    assert back.beyond == beyond
    assert Estimate(value, 0, np.inf).inverse() == Estimate(1 / value, 0, np.inf)
