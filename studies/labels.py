"""Names at the ends of curves: where they go, and how long they may be."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import isotonic_regression


def spread(places: Sequence[float], low: float, high: float, line: float) -> list[float]:
    """Return places for names, as near as can be to those that are wanted, a line apart, from `low` to `high`."""
    order = np.argsort(places, kind="stable")
    lines = line * np.arange(len(places))
    # Without the lines between them the names need only be in order: least squares under that is isotonic regression.
    placed = isotonic_regression(np.asarray(places)[order] - lines).x.clip(low, high - lines[-1]) + lines
    return [float(placed[place]) for place in np.argsort(order)]


def shortened(name: str, longest: int) -> str:
    """Return a name of at most `longest` letters, its end left out."""
    return name if len(name) <= longest else name[: longest - 1] + "…"
