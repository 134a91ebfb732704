import numpy as np
import pandas as pd
import pytest

from studies.analysis.claims import check_claims
from studies.library.ablation import FACTORS, factorial, main_effect, plot_main_effects, prior_gain
from studies.spec.study import Study, built_in

DEFAULTS = {"loss": "cross_entropy", "layer_norm": False, "weight_decay": 0.0, "standardize": True}
EFFECTS = dict(zip(FACTORS, (0.01, -0.004, 0.0, -0.02), strict=True))


@pytest.fixture
def frame_of(invented):
    """Return a frame of errors: a base of each seed, what each factor adds, and what the first two add together."""

    def make(effects, gain=0.05, interaction=0.0, plain=0.0):
        bases = 0.05 + 0.002 * np.random.default_rng(0).standard_normal(10)

        def values(planned):
            given = {**DEFAULTS, **planned.cell.params}
            on = {factor: given[factor] == value for factor, (value, _) in FACTORS.items()}
            added = sum(effect * on[factor] for factor, effect in effects.items())
            added += interaction * (on["loss"] and on["layer_norm"])
            if planned.cell.prior is None:
                added = gain + sum(effects.get(factor, 0) for factor in on if on[factor])
                added += plain * on["standardize"]
            return {"accuracy": 1 - bases[planned.cell.seed] - added}

        return invented("ablation", values, noise=1e-5)

    return make


def test_main_effects_are_found_whatever_the_others_do(frame_of):
    table = factorial(frame_of(EFFECTS), 1000)
    assert table.shape == (10, 16)
    for factor, expected in EFFECTS.items():
        assert main_effect(table, factor).mean() == pytest.approx(expected, abs=2e-4)


def test_half_an_interaction_counts_for_each_of_its_factors(frame_of):
    table = factorial(frame_of({}, interaction=0.01), 1000)
    assert main_effect(table, "loss").mean() == pytest.approx(0.005, abs=2e-4)
    assert main_effect(table, "weight_decay").mean() == pytest.approx(0, abs=2e-4)


def test_the_prior_is_judged_on_nets_as_they_are_by_default(frame_of):
    frame = frame_of({"loss": 0.01, "layer_norm": 0.01, "weight_decay": 0.01})
    assert prior_gain(frame, 1000).mean() == pytest.approx(0.05, abs=2e-4)


def test_a_seed_without_all_combinations_is_left_out(frame_of):
    frame = frame_of(EFFECTS)
    missing = (frame["seed"] == 3) & (frame["loss"] == "focal") & (frame["standardize"] == False)  # noqa: E712
    table = factorial(frame[~missing], 1000)
    assert list(table.index) == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert main_effect(table, "standardize").mean() == pytest.approx(EFFECTS["standardize"], abs=2e-4)


def test_without_the_column_of_a_factor_nothing_is_claimed_of_the_nets_that_have_it(frame_of):
    found = check_claims("ablation", frame_of(EFFECTS).drop(columns="weight_decay"))
    assert len(found) == 2
    assert all("the plain net" in claim.says for claim in found)


def test_a_factor_counts_alike_whether_it_is_an_axis_or_divides_the_learners(frame_of):
    described = built_in()["ablation"].model_dump(exclude_none=True)
    levels = {factor: [with_it, without] for factor, (with_it, without) in FACTORS.items()}
    described["learners"] = {"all": {"estimator": "net", "prior": "polar", "params": levels}}
    frame = frame_of(EFFECTS)
    divided = factorial(frame, 1000)
    one = (1 - divided).stack(list(FACTORS), future_stack=True).rename("value").reset_index()
    one = one.assign(family="all", metric="accuracy", n_samples=1000)
    pd.testing.assert_frame_equal(factorial(one, 1000, study=Study.from_dict(described)), divided)


def holds(frame, n=1000):
    return [claim.holds for claim in check_claims("ablation", frame) if f"(n = {n:,})" in claim.says]


def test_little_is_less_than_a_fifth_of_what_the_prior_is_worth(frame_of):
    assert holds(frame_of({"loss": 0.005, "layer_norm": -0.005}))[:3] == [True] * 3
    assert holds(frame_of({"loss": 0.03, "weight_decay": -0.03}))[:3] == [False, True, False]


def test_standardised_inputs_help_the_polar_net_and_change_the_plain_net_little(frame_of):
    assert holds(frame_of({"standardize": -0.01}))[3:] == [True, True]
    assert holds(frame_of({"standardize": 0.01}, plain=-0.05))[3:] == [False, False]


def test_the_picture_has_the_prior_and_all_factors(frame_of, shown):
    ax = plot_main_effects(shown(frame_of(EFFECTS)))
    rows = [label.get_text() for label in ax.get_yticklabels()]
    assert rows == ["Polar prior", "Focal loss", "Layer norm", "Weight decay of 0.01", "Standardised inputs"]
    marks = [container.lines[0].get_xdata() for container in ax.containers]
    assert marks[1] == pytest.approx([-5, 1, -0.4, 0, -2], abs=0.02)


@pytest.mark.slow
def test_what_is_thought_to_help_adds_little(measured):
    assert all(claim.holds for claim in check_claims("ablation", measured("ablation").frame()))
