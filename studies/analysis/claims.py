"""Claims of the literature about a study, checked on its results.

A claim is checked by a function of the study's tidy frame, registered by `claim`. It works alike on the results in a
store and on those kept beside the documentation.
"""

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studies.analysis.intervals import CONFIDENCE
from studies.analysis.learning_curves import NotMeasured, pivot_by_seed
from studies.analysis.verdicts import POWER, VERDICTS, Estimate, Requirement, p_values, verdicts
from studies.registry.registry import Registry
from studies.spec.cells import Cell, plan_study
from studies.spec.study import Study, built_in

Array = NDArray[np.float64]
Value = TypeVar("Value")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Claim:
    """A statement of the literature and the evidence on it.

    Parameters
    ----------
    says : str
        The statement, in one sentence.
    source : str
        Paper and place in it.
    tolerated : str
        The range in which the measured quantities must be, stated before they are measured.
    measured : str
        The measurement, with an interval.
    holds : bool or None
        Whether the quantities are in that range; None if the measurement cannot decide.
    undecided : str, default=""
        If it cannot decide: what it could have detected, or that it is the number of claims that leaves it open.
    changed : str, default=""
        What was changed in the study or the range after a first look at results; empty if nothing was.

    Examples
    --------
    >>> Claim("The error falls with n.", "A paper, section 2", "a fall", "by 3.2 [2.9, 3.5] points", True).verdict
    'supported'
    """

    says: str
    source: str
    tolerated: str
    measured: str
    holds: bool | None
    undecided: str = ""
    changed: str = ""

    @property
    def verdict(self) -> str:
        """The verdict in words, from `VERDICTS`."""
        return VERDICTS[self.holds]

    @property
    def terms(self) -> str:
        """The tolerated range, and what was changed after a first look."""
        return f"{self.tolerated} (changed: {self.changed})" if self.changed else self.tolerated

    @property
    def finding(self) -> str:
        """The measurement, and why it is undecided if it is."""
        return f"{self.measured}; {self.undecided}" if self.undecided else self.measured


@dataclass(frozen=True)
class Evidence:
    """The measurement on which a claim is judged.

    Parameters
    ----------
    measured : str
        In words, with intervals.
    requirements : sequence of Requirement
        The measured quantities with the ranges in which the claim says that they are; none if they cannot be estimated,
        which makes the claim inconclusive.
    values : mapping of str to object, default={}
        For the fields in braces that `claim` leaves open in ``says``, ``source`` and ``tolerated``.
    """

    measured: str
    requirements: Sequence[Requirement]
    values: Mapping[str, Any] = field(default_factory=dict)


Measure = Callable[..., Evidence]
Cases = Collection[Any] | Callable[[pd.DataFrame], Collection[Any]]


@dataclass(frozen=True)
class Check:
    """The check of a claim about a study, as registered by `claim`."""

    study: str
    says: str
    source: str
    tolerated: str
    changed: str
    measure: Measure
    cases: Mapping[str, Cases]

    def measured(self, frame: pd.DataFrame) -> Iterator[tuple[Claim, Sequence[Requirement]]]:
        """Yield the claim, without its verdict, for each of its cases of which enough is measured."""
        for case in self._combinations(frame):
            with suppress(NotMeasured):
                found = self.measure(frame, **case)
                fields = (self.says, self.source, self.tolerated)
                says, source, tolerated = (text.format(**case, **found.values) for text in fields)
                claim = Claim(says, source, tolerated, found.measured, None, changed=self.changed)
                yield claim, found.requirements

    def _combinations(self, frame: pd.DataFrame) -> list[dict[str, Any]]:
        with suppress(NotMeasured):
            values = [each(frame) if callable(each) else each for each in self.cases.values()]
            return [dict(zip(self.cases, case, strict=True)) for case in itertools.product(*values)]
        return []


CLAIMS: Registry[Check] = Registry("claim", "studies.library")
"""The checks of all claims, by study and name of the function."""


def claim(
    study: str, *, says: str, source: str, tolerated: str, changed: str = "", **cases: Cases
) -> Callable[[Measure], Measure]:
    """Register the decorated function as the check of a claim about a study.

    The function takes a frame from `Results.frame` and returns the `Evidence`, or raises `NotMeasured`.

    Parameters
    ----------
    study : str
    says, source, tolerated : str
        As for `Claim`. Fields in braces, such as ``{n:,}``, are filled in from the case and from `Evidence.values`.
    changed : str, default=""
        As for `Claim`.
    **cases
        Values of further arguments of the function, one claim for each combination; or a function that takes the
        frame and returns them.
    """

    def register(measure: Measure) -> Measure:
        CLAIMS.add(f"{study}: {measure.__name__}", Check(study, says, source, tolerated, changed, measure, cases))
        return measure

    return register


def check_claims(study: str | Study, frame: pd.DataFrame) -> list[Claim]:
    """Return the claims about a study with the verdicts of its results.

    Parameters
    ----------
    study : str or Study
        A name stands for the built-in study in full. Of a study only those results are judged that are of cells of the
        built-in study of its name, whatever else it measures.
    frame : DataFrame
        From `Results.frame`.

    Returns
    -------
    claims : list of Claim
        Those of which enough is measured, in the order of registration. Their verdicts are one family of tests, see
        `studies.analysis.verdicts`.

    Examples
    --------
    Claims of a built-in study, on its stored results::

        results = run_study("label-noise")
        for claim in check_claims("label-noise", results.frame()):
            print(claim.verdict, claim.says, claim.measured)
    """
    name, rows = (study, frame) if isinstance(study, str) else (study.name, _shared_rows(study, frame))
    found = [pair for check in CLAIMS.values() if check.study == name for pair in check.measured(rows)]
    decided = verdicts(requirements for _, requirements in found)
    return [_decided(claim, requirements, holds) for (claim, requirements), holds in zip(found, decided, strict=True)]


def _decided(claim: Claim, requirements: Sequence[Requirement], holds: bool | None) -> Claim:
    """Return a claim with its verdict, and if there is none why, or what could have been detected."""
    if holds is not None or not requirements:
        return replace(claim, holds=holds)
    if min(p_values(requirements)) <= 1 - CONFIDENCE:
        return replace(claim, undecided="not significant after correction for the number of claims")
    open_one = max(requirements, key=lambda each: min(each.p_inside, each.p_outside))
    power = f"{100 * POWER:.0f} % power"
    return replace(claim, undecided=f"a deviation {open_one.detectable} would have been detected with {power}")


def _shared_rows(study: Study, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that are of cells of the built-in study of this name, with its labels and axes, for any seed."""
    original = built_in().get(study.name)
    if original is None or study == original:
        return frame
    planned = plan_study(original)
    several = len({p.problem for p in planned}) > 1
    places = {
        (p.learner, _content(p.cell)): {"learner": p.learner, "family": p.family, **p.axes}
        | ({"problem": p.problem} if several else {})
        for p in planned
        if p.cell.seed == original.first_seed
    }
    labels = [name for name in ("problem", "learner") if name in frame]
    own = {
        (*(getattr(p, label) for label in labels), p.cell.n_samples): places.get((p.learner, _content(p.cell)))
        for p in plan_study(study)
        if p.cell.seed == study.first_seed
    }
    found = [own.get(key) for key in zip(*(frame[name] for name in (*labels, "n_samples")), strict=True)]
    rows = frame.loc[[place is not None for place in found], ["n_samples", "seed", "metric", "value"]]
    columns = list(dict.fromkeys(name for place in places.values() for name in place))
    return pd.DataFrame([place for place in found if place], index=rows.index, columns=columns).join(rows)


def _content(cell: Cell) -> str:
    """Return what a cell fits, whatever its seed and metrics are."""
    return replace(cell, seed=1, metrics=()).key  # not seed 0, of which a fresh problem is the same as a fixed one


def rows_where(frame: pd.DataFrame, **where: Any) -> pd.DataFrame:
    """Return the rows of a frame with these values of its columns; a frame may lack a column.

    Raises
    ------
    NotMeasured
        If there are none.
    """
    rows = frame
    for column, value in where.items():
        rows = rows[rows[column] == value] if column in rows else rows[:0]
    if rows.empty:
        raise NotMeasured(f"nothing is measured with {_in_words(where)}")
    return rows


def values_of(frame: pd.DataFrame, column: str) -> list[Any]:
    """Return the different values in a column of a frame, sorted.

    Raises
    ------
    NotMeasured
        If there are none.
    """
    values = sorted(frame[column].dropna().unique()) if column in frame else []
    if not values:
        raise NotMeasured(f"nothing is measured along {column}")
    return values


def seed_table(
    frame: pd.DataFrame, metric: str, axis: str = "n_samples", *, needs: Iterable[Any] = (), **where: Any
) -> pd.DataFrame:
    """Return a metric as a table with a row for each complete seed and a column for each value of an axis.

    Parameters
    ----------
    frame : DataFrame
        From `Results.frame`.
    metric : str
    axis : str, default="n_samples"
        A column of the frame.
    needs : iterable, default=()
        Values of the axis that the table must have.
    **where
        Values of other columns: of one learner, or of one point of the other axes.

    Raises
    ------
    NotMeasured
        If fewer than two seeds are complete, or a value is missing.
    """
    rows = rows_where(frame, metric=metric, **where)
    if axis not in rows:
        raise NotMeasured(f"nothing is measured along {axis}")
    table = pivot_by_seed(rows, axis).sort_index(axis=1).dropna()
    if len(table) < 2 or not set(needs) <= set(table.columns):
        raise NotMeasured(f"{metric} is not measured with two seeds or more along {axis}, with {_in_words(where)}")
    return table


def _in_words(where: dict[str, Any]) -> str:
    return ", ".join(f"{column} {value}" for column, value in where.items())


def map_measured(function: Callable[[Value], Result], values: Iterable[Value]) -> dict[Value, Result]:
    """Return the results of a function by value, without the values for which it raises `NotMeasured`.

    Raises
    ------
    NotMeasured
        If none is left.
    """
    found = {}
    for value in values:
        with suppress(NotMeasured):
            found[value] = function(value)
    if not found:
        raise NotMeasured(f"nothing is measured for any of {', '.join(map(str, values))}")
    return found


def log_log_slopes(table: pd.DataFrame) -> pd.Series:
    """Return the slope of log value against log column for each seed, by least squares.

    Parameters
    ----------
    table : DataFrame
        From `seed_table`. Values and columns are positive.
    """
    x, y = np.log(table.columns.to_numpy(dtype=float)), np.log(table.to_numpy(dtype=float))
    return pd.Series(np.polyfit(x, y.T, 1)[0], index=table.index)


def log_ratio(numerator: pd.Series, denominator: pd.Series) -> Estimate:
    """Return the mean of log(numerator / denominator) over the seeds that both have."""
    return Estimate.of_seeds(np.log((numerator / denominator).dropna()))


def ratios_text(log_ratios: Iterable[Estimate]) -> str:
    """Return ratios with their intervals as text, from estimates of their logarithms."""
    return ", ".join(f"{each.interval.exp():.2f}" for each in log_ratios)


def sizes_text(sizes: Iterable[Any]) -> str:
    """Return sample sizes as text, such as "300, 1,000"."""
    return ", ".join(f"{n:,}" for n in sizes)
