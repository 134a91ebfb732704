"""Loops that numba compiles for the processor, where there is a numba for this Python."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

try:
    from numba import njit
except ImportError:  # no release for this Python yet

    def njit(**_: Any) -> Callable[[Any], Any]:  # type: ignore[no-redef]
        """Return a decorator that compiles nothing."""
        return np.errstate(over="ignore")


IS_COMPILED = "numba" in sys.modules


def compiler(**options: Any) -> Callable[[Any], Any]:
    """Return a decorator that compiles a function, and keeps the code on disk if any folder for it is writable."""

    def decorate(function: Any) -> Any:
        try:
            return njit(cache=True, nogil=True, error_model="numpy", **options)(function)
        except RuntimeError:
            return njit(nogil=True, error_model="numpy", **options)(function)

    return decorate
