import numpy as np
import pytest

from toymanifold.streams import BLOCK, Split, as_generator, as_seed, blocks


def first_draws(n_samples, seed, split=Split.TRAIN):
    return [rng.random() for _, rng in blocks(n_samples, seed, split)]


def test_blocks_cover_the_rows_once_and_in_order():
    n = 2 * BLOCK + 7
    rows = [index for part, _ in blocks(n, 0, Split.TRAIN) for index in range(part.start, part.stop)]
    assert rows == list(range(n))


def test_a_block_does_not_depend_on_how_many_follow():
    assert first_draws(BLOCK + 1, 5) == first_draws(3 * BLOCK, 5)[:2]


def test_seeds_splits_and_blocks_differ():
    draws = [draw for seed in range(20) for split in Split for draw in first_draws(2 * BLOCK, seed, split)]
    assert len(set(draws)) == len(draws)


def test_no_training_seed_reaches_a_test_stream():
    """Not even a seed that spells out the key: below 128 bits seeds are padded before the key is appended."""
    test = first_draws(1, 3, Split.TEST)[0]
    for seed in (3, 3 | int(Split.TEST) << 32, 3 | int(Split.TEST) << 96, 2**128 - 1):
        assert first_draws(1, seed)[0] != test


def test_generators_and_random_states_are_advanced():
    for make in (np.random.default_rng, np.random.RandomState):
        source = make(0)
        assert as_seed(source, "f") != as_seed(source, "f")
        assert as_seed(make(0), "f") == as_seed(make(0), "f")


def test_none_is_fresh_and_leaves_the_global_generator():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    assert as_seed(None, "f") != as_seed(None, "f")
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.mark.parametrize(
    ("bad", "error"), [(-1, ValueError), (2**32, ValueError), (1.5, TypeError), ("0", TypeError), (True, TypeError)]
)
def test_a_bad_random_state_is_refused(bad, error):
    with pytest.raises(error, match="The 'random_state' parameter of f must be"):
        as_seed(bad, "f")


def test_a_generator_is_taken_as_it_is():
    rng = np.random.default_rng(0)
    assert as_generator(rng, "f") is rng
    assert as_generator(7, "f").random() == as_generator(np.int64(7), "f").random()
