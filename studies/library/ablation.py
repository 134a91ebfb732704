"""The 2^3 factorial of what is thought to help: the main effect of each factor, paired over all that else varies."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from studies.analysis.claims import Claim, NotMeasured, by_seed, claims, measured, rows_where, tell, values_of
from studies.analysis.comparisons import paired_difference
from studies.analysis.intervals import Interval
from studies.library.prior_vs_data import STORY, is_less, percentage_points
from studies.plots.style import finish, new_axes
from studies.registry.plots import plot
from studies.results.results import Results

FACTORS = {  # the value with, and the value without
    "loss": ("focal", "cross_entropy"),
    "layer_norm": (True, False),
    "weight_decay": (0.01, 0.0),
}
_APART = 0.15  # of a row, between sample sizes in a picture
_NAMES = {"loss": "Focal loss", "layer_norm": "Layer norm", "weight_decay": "Weight decay of 0.01"}


def main_effect(frame: pd.DataFrame, factor: str, n_samples: int) -> Interval:
    """Return what a factor adds to the error, the mean over the other factors, with its interval over seeds.

    Parameters
    ----------
    frame : DataFrame
        From `Results.frame` of the study ``ablation``.
    factor : str
        A key of `FACTORS`.
    n_samples : int
    """
    rows = rows_where(frame, metric="accuracy", n_samples=n_samples, family="net")
    table = 1 - rows.pivot_table(index="seed", columns=factor, values="value")
    if len(table) < 2 or table.shape[1] < 2:
        raise NotMeasured(f"{factor} is not measured with two seeds or more at n = {n_samples:,}")
    with_it, without = FACTORS[factor]
    return paired_difference(table[with_it], table[without])


def prior_gain(frame: pd.DataFrame, n_samples: int) -> Interval:
    """Return how much lower the error of the bare polar net is than that of the plain net, with its interval."""
    rows = rows_where(frame, n_samples=n_samples)
    plain = by_seed(rows, "accuracy", family="plain net")[n_samples]
    bare: dict[str, Any] = {factor: without for factor, (_, without) in FACTORS.items()}
    return paired_difference(by_seed(rows, "accuracy", family="net", **bare)[n_samples], plain)


@claims("ablation")
def check(frame: pd.DataFrame) -> Iterator[Claim]:
    """Check that none of the three is worth what the prior is worth, at each sample size."""
    sizes = sorted(frame["n_samples"].unique())
    return tell(frame, (partial(_adds_little, factor=factor, n=n) for n in sizes for factor in FACTORS))


def _adds_little(frame: pd.DataFrame, factor: str, n: int) -> Claim:
    effect, gain = main_effect(frame, factor, n), prior_gain(frame, n)
    return Claim(
        f"{_NAMES[factor]} adds little to the polar prior (n = {n:,})",
        STORY,
        f"changes the error by {percentage_points(effect)}; the prior lowers it by {percentage_points(gain)}",
        is_less(effect, gain),
    )


@plot(whole_study=True)
def plot_main_effects(results: Results, ax: Axes | None = None) -> Axes:
    """Draw what the prior and each factor add to the error, with intervals, a colour for each sample size."""
    ax = new_axes(ax)
    frame = results.frame()
    sizes = values_of(frame, "n_samples")
    found = measured(lambda n: _effects(frame, n), sizes)
    for place, ((n, effects), colour) in enumerate(zip(found.items(), sns.color_palette("colorblind"), strict=False)):
        means, low, high = 100 * np.array([(e.mean, e.low, e.high) for e in effects]).T
        y = np.arange(len(effects)) + _APART * (place - (len(found) - 1) / 2)
        reach, marker = (means - low, high - means), "osD^v"[place % 5]
        ax.errorbar(means, y, xerr=reach, color=colour, marker=marker, ls="", capsize=3, label=f"n = {n:,}")
    names = ["Polar prior", *(_NAMES[name] for name in FACTORS)]
    ax.set_yticks(range(len(names)), names)
    ax.axvline(0, color="0.6", ls=":")
    ax.invert_yaxis()
    ax.set_xlabel("added to the error, percentage points")
    return finish(ax)


def _effects(frame: pd.DataFrame, n_samples: int) -> list[Interval]:
    """Return what the prior and each factor add to the error."""
    gain = prior_gain(frame, n_samples)
    prior = Interval(-gain.mean, -gain.high, -gain.low)
    return [prior, *(main_effect(frame, name, n_samples) for name in FACTORS)]
