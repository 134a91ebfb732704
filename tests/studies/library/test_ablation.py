import itertools

import numpy as np
import pandas as pd
import pytest

from studies.analysis.claims import check_claims
from studies.library.ablation import FACTORS, main_effect, prior_gain


def frame_of(effects, gain=0.05, interaction=0.0):
    """A factorial of errors: a base, what each factor adds, and what the first two add together."""
    rng = np.random.default_rng(0)
    rows = []
    for seed in range(6):
        base = 0.03 + 0.002 * rng.standard_normal()
        for on in itertools.product([True, False], repeat=3):
            levels = [FACTORS[name][0 if is_on else 1] for name, is_on in zip(FACTORS, on, strict=True)]
            error = base + np.dot(on, effects) + interaction * (on[0] and on[1]) + 1e-4 * rng.standard_normal()
            rows.append(("net, " + str(on), "net", *levels, 1000, seed, "accuracy", 1 - error))
        rows.append(("plain net", "plain net", None, None, None, 1000, seed, "accuracy", 1 - base - gain))
    columns = ["learner", "family", *FACTORS, "n_samples", "seed", "metric", "value"]
    return pd.DataFrame(rows, columns=columns)


def test_main_effects_are_found_whatever_the_others_do():
    frame = frame_of([0.01, -0.004, 0.0])
    for factor, expected in zip(FACTORS, [0.01, -0.004, 0.0], strict=True):
        assert main_effect(frame, factor, 1000).mean() == pytest.approx(expected, abs=2e-4)


def test_half_an_interaction_counts_for_each_of_its_factors():
    frame = frame_of([0.0, 0.0, 0.0], interaction=0.01)
    assert main_effect(frame, "loss", 1000).mean() == pytest.approx(0.005, abs=2e-4)
    assert main_effect(frame, "weight_decay", 1000).mean() == pytest.approx(0, abs=2e-4)


def test_the_prior_is_judged_without_any_of_them():
    assert prior_gain(frame_of([0.01, 0.01, 0.01]), 1000).mean() == pytest.approx(0.05, abs=2e-4)


def test_little_is_less_than_a_fifth_of_what_the_prior_is_worth():
    assert [claim.holds for claim in check_claims("ablation", frame_of([0.005, -0.005, 0.0]))] == [True] * 3
    found = check_claims("ablation", frame_of([0.03, 0.0, -0.03]))
    assert [claim.holds for claim in found] == [False, True, False]


@pytest.mark.slow
def test_what_is_thought_to_help_adds_little(measured):
    assert all(claim.holds for claim in check_claims("ablation", measured("ablation").frame()))
