"""What a study found, as numbers: a tidy frame of results becomes curves, worths of priors and crossings.

All statistics that the report tells of are computed here, so that `equivalence` and `crossover` can be replaced alone.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from studies.compare import CONFIDENCE, Interval, errors, mean_interval, paired_difference, positive_mean_interval
from studies.metrics import N_TEST
from studies.plan import Cell, plan_study
from studies.spec import Study

PRIMARY = ("error", "mse")
"""What learners are judged by: the first of these that is measured."""

_ORDER = (*PRIMARY, "error_uniform", "mse_uniform", "error_sparse", "error_train", "mse_train")


@dataclass(frozen=True)
class Estimate:
    """A positive number with its interval, or a bound where it lies beyond what was measured.

    Parameters
    ----------
    value : float
    low, high : float
        Of the interval: NaN where one seed gives none, 0 or infinite where it reaches beyond what was measured.
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
class Equivalence:
    """How many samples `b` needs to match `a` at `n_samples`."""

    a: str
    b: str
    n_samples: int
    needed: Estimate


@dataclass(frozen=True)
class Crossover:
    """Where two curves cross for the last time, at equal sample sizes.

    Parameters
    ----------
    a, b : str
    ahead : str
        The one of the two with the smaller error at the largest sample size that both have.
    at : Estimate or None
        From what sample size on it is ahead; None if it is so throughout.
    crossings : int
        How often the mean curves cross.
    certain : bool
        Whether the two are told apart at the largest size, by the paired interval.
    sizes : tuple of int
        That both have.
    """

    a: str
    b: str
    ahead: str
    at: Estimate | None
    crossings: int
    certain: bool
    sizes: tuple[int, ...]


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
        Those of them that know less and are asked, or are the first, to catch up.
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
    losses = pd.concat([errors(frame), frame[~frame["metric"].str.startswith("accuracy")]])
    if "problem" not in losses:
        return (_find(study, "", losses),)
    return tuple(_find(study, str(problem), part) for problem, part in losses.groupby("problem", sort=False))


def equivalence(frame: pd.DataFrame, a: str, b: str, n_samples: int) -> Equivalence | None:
    """Return how many samples `b` needs to match `a` at `n_samples`; None if too little is measured.

    Provisional: the mean curves, held monotone, interpolated in log-log; the interval is Student's t on a jackknife of
    whole paired seeds, in the logarithm.

    Parameters
    ----------
    frame : DataFrame
        Tidy errors: columns ``learner``, ``n_samples``, ``seed``, ``value``.
    """
    curve_a, curve_b = _paired_curves(frame, a, b)
    if n_samples not in curve_a.columns or curve_b.empty:
        return None
    level, errors_b = curve_a[n_samples].to_numpy(), curve_b.to_numpy()
    sizes = np.log(curve_b.columns.to_numpy(dtype=float))

    def log_needed(kept: NDArray[np.bool_]) -> float:
        return _first_below(np.log(level[kept].mean()), sizes, np.log(errors_b[kept].mean(axis=0)))

    return Equivalence(a, b, n_samples, _jackknife(log_needed, len(level), sizes))


def crossover(frame: pd.DataFrame, a: str, b: str) -> Crossover | None:
    """Return where the curves of `a` and `b` cross for the last time; None if they share no sample size.

    Provisional, as `equivalence` is.
    """
    curve_a, curve_b = _paired_curves(frame, a, b)
    shared = [n for n in curve_a.columns if n in curve_b.columns]
    if not shared or curve_a.empty:
        return None
    errors_a, errors_b = curve_a[shared].to_numpy(), curve_b[shared].to_numpy()
    sizes = np.log(np.array(shared, dtype=float))
    sign = np.sign(errors_b[:, -1].mean() - errors_a[:, -1].mean()) or 1.0

    def lead(kept: NDArray[np.bool_]) -> NDArray[np.float64]:
        """How far ahead the final leader is, at each size."""
        behind = np.log(errors_b[kept].mean(axis=0)) - np.log(errors_a[kept].mean(axis=0))
        return np.asarray(sign * behind)

    everyone = np.ones(len(errors_a), dtype=bool)
    crossings = int(np.count_nonzero(np.diff(lead(everyone) > 0)))
    at = _jackknife(lambda kept: _last_rise(lead(kept), sizes), len(errors_a), sizes) if crossings else None
    difference = paired_difference(curve_a[shared[-1]], curve_b[shared[-1]])
    certain = bool(difference.low > 0 or difference.high < 0)
    return Crossover(a, b, a if sign > 0 else b, at, crossings, certain, tuple(map(int, shared)))


def _find(study: Study, problem: str, losses: pd.DataFrame) -> Findings:
    names = _in_order(losses["metric"].unique())
    measured = tuple(_measured(losses, metric) for metric in names)
    frame = losses[losses["metric"] == names[0]] if names[0] in PRIMARY else losses.iloc[:0]
    pairs = _focus_first(study, list(_siblings(study, frame)))
    worths = tuple(worth for pair in pairs for worth in _worth(study, frame, *pair))
    reference, n_samples = _reference(study, worths)
    rivals = _rivals(frame, reference, n_samples) if reference else ()
    chasers = _chasers(study, rivals, reference, n_samples, worths)
    return Findings(problem, measured, worths, reference, n_samples, rivals, chasers, _ranking(frame))


def _measured(losses: pd.DataFrame, metric: str) -> Measured:
    rows = losses[losses["metric"] == metric]
    interval = positive_mean_interval if (rows["value"] >= 0).all() else mean_interval
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
    """Return the sample size at which a prior's worth is told: that of the study's first question, if both have it."""
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


def _chasers(
    study: Study, rivals: tuple[Rival, ...], reference: str | None, n_samples: int, worths: tuple[Worth, ...]
) -> tuple[Rival, ...]:
    """Return the rivals that the study asks to catch up from larger samples; else the first of another kind."""
    points = [{question.a, question.b} for question in study.questions]
    asked = {
        point.learner
        for pair in points
        for point in pair
        if any(other.learner == reference and other.n_samples == n_samples < point.n_samples for other in pair)
    }
    known = {name for worth in worths for name in (worth.plain, worth.informed)}
    priors = {p.learner: p.cell.prior for p in plan_study(study)}
    others = [r for r in rivals if r.learner not in known and priors[r.learner] is None and r.equivalence]
    return tuple(r for r in others if r.learner in asked) or tuple(others[:1])


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
    return Ranking(n_samples, len(everywhere) > 0, first, positive_mean_interval(by_learner[first]), second, behind)


def _paired_curves(frame: pd.DataFrame, a: str, b: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the errors of two learners, a row for each seed that both have whole, a column for each size."""
    both = frame[frame["learner"].isin((a, b))]
    table = both.pivot(index="seed", columns=["learner", "n_samples"], values="value").clip(lower=0.5 / N_TEST).dropna()
    none = table.iloc[:, :0]
    curve_a, curve_b = (table.xs(learner, axis=1) if learner in table.columns else none for learner in (a, b))
    return curve_a, curve_b


def _first_below(level: float, sizes: NDArray[np.float64], curve: NDArray[np.float64]) -> float:
    """Return where a curve first comes down to a level; infinite, either way, if that lies beyond its ends."""
    below = np.flatnonzero(curve <= level)
    if not len(below):
        return np.inf
    i = int(below[0])
    if i == 0:
        return float(sizes[0]) if curve[0] == level else -np.inf
    return float(np.interp(level, curve[[i, i - 1]], sizes[[i, i - 1]]))


def _last_rise(lead: NDArray[np.float64], sizes: NDArray[np.float64]) -> float:
    """Return where a lead last becomes positive; infinite, either way, if that lies beyond its ends."""
    if lead[-1] <= 0:
        return np.inf
    behind = np.flatnonzero(lead <= 0)
    if not len(behind):
        return -np.inf
    i = int(behind[-1])
    return float(np.interp(0, lead[[i, i + 1]], sizes[[i, i + 1]]))


def _jackknife(statistic: Callable[[NDArray[np.bool_]], float], n_seeds: int, sizes: NDArray[np.float64]) -> Estimate:
    """Return the exponential of a statistic of seeds; its interval is open where it leaves the measured sizes."""
    everyone = np.ones(n_seeds, dtype=bool)
    value = statistic(everyone)
    if not np.isfinite(value):
        end, beyond = (sizes[-1], "above") if value > 0 else (sizes[0], "below")
        return Estimate(float(np.exp(end)), np.nan, np.nan, beyond)  # type: ignore[arg-type]
    if n_seeds < 2:
        return Estimate(float(np.exp(value)), np.nan, np.nan)
    without = np.array([statistic(~(np.arange(n_seeds) == seed)) for seed in range(n_seeds)])
    inside = np.clip(without, sizes[0], sizes[-1])
    spread = np.sqrt((n_seeds - 1) / n_seeds * np.sum((inside - inside.mean()) ** 2))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, n_seeds - 1) * spread)
    low = 0.0 if value - half < sizes[0] or without.min() < sizes[0] else float(np.exp(value - half))
    high = np.inf if value + half > sizes[-1] or without.max() > sizes[-1] else float(np.exp(value + half))
    return Estimate(float(np.exp(value)), low, high)
