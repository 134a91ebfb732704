"""What a study found, as numbers: a tidy frame of results becomes curves, worths of priors and crossings.

All statistics that the report tells of are computed here or in `studies.meetings`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studies.breakdowns import is_of_bin
from studies.compare import interval_of, loss_interval, paired_difference
from studies.crossings import Crossover
from studies.curves import by_problem, losses
from studies.inference import Interval
from studies.meetings import Equivalence, Estimate, crossover, equivalence
from studies.plan import Cell, plan_study
from studies.spec import Study

PRIMARY = ("error", "mse")
"""What learners are judged by: the first of these that is measured."""

_ORDER = (*PRIMARY, "error_uniform", "mse_uniform", "error_sparse", "error_train", "mse_train")


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
class Worth:
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
class Rival:
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
    worths : tuple of Worth
        Of the priors, that of the study's first question in front.
    reference : str or None
        The learner to which the others are compared, and `n_samples` its sample size.
    n_samples : int
    rivals : tuple of Rival
        All others.
    chasers : tuple of Rival
        Those of them, of another kind and without a prior, that the study asks to catch up; else the first.
    ranking : Ranking or None
    """

    problem: str
    measured: tuple[Measured, ...]
    worths: tuple[Worth, ...]
    reference: str | None
    n_samples: int
    rivals: tuple[Rival, ...]
    chasers: tuple[Rival, ...]
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
    names = _in_order(rows["metric"].unique())
    measured = tuple(_measured(rows, metric) for metric in names)
    frame = rows[rows["metric"] == names[0]] if names[0] in PRIMARY else rows.iloc[:0]
    pairs = _focus_first(study, list(_siblings(study, frame)))
    worths = tuple(worth for pair in pairs for worth in _worth(study, frame, *pair))
    reference, n_samples = _reference(study, worths)
    rivals = _rivals(frame, reference, n_samples) if reference else ()
    chasers = _chasers(study, rivals, reference, n_samples)
    return Findings(problem, measured, worths, reference, n_samples, rivals, chasers, _ranking(frame))


def _measured(losses: pd.DataFrame, metric: str) -> Measured:
    rows = losses[losses["metric"] == metric]
    interval = interval_of(rows, metric)
    curves = []
    for learner, part in rows.groupby("learner", sort=False):
        groups = part.groupby("n_samples")["value"]
        means = tuple(Mean(int(str(n)), interval(values), len(values)) for n, values in groups)
        curves.append(Curve(str(learner), means))
    return Measured(metric, tuple(curves))


def _in_order(metrics: NDArray[np.object_]) -> list[str]:
    """Return the metrics with what learners are judged by in front, and times at the end."""
    place = {metric: i for i, metric in enumerate(_ORDER)}
    return sorted(metrics, key=lambda name: (name.endswith("seconds"), place.get(name, len(place)), name))


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


def _worth(study: Study, frame: pd.DataFrame, prior: str, plain: str, informed: str) -> Iterator[Worth]:
    """Yield what a prior is worth, by how far the plain learner must go or, if that says more, the informed one."""
    n_samples = _telling_size(study, frame, plain, informed)
    found = [equivalence(frame, a, b, n_samples) for a, b in ((informed, plain), (plain, informed))]
    told = [Worth(prior, plain, informed, each) for each in found if each is not None]
    if told:
        yield min(told, key=lambda worth: -abs(np.log(worth.times.value)) if worth.times.beyond else -np.inf)


def _telling_size(study: Study, frame: pd.DataFrame, plain: str, informed: str) -> int:
    """Return the sample size at which a prior's worth is told: the first that the study asks of and both have."""
    sizes = [set(frame.loc[frame["learner"] == learner, "n_samples"]) for learner in (plain, informed)]
    shared = sizes[0] & sizes[1]
    asked = [point.n_samples for question in study.questions for point in (question.a, question.b)]
    return int(next((n for n in asked if n in shared), max(shared, default=0)))


def _reference(study: Study, worths: tuple[Worth, ...]) -> tuple[str | None, int]:
    if worths:
        return worths[0].informed, worths[0].equivalence.n_samples
    for question in study.questions:
        return question.a.learner, question.a.n_samples
    return None, 0


def _rivals(frame: pd.DataFrame, reference: str, n_samples: int) -> tuple[Rival, ...]:
    others = [learner for learner in frame["learner"].unique() if learner != reference]
    if len(others) == frame["learner"].nunique():
        return ()
    return tuple(
        Rival(other, equivalence(frame, reference, other, n_samples), crossover(frame, reference, other))
        for other in others
    )


def _chasers(study: Study, rivals: tuple[Rival, ...], reference: str | None, n_samples: int) -> tuple[Rival, ...]:
    """Return the rivals of another kind, without a prior, that the study asks to catch up; else the first of them."""
    asked = {
        later.learner
        for question in study.questions
        for earlier, later in ((question.a, question.b), (question.b, question.a))
        if (earlier.learner, earlier.n_samples) == (reference, n_samples) and later.n_samples > n_samples
    }
    cells = {p.learner: p.cell for p in plan_study(study)}
    others = [
        rival
        for rival in rivals
        if rival.equivalence
        and cells[rival.learner].prior is None
        and cells[rival.learner].estimator != cells[rival.equivalence.a].estimator
    ]
    return tuple(rival for rival in others if rival.learner in asked) or tuple(others[:1])


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
