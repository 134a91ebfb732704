import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from studies.analysis.questions import Comparison, compare
from studies.spec.sections import Margin

SEEDS = range(5)
SPREAD = np.array([-1.0, 0.5, 1.0, -0.7, 0.2])


def losses(mean, spread=0.02):
    return pd.Series(mean * (1 + spread * SPREAD), index=SEEDS)


def comparison(a, b, margin=None, metric="error"):
    return Comparison(a, b, (1.0, 1.0), metric, margin or Margin(0.2))


def answer(*args, **kwargs):
    return compare([comparison(*args, **kwargs)])[0]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (losses(0.028), losses(0.06), "Yes: 2.80 % against 6.00 %, lower by 53 % [53, 53]."),
        (losses(0.06), losses(0.028), "No: 6.00 % against 2.80 %, higher by 110 % [110, 110]."),
        (losses(0.06, 0.01), losses(0.062), "Equal to within 20 %: 6.00 % against 6.20 %, lower by 3.2 % [2.2, 4.2]."),
        (losses(0.06, -0.1), losses(0.075, 0.05), "Cannot tell whether by more than 20 %: 6.00 % against 7.50 %"),
        (losses(0.06, 0.5), losses(0.065), "Cannot tell: 6.00 % against 6.50 %, lower by"),
        (losses(0.0), losses(0.03), "Yes: 0.00 % against 3.00 %, lower by 3.00 [2.94, 3.06] percentage points."),
        (losses(0.0), losses(0.0), "Equal to within 20 %: 0.00 % against 0.00 %, no difference."),
        (losses(0.06, 0)[:1], losses(0.028, 0)[:1], "Cannot tell: 6.00 % against 2.80 %, without an interval."),
    ],
)
def test_an_interval_outside_the_margin_is_yes_or_no_and_one_inside_is_equal(a, b, expected):
    assert answer(a, b).startswith(expected)


@pytest.mark.parametrize(
    ("margin", "metric", "word"),
    [
        (Margin(2, "percentage points"), "error", "Equal to within 2 percentage points"),
        (Margin(0.5, "percentage points"), "error", "Yes"),
        (Margin(0.02), "mse", "Yes"),
        (Margin(0.02, ""), "mse", "Equal to within 0.02"),
        (Margin(0.02, "s"), "error", "Cannot tell: 4.00 % against 5.00 %, but the margin is 0.02 s"),
    ],
)
def test_a_margin_is_relative_or_absolute_in_the_unit_of_the_metric(margin, metric, word):
    assert answer(losses(0.04, 0.001), losses(0.05, 0.001), margin, metric).startswith(word)


def test_an_undecided_answer_says_what_would_have_been_missed():
    assert answer(losses(0.06, 0.3), losses(0.06, -0.3)).endswith("a difference under 83 % would have been missed.")


def test_a_difference_as_large_as_that_is_seen_in_four_measurements_of_five():
    rng, spread = np.random.default_rng(0), SPREAD / SPREAD.std(ddof=1)
    shift = comparison(pd.Series(0.06 + 0.01 * spread), pd.Series([0.06] * 5)).difference.detectable
    others = 0.06 + shift + 0.01 * rng.standard_normal((1000, 5))
    found = [comparison(pd.Series(other), pd.Series([0.06] * 5)).difference.interval.low > 0 for other in others]
    assert np.mean(found) == pytest.approx(0.8, abs=0.04)


def test_of_studies_with_four_true_nulls_few_hold_a_yes_or_a_no():
    """Without a correction for the number of questions one in five did (19 %)."""
    rng, n_studies = np.random.default_rng(1), 300
    wrong = 0
    for errors in 0.05 * (1 + 0.1 * rng.standard_normal((n_studies, 4, 2, 5))):
        found = compare(comparison(pd.Series(a), pd.Series(b), Margin(0.0)) for a, b in errors)
        wrong += any(each.startswith(("Yes", "No")) for each in found)
    assert wrong / n_studies <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / n_studies)


def test_answers_of_one_study_are_one_family():
    barely, unclear = comparison(losses(0.04, 0.18), losses(0.06)), comparison(losses(0.06, 0.3), losses(0.06, -0.3))
    alone, (among, *_) = compare([barely])[0], compare([barely, *[unclear] * 20])
    assert alone.startswith("Yes")
    assert among.endswith("not significant after correction for the number of questions.")


@given(st.lists(st.floats(0.01, 1), min_size=10, max_size=10), st.floats(0, 0.9))
def test_a_relative_interval_lies_outside_or_within_the_margin_where_the_tests_say_so(values, margin):
    asked = comparison(pd.Series(values[:5]), pd.Series(values[5:]), Margin(margin))
    ratio, p_values = asked.ratio, (asked.p_yes, asked.p_no, asked.p_equal)
    assume(ratio is not None and min(abs(p - 0.05) for p in p_values) > 1e-6)
    found = (ratio.high < 1 - margin, ratio.low > 1 + margin, 1 - margin <= ratio.low and ratio.high <= 1 + margin)
    assert found == tuple(p < 0.05 for p in p_values)


def test_seeds_are_paired_and_overlap_widens():
    shift = losses(0.05, 0.5)
    assert answer(shift * 0.5, shift).startswith("Yes")
    wide = Comparison(shift * 0.5, shift, (9.0, 9.0), "error", Margin(0.2))
    plain = comparison(shift * 0.5, shift)
    assert wide.difference.error == pytest.approx(9 * plain.difference.error)


@pytest.mark.parametrize(
    ("wrong", "margin", "word"),
    [
        (
            (0, 0),
            Margin(0.2),
            "Cannot tell: 0.00 % against 0.00 %, no difference on 250,000 test points; a difference under",
        ),
        ((0, 0), Margin(0.1, "percentage points"), "Equal to within 0.1 percentage points"),
        ((0, 1), Margin(0.2), "Cannot tell: 0.00 % against 0.00 %"),
        ((0, 9), Margin(0.2), "Yes"),
        (
            (2500, 2500),
            Margin(0.2),
            "Equal to within 20 %: 5.00 % against 5.00 %, no difference on 250,000 test points.",
        ),
    ],
)
def test_seeds_that_agree_are_not_more_certain_than_their_test_points(wrong, margin, word):
    """Of five seeds as many of 50,000 test points are wrong in each: their differences have no spread."""
    a, b = (pd.Series([each / 50_000] * 5) for each in wrong)
    (found,) = compare([Comparison(a, b, (1.0, 1.0), "error", margin, 250_000)])
    assert found.startswith(word)


@pytest.mark.parametrize("n_wrong", [0.1, 0.3, 1.0, 3.0])
def test_learners_with_few_wrong_points_seldom_differ_by_chance(n_wrong):
    rng, n_runs = np.random.default_rng(0), 200
    wrong = rng.poisson(n_wrong, (n_runs, 2, 5)) / 50_000
    found = compare_each(Comparison(*map(pd.Series, pair), (1.0, 1.0), "error", Margin(0.0), 250_000) for pair in wrong)
    assert np.mean([each.startswith(("Yes", "No")) for each in found]) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / n_runs)


def compare_each(comparisons):
    """The answer to each of several comparisons, as if it were the only one of its study."""
    return [compare([each])[0] for each in comparisons]
