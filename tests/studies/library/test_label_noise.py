import numpy as np
import pandas as pd
import pytest

from studies.analysis.claims import check_claims
from studies.library.label_noise import outvoted, predicted_errors
from studies.spec.study import built_in

SIZES = [100, 1000, 10_000, 100_000]


def test_most_of_one_label_is_that_label():
    assert outvoted(0.1, 1) == pytest.approx(0.1)


@pytest.mark.parametrize("k", [3, 5])
def test_the_chance_to_be_outvoted_is_that_of_tossed_coins(k):
    flips = np.random.default_rng(0).random((200_000, k)) < 0.2
    assert outvoted(0.2, k) == pytest.approx(np.mean(flips.sum(axis=1) > k / 2), abs=0.003)


def frame_of(noise_of, factor=1.8):
    """Noise-free power laws, five neighbours the worse by a factor, and with `noise_of` (learner, q) to each answer."""
    rng = np.random.default_rng(0)
    rows = []
    for k in (1, 5):
        for seed in range(5):
            luck = 1 + 0.02 * rng.standard_normal()
            for q in (0.0, 0.05):
                for n in SIZES:
                    error = luck * n**-0.5 * (factor if k == 5 else 1)
                    turned = noise_of(k, q)
                    value = 1 - (error + turned * (1 - 2 * error))
                    rows.append((f"kNN, n_neighbors={k}", q, k, n, seed, "accuracy", value))
    columns = ["learner", "flip_probability", "n_neighbors", "n_samples", "seed", "metric", "value"]
    return pd.DataFrame(rows, columns=columns)


def test_noise_as_in_theory_supports_the_claims():
    found = check_claims("label-noise", frame_of(lambda k, q: outvoted(q, k)))
    assert [claim.holds for claim in found] == [True] * 4


def test_noise_that_five_repeat_as_one_does_not():
    found = check_claims("label-noise", frame_of(lambda k, q: q if k == 1 else 0.0))
    assert [claim.holds for claim in found][2] is False


def test_a_crossing_elsewhere_than_predicted_does_not_support_the_claim():
    frame = frame_of(lambda k, q: outvoted(q, k))
    late = (frame["flip_probability"] > 0) & (frame["learner"] == "kNN, n_neighbors=5")
    frame.loc[late, "value"] -= 0.035  # so much worse that the two cross later
    assert check_claims("label-noise", frame)[3].holds is False


def test_without_noise_the_prediction_is_the_measured_error():
    frame = frame_of(lambda k, q: outvoted(q, k)).query("flip_probability == 0")
    pd.testing.assert_frame_equal(predicted_errors(frame, 0.0), frame)


@pytest.mark.slow
def test_label_noise_is_as_theory_says(measured):
    found = check_claims("label-noise", measured("label-noise").frame())
    assert all(claim.holds for claim in found if "overtake" not in claim.says)
    overtaking = [claim.holds for claim in found if "overtake" in claim.says]
    assert overtaking[:2] == [True, True]  # the theory is of many points


def test_the_study_has_noise_on_its_axis():
    assert built_in()["label-noise"].problems["spiral"].params["flip_probability"][0] == 0
