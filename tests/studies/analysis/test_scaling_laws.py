import re

import numpy as np
import pytest

from studies.analysis.curve_models import FAMILIES
from studies.analysis.learning_curves import LearningCurve
from studies.analysis.scaling_laws import DRIFT, UNDECIDED, NoScalingLaw, fit_scaling

LONG = np.round(np.geomspace(100, 100_000, 7))
SIZES = np.round(np.geomspace(100, 100_000, 7))


def pow3(n, a=2, b=0.5, c=0.005):
    return a * n**-b + c


def exact(truth, sizes=SIZES, n_seeds=4):
    return LearningCurve(sizes, np.tile(truth(sizes), (n_seeds, 1)))


@pytest.fixture(scope="module")
def noisy():
    rng = np.random.default_rng(3)
    return pow3(SIZES) * np.exp(0.05 * rng.standard_normal((5, len(SIZES))))


@pytest.fixture(scope="module")
def law(noisy):
    return fit_scaling(LearningCurve(SIZES, noisy))


@pytest.mark.parametrize(
    ("family", "truth", "exponent", "floor"),
    [
        ("pow2", lambda n: 0.6 * n**-0.25, 0.25, 0),
        ("pow3", pow3, 0.5, 0.005),
        ("pow4", lambda n: 6 * (n + 300) ** -0.55 + 0.003, 0.55, 0.003),
        ("mmf4", lambda n: 0.01 + 0.29 / (1 + n**0.8 / 500), 0.8, 0.01),
    ],
)
def test_an_exact_law_is_found_exactly(family, truth, exponent, floor):
    law = fit_scaling(exact(truth))
    assert law.family == family
    assert law.exponent.mean == pytest.approx(exponent, rel=1e-6)
    assert law.floor.mean == pytest.approx(floor, rel=1e-6, abs=1e-9)
    n = np.array([100, 5000, law.reach])
    np.testing.assert_allclose(law.predict(n), truth(n), rtol=1e-6)


def test_the_same_numbers_have_their_law_found_once(noisy, law):
    same = LearningCurve(SIZES.tolist(), noisy.tolist())
    assert same == law.curve
    assert fit_scaling(same) is law
    assert fit_scaling(LearningCurve(SIZES, 1.01 * noisy)) is not law
    with pytest.raises(ValueError, match="read-only"):
        same.errors[0, 0] = 1.0


def test_units_change_nothing_but_units(noisy, law):
    other = fit_scaling(LearningCurve(SIZES / 64, 10 * noisy))
    assert other.family == law.family
    assert vars(other.exponent) == pytest.approx(vars(law.exponent), rel=1e-3)
    assert other.floor.mean == pytest.approx(10 * law.floor.mean, rel=1e-3)
    assert other.predict(5000 / 64) == pytest.approx(10 * law.predict(5000), rel=1e-4)


def test_the_order_of_seeds_does_not_count(noisy, law):
    other = fit_scaling(LearningCurve(SIZES, noisy[::-1]))
    assert other.family == law.family
    assert vars(other.exponent) == pytest.approx(vars(law.exponent), rel=1e-3)


def test_intervals_hold_what_is_chosen_and_reach_further_for_each_candidate(noisy, law):
    alone = fit_scaling(LearningCurve(SIZES, noisy), families=(law.family,))
    assert law.chosen in law.candidates
    assert len(law.candidates) > 1
    for name in ("exponent", "floor"):
        mine, single = getattr(law, name), getattr(alone, name)
        assert mine.low <= single.low <= single.mean <= single.high <= mine.high
    ahead = law.extrapolate(law.reach)
    assert ahead.low < ahead.mean < ahead.high
    assert ahead.mean == pytest.approx(law.predict(law.reach))


def test_an_extrapolation_holds_the_line_through_the_last_three_sizes(noisy, law):
    line = np.polyfit(np.log(SIZES[-3:]), np.log(noisy.mean(axis=0)[-3:]), 1)
    ahead, alone = law.extrapolate(law.reach), fit_scaling(LearningCurve(SIZES, noisy), ("pow3",))
    assert ahead.low < np.exp(np.polyval(line, np.log(law.reach))) < ahead.high
    bend = np.exp(alone.chosen.log_errors(law.reach)[0])
    assert np.exp(np.polyval(line, np.log(law.reach))) < 0.8 * bend  # which a law with a floor rules out
    assert np.log(ahead.high / ahead.mean) > DRIFT * np.log(8)


def test_the_further_the_less_is_known(law):
    widths = [np.log(i.high / i.low) for i in map(law.extrapolate, (100_000, 300_000, law.reach))]
    assert widths == sorted(widths)


def test_the_law_ends_at_eight_times_the_largest_sample(law):
    assert law.reach == pytest.approx(800_000)
    for n in (99, 800_100):
        with pytest.raises(ValueError, match=r"within the data and their reach, \[100, 800000\]"):
            law.extrapolate(n)
        with pytest.raises(ValueError, match="within the data and their reach"):
            law.predict([1000, n])


@pytest.fixture(scope="module")
def without_errors():
    """Curves of 5 / n on 5,000 test points, which have errors up to n = 10,000 or so."""
    rng = np.random.default_rng(0)
    return [LearningCurve(SIZES, rng.binomial(5000, np.tile(5 / SIZES, (5, 1))) / 5000, 5000) for _ in range(25)]


def test_sizes_without_errors_invent_no_floor(without_errors):
    laws = [estimate(curve, ("pow2", "pow3")) for curve in without_errors]
    assert np.mean([law.floor.low == 0 for law in laws]) > 0.9
    assert np.mean([law.exponent.low < 1 < law.exponent.high for law in laws]) > 0.9
    assert all(law.largest_floor <= 3 / 5000 for law in laws)


def test_sizes_without_errors_say_that_the_error_goes_on_falling(without_errors):
    curve = next(curve for curve in without_errors if curve.has_errors().sum() == 5)
    found = curve.has_errors()
    shorter = LearningCurve(curve.sizes[found], curve.errors[:, found], curve.n_test)
    alone, law = (estimate(each, ("pow2", "pow3")) for each in (shorter, curve))
    assert law.exponent.high - law.exponent.low < alone.exponent.high - alone.exponent.low
    assert "without errors at 31,623, 100,000" in str(law)
    assert curve.local_exponent() == shorter.local_exponent()


def test_a_law_that_ends_above_sizes_without_errors_misses_them():
    errors = np.where(SIZES > 20_000, 0, 0.6 * SIZES**-0.25) * np.linspace(0.9, 1.1, 5)[:, None]
    refused = refusal_of(LearningCurve(SIZES, errors, 5000), ("pow2",))
    assert "pow2 misses at n = " in str(refused)
    assert "100,000" in refused.reasons[0]


@pytest.mark.parametrize(
    ("truth", "sizes", "n_seeds", "reason"),
    [
        (pow3, SIZES[:4], 4, "4 sizes, 5 needed"),
        (pow3, SIZES, 2, "2 seeds, 3 needed"),
        (pow3, np.geomspace(100, 2000, 6), 4, "1.3 decades of n, 1.5 needed"),
        (lambda n: pow3(n) * np.where(n == 1000, 3, 1), SIZES, 4, "the error rises from n = 316 to 1,000"),
        (lambda n: 0.1 + 0 * n, SIZES, 4, "the error does not fall"),
        (lambda n: 0.2 * np.exp(-n / 3000) + 0.01, SIZES, 4, "no power law extrapolates as well as exp3"),
        (lambda n: np.where(n < 5000, 0.3, 0.03) * n**-0.1, SIZES, 4, "no model fits"),
    ],
)
def test_what_the_data_cannot_support_is_refused_with_the_reason(truth, sizes, n_seeds, reason):
    with pytest.raises(NoScalingLaw, match=reason) as refusal:
        fit_scaling(exact(truth, sizes, n_seeds))
    assert refusal.value.curve.local_exponent().mean == pytest.approx(
        exact(truth, sizes, n_seeds).local_exponent().mean
    )
    enough = len(sizes) >= 5 and n_seeds >= 3
    assert (refusal.value.estimate is not None) == enough


def test_a_curve_that_still_steepens_is_refused_unless_no_exponential_fits(simulated):
    sizes = np.round(np.geomspace(100, 10_000, 5))
    errors = simulated(lambda n: 0.01 + 0.29 / (1 + n**0.8 / 500), sizes, 10, np.random.default_rng(0))
    with pytest.raises(NoScalingLaw, match="still steepens"):
        fit_scaling(LearningCurve(sizes, errors, 50_000))


def test_an_exponential_that_looks_like_a_steep_power_law_is_refused(simulated):
    rng = np.random.default_rng(11)
    curves = [
        LearningCurve(LONG, simulated(lambda n: 0.2 * np.exp(-n / 3000) + 0.01, LONG, 5, rng), 50_000) for _ in range(5)
    ]
    reasons = [str(refusal_of(curve)) for curve in curves]
    assert any("like an exponential" in reason for reason in reasons)


def refusal_of(curve, families=tuple(FAMILIES)):
    with pytest.raises(NoScalingLaw) as refusal:
        fit_scaling(curve, families)
    return refusal.value


def estimate(curve, families=tuple(FAMILIES)):
    """The best fit, law or none."""
    try:
        return fit_scaling(curve, families)
    except NoScalingLaw as refusal:
        return refusal.estimate


def test_a_refusal_carries_the_estimate():
    with pytest.raises(NoScalingLaw) as refusal:
        fit_scaling(exact(lambda n: 0.2 * np.exp(-n / 3000) + 0.01))
    estimate = refusal.value.estimate
    assert estimate.family == "exp3"
    assert estimate.params == pytest.approx({"a": 0.2, "b": 1 / 3000, "c": 0.01}, rel=1e-6)
    assert estimate.extrapolate(200_000).mean == pytest.approx(0.01)
    assert np.isnan(estimate.exponent.mean)


def test_a_law_and_its_refusal_read_as_sentences(noisy, law):
    found = str(fit_scaling(LearningCurve(SIZES, noisy, n_test=50_000), ("pow3",)))
    assert re.fullmatch(
        r"error falls as n\^-0\.\d+ \[.*\] to a floor of 0\.0\d* \[.*\],"
        r" with exponent 0\.\d+ \[.*\] over the last decade of n \(pow3, n = 100 to 100,000\)",
        found,
    )
    exponential = refusal_of(exact(lambda n: 0.2 * np.exp(-n / 3000) + 0.01))
    assert "falls as a exp(-b n) + c to a floor of 0.01 [0.01, 0.01]" in str(exponential.estimate)
    assert exponential._repr_html_() == f"<p>{exponential}</p>"


@pytest.fixture(scope="module")
def undecided():
    """A curve with so much noise that exponents from 0.2 to 1.2 fit, and floors above its last error."""
    rng = np.random.default_rng(0)
    return LearningCurve(SIZES[:5], (pow3(SIZES, c=0.1) * np.exp(0.2 * rng.standard_normal((5, 7))))[:, :5])


def test_a_law_is_claimed_only_where_its_exponent_is_decided(undecided):
    refused = refusal_of(undecided, ("pow2", "pow3"))
    assert refused.reasons == (UNDECIDED,)
    assert refused.estimate.exponent.high - refused.estimate.exponent.low >= 0.3
    assert str(refused).endswith("; which law is not decided")
    alone = fit_scaling(undecided, ("pow2",))
    assert alone.exponent.high - alone.exponent.low < 0.3


def test_no_floor_is_needed_above_the_last_mean_error_nor_held_possible_above_its_interval(undecided):
    law, last = estimate(undecided, ("pow2", "pow3")), undecided.errors[:, -1].mean()
    assert 0 < law.floor.low < law.floor.mean < last < law.floor.high
    assert law.floor.high <= last * (1 + 2.8 * undecided.noise()[-1])  # t of five seeds
    assert law.largest_floor == pytest.approx(last)


@pytest.mark.parametrize(
    ("exponent", "words"),
    [
        (0.5, "error falls as about n^-0.50 [0.50, 0.50] over the last decade of n; "),
        (-0.5, "error rises as about n^0.50 [0.50, 0.50] over the last decade of n; "),
        (0.0, "over the last decade of n the error does not change significantly (exponent 0.00 [0.00, 0.00]); "),
    ],
)
def test_a_refusal_begins_with_the_local_exponent(exponent, words):
    curve = LearningCurve([100, 1000, 10_000], [[0.3, 0.1, 0.1 * 10**-exponent]] * 2)
    assert str(refusal_of(curve)).startswith(words)


def test_a_floor_below_half_an_error_is_zero_and_one_within_the_noise_is_not_excluded():
    law = fit_scaling(LearningCurve(SIZES, np.tile(0.6 * SIZES**-0.25 + 1e-6, (3, 1)), 50_000), ("pow3",))
    assert law.floor.mean == law.floor.low == 0
    assert law.floor.high == pytest.approx(4.303 * np.sqrt(0.034 / 50_000 / 3), rel=0.01)
    assert "; no floor above 0.002 is needed" in str(law)


def test_families_are_named():
    with pytest.raises(ValueError, match="one of 'pow2', 'pow3'"):
        fit_scaling(exact(pow3), families=("power",))
    with pytest.raises(ValueError, match="one or more names"):
        fit_scaling(exact(pow3), families=())
