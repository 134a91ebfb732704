"""Reproducible random blocks: nested in n, independent of who draws them.

Rows come in blocks of `BLOCK`. Block i of a split has a generator of its own, a function of the seed, the split and i
alone: so any worker can draw any block, a longer sample only adds rows, and no training seed reaches the test split.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import Any

import numpy as np

from toymanifold.validation import error_message

BLOCK = 16_384
"""Rows a block. Large enough that seeding costs little, small enough that a plane block stays in cache."""

_MAX_INT_SEED = 2**32 - 1  # as in scikit-learn
_ENTROPY_WORDS = 4  # SeedSequence pads to four words before a spawn key, so up to 128 bits no seed can imitate a key


_CHUNK = 2**15  # numbers worked on at a time: a quarter megabyte, which stays in cache with its temporaries


class Split(IntEnum):
    """Which of the streams of a seed, none of which can reach another, is meant."""

    TRAIN = 0
    TEST = 1
    FRAME = 2
    TARGET = 3


def as_seed(random_state: Any, owner: str) -> int:
    """Turn scikit-learn's ``random_state`` into the entropy of a family of streams.

    Parameters
    ----------
    random_state : int in [0, 2**32 - 1], RandomState, Generator or None
        An int is the seed itself. A RandomState or Generator is advanced by one draw. None takes fresh entropy from
        the operating system; numpy's global generator is neither read nor changed.
    owner : str
        The function in whose name an error speaks.

    Returns
    -------
    seed : int
        Below 2**128.

    Raises
    ------
    TypeError, ValueError
        If `random_state` is none of these.
    """
    allowed = f"an int in [0, {_MAX_INT_SEED}], a numpy RandomState or Generator, or None"
    match random_state:
        case None:
            words = np.random.SeedSequence().generate_state(_ENTROPY_WORDS)
        case np.random.Generator():
            words = random_state.integers(2**32, size=_ENTROPY_WORDS, dtype=np.uint32)
        case np.random.RandomState():
            words = random_state.randint(2**32, size=_ENTROPY_WORDS, dtype=np.uint32)
        case bool():
            raise TypeError(error_message("random_state", owner, allowed, random_state))
        case int() | np.integer():
            if not 0 <= random_state <= _MAX_INT_SEED:
                raise ValueError(error_message("random_state", owner, allowed, random_state))
            return int(random_state)
        case _:
            raise TypeError(error_message("random_state", owner, allowed, random_state))
    return int.from_bytes(words.astype("<u4").tobytes(), "little")


def as_generator(random_state: Any, owner: str) -> np.random.Generator:
    """Return a numpy Generator for a ``random_state``; a Generator is returned as it is."""
    if isinstance(random_state, np.random.Generator):
        return random_state
    return np.random.default_rng(as_seed(random_state, owner))


def stream(seed: int, split: Split) -> np.random.Generator:
    """Return the generator of a stream that has but one block."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(split,)))


def chunks(n_rows: int, n_columns: int = 2) -> Iterator[slice]:
    """Yield the rows of an array in parts that stay in cache while they are worked on."""
    size = max(1, _CHUNK // n_columns)
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))


def blocks(n_samples: int, seed: int, split: Split) -> Iterator[tuple[slice, np.random.Generator]]:
    """Yield the rows of each block of a sample and the generator that draws them.

    Parameters
    ----------
    n_samples : int
        Rows in all; the last block may be cut short.
    seed : int
        From `as_seed`.
    split : Split
        Training or test stream.

    Yields
    ------
    rows : slice
        The block's rows in the sample.
    rng : numpy.random.Generator
        The same for the same (seed, split, block), whatever `n_samples` is.
    """
    for index, start in enumerate(range(0, n_samples, BLOCK)):
        sequence = np.random.SeedSequence(seed, spawn_key=(split, index))
        yield slice(start, min(start + BLOCK, n_samples)), np.random.default_rng(sequence)
