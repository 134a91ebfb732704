"""The study `grokking`: progress measures of arithmetic modulo p, what the literature says of them, and pictures.

A learner that has memorised its pairs goes on to change; the measures here see it before the test accuracy does.
"""

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from estimators.diagnostics import agop
from estimators.kernels.functions import metric_root
from estimators.nets import Net
from studies.analysis.claims import (
    Claim,
    NotMeasured,
    all_of,
    by_seed,
    claims,
    is_significant,
    log_ratio,
    measured,
    rows_where,
    tell,
    told,
    values_of,
)
from studies.analysis.intervals import Interval, exponential, mean_interval
from studies.plots.style import draw, finish, new_axes
from studies.registry.metrics import Fitted, Measured, metric
from studies.registry.plots import plot
from studies.results.results import Results
from toymanifold import Problem
from toymanifold.modular import ModularOperation

KNOWN = 0.95
"""Accuracy from which a learner counts as knowing its pairs."""

UNKNOWN = 0.05
"""Accuracy to which it counts as knowing nothing; chance is 1/31."""

_HALF, _MOST = 480, 672  # of the 961 pairs
_STEPS = {"epochs": "epoch", "n_rounds": "round"}
_DEAD = 1e-12  # of the largest power of a unit


def is_addition(problem: Problem) -> bool:
    """Whether labels are sums modulo p."""
    return isinstance(problem.target, ModularOperation) and problem.target.operation == "add"


@metric("1", supports=is_addition, default=False)
def circulant_deviation(fitted: Fitted) -> Measured:
    """How far the average gradient outer product's root is from depending on a + b, or on a - b, alone: 0 to 1."""
    gradients = fitted.estimator.gradients(fitted.train.X)
    features = metric_root(agop(gradients - gradients.mean(axis=0)))
    p = len(features) // 2
    return deviation_from_circulant(features[p:, :p])


@metric("1", supports=is_addition, default=False)
def inverse_participation(fitted: Fitted) -> Measured:
    """Mean inverse participation ratio of the Fourier spectra of a net's units; 1 where each has one frequency."""
    if not isinstance(fitted.estimator, Net):
        return {}
    first, *_, last = (w.detach().numpy() for w in fitted.estimator.net_.module_.body.parameters())
    p = first.shape[1] // 2
    units = np.concatenate([first[:, :p], first[:, p:], last.T])
    return float(participation(units).mean())


def deviation_from_circulant(block: ArrayLike) -> float:
    """Return the share of a block's squares that is variance along its wrapped diagonals, or along its antidiagonals.

    Parameters
    ----------
    block : array-like of shape (p, p)
        Not 0.

    Returns
    -------
    deviation : float
        The smaller of the two: 0 where entry (a, b) is a function of a - b modulo p, or of a + b; about 1 - 1/p for
        unrelated entries of mean 0. Mallinar et al., Emergence in non-neural models: grokking modular arithmetic via
        average gradient outer product, 2024, section 3, for one direction; section 2 calls either circulant.
    """
    A = np.asarray(block, dtype=np.float64)
    rows, columns = np.indices(A.shape)
    within = [
        ((lines - lines.mean(axis=0)) ** 2).sum()
        for lines in (A[rows, (columns + sign * rows) % len(A)] for sign in (1, -1))
    ]
    return float(min(within) / (A**2).sum())


def participation(weights: ArrayLike) -> NDArray[np.float64]:
    """Return the inverse participation ratio of each row's Fourier spectrum, the sum of the squared shares of power.

    Parameters
    ----------
    weights : array-like of shape (n_rows, p)
        Rows that are 0 beside the largest, of units that weight decay has removed, are passed over.

    Returns
    -------
    ratios : ndarray of shape (n_live,)
        1 for a row of one frequency, 1/m for one whose power is spread evenly over m (Gromov, Grokking modular
        arithmetic, 2023; Doshi et al., To grok or not to grok, 2024).
    """
    power = np.abs(np.fft.rfft(weights, axis=1)) ** 2
    total = power.sum(axis=1, keepdims=True)
    live = total[:, 0] > _DEAD * total.max()
    ratios: NDArray[np.float64] = ((power[live] / total[live]) ** 2).sum(axis=1)
    return ratios


@claims("grokking")
def check(frame: pd.DataFrame) -> Iterator[Claim]:
    """Check when nets and machines generalize, by weight decay and by pairs seen, and what their features do before."""
    emergences = [partial(_emergence, n=n) for n in (_HALF, _MOST)]
    return tell(
        frame, (_delay, _by_decay, _by_pairs, _frequencies, _progress_of_net, *emergences, _progress_of_machine)
    )


def first_known(frame: pd.DataFrame, metric: str) -> pd.Series:
    """Return the first epoch at which an accuracy is `KNOWN`, by seed; the last epoch of all where it never is."""
    table = by_seed(frame, metric, "epochs")
    known = table >= KNOWN
    return known.idxmax(axis=1).where(known.any(axis=1), table.columns[-1])


def _net(frame: pd.DataFrame, decay: float) -> pd.DataFrame:
    return frame[(frame["family"] == "net") & (frame["weight_decay"] == decay)]


def _delay(frame: pd.DataFrame) -> Claim:
    net = _net(frame, 1.0)
    delay = log_ratio(first_known(net, "accuracy"), first_known(net, "accuracy_train"))
    return Claim(
        "A net generalizes ten times as late as it memorises, or later.",
        "Power et al. 2022, figure 1 (there a thousand times)",
        f"{told(exponential(delay), '.0f')} times as many epochs (half of the pairs, weight decay 1)",
        is_significant(_less(delay, np.log(10))),
    )


def _by_decay(frame: pd.DataFrame) -> Claim:
    return _ordered(
        "The stronger the weight decay, the earlier a net generalizes.",
        "Liu et al. 2023 (Omnigrok: in inverse proportion); Power et al. 2022, section 3.3 (there: fewer data needed)",
        "weight decay {:g}",
        measured(lambda decay: first_known(_net(frame, decay), "accuracy"), (0.0, 1.0, 5.0)),
    )


def _by_pairs(frame: pd.DataFrame) -> Claim:
    nets = frame[frame["family"] == "net by data"]
    return _ordered(
        "The more of the table is seen, the earlier a net generalizes.",
        "Power et al. 2022, figure 1",
        "{} pairs",
        measured(lambda n: first_known(nets[nets["n_samples"] == n], "accuracy"), (384, _HALF, _MOST)),
    )


def _ordered(says: str, source: str, label: str, epochs: dict[Any, pd.Series]) -> Claim:
    """Return the claim that some nets, of whose values these are the first epochs known, come one after the other."""
    if len(epochs) < 2:
        raise NotMeasured(f"of the nets that are to be compared {len(epochs)} is measured")
    ratios = [log_ratio(later, sooner) for later, sooner in itertools.pairwise(epochs.values())]
    known = ", ".join(f"{np.exp(np.log(e).mean()):,.0f} with {label.format(value)}" for value, e in epochs.items())
    return Claim(
        says,
        source,
        f"known in epoch {known}; ratios {', '.join(told(exponential(ratio)) for ratio in ratios)}",
        all_of(map(is_significant, ratios)),
    )


def _frequencies(frame: pd.DataFrame) -> Claim:
    one, other = (by_seed(_net(frame, decay), "inverse_participation", "epochs").iloc[:, -1] for decay in (1.0, 0.0))
    difference = mean_interval(one - other)
    return Claim(
        "The units of a net that generalizes come nearer to single frequencies than those of one that only memorises.",
        "Gromov 2023; Doshi et al. 2024 (To grok or not to grok)",
        f"inverse participation {told(mean_interval(one))} with weight decay 1, {told(mean_interval(other))} without;"
        f" difference {told(difference)}",
        is_significant(difference),
    )


def _emergence(frame: pd.DataFrame, n: int) -> Claim:
    of_train, of_test = (
        by_seed(frame, metric, "n_rounds", family="rfm", n_samples=n) for metric in ("accuracy_train", "accuracy")
    )
    before, after = mean_interval(of_test.iloc[:, 0]), mean_interval(of_test.iloc[:, -1])
    error = 1 - of_train.to_numpy().min()
    first, *_, last = of_test.columns
    return Claim(
        f"An RFM, right at all its {n} training pairs in every round, passes from chance to knowing the others.",
        "Mallinar et al. 2024, section 3 and figure 2A (p = 61, half of the pairs)",
        f"training error {'0 in every round' if error == 0 else f'up to {error:.2g}'}; test accuracy {told(before)} in"
        f" round {first:.0f}, {told(after)} in round {last:.0f}",
        bool(error == 0 and before.high < UNKNOWN and after.low > KNOWN),
    )


def _progress_of_net(frame: pd.DataFrame) -> Claim:
    return _progress("A net's", _net(frame, 1.0), "epochs", "section 4 and figure 5B (section 6: later for addition)")


def _progress_of_machine(frame: pd.DataFrame) -> Claim:
    machines = frame[(frame["family"] == "rfm") & (frame["n_samples"] == _MOST)]
    return _progress("An RFM's", machines, "n_rounds", "section 3 and figure 2B")


def _progress(whose: str, frame: pd.DataFrame, axis: str, place: str) -> Claim:
    accuracy, deviation = (by_seed(frame, metric, axis) for metric in ("accuracy", "circulant_deviation"))
    at_chance = accuracy.columns[(accuracy.mean() < UNKNOWN).to_numpy()]
    if not len(at_chance):
        raise NotMeasured(f"{whose} accuracy is nowhere measured at chance")
    first, last = at_chance[0], at_chance[-1]
    fall = mean_interval(deviation[first] - deviation[last])
    return Claim(
        f"{whose} features become more circulant while its test accuracy is at chance.",
        f"Mallinar et al. 2024, {place}",
        f"from {_STEPS[axis]} {first:.0f} to {last:.0f} the circulant deviation falls by {told(fall)} from"
        f" {deviation[first].mean():.2f}; in the end it is {deviation.iloc[:, -1].mean():.2f}",
        is_significant(fall),
    )


def _less(interval: Interval, bound: float) -> Interval:
    return Interval(interval.mean - bound, interval.low - bound, interval.high - bound)


@plot(whole_study=True)
def plot_grokking(results: Results, ax: Axes | None = None) -> Axes:
    """Draw the nets' accuracies by epoch, a colour for each weight decay; dashed those at the training pairs."""
    nets = rows_where(results.frame(), family="net")
    ax = _draw_accuracies(nets, "epochs", "weight_decay", "weight decay {:g}", ax)
    ax.set(xscale="log", xlabel="epoch", title="net, half of the pairs")
    return finish(ax)


@plot(whole_study=True)
def plot_grokking_by_round(results: Results, ax: Axes | None = None) -> Axes:
    """Draw the recursive feature machines' accuracies by round, a colour for each number of pairs; dashed as above."""
    machines = rows_where(results.frame(), family="rfm")
    ax = _draw_accuracies(machines, "n_rounds", "n_samples", "{:.0f} of 961 pairs", ax)
    ax.set(xlabel="round", title="recursive feature machine")
    return finish(ax)


@plot(whole_study=True)
def plot_circulant_deviation(results: Results, ax: Axes | None = None) -> Axes:
    """Draw the circulant deviation of the nets' features by epoch, a colour for each weight decay."""
    ax = new_axes(ax)
    nets = rows_where(results.frame(), family="net", metric="circulant_deviation")
    for decay, colour in zip(values_of(nets, "weight_decay"), sns.color_palette("colorblind"), strict=False):
        table = by_seed(nets, "circulant_deviation", "epochs", weight_decay=decay)
        draw(ax, table, color=colour, label=f"weight decay {decay:g}")
    ax.set(xscale="log", xlabel="epoch", ylabel="circulant deviation", ylim=(0, 1))
    return finish(ax)


def _draw_accuracies(frame: pd.DataFrame, axis: str, hue: str, label: str, ax: Axes | None) -> Axes:
    ax = new_axes(ax)
    for value, colour in zip(values_of(frame, hue), sns.color_palette("colorblind"), strict=False):
        at = {hue: value}
        draw(ax, by_seed(frame, "accuracy", axis, **at), color=colour, label=label.format(value))
        draw(ax, by_seed(frame, "accuracy_train", axis, **at), color=colour, ls="--", marker="")
    ax.plot([], [], "k--", label="on the training pairs")
    ax.set(ylabel="accuracy", ylim=(-0.02, 1.02))
    return ax
