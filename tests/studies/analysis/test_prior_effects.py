import numpy as np
import pytest

from studies.analysis.scaling_laws import NoScalingLaw, prior_effect

SIZES = np.round(np.geomspace(100, 100_000, 7))
MIDDLE = np.exp(np.log(SIZES).mean())


def law(a, b, seed=0, spread=0.0):
    rng = np.random.default_rng(seed)
    return a * SIZES**-b * np.exp(spread * rng.standard_normal((5, len(SIZES))))


def test_a_prior_that_changes_the_level_leaves_the_exponent(frame_of):
    effect = prior_effect(frame_of(SIZES, prior=law(1, 0.5), plain=law(2, 0.5)), "prior", "plain")
    assert effect.family == "pow2"
    assert effect.exponent.mean == pytest.approx(0, abs=1e-9)
    assert effect.error_ratio.mean == pytest.approx(0.5)
    assert str(effect).endswith("the error at n = 3,162 by a factor of 0.5 [0.5, 0.5] (pow2)")


def test_a_prior_that_changes_the_exponent_is_found(frame_of):
    effect = prior_effect(frame_of(SIZES, prior=law(4, 0.6, 0, 0.05), plain=law(2, 0.4, 1, 0.05)), "prior", "plain")
    assert 0 < effect.exponent.low < 0.2 < effect.exponent.high
    assert effect.n == pytest.approx(MIDDLE)
    assert effect.error_ratio.low < 2 * MIDDLE**-0.2 < effect.error_ratio.high


def test_the_other_way_round_turns_the_effect(frame_of):
    frame = frame_of(SIZES, prior=law(4, 0.6, 0, 0.05), plain=law(2, 0.4, 1, 0.05))
    forth, back = prior_effect(frame, "prior", "plain"), prior_effect(frame, "plain", "prior")
    assert back.exponent.mean == pytest.approx(-forth.exponent.mean)
    assert back.error_ratio.mean == pytest.approx(1 / forth.error_ratio.mean)


def test_a_curve_without_a_law_has_no_effect_on_one(frame_of):
    flat = np.full((5, 7), 0.125)
    with pytest.raises(NoScalingLaw, match="does not fall"):
        prior_effect(frame_of(SIZES, prior=law(4, 0.6), plain=flat), "prior", "plain")
