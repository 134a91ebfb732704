"""The study `label-noise`: with flipped labels, five neighbours average the noise but blur the boundary.

Far from the boundary all k labels are of one class except for flips, so a prediction is wrong if most of the k are
flipped. Near the boundary five neighbours err more often than one even without noise. The first effect dominates for
large n, the second for small n.
"""

import math
from dataclasses import replace

import pandas as pd
from matplotlib.axes import Axes
from scipy import stats

from studies.analysis.claims import Evidence, NotMeasured, claim, rows_where, seed_table, values_of
from studies.analysis.crossovers import Crossover, crossover
from studies.analysis.learning_curves import losses
from studies.analysis.verdicts import OF_LOGS, Estimate, Requirement
from studies.plots.looks import Look, look_of
from studies.plots.style import draw_points, new_axes, set_scale, tidy
from studies.registry.plots import plot
from studies.results.results import Results

COVER = "Cover and Hart 1967, Nearest neighbor pattern classification (there for separated classes)"
BINOMIAL = "The binomial tail of flipped labels, far from the boundary"

_LEARNERS = {1: "kNN, n_neighbors=1", 5: "kNN, n_neighbors=5"}
_NEAR = 0.1  # of a predicted rise
_SAME_PLACE = 2.0  # ratio of crossovers
_POINTS = " points"
_OFFSET = 1.06  # between the measured and the predicted value, in a plot


def outvoted(flip_probability: float, n_neighbors: int) -> float:
    """Return the probability that most of `n_neighbors` labels, an odd number, are flipped."""
    return float(stats.binom.sf(n_neighbors // 2, n_neighbors, flip_probability))


def predicted_errors(noise_free: pd.DataFrame, flip_probability: float) -> pd.DataFrame:
    """Return noise-free errors with the noise that theory adds: a prediction is turned if most labels are flipped.

    Parameters
    ----------
    noise_free : DataFrame
        Errors of both learners, from `Results.frame`.
    flip_probability : float
    """
    turned = noise_free["learner"].map({name: outvoted(flip_probability, k) for k, name in _LEARNERS.items()})
    return noise_free.assign(value=noise_free["value"] + turned * (1 - 2 * noise_free["value"]))


def _errors(frame: pd.DataFrame, flip_probability: float) -> pd.DataFrame:
    """Return the errors with a share of flipped labels."""
    return rows_where(losses(frame), metric="error", flip_probability=flip_probability)


def _noise_free(frame: pd.DataFrame) -> pd.DataFrame:
    rows = _errors(frame, 0.0)
    if rows["seed"].nunique() < 2:
        raise NotMeasured("fewer than two seeds are measured without label noise")
    return rows


def _flips(frame: pd.DataFrame) -> list[float]:
    """Return the shares of flipped labels, without 0."""
    return [q for q in values_of(frame, "flip_probability") if q > 0]


def _crossover(errors: pd.DataFrame) -> Crossover:
    return crossover(errors, _LEARNERS[1], _LEARNERS[5])


@claim(
    "label-noise",
    says="Without noise one neighbour is better than five at any n",
    source=COVER,
    tolerated="a lower error at each n",
)
def _one_is_better(frame: pd.DataFrame) -> Evidence:
    one, five = (seed_table(_noise_free(frame), "error", learner=name) for name in _LEARNERS.values())
    behind = {n: Estimate.of_seeds((five[n] - one[n]).dropna()) for n in one.columns.intersection(five.columns)}
    least = min(behind, key=lambda n: behind[n].mean)
    return Evidence(
        f"lower by {100 * behind[least].interval:.3f} points at n = {least:,}, the least of {len(behind)} sizes",
        [Requirement(each, low=0, factor=100, unit=_POINTS) for each in behind.values()],
    )


@claim(
    "label-noise",
    says="Flips of {q:.0%} add {theory:.3f} points to the error of k = 1",
    source=BINOMIAL,
    tolerated=f"within {_NEAR:.0%} of this",
    q=_flips,
)
def _added_to_one(frame: pd.DataFrame, q: float) -> Evidence:
    found, theory, measured = _added(frame, q, 1)
    requirement = Requirement(found, (1 - _NEAR) * theory, (1 + _NEAR) * theory, 100, _POINTS)
    return Evidence(measured, [requirement], {"theory": 100 * theory})


@claim(
    "label-noise",
    says="Flips of {q:.0%} add {theory:.3f} points to the error of k = 5, or more",
    source=BINOMIAL,
    tolerated=f"at least {1 - _NEAR:.0%} of this",
    q=_flips,
)
def _added_to_five(frame: pd.DataFrame, q: float) -> Evidence:
    found, theory, measured = _added(frame, q, 5)
    requirement = Requirement(found, (1 - _NEAR) * theory, factor=100, unit=_POINTS)
    return Evidence(measured, [requirement], {"theory": 100 * theory})


def _added(frame: pd.DataFrame, q: float, n_neighbors: int) -> tuple[Estimate, float, str]:
    """Return the rise of an error with noise at the largest n: measured, by theory, and the measured one in words."""
    noise_free, noisy = _noise_free(frame), _errors(frame, q)
    largest = noisy["n_samples"].max()
    measured, predicted, without = (
        seed_table(rows, "error", learner=_LEARNERS[n_neighbors], needs=[largest])[largest]
        for rows in (noisy, predicted_errors(noise_free, q), noise_free)
    )
    found = Estimate.of_seeds((measured - without).dropna())
    return found, float((predicted - without).mean()), f"{100 * found.interval:.3f} points at n = {largest:,}"


@claim(
    "label-noise",
    says="With flips of {q:.0%}, five neighbours overtake one where outvoted flips outweigh the blur",
    source=BINOMIAL,
    tolerated=f"at an n within a factor of {_SAME_PLACE:g} of the prediction from errors without noise",
    q=_flips,
)
def _overtakes(frame: pd.DataFrame, q: float) -> Evidence:
    measured, predicted = _crossovers(frame, q)
    n_seeds = _noise_free(frame)["seed"].nunique()
    ratio = _log_ratio(measured, predicted, n_seeds)
    return Evidence(
        f"{_place(measured)}, predicted {_place(predicted)}",
        [Requirement(each, -math.log(_SAME_PLACE), math.log(_SAME_PLACE), unit=OF_LOGS) for each in ratio],
    )


def _log_ratio(measured: Crossover, predicted: Crossover, n_seeds: int) -> list[Estimate]:
    """Return the estimate of the logarithm of the ratio of two crossovers; none if one is outside the measured n.

    The two share their seeds, so errors of independent estimates are an upper bound on that of the ratio.
    """
    if measured.n is None or predicted.n is None:
        return []
    logs = [Estimate.of_interval(each.n.log(), n_seeds) for each in (measured, predicted) if each.n]
    return [Estimate(logs[0].mean - logs[1].mean, math.hypot(*(each.error for each in logs)), n_seeds - 1)]


def _crossovers(frame: pd.DataFrame, q: float) -> tuple[Crossover, Crossover]:
    """Return the measured and the predicted crossover."""
    return _crossover(_errors(frame, q)), _crossover(predicted_errors(_noise_free(frame), q))


def _bounds(found: Crossover) -> tuple[float, float]:
    """Return bounds on the n from which five neighbours are better than one."""
    if found.n is not None:
        return found.n.low, found.n.high
    if not found.lead:
        return 0, math.inf
    return (0, found.lead[0]) if found.winner == _LEARNERS[5] else (found.lead[-1], math.inf)


def _place(found: Crossover) -> str:
    if found.n is not None:
        return f"at n = {found.n:,.0f}"
    low, high = _bounds(found)
    return f"before n = {high:,.0f}" if low == 0 else f"after n = {low:,.0f}"


@plot(whole_study=True)
def plot_overtaking(results: Results, ax: Axes | None = None) -> Axes:
    """Draw the n from which five neighbours beat one against the share of flips, measured and predicted.

    Predicted values are hollow. Triangles are bounds: from there on upwards, or downwards.
    """
    ax, frame = new_axes(ax), results.frame()
    crossovers = {100 * q: _crossovers(frame, q) for q in _flips(frame)}
    set_scale(ax.yaxis, log=True)
    set_scale(ax.xaxis, log=True, at=list(crossovers))
    look = look_of("knn-1")
    for place, label in enumerate(("measured", "predicted")):
        draw_points(ax, [], [], ([], []), look, label, hollow=bool(place))
        for q, pair in crossovers.items():
            _draw_crossover(ax, q * _OFFSET**place, pair[place], look, hollow=bool(place))
    ends = [end for pair in crossovers.values() for found in pair for end in _bounds(found) if 0 < end < math.inf]
    if ends:
        ax.set_ylim(min(ends) / 1.15, max(ends) * 1.15)
    ax.set(xlabel="flipped labels, %", ylabel="n from which on five neighbours beat one")
    ax.legend(frameon=False, fontsize=8)
    tidy(ax)
    return ax


def _draw_crossover(ax: Axes, x: float, found: Crossover, look: Look, *, hollow: bool) -> None:
    low, high = _bounds(found)
    if found.n is not None:
        draw_points(ax, [x], [found.n.mean], ([low], [high]), look, hollow=hollow)
    elif low > 0:
        draw_points(ax, [x], [low], ([low], [low]), replace(look, marker="^"), hollow=hollow)
    elif math.isfinite(high):
        draw_points(ax, [x], [high], ([high], [high]), replace(look, marker="v"), hollow=hollow)
