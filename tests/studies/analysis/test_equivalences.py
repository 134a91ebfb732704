"""The answers of `studies.crossings`, which are tested there, as a report needs them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.analysis.crossovers import DataEquivalence, data_equivalence
from studies.analysis.findings import Estimate, crossover, equivalence
from studies.analysis.intervals import Interval

SIZES = [100, 316, 1000, 3162, 10_000]
SEEDS = (0.98, 1.0, 1.03)


def tidy(curves):
    """A frame of errors from {learner: (factor, exponent)}."""
    rows = [
        (learner, n, seed, "error", factor * n**-exponent * spread)
        for learner, (factor, exponent) in curves.items()
        for seed, spread in enumerate(SEEDS)
        for n in SIZES
    ]
    return pd.DataFrame(rows, columns=["learner", "n_samples", "seed", "metric", "value"])


def test_samples_needed_are_the_ratio_times_those_to_match():
    frame = tidy({"a": (1, 0.5), "b": (2, 0.5)})
    needed, ratio = equivalence(frame, "a", "b", 1000).needed, data_equivalence(frame, "a", "b", 1000).ratio
    assert needed.value == pytest.approx(4000, rel=0.02)
    assert (needed.value, needed.low, needed.high) == pytest.approx(
        (1000 * ratio.mean, 1000 * ratio.low, 1000 * ratio.high)
    )


def test_beyond_the_measured_sizes_there_is_a_bound_at_most_at_their_end():
    frame = tidy({"a": (1, 0.5), "b": (9, 0.5)})
    above, below = equivalence(frame, "a", "b", 1000).needed, equivalence(frame, "b", "a", 1000).needed
    assert (above.beyond, below.beyond) == ("above", "below")
    assert above.value <= 10_000
    assert below.value >= 100


def test_what_the_data_do_not_tell_is_no_answer():
    frame = tidy({"a": (1, 0.5), "b": (2, 0.5)})
    rising = frame.assign(value=frame["value"].where(frame["learner"] == "a", frame["n_samples"] / 20_000))
    for unanswered in (frame.query("seed == 0"), frame.query("(learner == 'a') == (seed == 0)"), rising):
        assert equivalence(unanswered, "a", "b", 1000) is None
    assert equivalence(frame, "a", "b", 17) is None
    assert crossover(frame, "a", "unheard of") is None


def test_crossings_are_those_of_the_metric():
    frame = tidy({"fast": (10, 1), "slow": (10 / 500**0.5, 0.5)})
    assert crossover(frame, "fast", "slow").n.mean == pytest.approx(500, rel=0.02)
    assert crossover(frame.assign(metric="mse"), "fast", "slow").winner == "fast"


@given(
    value=st.floats(0.1, 10), low=st.floats(0.01, 0.1), high=st.floats(10, 100), beyond=st.sampled_from(("", "above"))
)
def test_the_reciprocal_of_the_reciprocal_is_the_estimate(value, low, high, beyond):
    estimate = Estimate(value, low, high, beyond)
    back = estimate.inverse().inverse()
    assert (back.value, back.low, back.high) == pytest.approx((value, low, high))
    assert back.beyond == beyond
    assert Estimate(value, 0, np.inf).inverse() == Estimate(1 / value, 0, np.inf)


@pytest.mark.parametrize("ratio", [(np.inf, 0.0, np.inf), (0.0, 0.0, np.inf)])
def test_a_bound_that_bounds_nothing_is_no_answer(monkeypatch, ratio):
    found = DataEquivalence("a", "b", 100, Interval(*ratio), (0.1, 10))
    monkeypatch.setattr("studies.analysis.findings.data_equivalence", lambda *_: found)
    frame = pd.DataFrame({"learner": ["a", "b"], "metric": "error"})
    assert equivalence(frame, "a", "b", 100) is None
