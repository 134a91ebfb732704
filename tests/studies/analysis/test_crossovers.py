import numpy as np
import pytest

from studies.analysis.crossovers import Crossover, NoEquivalence, crossover, data_equivalence, find_crossovers
from studies.analysis.intervals import Interval

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
    return frame_of(SIZES, steep=exact(steep), shallow=exact(shallow))


def noisy(law, seed, spread=0.05, n_seeds=6):
    return exact(law, n_seeds) * np.exp(spread * np.random.default_rng(seed).standard_normal((n_seeds, len(SIZES))))


@pytest.mark.parametrize("order", [("steep", "shallow"), ("shallow", "steep")])
def test_two_power_laws_cross_where_algebra_says(two, order):
    found = crossover(two, *order)
    np.testing.assert_allclose([found.n.mean, found.n.low, found.n.high], CROSS, rtol=1e-9)
    assert (found.count, found.winner, found.measured) == (1, "steep", (100, 10_000))
    assert found.lead == (pytest.approx(CROSS), 10_000)


def test_order_of_learners_does_not_count_with_noise_either(frame_of):
    frame = frame_of(SIZES, a=noisy(steep, 0), b=noisy(shallow, 1))
    forth, back = crossover(frame, "a", "b"), crossover(frame, "b", "a")
    assert vars(forth.n) == pytest.approx(vars(back.n))
    assert (forth.winner, forth.lead) == (back.winner, pytest.approx(back.lead))
    assert forth.n.low < forth.n.mean < forth.n.high


def test_the_interval_is_where_a_paired_t_test_is_not_significant(frame_of):
    """At a measured size inside the interval the test is that of scipy on log errors, to first order."""
    a, b = noisy(steep, 0, spread=0.2), noisy(shallow, 1, spread=0.2)
    found = crossover(frame_of(SIZES, a=a, b=b), "a", "b")
    for size, own, other in zip(SIZES, a.T, b.T, strict=True):
        influence = own / own.mean() - other / other.mean() + np.log(own.mean() / other.mean())
        half = 2.5706 * influence.std(ddof=1) / np.sqrt(6)  # Student's t at 5 degrees of freedom
        margin = abs(influence.mean()) / half
        if abs(margin - 1) > 0.1:
            assert (found.n.low < size < found.n.high) == (margin < 1)


def test_without_a_crossing_one_is_ahead(frame_of):
    frame = frame_of(SIZES, a=noisy(steep, 0), b=noisy(lambda n: 2 * steep(n), 1))
    found = crossover(frame, "a", "b")
    assert (found.n, found.count, found.winner, found.lead) == (None, 0, "a", (100, 10_000))
    assert str(found) == "a is ahead of b from n = 100 to 10,000, with no crossing"


def test_a_lead_over_part_of_the_range_is_not_a_crossing(frame_of):
    frame = frame_of(SIZES, a=noisy(lambda n: steep(n) + 0.03, 0), b=noisy(lambda n: 1.02 * steep(n), 1))
    found = crossover(frame, "a", "b")
    assert (found.n, found.winner) == (None, "b")
    assert 100 < found.lead[0] < found.lead[1] == 10_000
    assert str(found).endswith("; elsewhere in 100 to 10,000 they do not differ significantly")


def test_learners_of_one_law_do_not_differ(frame_of):
    found = crossover(frame_of(SIZES, a=noisy(steep, 0), b=noisy(steep, 1)), "a", "b")
    assert (found.n, found.winner, found.lead) == (None, None, None)
    assert str(found) == "a and b do not differ significantly from n = 100 to 10,000"


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
    assert found.measured == (100, 1000)
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
    assert "less than 0.1 times" in str(less)


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
    with pytest.raises(ValueError, match="one seed in common"):
        crossover(two[two["seed"] == 0], "steep", "shallow")
    small = two["n_samples"] < 500
    apart = two[small == (two["learner"] == "steep")]
    with pytest.raises(ValueError, match="no common range"):
        crossover(apart, "steep", "shallow")


def test_samples_needed_are_the_ratio_times_those_to_match(two):
    found = data_equivalence(two, "steep", "shallow", 400)
    assert found.n_samples.mean == pytest.approx(400 * found.times.mean)
    assert found.n_samples_text(interval=False) == f"{found.n_samples.mean:,.3g}".replace("e+03", "")
    assert data_equivalence(two, "steep", "shallow", 2500).n_samples_text() == "more than 10,000"


def test_without_an_estimate_or_a_bound_there_is_no_equivalence(frame_of):
    apart = np.tile([[0.0001], [0.5]], len(SIZES))
    with pytest.raises(NoEquivalence, match="neither an estimate nor a bound") as refusal:
        data_equivalence(frame_of(SIZES, a=exact(steep, 2), b=apart), "a", "b", 1000)
    assert refusal.value.estimate.times.is_open


def test_all_pairs_that_cross_are_found_in_the_metric(frame_of):
    frame = frame_of(SIZES, steep=exact(steep), shallow=exact(shallow), worst=exact(lambda n: 3 * shallow(n) + 0 * n))
    frame = frame.assign(metric="mse", value=1 - frame["value"])
    assert [(found.a, found.b) for found in find_crossovers(frame, "mse")] == [("steep", "shallow")]
    assert find_crossovers(frame, "error") == []


@pytest.mark.parametrize(
    ("winner", "n", "count", "lead", "words"),
    [
        ("a", None, 0, (100, 1000), "is behind all the way to 1,000"),
        ("b", None, 0, (100, 1000), "is ahead from 100 on"),
        ("b", None, 0, (212.3, 1000), "is ahead from 212 to 1,000, elsewhere not significantly"),
        ("b", Interval(300, 200, 450), 1, (450, 1000), "overtakes at 300 [200, 450]"),
        ("a", Interval(300, 200, 450), 3, (450, 900), "falls behind at 300 [200, 450], the last of 3 crossings"),
        (None, None, 0, None, "does not differ significantly up to 1,000"),
    ],
)
def test_how_a_competitor_stands_at_equal_n(winner, n, count, lead, words):
    assert Crossover("a", "b", (100, 1000), n, count, winner, lead).standing("b") == words
