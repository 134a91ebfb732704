import numpy as np
import pandas as pd
import pytest

from studies import check_claims
from studies.inference import Interval
from studies.library.prior_vs_data import is_less

SIZES = np.round(np.geomspace(100, 100_000, 7))
LEARNERS = {  # factor and exponent of error = factor * n ** -exponent
    "net": (2.0, 0.5),
    "net + polar": (1.0, 0.5),
    "net + polar + extras": (1.0, 0.5),
    "kNN, k=1": (3.15, 0.5),
    "kNN, k=1 + polar": (1.6, 0.5),
    "forest": (3.0, 0.5),
    "forest + polar": (1.5, 0.5),
}


def frame_of(uniform=2.5, **changed):
    """Power laws, and errors over the square that are `uniform` times those under the density."""
    rng = np.random.default_rng(1)
    rows = []
    for learner, (factor, exponent) in {**LEARNERS, **changed}.items():
        for seed in range(5):
            for n in SIZES:
                error = factor * n**-exponent * np.exp(0.03 * rng.standard_normal())
                rows.append((learner, int(n), seed, "accuracy", 1 - error))
                rows.append((learner, int(n), seed, "accuracy_uniform", 1 - uniform * error))
    return pd.DataFrame(rows, columns=["learner", "n_samples", "seed", "metric", "value"])


def test_the_story_is_recognised():
    verdicts = [claim.holds for claim in check_claims("prior-vs-data", frame_of())]
    assert verdicts == [True] * 7


@pytest.mark.parametrize(
    ("changed", "which", "verdict"),
    [
        ({"net + polar": (2.5, 0.5)}, 0, False),
        ({"net + polar + extras": (3.5, 0.5)}, 1, None),
        ({"kNN, k=1": (6.0, 0.5)}, 2, False),
        ({"uniform": 1.0}, 3, False),
        ({"uniform": 4.0}, 3, None),
        ({"net + polar": (4.0, 0.7)}, 4, False),
        ({"kNN, k=1 + polar": (3.2, 0.5)}, 5, None),
    ],
)
def test_another_story_is_not(changed, which, verdict):
    assert check_claims("prior-vs-data", frame_of(**changed))[which].holds is verdict


def test_without_a_law_exponents_are_undecided():
    few = frame_of().query("n_samples in (100, 1000, 10000)")
    assert [claim.holds for claim in check_claims("prior-vs-data", few)][4:] == [None] * 3


@pytest.mark.parametrize(
    ("effect", "verdict"),
    [(Interval(0.0, -0.1, 0.1), True), (Interval(-0.2, -0.4, 0.0), None), (Interval(0.5, 0.4, 0.6), None)],
)
def test_an_effect_is_less_in_either_direction_or_it_is_not_known(effect, verdict):
    assert is_less(effect, Interval(0.4, 0.3, 0.5)) is verdict


@pytest.mark.slow
def test_the_story_is_retold(measured):
    verdicts = [claim.holds for claim in check_claims("prior-vs-data", measured("prior-vs-data").frame())]
    assert verdicts[:3] == [True] * 3
