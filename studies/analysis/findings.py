"""Findings of a study: its learning curves, what its priors are worth, and how other learners stand to them."""

import itertools
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from studies.analysis.breakdowns import is_of_bin
from studies.analysis.comparisons import loss_interval, paired_difference, summary
from studies.analysis.crossovers import Crossover, DataEquivalence, crossover, data_equivalence
from studies.analysis.intervals import CensoredInterval, Interval, Sentence, number, scale_of
from studies.analysis.learning_curves import Sampling, by_problem, losses, sampling_of
from studies.analysis.questions import Comparison, compare
from studies.registry.metrics import describe, in_order, primary_name
from studies.spec.cells import Cell, plan_series
from studies.spec.sections import Point, Question, Worth
from studies.spec.study import Study

Parts = dict[str, pd.DataFrame]
"""Rows of the primary metric, by learner."""


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
    sampling: Sampling


@dataclass(frozen=True)
class PriorWorth(Sentence):
    """The worth of a prior: how many times the data a learner needs that is the same but for the prior.

    Attributes
    ----------
    prior : str
    plain, informed : str
        The learner without the prior, and with it.
    equivalence : DataEquivalence
        Of `plain` to `informed`; or the other way round, where `plain` never gets as far.
    """

    prior: str
    plain: str
    informed: str
    equivalence: DataEquivalence

    @property
    def times(self) -> CensoredInterval:
        """How many times the data."""
        return self.equivalence.times if self.equivalence.a == self.informed else 1 / self.equivalence.times

    @property
    def times_text(self) -> str:
        """How many times, as text without the interval: "more than 10 times"."""
        return f"{self.times.value_text(2)} times"

    @property
    def in_samples(self) -> str:
        """The worth in numbers of samples, as a clause."""
        found = self.equivalence
        if found.a == self.plain:
            clause = f"{found.b} matches {found.a} with {found.n_samples_text()}"
        else:
            clause = f"{found.b} needs {found.n_samples_text()} training points to match {found.a}"
        equal = not self.times.side and self.times.low <= 1 <= self.times.high
        return f"{clause}, no significant difference" if equal else clause

    def __str__(self) -> str:
        times = f"{self.times_text} the data {self.times.bounds_text(2)}".rstrip()
        return f"at n = {self.equivalence.n:,.0f}, the {self.prior} prior was worth {times}: {self.in_samples}"


@dataclass(frozen=True)
class Competitor:
    """A learner compared with the one of reference."""

    learner: str
    equivalence: DataEquivalence | None
    crossover: Crossover | None


@dataclass(frozen=True)
class SmallestErrors(Sentence):
    """The two learners with the smallest errors at one sample size.

    Attributes
    ----------
    metric : str
    n_samples : int
        The largest size that all learners have, or any if there is none.
    everywhere : bool
        True if all learners have it.
    first : str
    error : Interval
        Of the first learner.
    second : str or None
        None if there is one learner.
    behind : Interval or None
        The error of the second less that of the first, paired by seed; None without common seeds.
    """

    metric: str
    n_samples: int
    everywhere: bool
    first: str
    error: Interval
    second: str | None
    behind: Interval | None

    @property
    def runner_up(self) -> str:
        """The second learner and its distance, as a clause; empty if there is one learner."""
        if not self.second or self.behind is None:
            return f"next is {self.second}" if self.second else ""
        scale = scale_of(self.metric)
        unit = " percentage points" if scale.unit == " %" else scale.unit
        behind = f"{number(scale.factor * self.behind.mean, 2)}{unit} behind {scale.bounds(self.behind, 2)}".rstrip()
        return f"next is {self.second}, {behind}{', not significantly' if self.behind.low <= 0 else ''}"

    def __str__(self) -> str:
        who = "all learners were" if self.everywhere else "any learner was"
        smallest = (
            f"with {self.n_samples:,} training points, the most that {who} given, the smallest error is that of"
            f" {self.first}, {scale_of(self.metric).with_interval(self.error)}"
        )
        return f"{smallest}; {self.runner_up}" if self.runner_up else smallest


@dataclass(frozen=True)
class Findings:
    """The findings on one problem.

    Attributes
    ----------
    problem : str
        Its label; empty where the study has one problem.
    sampling : Sampling
    measured : tuple of Measured
        The primary metric first, times last.
    worths : tuple of PriorWorth
        Of the priors, that of the study's first question in front.
    reference : str or None
        The learner with which the others are compared.
    n_samples : int
        Sample size of the reference.
    competitors : tuple of Competitor
        All other learners.
    main_competitors : tuple of Competitor
        Those of them, of another kind and without a prior, of which a question of the study asks whether they catch up;
        else the first.
    smallest_errors : SmallestErrors or None
    """

    problem: str
    sampling: Sampling
    measured: tuple[Measured, ...]
    worths: tuple[PriorWorth, ...]
    reference: str | None
    n_samples: int
    competitors: tuple[Competitor, ...]
    main_competitors: tuple[Competitor, ...]
    smallest_errors: SmallestErrors | None


def find(study: Study, frame: pd.DataFrame) -> tuple[Findings, ...]:
    """Return the findings of a study, problem by problem.

    Parameters
    ----------
    study : Study
    frame : DataFrame
        A tidy frame as from `Results.frame`.
    """
    return tuple(_find(study, problem, part) for problem, part in by_problem(losses(frame)).items())


def _find(study: Study, problem: str, rows: pd.DataFrame) -> Findings:
    rows = rows[~rows["metric"].map(is_of_bin)]
    table, sampling = summary(rows), sampling_of(rows)
    names = in_order(rows["metric"].unique())
    measured = tuple(_measured(table[table["metric"] == metric], metric, sampling) for metric in names)
    frame = judged(rows)
    pairs = _pairs(study, frame)
    parts = _by_learner(frame)
    found = [_worth(study, parts, *pair) for pair in pairs]
    worths = tuple(worth for worth in found if worth is not None)
    reference, n_samples = _reference(study, worths)
    competitors = _competitors(parts, reference, n_samples) if reference else ()
    main = _main_competitors(study, competitors, reference, n_samples)
    smallest = _smallest_errors(frame)
    return Findings(problem, sampling, measured, worths, reference, n_samples, competitors, main, smallest)


def _measured(table: pd.DataFrame, metric: str, sampling: Sampling) -> Measured:
    """Return the curves of one metric from its summary."""
    curves = []
    for learner, part in table.groupby("learner", sort=False):
        columns = part.sort_values("n_samples")[["n_samples", "mean", "low", "high", "seeds"]]
        means = tuple(
            Mean(n, Interval(mean, low, high), seeds)
            for n, mean, low, high, seeds in columns.itertuples(index=False, name=None)
        )
        curves.append(Curve(str(learner), means))
    return Measured(metric, tuple(curves), sampling)


def _pairs(study: Study, frame: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Return the priors of which a worth is reported, each with the plain learner and the informed one.

    These are the ones of which the study's questions ask, in their order, and all learners that are the same but for a
    prior.
    """
    there = set(frame["learner"])
    cells = {p.learner: p.cell for p in plan_series(study) if p.learner in there}
    siblings = list(_siblings(cells))
    asked = [pair for question in study.questions for pair in _asked(question, cells, siblings)]
    return list(dict.fromkeys([*asked, *siblings]))


def _siblings(cells: Mapping[str, Cell]) -> Iterator[tuple[str, str, str]]:
    """Yield the learners that are the same but for a prior, as in `_pairs`."""
    informed = defaultdict(list)
    for label, cell in cells.items():
        if cell.prior is not None:
            informed[_learner(cell)].append((cell.prior.rpartition(":")[2], label))
    for plain, cell in cells.items():
        if cell.prior is None:
            yield from ((prior, plain, label) for prior, label in informed[_learner(cell)])


def _asked(
    question: Question, cells: Mapping[str, Cell], siblings: list[tuple[str, str, str]]
) -> Iterator[tuple[str, str, str]]:
    """Yield the priors of which a question asks, as in `_pairs`."""
    if question.worth is None:
        ends = {end.learner for end in question.ends}
        yield from (pair for pair in siblings if ends == {*pair[1:]})
    elif {question.worth.prior, question.worth.of} <= cells.keys():
        prior = cells[question.worth.prior].prior or question.worth.prior
        yield prior.rpartition(":")[2], question.worth.of, question.worth.prior


def _learner(cell: Cell) -> tuple[str, str]:
    return cell.estimator, json.dumps([cell.params, cell.search], sort_keys=True, default=str)


def _by_learner(frame: pd.DataFrame) -> Parts:
    return {str(learner): rows for learner, rows in frame.groupby("learner", sort=False)}


def _worth(study: Study, parts: Parts, prior: str, plain: str, informed: str) -> PriorWorth | None:
    """Return the worth of a prior, from the side of the plain learner or, if only that has an estimate, the other."""
    n_samples = _compared_size(study, parts, plain, informed)
    found = [_equivalence(parts, a, b, n_samples) for a, b in ((informed, plain), (plain, informed))]
    worths = [PriorWorth(prior, plain, informed, each) for each in found if each is not None]
    estimates = [worth for worth in worths if not worth.times.side]
    return estimates[0] if estimates else max(worths, key=lambda worth: abs(np.log(worth.times.value)), default=None)


def _equivalence(parts: Parts, a: str, b: str, n_samples: int) -> DataEquivalence | None:
    """Return the data equivalence in the rows' metric; None if the data do not support one."""
    rows = _rows_of(parts, a, b)
    try:
        return data_equivalence(rows, a, b, n_samples, rows["metric"].iloc[0])
    except ValueError:
        return None


def _crossover(parts: Parts, a: str, b: str) -> Crossover | None:
    """Return the crossover in the rows' metric; None if too little is measured."""
    rows = _rows_of(parts, a, b)
    try:
        return crossover(rows, a, b, rows["metric"].iloc[0])
    except ValueError:
        return None


def _rows_of(parts: Parts, a: str, b: str) -> pd.DataFrame:
    """Return the rows of two learners, in which they are found much faster than among those of all."""
    rows = pd.concat([parts[a], parts[b]])
    rows.attrs = parts[a].attrs
    return rows


def _compared_size(study: Study, parts: Parts, plain: str, informed: str) -> int:
    """Return the sample size at which two learners are compared: the first in a question, or the largest.

    It is less than all rows of a data set, at which there is no interval.
    """
    sizes = [set(parts[learner]["n_samples"]) for learner in (plain, informed)]
    n_rows = sampling_of(parts[plain]).n_rows
    shared = {n for n in sizes[0] & sizes[1] if n_rows is None or n < n_rows}
    own = [question.worth for question in study.questions if question.worth]
    first = [worth.n_samples or 0 for worth in own if (worth.of, worth.prior) == (plain, informed)]
    asked = [*first, *(point.n_samples for question in study.questions for point in question.ends)]
    return int(next((n for n in asked if n in shared), max(shared, default=0)))


def _reference(study: Study, worths: tuple[PriorWorth, ...]) -> tuple[str | None, int]:
    if worths:
        return worths[0].informed, int(worths[0].equivalence.n)
    for first, *_ in (question.ends for question in study.questions if question.ends):
        return first.learner, first.n_samples
    return None, 0


def _competitors(parts: Parts, reference: str, n_samples: int) -> tuple[Competitor, ...]:
    if reference not in parts:
        return ()
    return tuple(
        Competitor(other, _equivalence(parts, reference, other, n_samples), _crossover(parts, reference, other))
        for other in parts
        if other != reference
    )


def _main_competitors(
    study: Study, competitors: tuple[Competitor, ...], reference: str | None, n_samples: int
) -> tuple[Competitor, ...]:
    """Return the competitors of another kind, without a prior, of which a question asks; else the first of them."""
    asked = {
        later.learner
        for question in study.questions
        for earlier, later in itertools.permutations(question.ends, 2)
        if (earlier.learner, earlier.n_samples) == (reference, n_samples) and later.n_samples > n_samples
    }
    cells = {p.learner: p.cell for p in plan_series(study)}
    others = [
        competitor
        for competitor in competitors
        if competitor.equivalence
        and cells[competitor.learner].prior is None
        and cells[competitor.learner].estimator != cells[competitor.equivalence.a].estimator
    ]
    return tuple(competitor for competitor in others if competitor.learner in asked) or tuple(others[:1])


def _smallest_errors(frame: pd.DataFrame) -> SmallestErrors | None:
    if frame.empty:
        return None
    metric = str(frame["metric"].iloc[0])
    learners = frame.groupby("n_samples")["learner"].nunique()
    everywhere = learners[learners == frame["learner"].nunique()]
    n_samples = int(str((everywhere if len(everywhere) else learners).index.max()))
    parts = frame[frame["n_samples"] == n_samples].groupby("learner", sort=False)
    by_learner = {str(name): part.set_index("seed")["value"] for name, part in parts}
    order = sorted(by_learner, key=lambda name: float(by_learner[name].mean()))
    first, second = order[0], order[1] if len(order) > 1 else None
    behind, sampling = None, sampling_of(frame)
    if second and (n_common := len(by_learner[first].index.intersection(by_learner[second].index))):
        factor = sampling.factor(n_samples, n_common)
        behind = paired_difference(by_learner[second], by_learner[first], (factor, factor))
    smallest = loss_interval(by_learner[first], sampling.factor(n_samples, len(by_learner[first])), metric)
    return SmallestErrors(metric, n_samples, len(everywhere) > 0, first, smallest, second, behind)


def answers(study: Study, frame: pd.DataFrame) -> list[str]:
    """Return the answers to a study's questions, one line each, on each problem that their learners learn.

    They are in its primary metric, and all comparisons of the study are one family of tests.
    """
    rows = losses(frame)
    parts = by_problem(rows[rows["metric"].isin([m for m in rows["metric"].unique() if describe(m).is_primary])])
    learnt = {(p.problem, p.learner) for p in plan_series(study)}
    asked = [
        (f"{problem}: {question.text}".removeprefix(": "), question, judged(part))
        for problem, part in parts.items()
        for question in study.questions
        if not problem or learnt.issuperset((problem, learner) for learner in question.learners)
    ]
    found = [_comparison(question, part) if question.ends else None for _, question, part in asked]
    compared = iter(compare(each for each in found if each is not None))
    return [
        f"{text} {next(compared) if comparison else _other_answer(study, question, part)}"
        for (text, question, part), comparison in zip(asked, found, strict=True)
    ]


def judged(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the primary metric; none if that is not measured."""
    return frame[frame["metric"] == primary_name(frame["metric"].unique())]


def _other_answer(study: Study, question: Question, rows: pd.DataFrame) -> str:
    """Return the answer to a question that is not a comparison, or of which nothing is measured."""
    if question.worth is None:
        return "Not measured yet."
    asked = {question.worth.prior, question.worth.of}
    parts = _by_learner(rows)
    worths = (_worth(study, parts, *pair) for pair in _pairs(study, rows) if {*pair[1:]} == asked)
    found = next(worths, None)
    if found is not None:
        return f"{str(found)[0].upper()}{str(found)[1:]}."
    return _no_worth(study, question.worth, rows)


def _no_worth(study: Study, worth: Worth, rows: pd.DataFrame) -> str:
    """Return why there is no worth of a prior."""
    if not {worth.prior, worth.of} <= set(rows["learner"]):
        return "Not measured yet."
    n_samples = _compared_size(study, _by_learner(rows), worth.of, worth.prior)
    if not n_samples:
        return "Cannot tell: they have no sample size in common."
    found: object
    try:
        found = data_equivalence(rows, worth.prior, worth.of, n_samples, rows["metric"].iloc[0])
    except ValueError as reason:
        found = reason
    return f"Cannot tell: {found}."


def _comparison(question: Question, rows: pd.DataFrame) -> Comparison | None:
    """Return the two sides of a question; None if they have no seed in common."""
    a, b = (_values(rows, end) for end in question.ends)
    if not (n_common := len(a.index.intersection(b.index))):
        return None
    sampling = sampling_of(rows)
    first, second = (sampling.factor(end.n_samples, n_common) for end in question.ends)
    return Comparison(a, b, (first, second), str(rows["metric"].iloc[0]), question.tolerance)


def _values(rows: pd.DataFrame, point: Point) -> pd.Series:
    """Return the primary metric of a learner at one sample size, by seed."""
    found = rows[(rows["learner"] == point.learner) & (rows["n_samples"] == point.n_samples)]
    return found.set_index("seed")["value"]
