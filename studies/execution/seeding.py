"""Seeds of the global generators, from which foreign learners draw: a cell's values depend on nothing but the cell."""

import hashlib
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def seeded(*words: str) -> Iterator[None]:
    """Seed the generators of `random`, numpy and torch by words, and set them back at the end.

    torch is left out where it is not loaded, in a driver; workers load it before their first cell. Only the generators
    of the CPU are set back.
    """
    digest = hashlib.sha256("\0".join(words).encode()).digest()
    torch = sys.modules.get("torch")
    legacy = np.random  # the module as a generator, from which foreign learners draw
    states = random.getstate(), legacy.get_state(), torch and torch.get_rng_state()
    random.seed(digest)
    legacy.seed(np.frombuffer(digest, np.uint32))
    if torch:
        torch.manual_seed(int.from_bytes(digest[:8]))
    try:
        yield
    finally:
        random.setstate(states[0])
        legacy.set_state(states[1])
        if torch:
            torch.set_rng_state(states[2])
