"""What a report tells of where two learning curves meet: answers of `studies.crossings`, in numbers of samples."""

import itertools
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from studies import crossings
from studies.crossings import Crossover, NoEquivalence, data_equivalence

_MOST_PAIRED = 12


@dataclass(frozen=True)
class Estimate:
    """A positive number with its interval, or a bound where it lies beyond what was measured.

    Parameters
    ----------
    value : float
    low, high : float
        Of the interval: 0 or infinite where it reaches beyond what was measured; NaN where there is but a bound.
    beyond : {"", "above", "below"}
        "above" if the number is only known to be greater than `value`, "below" if smaller.
    """

    value: float
    low: float
    high: float
    beyond: Literal["", "above", "below"] = ""

    def times(self, factor: float) -> "Estimate":
        """Return the number times a positive factor."""
        return Estimate(self.value * factor, self.low * factor, self.high * factor, self.beyond)

    def inverse(self) -> "Estimate":
        """Return the reciprocal."""
        turned: dict[str, Literal["", "above", "below"]] = {"": "", "above": "below", "below": "above"}
        low, high = (float(np.divide(1, bound)) if bound else np.inf for bound in (self.high, self.low))
        return Estimate(1 / self.value, low, high, turned[self.beyond])


@dataclass(frozen=True)
class Equivalence:
    """How many samples `b` needs to match `a` at `n_samples`."""

    a: str
    b: str
    n_samples: int
    needed: Estimate


def equivalence(frame: pd.DataFrame, a: str, b: str, n_samples: int) -> Equivalence | None:
    """Return how many samples `b` needs to match `a` at `n_samples`; None if the data do not tell.

    Parameters
    ----------
    frame : DataFrame
        Tidy, of one metric: columns ``learner``, ``n_samples``, ``seed``, ``metric``, ``value``.
    """
    try:
        ratio = data_equivalence(frame, a, b, n_samples, frame["metric"].iloc[0]).ratio
    except (NoEquivalence, ValueError):
        return None
    if np.isinf(ratio.mean):
        times = Estimate(ratio.low, np.nan, np.nan, "above")
    elif ratio.mean == 0:
        times = Estimate(ratio.high, np.nan, np.nan, "below")
    else:
        times = Estimate(ratio.mean, ratio.low, ratio.high)
    if not 0 < times.value < np.inf:  # a bound that bounds nothing
        return None
    return Equivalence(a, b, n_samples, times.times(n_samples))


def crossings_seen(frame: pd.DataFrame) -> list[Crossover]:
    """Return the crossovers of all pairs of learners whose curves are seen to cross. See `equivalence`.

    Of more than a dozen learners there are too many pairs to be told, and none is.
    """
    learners = [str(learner) for learner in frame["learner"].unique()]
    pairs = itertools.combinations(learners if len(learners) <= _MOST_PAIRED else [], 2)
    found = (crossover(frame, a, b) for a, b in pairs)
    return [each for each in found if each is not None and each.n is not None]


def crossover(frame: pd.DataFrame, a: str, b: str) -> Crossover | None:
    """Return where the curves of `a` and `b` cross; None if the data do not tell. See `equivalence`."""
    try:
        return crossings.crossover(frame, a, b, frame["metric"].iloc[0])
    except ValueError:
        return None
