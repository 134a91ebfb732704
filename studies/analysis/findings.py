"""Findings of a study: its learning curves, what its priors are worth, and how other learners stand to them."""

import functools
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from estimators.worths import PredictedWorth
from studies.analysis.breakdowns import is_of_bin
from studies.analysis.comparisons import paired_difference, summary
from studies.analysis.crossovers import (
    ROUNDING,
    Crossover,
    Curves,
    DataEquivalence,
    NoEquivalence,
    comparable_curves,
    crossover_of,
    equivalence_of,
)
from studies.analysis.intervals import CensoredInterval, Interval, Sentence, number, scale_of
from studies.analysis.learning_curves import (
    NotMeasured,
    Sampling,
    by_problem,
    loss_interval,
    losses,
    problem_of,
    sampling_of,
)
from studies.analysis.predictions import predicted_worth, prediction_text
from studies.analysis.questions import Comparison, compare
from studies.registry.errors import unknown
from studies.registry.metrics import describe, in_order, primary_name
from studies.registry.params import canonical, joined
from studies.spec.cells import Cell, plan_series
from studies.spec.sections import Point, Question
from studies.spec.study import Study

_MOST_NEARBY = 2  # sizes beside that of a worth at which it is given too

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
    """The curves of one metric, in the study's order of learners, and that of the baseline if it is measured."""

    metric: str
    curves: tuple[Curve, ...]
    sampling: Sampling
    baseline: Curve | None = None

    @property
    def rows(self) -> tuple[Curve, ...]:
        """The curves in the order of a table's rows: that of the baseline is the last."""
        return self.curves if self.baseline is None else (*self.curves, self.baseline)


@dataclass(frozen=True)
class PriorWorth(Sentence):
    """The worth of a prior: how many times the data a learner needs that is the same but for the prior.

    Attributes
    ----------
    prior : str
        Its name; the label of `informed` if that differs from `plain` in more than a prior.
    plain, informed : str
        The learner without the prior, and with it.
    equivalence : DataEquivalence
        Of `plain` to `informed`; or the other way round, where `plain` never gets as far.
    nearby : tuple of PriorWorth
        The worths at up to two more sizes: the nearest measured ones at which the interval has two ends, then the
        nearest ones with a bound.
    predicted : PredictedWorth or None
        The worth by theory, of which most priors have none.
    """

    prior: str
    plain: str
    informed: str
    equivalence: DataEquivalence
    nearby: tuple["PriorWorth", ...] = ()
    predicted: PredictedWorth | None = None

    @property
    def n_informed(self) -> float:
        """Number of samples of the informed learner."""
        found = self.equivalence
        return found.n if found.a == self.informed else found.n_samples.value

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
        clause = found.clause()
        if found.a == self.plain and found.times.side != "above":
            target = f"{found.a} with {found.n:,.0f}"
            clause = f"{found.b} with {found.n_samples_text()} training points matches {target}"
        return f"{clause}, no significant difference" if self.is_equal else clause

    @property
    def is_equal(self) -> bool:
        """True if the prior is worth neither significantly more nor less than the same data."""
        return not self.times.side and not self.is_significant

    @property
    def is_significant(self) -> bool:
        """True if the prior is significantly worth more, or less, than the same data."""
        return self.times.low > 1 + ROUNDING or self.times.high < 1 - ROUNDING

    @property
    def is_bounded(self) -> bool:
        """True if the interval has two ends."""
        return 0 < self.times.low < self.times.high < np.inf

    @property
    def gap(self) -> CensoredInterval:
        """How many times the data the worse learner needs."""
        return 1 / self.times if self.times.high < 1 else self.times

    @property
    def title(self) -> str:
        """The worth as a title, without its interval; of a prior that does harm, what that costs."""
        at, times = f"At n = {self.equivalence.n:,.0f},", f"{self.gap.value_text(2)} times"
        if self.times.high < 1:
            return f"{at} {self.informed} needs {times} the data of {self.plain}"
        if self.prior == self.informed:
            return f"{at} {self.plain} needs {times} the data of {self.informed}"
        return f"{at} {self.subject} is worth {times} the data"

    @property
    def subject(self) -> str:
        """The prior in a sentence."""
        return self.informed if self.prior == self.informed else f"the {self.prior} prior"

    @property
    def answer(self) -> str:
        """The worth as a clause, at the sizes nearby too."""
        worths = sorted((self, *self.nearby), key=lambda worth: worth.equivalence.n)
        times = joined([f"{worth.times.value_text(2)} {worth.times.bounds_text(2)}".rstrip() for worth in worths])
        sizes = joined([f"{worth.equivalence.n:,.0f}" for worth in worths])
        is_nothing = self.is_equal and not any(worth.is_significant for worth in worths)
        verb = "had no significant worth," if is_nothing else "was worth"
        beside = f"{'beside' if self.prior == self.informed else 'to'} {self.plain}"
        return f"{self.subject} {verb} {times} times the data {beside} at n = {sizes}"

    def capitalised(self, words: str) -> str:
        """Return words that begin with the subject as the beginning of a sentence: a label stays as it is."""
        return words if self.prior == self.informed else f"{words[0].upper()}{words[1:]}"

    @property
    def theory(self) -> str:
        """The worth by theory as a clause, with the verdict on it; empty without one."""
        return prediction_text(self.predicted, self.times) if self.predicted else ""

    def __str__(self) -> str:
        return "; ".join(filter(None, (f"{self.answer}: {self.in_samples}", self.theory)))


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
    def title(self) -> str:
        """The learner as a title; empty if it is not significantly ahead of the second."""
        if self.behind is None or not self.behind.low > 0:
            return ""
        return f"{self.first} has the smallest error with {self.n_samples:,} training points"

    @property
    def runner_up(self) -> str:
        """The second learner and its distance, as a clause; empty if there is one learner."""
        if not self.second or self.behind is None:
            return f"next is {self.second}" if self.second else ""
        scale = scale_of(self.metric)
        distance = number(scale.factor * self.behind.mean, 2) + scale.difference_unit
        behind = f"{distance} behind {scale.bounds(self.behind, 2)}".rstrip()
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
    n_asked : int
        Number of worths, the first ones, of which questions of the study ask.
    reference : str or None
        The learner with which the others are compared.
    n_samples : int
        Sample size of the reference.
    main_competitors : tuple of Competitor
        Learners of another kind and without a prior, of which a question of the study asks whether they catch up; else
        the first of that kind.
    smallest_errors : SmallestErrors or None
    judged_rows : DataFrame
        The rows of the primary metric.
    """

    problem: str
    sampling: Sampling
    measured: tuple[Measured, ...]
    worths: tuple[PriorWorth, ...]
    n_asked: int
    reference: str | None
    n_samples: int
    main_competitors: tuple[Competitor, ...]
    smallest_errors: SmallestErrors | None
    judged_rows: pd.DataFrame = field(repr=False, compare=False)

    @functools.cached_property
    def competitors(self) -> tuple[Competitor, ...]:
        """All learners but the reference, compared with it: of many learners this takes a while."""
        parts = _by_learner(self.judged_rows)
        others = [learner for learner in parts if learner != self.reference]
        return tuple(_competitors(parts, self.reference, self.n_samples, others))

    @property
    def main_worths(self) -> tuple[PriorWorth, ...]:
        """The first worth, and those of the same prior of which questions of the study ask."""
        first, further = self.worths[:1], self.worths[1 : self.n_asked]
        return (*first, *(worth for worth in further if worth.prior == first[0].prior))

    @property
    def scope(self) -> str:
        """What the intervals cover, in words: problems, samples of one problem, or of the rows of one data set."""
        n_seeds = self.judged_rows["seed"].nunique()
        if n_seeds < 2:
            return "of one seed"
        if self.sampling.own_test:
            return f"over {n_seeds} problems, one for each seed"
        return f"over {n_seeds} {'seeds of one problem' if self.sampling.n_rows is None else 'samples of one data set'}"

    @property
    def title(self) -> str:
        """The first finding as a title; empty if it is open."""
        if self.worths:
            return self.worths[0].title if self.worths[0].is_significant else ""
        return self.smallest_errors.title if self.smallest_errors else ""


def find(study: Study, frame: pd.DataFrame, baseline: pd.DataFrame | None = None) -> tuple[Findings, ...]:
    """Return the findings of a study, problem by problem.

    Parameters
    ----------
    study : Study
    frame : DataFrame
        A tidy frame as from `Results.frame`.
    baseline : DataFrame or None, default=None
        That of the baseline, from `Results.baseline`. Its curves stand beside those of the learners, which are not
        compared with it.
    """
    baselines = by_problem(losses(frame[:0] if baseline is None else baseline))
    return tuple(
        _find(study, problem, part, baselines.get(problem, part[:0]))
        for problem, part in by_problem(losses(frame)).items()
    )


def _find(study: Study, problem: str, rows: pd.DataFrame, baseline: pd.DataFrame) -> Findings:
    rows = rows[~rows["metric"].map(is_of_bin).astype(bool)]
    table, beside, sampling = summary(rows), summary(baseline), sampling_of(rows)
    measured = tuple(
        _measured(table[table["metric"] == metric], beside[beside["metric"] == metric], metric, sampling)
        for metric in in_order(rows["metric"].unique())
    )
    frame = judged(rows)
    asked, others = _pairs(study, frame)
    parts = _by_learner(frame)
    of_questions, further = (tuple(_worths(study, parts, pairs)) for pairs in (asked, others))
    worths = (*of_questions, *further)
    reference, n_samples = _reference(study, worths)
    main = _main_competitors(study, parts, reference, n_samples)
    smallest = _smallest_errors(frame)
    return Findings(problem, sampling, measured, worths, len(of_questions), reference, n_samples, main, smallest, frame)


def _measured(table: pd.DataFrame, baseline: pd.DataFrame, metric: str, sampling: Sampling) -> Measured:
    """Return the curves of one metric from the summaries of the learners and of the baseline, at sizes of learners."""
    known = baseline[baseline["n_samples"].isin(table["n_samples"])]
    return Measured(metric, _curves(table), sampling, next(iter(_curves(known)), None))


def _curves(table: pd.DataFrame) -> tuple[Curve, ...]:
    """Return the curves of one metric from its summary."""
    means: dict[str, list[Mean]] = {str(learner): [] for learner in table["learner"].unique()}
    columns = table.sort_values("n_samples")[["learner", "n_samples", "mean", "low", "high", "seeds"]]
    for learner, n, mean, low, high, seeds in columns.itertuples(index=False, name=None):
        means[str(learner)].append(Mean(n, Interval(mean, low, high), seeds))
    return tuple(Curve(learner, tuple(found)) for learner, found in means.items())


def _pairs(study: Study, frame: pd.DataFrame) -> tuple[list[tuple[str, str, str]], list[tuple[str, str, str]]]:
    """Return the priors of which a worth is reported, each with the plain learner and the informed one.

    These are the ones of which the study's questions ask, in their order, and all other learners that are the same but
    for a prior.
    """
    there = set(frame["learner"])
    cells = {p.learner: p.cell for p in plan_series(study) if p.learner in there}
    siblings = list(_siblings(cells))
    asked = dict.fromkeys(pair for question in study.questions for pair in _asked(question, cells, siblings))
    return list(asked), [pair for pair in siblings if pair not in asked]


def _siblings(cells: Mapping[str, Cell]) -> Iterator[tuple[str, str, str]]:
    """Yield the learners that are the same but for a prior, as in `_pairs`.

    A learner without such a partner has those that have another learning rate: each may have the one that is best for
    it. Where priors of one learner differ in their parameters, they are named by the labels of the learners with them.
    """
    informed = defaultdict(list)
    plain = [label for label, cell in cells.items() if cell.prior is None]
    for label, cell in cells.items():
        if cell.prior is not None:
            same = [name for name in plain if _learner(cells[name]) == _learner(cell)]
            for name in same or [name for name in plain if _but_for_rate(cells[name]) == _but_for_rate(cell)]:
                informed[name].append((cell.prior.rpartition(":")[2], label))
    for name in plain:
        kinds = {(prior, canonical(cells[label].prior_params)) for prior, label in informed[name]}
        n_kinds = Counter(prior for prior, _ in kinds)
        yield from ((prior if n_kinds[prior] == 1 else label, name, label) for prior, label in informed[name])


def _asked(
    question: Question, cells: Mapping[str, Cell], siblings: list[tuple[str, str, str]]
) -> Iterator[tuple[str, str, str]]:
    """Yield the priors of which a question asks, as in `_pairs`."""
    if question.worth is None:
        ends = {end.learner for end in question.ends}
        yield from (pair for pair in siblings if ends == {*pair[1:]})
    elif {question.worth.prior, question.worth.of} <= cells.keys():
        yield _named(question.worth.of, question.worth.prior, siblings)


def _named(plain: str, informed: str, siblings: Iterable[tuple[str, str, str]]) -> tuple[str, str, str]:
    """Return two learners behind the name of the prior, as in `PriorWorth`."""
    named = (pair for pair in siblings if pair[1:] == (plain, informed))
    return next(named, (informed, plain, informed))


def _learner(cell: Cell) -> tuple[str, str]:
    return cell.estimator, json.dumps([cell.params, cell.search], sort_keys=True, default=str)


def _but_for_rate(cell: Cell) -> tuple[str, str]:
    params = {name: value for name, value in cell.params.items() if name != "learning_rate"}
    return cell.estimator, json.dumps([params, cell.search], sort_keys=True, default=str)


def _by_learner(frame: pd.DataFrame) -> Parts:
    return {str(learner): rows for learner, rows in frame.groupby("learner", sort=False)}


def _worths(study: Study, parts: Parts, pairs: Iterable[tuple[str, str, str]]) -> Iterator[PriorWorth]:
    for pair in pairs:
        with suppress(ValueError):  # the data do not support one
            yield _worth(study, parts, *pair)


def worth_of(
    study: Study, frame: pd.DataFrame, informed: str, plain: str, n_samples: float | None = None
) -> PriorWorth:
    """Return the worth of a prior, or of any learner to another one, in the primary metric.

    Parameters
    ----------
    study : Study
    frame : DataFrame
        Rows of losses, of one problem.
    informed, plain : str
        The learner with the prior, and without it.
    n_samples : float or None, default=None
        Sample size of the informed learner; None takes that of the study's first question, or else the largest for
        which the interval of the worth is within the measured sizes, or just the largest.

    Raises
    ------
    ValueError
        If a learner or `n_samples` is not measured, or the learners are the same.
    NotMeasured
        If too little is measured of the two.
    NoEquivalence
        If the data do not support a number or a bound.
    """
    if informed == plain:
        raise ValueError(f"two learners are compared, which must differ. Got {plain!r} twice instead.")
    rows = judged(frame)
    cells = {p.learner: p.cell for p in plan_series(study) if p.learner in (informed, plain)}
    pair = _named(plain, informed, _siblings(cells))
    return _worth(study, _by_learner(rows), *pair, n_samples=n_samples)


def _worth(
    study: Study, parts: Parts, prior: str, plain: str, informed: str, *, n_samples: float | None = None
) -> PriorWorth:
    """Return the worth of a prior, as `worth_of`."""
    for learner in (informed, plain):
        if learner not in parts:
            raise NotMeasured(unknown("learner", learner, list(parts), "the results"))
    sizes = _shared_sizes(parts, plain, informed)
    n = _asked_size(study, sizes, plain, informed) if n_samples is None else n_samples
    if n is None and not sizes:
        raise NotMeasured("they have no sample size in common")
    rows = _rows_of(parts, informed, plain)
    curves = comparable_curves(rows, informed, plain, rows["metric"].iloc[0])
    at = functools.cache(lambda size: _worth_at(size, curves, prior, plain, informed))
    if n is None:
        of_sizes = (_or_none(at, size) for size in sizes)
        found = next((worth for worth in of_sizes if worth and worth.is_bounded), None) or at(sizes[0])
    else:
        found = at(n)
    predicted = predicted_worth(study, informed, plain, found.n_informed, problem_of(rows))
    return replace(found, nearby=_nearby(found.equivalence.n, sizes, at), predicted=predicted)


def _or_none(at: Callable[[float], PriorWorth], n: float) -> PriorWorth | None:
    """Return the worth at n; None if the data do not support one."""
    with suppress(ValueError):
        return at(n)
    return None


def _nearby(n: float, sizes: Iterable[int], at: Callable[[float], PriorWorth]) -> tuple[PriorWorth, ...]:
    """Return the worths at the sizes nearest to n, as in `PriorWorth.nearby`."""
    found: list[PriorWorth] = []
    for size in sorted(set(sizes) - {n}, key=lambda size: abs(np.log(size / n))):
        worth = _or_none(at, size)
        if worth is not None and (worth.times.low > 0 or worth.times.high < np.inf):
            found.append(worth)
        if sum(worth.is_bounded for worth in found) == _MOST_NEARBY:
            break
    return tuple(sorted(found, key=lambda worth: not worth.is_bounded)[:_MOST_NEARBY])


def _worth_at(n: float, curves: Curves, prior: str, plain: str, informed: str) -> PriorWorth:
    """Return the worth at n, from the side of the plain learner or, if only that has an estimate, the other."""
    worths, reasons = [], []
    for (a, b), pair in (((informed, plain), curves), ((plain, informed), curves[::-1])):
        try:
            found = equivalence_of(a, b, n, pair)
            if found.is_tie:
                raise NoEquivalence("their measured errors are equal", found)
        except ValueError as reason:
            reasons.append(reason)
        else:
            worths.append(PriorWorth(prior, plain, informed, found))
    if not worths:
        raise reasons[0]
    estimates = [worth for worth in worths if not worth.times.side]
    if estimates:
        return estimates[0]
    return max(worths, key=lambda worth: abs(np.log(worth.times.value)) if worth.is_significant else 0.0)


def _rows_of(parts: Parts, a: str, b: str) -> pd.DataFrame:
    """Return the rows of two learners, in which they are found much faster than among those of all."""
    rows = pd.concat([parts[a], parts[b]])
    rows.attrs = parts[a].attrs
    return rows


def _shared_sizes(parts: Parts, plain: str, informed: str) -> list[int]:
    """Return the sample sizes of both learners, the largest first, without all rows, at which there is no interval."""
    n_rows = sampling_of(parts[plain]).n_rows
    sizes = set(parts[plain]["n_samples"]) & set(parts[informed]["n_samples"])
    return sorted((int(n) for n in sizes if n_rows is None or n < n_rows), reverse=True)


def _asked_size(study: Study, sizes: Collection[int], plain: str, informed: str) -> int | None:
    """Return the first sample size of a question that is one of both learners; None if there is none."""
    own = [question.worth for question in study.questions if question.worth]
    first = [worth.n_samples or 0 for worth in own if (worth.of, worth.prior) == (plain, informed)]
    asked = [*first, *(point.n_samples for question in study.questions for point in question.ends)]
    return next((n for n in asked if n in sizes), None)


def _reference(study: Study, worths: tuple[PriorWorth, ...]) -> tuple[str | None, int]:
    """Return the learner that the others are compared with, and its size: one whose error the plain learner reaches."""
    if worths:
        worth = worths[0]
        reached = (each.equivalence.n for each in (worth, *worth.nearby) if each.equivalence.a == worth.informed)
        return worth.informed, int(max(reached, default=worth.equivalence.n))
    for first, *_ in (question.ends for question in study.questions if question.ends):
        return first.learner, first.n_samples
    return None, 0


def _competitors(parts: Parts, reference: str | None, n_samples: int, others: Iterable[str]) -> Iterator[Competitor]:
    """Yield learners compared with the one of reference; none if that is not measured."""
    if reference is not None and reference in parts:
        for other in others:
            yield _competitor(parts, reference, other, n_samples)


def _competitor(parts: Parts, reference: str, other: str, n_samples: int) -> Competitor:
    """Return a learner compared with the one of reference, as far as the data support it."""
    rows = _rows_of(parts, reference, other)
    equivalence, crossing = None, None
    with suppress(ValueError):
        curves = comparable_curves(rows, reference, other, rows["metric"].iloc[0])
        with suppress(ValueError):
            equivalence = equivalence_of(reference, other, n_samples, curves)
        crossing = crossover_of(reference, other, curves)
    return Competitor(other, equivalence, crossing)


def _main_competitors(study: Study, parts: Parts, reference: str | None, n_samples: int) -> tuple[Competitor, ...]:
    """Return the competitors of another kind, without a prior, of which a question asks; else the first of them.

    Only as many are compared as it takes.
    """
    cells = {p.learner: p.cell for p in plan_series(study)}
    if reference is None or reference not in cells:
        return ()
    asked = {
        later.learner
        for question in study.questions
        for earlier, later in itertools.permutations(question.ends, 2)
        if (earlier.learner, earlier.n_samples) == (reference, n_samples) and later.n_samples > n_samples
    }
    kind = cells[reference].estimator
    others = [name for name in parts if cells[name].prior is None and cells[name].estimator != kind]
    of_questions = _competitors(parts, reference, n_samples, [name for name in others if name in asked])
    found = tuple(competitor for competitor in of_questions if competitor.equivalence)
    first = (competitor for competitor in _competitors(parts, reference, n_samples, others) if competitor.equivalence)
    return found or tuple(itertools.islice(first, 1))


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
        points = sampling.n_points(metric, n_common)
        behind = paired_difference(by_learner[second], by_learner[first], (factor, factor), points)
    smallest = loss_interval(by_learner[first], metric, sampling, n_samples)
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
    if not {question.worth.prior, question.worth.of} <= set(rows["learner"]):
        return "Not measured yet."
    try:
        found = worth_of(study, rows, question.worth.prior, question.worth.of)
    except ValueError as reason:
        return f"Cannot tell: {reason}."
    return f"{found.capitalised(str(found))}."


def _comparison(question: Question, rows: pd.DataFrame) -> Comparison | None:
    """Return the two sides of a question; None if they have no seed in common."""
    a, b = (_values(rows, end) for end in question.ends)
    if not (n_common := len(a.index.intersection(b.index))):
        return None
    sampling = sampling_of(rows)
    first, second = (sampling.factor(end.n_samples, n_common) for end in question.ends)
    metric = str(rows["metric"].iloc[0])
    return Comparison(a, b, (first, second), metric, question.tolerance, sampling.n_points(metric, n_common))


def _values(rows: pd.DataFrame, point: Point) -> pd.Series:
    """Return the primary metric of a learner at one sample size, by seed."""
    found = rows[(rows["learner"] == point.learner) & (rows["n_samples"] == point.n_samples)]
    return found.set_index("seed")["value"]
