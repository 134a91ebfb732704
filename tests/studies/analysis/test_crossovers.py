from contextlib import suppress

import numpy as np
import pytest

from studies.analysis.crossovers import (
    Crossover,
    NoEquivalence,
    crossover,
    crossover_of,
    data_equivalence,
    equivalence_of,
    find_crossovers,
)
from studies.analysis.intervals import Interval
from studies.analysis.learning_curves import LearningCurve, NotMeasured

SIZES = np.array([100, 316, 1000, 3162, 10_000])


def exact(law, n_seeds=3):
    return np.tile(law(SIZES), (n_seeds, 1))


def steep(n):
    return 6 * n**-0.6


def shallow(n):
    return 1.2 * n**-0.3


CROSS = 5 ** (1 / 0.3)  # where 6 n^-0.6 = 1.2 n^-0.3


@pytest.fixture
def two(frame_of):
    """Two curves without any noise, not even that of test points."""
    frame = frame_of(SIZES, steep=exact(steep), shallow=exact(shallow))
    frame.attrs.clear()
    return frame


def noisy(law, seed, spread=0.05, n_seeds=6):
    return exact(law, n_seeds) * np.exp(spread * np.random.default_rng(seed).standard_normal((n_seeds, len(SIZES))))


@pytest.mark.parametrize("order", [("steep", "shallow"), ("shallow", "steep")])
def test_two_power_laws_cross_where_algebra_says(two, order):
    found = crossover(two, *order)
    np.testing.assert_allclose([found.n.mean, found.n.low, found.n.high], CROSS, rtol=1e-9)
    assert (found.count, found.winner, found.sizes) == (1, "steep", tuple(SIZES))
    assert found.leaders == ("shallow", "steep", "steep", "steep", "steep")
    assert found.lead == tuple(SIZES[1:])


def test_order_of_learners_does_not_count_with_noise_either(frame_of):
    frame = frame_of(SIZES, a=noisy(steep, 0), b=noisy(shallow, 1))
    forth, back = crossover(frame, "a", "b"), crossover(frame, "b", "a")
    assert vars(forth.n) == pytest.approx(vars(back.n))
    assert (forth.winner, forth.leaders) == (back.winner, back.leaders)
    assert forth.n.low < forth.n.mean < forth.n.high


def test_leaders_are_those_of_paired_t_tests_at_the_measured_sizes(frame_of):
    """At a measured size the test is that of scipy on log errors, to first order."""
    a, b = noisy(steep, 0, spread=0.3), noisy(shallow, 1, spread=0.3)
    found = crossover(frame_of(SIZES, a=a, b=b), "a", "b")
    for leader, own, other in zip(found.leaders, a.T, b.T, strict=True):
        influence = own / own.mean() - other / other.mean() + np.log(own.mean() / other.mean())
        half = 2.5706 * influence.std(ddof=1) / np.sqrt(6)  # Student's t at 5 degrees of freedom
        margin = abs(influence.mean()) / half
        if abs(margin - 1) > 0.1:
            assert (leader is not None) == (margin > 1)


def test_without_a_crossing_one_is_ahead(frame_of):
    frame = frame_of(SIZES, a=noisy(steep, 0), b=noisy(lambda n: 2 * steep(n), 1))
    found = crossover(frame, "a", "b")
    assert (found.n, found.count, found.winner, found.lead) == (None, 0, "a", tuple(SIZES))
    assert str(found) == "a is ahead of b at all 5 measured sizes, n = 100 to 10,000"


def test_a_lead_at_some_sizes_is_not_a_crossing(frame_of):
    frame = frame_of(SIZES, a=noisy(lambda n: steep(n) + 0.03, 0), b=noisy(lambda n: 1.02 * steep(n), 1))
    found = crossover(frame, "a", "b")
    assert (found.n, found.winner, found.lead) == (None, "b", (316, 1000, 3162, 10_000))
    words = (
        "b is ahead of a at 4 of 5 measured sizes, n = 316 to 10,000; at the others they do not differ significantly"
    )
    assert str(found) == words


def test_learners_of_one_law_do_not_differ(frame_of):
    found = crossover(frame_of(SIZES, a=noisy(steep, 0), b=noisy(steep, 1)), "a", "b")
    assert (found.n, found.winner, found.lead) == (None, None, ())
    assert str(found) == "a and b do not differ significantly at any of 5 measured sizes, n = 100 to 10,000"


@pytest.mark.parametrize("tie", [0.0, 0.05, 0.1, 0.01, 1 / 3])
@pytest.mark.parametrize("seed", range(4))
def test_errors_that_are_the_same_at_the_last_size_are_a_tie(frame_of, tie, seed):
    """Of interpolated logarithms they differ by 1e-15, without any spread over seeds."""
    curves = [noisy(lambda n, k=k: 0.2 + k * steep(n), 2 * seed + k) for k in (1, 2)]
    for curve in curves:
        curve[:, -1] = tie
    found = crossover(frame_of(SIZES, a=curves[0], b=curves[1]), "a", "b")
    assert found.leaders[-1] is None
    assert found.winner != "b"


def test_nothing_is_claimed_between_two_sizes_where_neither_is_ahead(frame_of):
    """Between them the noise of both sizes averages out, and a curve looks more certain than where it is measured."""
    luck = np.array([1.0, -1.0, 1.0, -1.0])
    a = 0.1 * np.exp(np.outer(luck, [0.1, -0.1, 0.1, -0.1, 0.1]))
    found = crossover(frame_of(SIZES, a=a, b=np.full_like(a, 0.09)), "a", "b")
    assert found.winner is None


def test_several_crossings_are_counted_and_the_last_is_returned(frame_of):
    factor = np.array([0.5, 2, 0.5, 2, 2])
    frame = frame_of(SIZES, a=noisy(steep, 0), b=noisy(steep, 1) * factor)
    found = crossover(frame, "a", "b")
    assert (found.count, found.winner) == (3, "a")
    assert 1000 < found.n.low < found.n.high < 3162
    assert "the last of 3 crossings" in str(found)


def test_only_the_sizes_of_both_are_compared(frame_of, two):
    cut = two[(two["learner"] == "steep") | (two["n_samples"] < 3000)]
    found = crossover(cut, "steep", "shallow")
    assert found.sizes == (100, 316, 1000)
    assert found.n.mean == pytest.approx(CROSS)


@pytest.mark.parametrize("n", [400, 1000, 2500])
def test_equivalence_of_two_power_laws_is_what_algebra_says(two, n):
    expected = (1.2 / steep(n)) ** (1 / 0.3) / n
    found = data_equivalence(two, "steep", "shallow", n)
    if expected * n <= SIZES[-1]:
        np.testing.assert_allclose([found.times.mean, found.times.low, found.times.high], expected, rtol=1e-9)
    else:
        assert (found.times.mean, found.times.high) == (np.inf, np.inf)
        assert found.times.low == pytest.approx(SIZES[-1] / n)
        assert str(found).startswith(f"shallow needs more than {SIZES[-1] / n:.3g} times the samples that steep has")


def test_equivalence_turned_round_is_inverted(frame_of):
    frame = frame_of(SIZES, a=noisy(steep, 0), b=noisy(lambda n: 1.5 * steep(n), 1))
    forth = data_equivalence(frame, "a", "b", 1000)
    back = data_equivalence(frame, "b", "a", 1000 * forth.times.mean)
    assert back.times.mean == pytest.approx(1 / forth.times.mean, rel=1e-4)


def test_units_of_error_do_not_count(frame_of):
    a, b = noisy(steep, 0), noisy(lambda n: 1.5 * steep(n), 1)
    one = data_equivalence(frame_of(SIZES, a=a, b=b), "a", "b", 1000)
    other = data_equivalence(frame_of(SIZES, a=a / 3, b=b / 3), "a", "b", 1000)
    assert vars(other.times) == pytest.approx(vars(one.times))


def test_a_learner_needs_as_many_samples_as_itself(frame_of):
    frame = frame_of(SIZES, a=noisy(steep, 0), b=noisy(steep, 1))
    found = data_equivalence(frame, "a", "b", 1000)
    assert found.times.low < 1 < found.times.high
    assert vars(data_equivalence(frame, "a", "a", 1000).times)["mean"] == pytest.approx(1, rel=1e-5)


def test_outside_the_measured_range_there_is_a_bound(frame_of):
    frame = frame_of(SIZES, a=noisy(steep, 0), b=noisy(lambda n: 20 * steep(n), 1))
    more, less = data_equivalence(frame, "a", "b", 1000), data_equivalence(frame, "b", "a", 1000)
    assert vars(more.times) == {"mean": np.inf, "low": 10, "high": np.inf}
    assert vars(less.times) == {"mean": 0, "low": 0, "high": 0.1}
    assert "more than 10 times" in str(more)
    assert "at most 0.1 times" in str(less)


def test_an_interval_that_leaves_the_range_is_open(frame_of):
    frame = frame_of(SIZES, a=noisy(steep, 0), b=noisy(lambda n: 3.9 * steep(n), 1, spread=0.3))
    found = data_equivalence(frame, "a", "b", 1000)
    assert np.isfinite(found.times.mean)
    assert found.times.high == np.inf
    assert f"[at least {found.times.low:.3g}]" in str(found)


def test_a_curve_that_rises_has_no_equivalence_but_an_estimate(frame_of):
    frame = frame_of(SIZES, a=noisy(steep, 0), b=noisy(steep, 1) * [1, 1, 1, 4, 1])
    with pytest.raises(NoEquivalence, match=r"'b' rises from n = 1,000 to 3,162") as refusal:
        data_equivalence(frame, "a", "b", 200)
    assert refusal.value.estimate.times.mean == pytest.approx(1, rel=0.2)


def test_what_cannot_be_compared_is_refused(two):
    with pytest.raises(ValueError, match=r"within the sizes of 'steep', \[100, 10000\]"):
        data_equivalence(two, "steep", "shallow", 20_000)
    with pytest.raises(TypeError, match="The 'n' parameter of data_equivalence must be a finite float"):
        data_equivalence(two, "steep", "shallow", "1000")
    with pytest.raises(ValueError, match="one seed in common"):
        crossover(two[two["seed"] == 0], "steep", "shallow")
    small = two["n_samples"] < 500
    apart = two[small == (two["learner"] == "steep")]
    with pytest.raises(ValueError, match="no sample size in common"):
        crossover(apart, "steep", "shallow")


def test_samples_needed_are_the_ratio_times_those_to_match(two):
    found = data_equivalence(two, "steep", "shallow", 400)
    assert found.n_samples.mean == pytest.approx(400 * found.times.mean)
    assert found.n_samples_text(interval=False) == f"{found.n_samples.mean:,.3g}".replace("e+03", "")
    assert data_equivalence(two, "steep", "shallow", 2500).n_samples_text() == "more than 10,000"


def test_without_an_estimate_or_a_bound_there_is_no_equivalence(frame_of):
    apart = np.tile([[0.0001], [0.5]], len(SIZES))
    with pytest.raises(NoEquivalence, match="'b' does not reach the error that 'a' has at n = 1,000") as refusal:
        data_equivalence(frame_of(SIZES, a=exact(steep, 2), b=apart), "a", "b", 1000)
    assert refusal.value.estimate.times.is_open


def test_all_pairs_that_cross_are_found_in_the_metric(frame_of):
    frame = frame_of(SIZES, steep=exact(steep), shallow=exact(shallow), worst=exact(lambda n: 3 * shallow(n) + 0 * n))
    frame = frame.assign(metric="mse", value=1 - frame["value"])
    assert [(found.a, found.b) for found in find_crossovers(frame, "mse")] == [("steep", "shallow")]
    assert find_crossovers(frame, "error") == []


@pytest.mark.parametrize(
    ("leaders", "n", "words"),
    [
        ("aaaa", None, "is behind at all 4 measured sizes, 100 to 1,000"),
        ("bbbb", None, "is ahead at all 4 measured sizes, 100 to 1,000"),
        (
            "-b-b",
            None,
            "is ahead at 2 of 4 measured sizes, 200 and 1,000; at the others they do not differ significantly",
        ),
        ("a-bb", Interval(300, 200, 450), "overtakes at 300 [200, 450]"),
        ("abba", Interval(600, 500, 900), "falls behind at 600 [500, 900], the last of 2 crossings"),
        ("----", None, "does not differ significantly at any of 4 sizes"),
    ],
)
def test_how_a_competitor_stands_at_equal_n(leaders, n, words):
    named = tuple(None if name == "-" else name for name in leaders)
    assert Crossover("a", "b", (100, 200, 500, 1000), named, n).standing("b") == words


def test_a_bound_from_a_tie_at_the_smallest_size_says_so(frame_of):
    """Without a wrong test point the true errors may differ in either direction."""
    wrong = exact(lambda n: 300 / n / 50_000 * (n < 1000))
    frame = frame_of(SIZES, a=wrong, b=0 * wrong)
    found = data_equivalence(frame, "a", "b", 1000)
    assert (found.times.side, found.times.high, found.is_tie) == ("below", 0.1, True)
    assert str(found) == (
        "b needs at most 0.1 times the samples that a has at n = 1,000: with as many, its measured error is the same"
    )
    with pytest.raises(NoEquivalence, match="'b' begins below the error that 'a' has at n = 100, but the"):
        data_equivalence(frame, "a", "b", 100)


def test_the_learner_that_is_matched_may_be_measured_at_one_size(two):
    one = two[(two["learner"] == "shallow") | (two["n_samples"] == 400) | (two["n_samples"] == 1000)]
    found = data_equivalence(one, "steep", "shallow", 1000)
    assert vars(found.times) == pytest.approx(vars(data_equivalence(two, "steep", "shallow", 1000).times))
    with pytest.raises(NotMeasured, match="'steep' is measured at one sample size"):
        data_equivalence(one, "shallow", "steep", 1000)


@pytest.mark.parametrize("n_wrong", [0.1, 0.3, 1])
def test_equivalences_of_few_wrong_points_hold_or_are_bounds(n_wrong):
    """Of each of five seeds as many test points of its own are expected to be wrong at n = 1,000."""
    rng, held = np.random.default_rng(0), []
    for _ in range(80):
        luck = np.exp(0.07 * rng.standard_normal((5, 1)))
        wrong = [rng.binomial(50_000, factor * n_wrong / 50 / SIZES * luck) for factor in (1, 3)]
        curves = tuple(LearningCurve(SIZES, each / 50_000, 250_000) for each in wrong)
        assert crossover_of("a", "b", curves).winner != "b"
        with suppress(NoEquivalence):
            times = equivalence_of("a", "b", 1000, curves).times
            held.append(times.low <= 3 <= times.high)
    assert len(held) > 70
    assert np.mean(held) >= 0.93
