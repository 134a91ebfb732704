"""Argument checks of the public functions, with one sentence form for every error.

Each check returns the value in its plain Python type, or raises naming the argument, its owner, what is allowed and
what was given. Wrong types raise ``TypeError``, wrong values ``ValueError``.
"""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

MAX_SEED = 2**32 - 1
"""The largest int that is a seed, as in scikit-learn."""

SCALES = {np.dtype(np.float64): 1e100, np.dtype(np.float32): 1e20}
"""Type of points to the largest scale of numbers, whose squares stay finite; the least scale is its inverse."""

_FURTHEST = 1e150  # in absolute value, of a coordinate at which a target or a density is evaluated


def error_message(name: str, owner: str, allowed: str, value: object) -> str:
    """Return the sentence of the error that a bad argument raises."""
    return f"The {name!r} parameter of {owner} must be {allowed}. Got {value!r} instead."


def check_integer(value: Any, name: str, owner: str, *, low: int, high: int | None = None) -> int:
    """Return `value` as an int in [low, high]; booleans and floats raise."""
    allowed = f"an int in [{low}, {'inf)' if high is None else f'{high}]'}"
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise TypeError(error_message(name, owner, allowed, value))
    if value < low or (high is not None and value > high):
        raise ValueError(error_message(name, owner, allowed, value))
    return int(value)


def check_seed(value: Any, name: str, owner: str) -> int:
    """Return `value` as an int that numpy takes as a seed, in [0, 2**32 - 1]."""
    return check_integer(value, name, owner, low=0, high=MAX_SEED)


def check_real(
    value: Any,
    name: str,
    owner: str,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    closed: str = "[]",
) -> float:
    """Return `value` as a finite float in the interval from `low` to `high`.

    `closed` gives the interval's brackets: ``"[)"`` is closed below and open above.
    """
    allowed = f"a finite float in {closed[0]}{low:g}, {high:g}{closed[1]}"
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(error_message(name, owner, allowed, value))
    above = value >= low if closed[0] == "[" else value > low
    below = value <= high if closed[1] == "]" else value < high
    if not (math.isfinite(value) and above and below):
        raise ValueError(error_message(name, owner, allowed, value))
    return float(value)


def check_length(value: Any, name: str, owner: str, *, dtype: DTypeLike = np.float64) -> float:
    """Return `value` as a float that is a length: of a scale within `SCALES`."""
    largest = SCALES[np.dtype(dtype)]
    return check_real(value, name, owner, low=1 / largest, high=largest)


def check_scale(
    values: NDArray[Any], name: str, owner: str, *, dtype: DTypeLike | None = None, allow_tiny: bool = False
) -> None:
    """Raise if the largest absolute value of an array is outside the `SCALES` of its type, or of another one.

    It may be 0, and less than the least scale if `allow_tiny`. Anything but real numbers raises, too.
    """
    if values.dtype.kind not in "biuf":
        raise TypeError(error_message(name, owner, "of real numbers", f"dtype {values.dtype}"))
    precision = values.dtype if dtype is None else np.dtype(dtype)
    highest = SCALES[precision]
    lowest = 0.0 if allow_tiny else 1 / highest
    largest = max_abs(values)
    if not (largest == 0 or lowest <= largest <= highest):
        allowed = f"of numbers whose largest absolute value is 0 or in [{lowest:g}, {highest:g}] ({precision})"
        raise ValueError(error_message(name, owner, allowed, largest))


def max_abs(values: NDArray[Any]) -> float:
    """Return the largest absolute value of an array, 0 if it is empty."""
    return max(float(values.max(initial=0)), -float(values.min(initial=0)))


def check_choice(value: Any, name: str, owner: str, allowed: Iterable[str]) -> str:
    """Return `value` if it is one of the `allowed` strings."""
    options = list(allowed)
    if value not in options:
        raise ValueError(error_message(name, owner, f"one of {', '.join(map(repr, options))}", value))
    return str(value)


def check_dtype(dtype: DTypeLike, owner: str) -> np.dtype[Any]:
    """Return `dtype` as the numpy type of points, float64 or float32."""
    if dtype is None or np.dtype(dtype) not in SCALES:
        raise ValueError(error_message("dtype", owner, "float64 or float32", dtype))
    return np.dtype(dtype)


def check_points(X: ArrayLike, dimension: int, owner: str) -> NDArray[np.float64]:
    """Return `X` as a float64 array of shape (n_samples, dimension), of finite numbers whose squares are finite."""
    points = np.asarray(X, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != dimension:
        allowed = f"an array of shape (n_samples, {dimension})"
        raise ValueError(error_message("X", owner, allowed, f"shape {points.shape}"))
    low, high = points.min(initial=0), points.max(initial=0)
    if not -_FURTHEST <= low <= high <= _FURTHEST:
        raise ValueError(error_message("X", owner, f"at most {_FURTHEST:g} in absolute value", f"{low:g} to {high:g}"))
    return points
