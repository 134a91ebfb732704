"""Tables of errors by density and by distance to the boundary, and of the differences that a prior makes."""

from dataclasses import dataclass

import pandas as pd

from studies.analysis.breakdowns import breakdown_difference, breakdown_size, breakdown_summary
from studies.analysis.findings import PriorWorth
from studies.analysis.intervals import Interval, scale_of
from studies.registry.bins import BY

_TITLES = {"density": "by density", "distance": "by distance to the boundary"}
_ENDS = {"density": ("sparsest", "densest"), "distance": ("nearest", "farthest")}


@dataclass(frozen=True)
class Entry:
    """An error or a difference in one bin as text, its interval, and its share of the largest error for a bar."""

    text: str
    interval: str
    share: float
    verdict: str = ""


@dataclass(frozen=True)
class BreakdownTable:
    """Errors by bin, one row per learner, and the differences between a learner with a prior and the one without."""

    title: str
    n_samples: int
    bins: list[str]
    rows: dict[str, dict[str, Entry]]
    compared: tuple[str, str] | None
    differences: dict[str, Entry]


def breakdown_tables(rows: pd.DataFrame, worth: PriorWorth | None) -> list[BreakdownTable]:
    """Return the tables of one problem, by density and by distance if measured.

    Parameters
    ----------
    rows : DataFrame
        Tidy, of one problem.
    worth : PriorWorth or None
        The prior whose differences are shown.
    """
    sizes = {by: breakdown_size(rows, by) for by in BY}
    return [_table(rows, by, n_samples, worth) for by, n_samples in sizes.items() if n_samples is not None]


def _table(rows: pd.DataFrame, by: str, n_samples: int, worth: PriorWorth | None) -> BreakdownTable:
    found = breakdown_summary(rows, by, n_samples)
    places = sorted(found["bin"].unique())
    names = {place: _name(by, i, len(places)) for i, place in enumerate(places)}
    scale, largest = scale_of("error"), float(found["mean"].max()) or 1.0
    table: dict[str, dict[str, Entry]] = {}
    columns = found[["learner", "bin", "mean", "low", "high"]]
    for learner, place, mean, low, high in columns.itertuples(index=False, name=None):
        entry = Entry(scale.text(mean), scale.bounds(Interval(mean, low, high)), mean / largest)
        table.setdefault(learner, {})[names[place]] = entry
    compared: tuple[str, str] | None = None
    differences: dict[str, Entry] = {}
    if worth is not None and {worth.informed, worth.plain} <= table.keys():
        compared = (worth.informed, worth.plain)
        ends_of = breakdown_difference(rows, *compared, n_samples, by)[["bin", "difference", "low", "high"]]
        differences = {names[place]: _difference(*ends) for place, *ends in ends_of.itertuples(index=False, name=None)}
    return BreakdownTable(_TITLES[by], n_samples, list(names.values()), table, compared, differences)


def _name(by: str, place: int, n_bins: int) -> str:
    ends = {0: _ENDS[by][0], n_bins - 1: _ENDS[by][1]} if n_bins > 1 else {}
    return ends.get(place, str(place + 1))


def _difference(mean: float, low: float, high: float) -> Entry:
    verdict = "helps" if high < 0 else "harms" if low > 0 else ""
    scale = scale_of("error")
    return Entry(f"{scale.factor * mean:+.2g}", scale.bounds(Interval(mean, low, high), 2), 0.0, verdict)
