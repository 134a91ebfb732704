import numpy as np
import pytest
from scipy.stats import rankdata, zscore

from toymanifold.checks.independence import ranks, require_independent


def scores(*columns):
    return np.column_stack([ranks(column) for column in columns])


@pytest.mark.parametrize("column", [[3.0, 1.0, 2.0], [1, 0, 1, 1, 0], [2.5, 2.5, -1.0, 7.0]])
def test_ranks_are_scipys_scaled(column):
    assert np.allclose(ranks(np.array(column)), zscore(rankdata(column)))


def test_ranks_of_a_constant_are_zero_and_of_strings_alphabetical():
    assert ranks(np.full(5, 0.1)).tolist() == [0] * 5
    assert np.argsort(ranks(np.array(["c", "a", "b"]))).tolist() == [1, 2, 0]


@pytest.mark.parametrize("shift", [-3000, -1, 0, 1, 3000])
def test_a_replay_is_found_at_its_shift(shift):
    stream = np.random.default_rng(0).normal(size=(11_000, 2))
    a, b = stream[3000:8000], stream[3000 + shift : 8000 + shift]
    with pytest.raises(AssertionError, match=f"halves correlate by .* at a shift of {abs(shift)} rows"):
        require_independent(scores(*a.T), scores(*b.T), "halves")


def test_a_replay_in_another_column_is_found():
    a, b, c = np.random.default_rng(0).normal(size=(3, 1000))
    with pytest.raises(AssertionError, match="shift of 0 rows"):
        require_independent(scores(a, b), scores(c, a), "samples")


@pytest.mark.parametrize("share", [0.5, 0.01, 0.0005])
def test_independent_samples_of_any_rarity_raise_no_alarm(share):
    for seed in range(20):
        a, b = (np.random.default_rng((seed, side)).random((4000, 1)) < share for side in (0, 1))
        require_independent(scores(*a.T), scores(*b.T), "samples")


def test_a_sample_correlates_with_itself_only_at_shift_zero():
    a = scores(*np.random.default_rng(0).normal(size=(3, 1000)))
    require_independent(a, a, "rows", first_shift=3)
    with pytest.raises(AssertionError, match="by 1 at a shift of 0"):
        require_independent(a, a, "rows")
