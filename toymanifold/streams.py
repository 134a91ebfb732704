"""Reproducible streams of random blocks, nested in n and independent of the worker that draws them.

Rows come in blocks of `BLOCK`. Block i of a split has its own generator, which depends on the seed, the split and i
alone. So any worker can draw any block, a longer sample only adds rows, and no training seed reaches the test split.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import Any

import numpy as np

from toymanifold.validation import MAX_SEED, error_message

BLOCK = 16_384
"""Rows of a block. Large enough that seeding costs little, small enough that a block of the plane stays in cache."""

_ENTROPY_WORDS = 4  # SeedSequence pads to four words before a spawn key, so up to 128 bits no seed can imitate a key
_CHUNK = 2**15  # numbers worked on at a time: a quarter megabyte, which stays in cache with its temporaries


class Split(IntEnum):
    """The streams of a seed, each independent of the others."""

    TRAIN = 0
    TEST = 1
    FRAME = 2
    TARGET = 3
    SOURCE = 4
    UNLABELLED = 5


def as_seed(random_state: Any, owner: str) -> int:
    """Return the seed of a family of streams from scikit-learn's ``random_state``.

    Parameters
    ----------
    random_state : int in [0, 2**32 - 1], RandomState, Generator or None
        An int is the seed itself. A RandomState or Generator is advanced by one draw. None takes fresh entropy from
        the operating system; numpy's global generator is neither read nor changed.
    owner : str
        Name of the function that an error message gives.

    Returns
    -------
    seed : int
        Entropy of at most 128 bits.

    Raises
    ------
    TypeError, ValueError
        If `random_state` is of another type or out of range.
    """
    allowed = f"an int in [0, {MAX_SEED}], a numpy RandomState or Generator, or None"
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
            if not 0 <= random_state <= MAX_SEED:
                raise ValueError(error_message("random_state", owner, allowed, random_state))
            return int(random_state)
        case _:
            raise TypeError(error_message("random_state", owner, allowed, random_state))
    return int.from_bytes(words.astype("<u4").tobytes(), "little")


def as_generator(random_state: Any, owner: str) -> np.random.Generator:
    """Return a numpy Generator for a ``random_state``; a Generator is returned unchanged."""
    if isinstance(random_state, np.random.Generator):
        return random_state
    return np.random.default_rng(as_seed(random_state, owner))


def stream(seed: int, split: Split) -> np.random.Generator:
    """Return the generator of a stream that has a single block."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(split,)))


def chunks(n_rows: int, n_columns: int = 2) -> Iterator[slice]:
    """Yield slices of rows that are small enough to stay in cache during a computation."""
    size = max(1, _CHUNK // n_columns)
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))


def blocks(n_samples: int, seed: int, split: Split, *, start: int = 0) -> Iterator[tuple[slice, np.random.Generator]]:
    """Yield the rows and the generator of each block of a sample.

    Parameters
    ----------
    n_samples : int
        Rows in all; the last block may have fewer.
    seed : int
        From `as_seed`.
    split : Split
        Stream of the points.
    start : int, default=0
        First row.

    Yields
    ------
    rows : slice
        The block's rows in the sample.
    rng : numpy.random.Generator
        The same for the same (seed, split, block), whatever `n_samples` is.
    """
    stop = start + n_samples
    for index, first in enumerate(range(start, stop, BLOCK)):
        sequence = np.random.SeedSequence(seed, spawn_key=(split, index))
        yield slice(first, min(first + BLOCK, stop)), np.random.default_rng(sequence)
