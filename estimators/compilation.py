"""Loops that numba compiles for the processor, where there is a numba for this Python."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

try:
    from numba import njit

    IS_COMPILED = True
except ImportError:  # no release for this Python yet
    IS_COMPILED = False
    warnings.warn(
        "numba is not installed, so nets are trained by skorch, and neighbors are found in a tree, which is slower",
        stacklevel=2,
    )

    def njit(**_: Any) -> Callable[[Any], Any]:  # type: ignore[no-redef]
        """Return a decorator that compiles nothing: random numbers come out alike, and training is skorch's."""
        return np.errstate(over="ignore")


def compiler(**options: Any) -> Callable[[Any], Any]:
    """Return a decorator that compiles a function, and keeps the code on disk if any folder for it is writable."""

    def decorate(function: Any) -> Any:
        try:
            return njit(cache=True, nogil=True, error_model="numpy", **options)(function)
        except RuntimeError:
            return njit(nogil=True, error_model="numpy", **options)(function)

    return decorate
