"""Where the learning curves of two learners meet: at equal errors, and at equal sample sizes.

Provisional: `equivalence` and `crossover` are all that the rest knows of how it is computed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from studies.compare import paired_difference
from studies.inference import CONFIDENCE
from studies.points import N_TEST


@dataclass(frozen=True)
class Estimate:
    """A positive number with its interval, or a bound where it lies beyond what was measured.

    Parameters
    ----------
    value : float
    low, high : float
        Of the interval: NaN where one seed gives none, 0 or infinite where it reaches beyond what was measured.
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


@dataclass(frozen=True)
class Crossover:
    """Where two curves cross for the last time, at equal sample sizes.

    Parameters
    ----------
    a, b : str
    ahead : str
        The one of the two with the smaller error at the largest sample size that both have.
    at : Estimate or None
        From what sample size on it is ahead; None if it is so throughout.
    crossings : int
        How often the mean curves cross.
    certain : bool
        Whether the two are told apart at the largest size, by the paired interval.
    sizes : tuple of int
        That both have.
    """

    a: str
    b: str
    ahead: str
    at: Estimate | None
    crossings: int
    certain: bool
    sizes: tuple[int, ...]


def equivalence(frame: pd.DataFrame, a: str, b: str, n_samples: int) -> Equivalence | None:
    """Return how many samples `b` needs to match `a` at `n_samples`; None if too little is measured.

    Provisional: the mean curves, held monotone, interpolated in log-log; the interval is Student's t on a jackknife of
    whole paired seeds, in the logarithm.

    Parameters
    ----------
    frame : DataFrame
        Tidy, of one metric: columns ``learner``, ``n_samples``, ``seed``, ``metric``, ``value``.
    """
    curve_a, curve_b = _paired_curves(frame, a, b)
    if n_samples not in curve_a.columns or curve_b.empty:
        return None
    level, errors_b = curve_a[n_samples].to_numpy(), curve_b.to_numpy()
    sizes = np.log(curve_b.columns.to_numpy(dtype=float))

    def log_needed(kept: NDArray[np.bool_]) -> float:
        return _first_below(np.log(level[kept].mean()), sizes, np.log(errors_b[kept].mean(axis=0)))

    return Equivalence(a, b, n_samples, _jackknife(log_needed, len(level), sizes))


def crossover(frame: pd.DataFrame, a: str, b: str) -> Crossover | None:
    """Return where the curves of `a` and `b` cross for the last time; None if they share no sample size.

    Provisional, as `equivalence` is.
    """
    curve_a, curve_b = _paired_curves(frame, a, b)
    shared = [n for n in curve_a.columns if n in curve_b.columns]
    if not shared or curve_a.empty:
        return None
    errors_a, errors_b = curve_a[shared].to_numpy(), curve_b[shared].to_numpy()
    sizes = np.log(np.array(shared, dtype=float))
    sign = np.sign(errors_b[:, -1].mean() - errors_a[:, -1].mean()) or 1.0

    def lead(kept: NDArray[np.bool_]) -> NDArray[np.float64]:
        """How far ahead the final leader is, at each size."""
        behind = np.log(errors_b[kept].mean(axis=0)) - np.log(errors_a[kept].mean(axis=0))
        return np.asarray(sign * behind)

    everyone = np.ones(len(errors_a), dtype=bool)
    crossings = int(np.count_nonzero(np.diff(lead(everyone) > 0)))
    at = _jackknife(lambda kept: _last_rise(lead(kept), sizes), len(errors_a), sizes) if crossings else None
    difference = paired_difference(curve_a[shared[-1]], curve_b[shared[-1]])
    certain = bool(difference.low > 0 or difference.high < 0)
    return Crossover(a, b, a if sign > 0 else b, at, crossings, certain, tuple(map(int, shared)))


def _paired_curves(frame: pd.DataFrame, a: str, b: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the errors of two learners, a row for each seed that both have whole, a column for each size.

    Their logarithms are needed: no error at all is taken for half an error among the test points.
    """
    both = frame[frame["learner"].isin((a, b))]
    floor = 0.5 / N_TEST if (frame["metric"] == "error").all() else np.finfo(float).tiny
    table = both.pivot(index="seed", columns=["learner", "n_samples"], values="value").clip(lower=floor).dropna()
    columns = [table.columns.get_level_values("learner") == learner for learner in (a, b)]
    curves = [table.loc[:, mine].droplevel("learner", axis=1) for mine in columns]
    return curves[0], curves[1]


def _first_below(level: float, sizes: NDArray[np.float64], curve: NDArray[np.float64]) -> float:
    """Return where a curve first comes down to a level; infinite, either way, if that lies beyond its ends."""
    below = np.flatnonzero(curve <= level)
    if not len(below):
        return np.inf
    i = int(below[0])
    if i == 0:
        return float(sizes[0]) if curve[0] == level else -np.inf
    return float(np.interp(level, curve[[i, i - 1]], sizes[[i, i - 1]]))


def _last_rise(lead: NDArray[np.float64], sizes: NDArray[np.float64]) -> float:
    """Return where a lead last becomes positive; infinite, either way, if that lies beyond its ends."""
    if lead[-1] <= 0:
        return np.inf
    behind = np.flatnonzero(lead <= 0)
    if not len(behind):
        return -np.inf
    i = int(behind[-1])
    return float(np.interp(0, lead[[i, i + 1]], sizes[[i, i + 1]]))


def _jackknife(statistic: Callable[[NDArray[np.bool_]], float], n_seeds: int, sizes: NDArray[np.float64]) -> Estimate:
    """Return the exponential of a statistic of seeds; its interval is open where it leaves the measured sizes."""
    everyone = np.ones(n_seeds, dtype=bool)
    value = statistic(everyone)
    if not np.isfinite(value):
        end, beyond = (sizes[-1], "above") if value > 0 else (sizes[0], "below")
        return Estimate(float(np.exp(end)), np.nan, np.nan, beyond)  # type: ignore[arg-type]
    if n_seeds < 2:
        return Estimate(float(np.exp(value)), np.nan, np.nan)
    without = np.array([statistic(~(np.arange(n_seeds) == seed)) for seed in range(n_seeds)])
    inside = np.clip(without, sizes[0], sizes[-1])
    spread = np.sqrt((n_seeds - 1) / n_seeds * np.sum((inside - inside.mean()) ** 2))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, n_seeds - 1) * spread)
    low = 0.0 if value - half < sizes[0] or without.min() < sizes[0] else float(np.exp(value - half))
    high = np.inf if value + half > sizes[-1] or without.max() > sizes[-1] else float(np.exp(value + half))
    return Estimate(float(np.exp(value)), low, high)
