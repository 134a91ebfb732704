"""What a study found, as numbers: a tidy frame of results becomes curves, worths of priors and crossings.

All statistics that the report tells of are computed here or in `studies.meetings`.
"""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
import pandas as pd

from studies.analysis import crossovers as crossings
from studies.analysis.breakdowns import is_of_bin
from studies.analysis.comparisons import interval_of, loss_interval, paired_difference
from studies.analysis.crossovers import Crossover, NoEquivalence, data_equivalence
from studies.analysis.intervals import Interval, number, scale_of
from studies.analysis.learning_curves import by_problem, losses
from studies.registry.metrics import in_order, primary_names
from studies.spec.cells import Cell, plan_study
from studies.spec.sections import Point, Question
from studies.spec.study import Study

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


@dataclass(frozen=True)
class Mean:
    """A metric of a learner at one sample size, over seeds."""

    n_samples: int
    interval: Interval
    seeds: int


@dataclass(frozen=True)
class Curve:
    """A metric of a learner by sample size, smallest first."""

    learner: str
    means: tuple[Mean, ...]


@dataclass(frozen=True)
class Measured:
    """The curves of one metric, in the study's order of learners."""

    metric: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class PriorWorth:
    """What a prior is worth: how many times the data a learner needs that is the same but for the prior.

    Parameters
    ----------
    prior : str
    plain, informed : str
        The learner without the prior, and with it.
    equivalence : Equivalence
        Of `plain` to `informed`; or the other way round, where `plain` never gets as far.
    """

    prior: str
    plain: str
    informed: str
    equivalence: Equivalence

    @property
    def times(self) -> Estimate:
        """How many times the data."""
        ratio = self.equivalence.needed.times(1 / self.equivalence.n_samples)
        return ratio if self.equivalence.a == self.informed else ratio.inverse()


@dataclass(frozen=True)
class Competitor:
    """A learner beside the one of reference."""

    learner: str
    equivalence: Equivalence | None
    crossover: Crossover | None


@dataclass(frozen=True)
class Ranking:
    """The two smallest errors at one sample size, and how far the second is behind."""

    n_samples: int
    everywhere: bool
    first: str
    error: Interval
    second: str | None
    behind: Interval | None


@dataclass(frozen=True)
class Findings:
    """What was found on one problem.

    Parameters
    ----------
    problem : str
        Its label; empty where the study has one problem.
    measured : tuple of Measured
        What learners are judged by first, times last.
    worths : tuple of PriorWorth
        Of the priors, that of the study's first question in front.
    reference : str or None
        The learner to which the others are compared, and `n_samples` its sample size.
    n_samples : int
    competitors : tuple of Competitor
        All others.
    main_competitors : tuple of Competitor
        Those of them, of another kind and without a prior, that the study asks to catch up; else the first.
    ranking : Ranking or None
    """

    problem: str
    measured: tuple[Measured, ...]
    worths: tuple[PriorWorth, ...]
    reference: str | None
    n_samples: int
    competitors: tuple[Competitor, ...]
    main_competitors: tuple[Competitor, ...]
    ranking: Ranking | None


def find(study: Study, frame: pd.DataFrame) -> tuple[Findings, ...]:
    """Return what a study found, problem by problem.

    Parameters
    ----------
    study : Study
    frame : DataFrame
        From `Results.frame`: columns ``learner``, ``n_samples``, ``seed``, ``metric``, ``value``, and ``problem``
        where there are several.
    """
    return tuple(_find(study, problem, part) for problem, part in by_problem(losses(frame)).items())


def _find(study: Study, problem: str, rows: pd.DataFrame) -> Findings:
    rows = rows[~rows["metric"].map(is_of_bin)]
    names = in_order(rows["metric"].unique())
    measured = tuple(_measured(rows, metric) for metric in names)
    frame = rows[rows["metric"] == names[0]] if names[0] in primary_names() else rows.iloc[:0]
    pairs = _focus_first(study, list(_siblings(study, frame)))
    worths = tuple(worth for pair in pairs for worth in _worth(study, frame, *pair))
    reference, n_samples = _reference(study, worths)
    competitors = _competitors(frame, reference, n_samples) if reference else ()
    main_competitors = _main_competitors(study, competitors, reference, n_samples)
    return Findings(problem, measured, worths, reference, n_samples, competitors, main_competitors, _ranking(frame))


def _measured(losses: pd.DataFrame, metric: str) -> Measured:
    rows = losses[losses["metric"] == metric]
    interval = interval_of(rows, metric)
    curves = []
    for learner, part in rows.groupby("learner", sort=False):
        groups = part.groupby("n_samples")["value"]
        means = tuple(Mean(int(str(n)), interval(values), len(values)) for n, values in groups)
        curves.append(Curve(str(learner), means))
    return Measured(metric, tuple(curves))


def _siblings(study: Study, frame: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    """Yield the pairs of learners that are the same but for a prior: the prior, the plain one, the informed one."""
    there = set(frame["learner"])
    cells = {p.learner: p.cell for p in plan_study(study) if p.learner in there}
    for (plain, without), (informed, with_prior) in product(cells.items(), repeat=2):
        if without.prior is None and with_prior.prior is not None and _learner(without) == _learner(with_prior):
            yield with_prior.prior, plain, informed


def _learner(cell: Cell) -> tuple[str, str]:
    return cell.estimator, json.dumps(cell.params, sort_keys=True, default=str)


def _focus_first(study: Study, pairs: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Return the pairs, that of which the study asks first in front."""
    for question in study.questions:
        for pair in pairs:
            if {question.a.learner, question.b.learner} == {*pair[1:]}:
                return [pair, *(other for other in pairs if other != pair)]
    return pairs


def _worth(study: Study, frame: pd.DataFrame, prior: str, plain: str, informed: str) -> Iterator[PriorWorth]:
    """Yield what a prior is worth, by how far the plain learner must go or, if that says more, the informed one."""
    n_samples = _telling_size(study, frame, plain, informed)
    found = [equivalence(frame, a, b, n_samples) for a, b in ((informed, plain), (plain, informed))]
    told = [PriorWorth(prior, plain, informed, each) for each in found if each is not None]
    if told:
        yield min(told, key=lambda worth: -abs(np.log(worth.times.value)) if worth.times.beyond else -np.inf)


def _telling_size(study: Study, frame: pd.DataFrame, plain: str, informed: str) -> int:
    """Return the sample size at which a prior's worth is told: the first that the study asks of and both have."""
    sizes = [set(frame.loc[frame["learner"] == learner, "n_samples"]) for learner in (plain, informed)]
    shared = sizes[0] & sizes[1]
    asked = [point.n_samples for question in study.questions for point in (question.a, question.b)]
    return int(next((n for n in asked if n in shared), max(shared, default=0)))


def _reference(study: Study, worths: tuple[PriorWorth, ...]) -> tuple[str | None, int]:
    if worths:
        return worths[0].informed, worths[0].equivalence.n_samples
    for question in study.questions:
        return question.a.learner, question.a.n_samples
    return None, 0


def _competitors(frame: pd.DataFrame, reference: str, n_samples: int) -> tuple[Competitor, ...]:
    others = [learner for learner in frame["learner"].unique() if learner != reference]
    if len(others) == frame["learner"].nunique():
        return ()
    return tuple(
        Competitor(other, equivalence(frame, reference, other, n_samples), crossover(frame, reference, other))
        for other in others
    )


def _main_competitors(
    study: Study, competitors: tuple[Competitor, ...], reference: str | None, n_samples: int
) -> tuple[Competitor, ...]:
    """Return the competitors of another kind, without a prior, that the study asks to catch up; else the first."""
    asked = {
        later.learner
        for question in study.questions
        for earlier, later in ((question.a, question.b), (question.b, question.a))
        if (earlier.learner, earlier.n_samples) == (reference, n_samples) and later.n_samples > n_samples
    }
    cells = {p.learner: p.cell for p in plan_study(study)}
    others = [
        competitor
        for competitor in competitors
        if competitor.equivalence
        and cells[competitor.learner].prior is None
        and cells[competitor.learner].estimator != cells[competitor.equivalence.a].estimator
    ]
    return tuple(competitor for competitor in others if competitor.learner in asked) or tuple(others[:1])


def _ranking(frame: pd.DataFrame) -> Ranking | None:
    if frame.empty:
        return None
    learners = frame.groupby("n_samples")["learner"].nunique()
    everywhere = learners[learners == frame["learner"].nunique()]
    n_samples = int(str((everywhere if len(everywhere) else learners).index.max()))
    there = frame[frame["n_samples"] == n_samples]
    by_learner = {str(name): part.set_index("seed")["value"] for name, part in there.groupby("learner", sort=False)}
    order = sorted(by_learner, key=lambda name: float(by_learner[name].mean()))
    first, second = order[0], order[1] if len(order) > 1 else None
    behind = None
    if second and set(by_learner[first].index) & set(by_learner[second].index):
        behind = paired_difference(by_learner[second], by_learner[first])
    smallest = loss_interval(by_learner[first], str(there["metric"].iloc[0]))
    return Ranking(n_samples, len(everywhere) > 0, first, smallest, second, behind)


def bounds(estimate: Estimate, digits: int = 3) -> str:
    """Return the interval of an estimate; empty if it has none.

    Examples
    --------
    >>> bounds(Estimate(4.2, 3.61, 5.02), 2), bounds(Estimate(4.2, 3.61, float("inf")), 2)
    ('[3.6, 5]', '[at least 3.6]')
    """
    low, high = estimate.low, estimate.high
    if np.isnan(low):
        return ""
    if low > 0 and np.isfinite(high):
        return f"[{number(low, digits)}, {number(high, digits)}]"
    if low > 0:
        return f"[at least {number(low, digits)}]"
    return f"[at most {number(high, digits)}]" if np.isfinite(high) else "[open to both sides]"


def answers(study: Study, frame: pd.DataFrame) -> list[str]:
    """Answer the study's questions, on each problem, one line each, from the errors under the sampling density."""
    rows = losses(frame)
    parts = by_problem(rows[rows["metric"].isin(primary_names())])
    return [
        f"{problem}: {question.ask} {_answer(question, judged(part))}".removeprefix(": ")
        for problem, part in parts.items()
        for question in study.questions
    ]


def judged(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of what learners are judged by."""
    measured = set(frame["metric"])
    return frame[frame["metric"] == next((name for name in primary_names() if name in measured), "")]


def _answer(question: Question, table: pd.DataFrame) -> str:
    a, b = _at(table, question.a), _at(table, question.b)
    if not set(a.index) & set(b.index):
        return "Not measured yet."
    difference = paired_difference(a, b)
    if scale_of(str(table["metric"].iloc[0])).unit != " %":
        means = f"{a.mean():.3g} against {b.mean():.3g}"
        apart = f"{abs(difference.mean):.2g} [{_bounds(difference, '.2g', 1)}]"
    else:
        means = f"{100 * a.mean():.2f} % against {100 * b.mean():.2f} %"
        apart = f"{100 * abs(difference.mean):.2f} points [{_bounds(difference, '.2f', 100)}]"
    if difference.high < 0:
        return f"Yes: {means}, lower by {apart}."
    if difference.low > 0:
        return f"No: {means}, higher by {apart}."
    return f"No difference seen: {means}, {apart} apart."


def _bounds(difference: Interval, digits: str, factor: int) -> str:
    """Return the interval of a difference, turned so that it reads with its absolute value."""
    sign = factor if difference.mean >= 0 else -factor
    low, high = sorted((sign * difference.low, sign * difference.high))
    return f"{low:{digits}}, {high:{digits}}"


def _at(table: pd.DataFrame, point: Point) -> pd.Series:
    rows = table[(table["learner"] == point.learner) & (table["n_samples"] == point.n_samples)]
    return rows.set_index("seed")["value"]
