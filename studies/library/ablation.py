"""The study `ablation`: the main effect of focal loss, layer norm and weight decay, in a 2^3 factorial."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from studies.analysis.claims import Evidence, NotMeasured, claim, map_measured, rows_where, seed_table, values_of
from studies.analysis.intervals import Interval, mean_interval
from studies.library.prior_vs_data import LITTLE, STORY, are_little, points
from studies.plots.looks import value_looks
from studies.plots.style import GREY, new_axes, tidy
from studies.registry.plots import plot
from studies.results.results import Results

FACTORS = {  # the value with, and the value without
    "loss": ("focal", "cross_entropy"),
    "layer_norm": (True, False),
    "weight_decay": (0.01, 0.0),
}
_OFFSET = 0.15  # of a row, between sample sizes in a plot
_NAMES = {"loss": "Focal loss", "layer_norm": "Layer norm", "weight_decay": "Weight decay of 0.01"}


def main_effect(frame: pd.DataFrame, factor: str, n_samples: int) -> pd.Series:
    """Return the main effect of a factor on the error, its mean over the other factors, by seed.

    Parameters
    ----------
    frame : DataFrame
        From `Results.frame` of the study ``ablation``.
    factor : str
        A key of `FACTORS`.
    n_samples : int
    """
    rows = rows_where(frame, metric="accuracy", n_samples=n_samples, family="net")
    values_of(rows, factor)
    table = 1 - rows.pivot_table(index="seed", columns=factor, values="value")
    if len(table) < 2 or table.shape[1] < 2:
        raise NotMeasured(f"{factor} is not measured with two seeds or more at n = {n_samples:,}")
    with_it, without = FACTORS[factor]
    return table[with_it] - table[without]


def prior_gain(frame: pd.DataFrame, n_samples: int) -> pd.Series:
    """Return the error of the plain net less that of the bare polar net, by seed."""
    rows = rows_where(frame, n_samples=n_samples)
    plain = seed_table(rows, "accuracy", family="plain net")[n_samples]
    bare: dict[str, Any] = {factor: without for factor, (_, without) in FACTORS.items()}
    return seed_table(rows, "accuracy", family="net", **bare)[n_samples] - plain


def _sizes(frame: pd.DataFrame) -> list[int]:
    return values_of(frame, "n_samples")


@claim(
    "ablation",
    says="{name} adds little to the polar prior (n = {n:,})",
    source=STORY,
    tolerated=f"a change, in either direction, of less than {LITTLE:.0%} of what the prior lowers the error by",
    n=_sizes,
    factor=list(FACTORS),
)
def _adds_little(frame: pd.DataFrame, n: int, factor: str) -> Evidence:
    effect, gain = main_effect(frame, factor, n), prior_gain(frame, n)
    return Evidence(
        f"changes the error by {points(effect)} points; the prior lowers it by {points(gain)} points",
        are_little(effect, gain),
        {"name": _NAMES[factor]},
    )


@plot(whole_study=True)
def plot_main_effects(results: Results, ax: Axes | None = None) -> Axes:
    """Draw the effects of the prior and of each factor on the error, a colour for each sample size."""
    ax = new_axes(ax)
    frame = results.frame()
    found = map_measured(lambda n: _effects(frame, n), _sizes(frame))
    for place, (n, look) in enumerate(value_looks(found).items()):
        means, low, high = 100 * np.array([(e.mean, e.low, e.high) for e in found[n]]).T
        y, reach = np.arange(len(means)) + _OFFSET * (place - (len(found) - 1) / 2), (means - low, high - means)
        ax.errorbar(means, y, xerr=reach, color=look.colour, marker=look.marker, ls="", label=f"n = {n:,}")
    names = ["Polar prior", *(_NAMES[name] for name in FACTORS)]
    ax.set_yticks(range(len(names)), names)
    ax.axvline(0, color=GREY, lw=1, ls=":")
    ax.invert_yaxis()
    ax.set_xlabel("added to the error, percentage points")
    ax.legend(frameon=False, fontsize=8)
    tidy(ax)
    return ax


def _effects(frame: pd.DataFrame, n_samples: int) -> list[Interval]:
    """Return the effects of the prior and of each factor on the error."""
    effects = [-prior_gain(frame, n_samples), *(main_effect(frame, name, n_samples) for name in FACTORS)]
    return [mean_interval(effect) for effect in effects]
