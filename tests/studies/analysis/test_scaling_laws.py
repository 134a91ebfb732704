import re

import numpy as np
import pytest

from studies.analysis.learning_curves import LearningCurve
from studies.analysis.scaling_laws import NoScalingLaw, fit_scaling

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


def test_the_further_the_less_is_known(law):
    widths = [np.log(i.high / i.low) for i in map(law.extrapolate, (100_000, 300_000, law.reach))]
    assert widths == sorted(widths)


def test_the_law_ends_beyond_the_data_by_a_third_of_their_decades(law):
    assert law.reach == pytest.approx(1_000_000)
    for n in (99, 1_000_100):
        with pytest.raises(ValueError, match=r"within the data and their reach, \[100, 1e\+06\]"):
            law.extrapolate(n)
        with pytest.raises(ValueError, match="within the data and their reach"):
            law.predict([1000, n])


def test_sizes_without_any_error_say_little_but_what_they_say():
    rng = np.random.default_rng(0)
    errors = rng.binomial(5000, np.tile(1 / SIZES, (5, 1))) / 5000
    assert (errors[:, -1] == 0).all()
    law = fit_scaling(LearningCurve(SIZES, errors, n_test=5000))
    assert law.exponent.low < 1 < law.exponent.high
    assert np.isfinite(law.exponent.high)


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
    assert len(refusal.value.local_exponents) == len(sizes) - 1
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


def refusal_of(curve):
    with pytest.raises(NoScalingLaw) as refusal:
        fit_scaling(curve)
    return refusal.value


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
        r"error falls as n\^-0\.\d+ \[.*\] to a floor of 0\.0\d* \[.*\] \(pow3, n = 100 to 100,000\)", found
    )
    exponential = refusal_of(exact(lambda n: 0.2 * np.exp(-n / 3000) + 0.01))
    assert "falls as a exp(-b n) + c to a floor of 0.01 [0.01, 0.01]" in str(exponential.estimate)
    assert exponential._repr_html_() == f"<p>{exponential}</p>"


def test_a_floor_below_half_an_error_is_shown_as_zero():
    law = fit_scaling(LearningCurve(SIZES, np.tile(0.6 * SIZES**-0.25 + 1e-6, (3, 1)), 50_000), ("pow3",))
    assert law.floor.mean > 0
    assert law.resolved_floor.mean == 0


def test_families_are_named():
    with pytest.raises(ValueError, match="one of 'pow2', 'pow3'"):
        fit_scaling(exact(pow3), families=("power",))
    with pytest.raises(ValueError, match="one or more names"):
        fit_scaling(exact(pow3), families=())
