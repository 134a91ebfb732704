"""The study `ablation`: the main effects of focal loss, layer norm, weight decay and standardised inputs."""

import functools
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from studies.analysis.claims import Evidence, NotMeasured, claim, log_ratio, map_measured, rows_where, values_of
from studies.analysis.intervals import Interval, mean_interval
from studies.analysis.verdicts import OF_LOGS, Estimate, Requirement
from studies.library.prior_vs_data import LITTLE, STORY, are_little, points
from studies.plots.looks import value_looks
from studies.plots.style import GREY, new_axes, tidy
from studies.registry.plots import plot
from studies.results.results import Results
from studies.spec.study import Study, built_in

FACTORS = {  # the value with, and the value without
    "loss": ("focal", "cross_entropy"),
    "layer_norm": (True, False),
    "weight_decay": (0.01, 0.0),
    "standardize": (True, False),
}
_DEFAULTS = {"loss": "cross_entropy", "layer_norm": False, "weight_decay": 0.0, "standardize": True}  # of a net
_CHANGED = "the learning rates, after a first look"
_OFFSET = 0.15  # of a row, between sample sizes in a plot
_NAMES = {
    "loss": "Focal loss",
    "layer_norm": "Layer norm",
    "weight_decay": "Weight decay of 0.01",
    "standardize": "Standardised inputs",
}


def factorial(frame: pd.DataFrame, n_samples: int, prior: str = "polar", study: Study | None = None) -> pd.DataFrame:
    """Return the errors of the nets with a prior, a row for each complete seed and a column for each combination.

    Parameters
    ----------
    frame : DataFrame
        From `Results.frame` of the study.
    n_samples : int
    prior : str, default="polar"
    study : Study, optional
        The built-in study ``ablation`` by default. A factor may be an axis of a learner, or its learners may differ in
        it, so that each has a learning rate of its own.

    Returns
    -------
    table : DataFrame
        A level of its columns for each of `FACTORS`.

    Raises
    ------
    NotMeasured
        If fewer than two seeds are complete.
    """
    rows = rows_where(frame, metric="accuracy", n_samples=n_samples)
    values_of(rows, "family")
    parts = []
    for family, spec in (study or _built_in()).learners.items():
        if spec.prior == (prior,):
            first = next(spec.variants(family))
            given = {**_DEFAULTS, **first.params}
            fixed = {factor: given[factor] for factor in FACTORS if factor not in first.axes}
            parts.append(rows[rows["family"] == family].assign(**fixed))
    found = (pd.concat(parts) if parts else rows[:0]).reindex(columns=["seed", *FACTORS, "value"])
    table = 1 - found.pivot_table(index="seed", columns=list(FACTORS), values="value").dropna()
    if len(table) < 2:
        raise NotMeasured(f"nets with the prior {prior} are not measured with two seeds or more at n = {n_samples:,}")
    return table


def main_effect(table: pd.DataFrame, factor: str) -> pd.Series:
    """Return the main effect of a factor on the error, its mean over the levels of the other factors, by seed.

    Parameters
    ----------
    table : DataFrame
        From `factorial`.
    factor : str
        A key of `FACTORS`.
    """
    with_it, without = (_at_level(table, factor, value) for value in FACTORS[factor])
    pairs = (with_it - without).dropna(axis=1)
    if pairs.empty:
        raise NotMeasured(f"nothing is measured both with and without {_NAMES[factor].lower()}")
    return pairs.mean(axis=1)


def prior_gain(frame: pd.DataFrame, n_samples: int, study: Study | None = None) -> pd.Series:
    """Return the error of the plain net less that of the polar net, both as they are by default, by seed."""
    plain, polar = (_bare(factorial(frame, n_samples, prior, study)) for prior in ("none", "polar"))
    return (plain - polar).dropna()


def _at_level(table: pd.DataFrame, factor: str, value: Any) -> pd.DataFrame:
    return table.loc[:, table.columns.get_level_values(factor) == value].droplevel(factor, axis=1)


@functools.cache
def _built_in() -> Study:
    return built_in()["ablation"]


def _bare(table: pd.DataFrame) -> pd.Series:
    level = tuple(_DEFAULTS.values())
    if level not in table:
        raise NotMeasured("a net without the factors is not measured")
    return table[level]


def _sizes(frame: pd.DataFrame) -> list[int]:
    return values_of(frame, "n_samples")


@claim(
    "ablation",
    says="{name} adds little to the polar prior (n = {n:,})",
    source=STORY,
    tolerated=f"a change, in either direction, of less than {LITTLE:.0%} of what the prior lowers the error by",
    changed=_CHANGED,
    n=_sizes,
    factor=["loss", "layer_norm", "weight_decay"],
)
def _adds_little(frame: pd.DataFrame, n: int, factor: str) -> Evidence:
    effect, gain = main_effect(factorial(frame, n), factor), prior_gain(frame, n)
    return Evidence(
        f"changes the error by {points(effect)} points; the prior lowers it by {points(gain)} points",
        are_little(effect, gain),
        {"name": _NAMES[factor]},
    )


@claim(
    "ablation",
    says="Standardised inputs lower the error of the polar net (n = {n:,})",
    source="Our own expectation: the standard deviation of the angle is several times that of the radius",
    tolerated="a lower error",
    changed=_CHANGED,
    n=_sizes,
)
def _helps_the_polar_net(frame: pd.DataFrame, n: int) -> Evidence:
    effect = main_effect(factorial(frame, n), "standardize")
    return Evidence(
        f"change it by {points(effect)} points",
        [Requirement(Estimate.of_seeds(effect), high=0, factor=100, unit=" points")],
    )


@claim(
    "ablation",
    says="Standardised inputs change the error of the plain net little (n = {n:,})",
    source="Our own expectation: both coordinates have one scale",
    tolerated=f"a change, in either direction, of less than {LITTLE:.0%} of the error without",
    n=_sizes,
)
def _changes_the_plain_net_little(frame: pd.DataFrame, n: int) -> Evidence:
    table = factorial(frame, n, "none")
    effect = main_effect(table, "standardize")
    without = _at_level(table, "standardize", False).mean(axis=1)
    return Evidence(
        f"change it by {points(effect)} points",
        [Requirement(log_ratio(without + effect, without), np.log(1 - LITTLE), np.log(1 + LITTLE), unit=OF_LOGS)],
    )


@plot(whole_study=True)
def plot_main_effects(results: Results, ax: Axes | None = None) -> Axes:
    """Draw the effects of the prior and of each factor on the error, a colour for each sample size."""
    ax = new_axes(ax)
    frame = results.frame()
    found = map_measured(lambda n: _effects(frame, n, results.study), _sizes(frame))
    for place, (n, look) in enumerate(value_looks(found).items()):
        means, low, high = 100 * np.array([(e.mean, e.low, e.high) for e in found[n]]).T
        y, reach = np.arange(len(means)) + _OFFSET * (place - (len(found) - 1) / 2), (means - low, high - means)
        ax.errorbar(means, y, xerr=reach, color=look.colour, marker=look.marker, ls="", label=f"n = {n:,}")
    names = ["Polar prior", *_NAMES.values()]
    ax.set_yticks(range(len(names)), names)
    ax.axvline(0, color=GREY, lw=1, ls=":")
    ax.invert_yaxis()
    ax.set_xlabel("added to the error, percentage points")
    ax.legend(frameon=False, fontsize=8, loc="center left")
    tidy(ax)
    return ax


def _effects(frame: pd.DataFrame, n_samples: int, study: Study) -> list[Interval]:
    """Return the effects of the prior and of each factor on the error."""
    table = factorial(frame, n_samples, study=study)
    effects = [-prior_gain(frame, n_samples, study), *(main_effect(table, name) for name in FACTORS)]
    return [mean_interval(effect) for effect in effects]
