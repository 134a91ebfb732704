"""The study `unlabelled`: errors on spiral arms in closed form, and unlabelled points that cost.

Where each arm is one component of the neighbour graph, it is wrong only if none of its points has a label. The share of
such arms is known in each sample, and so is its mean over samples: errors are compared with it sample by sample, since
a mean of rare and large errors over some seeds is hardly known.
"""

import math
from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.csgraph import connected_components

from estimators.unlabelled import last_step
from studies.analysis.claims import Evidence, NotMeasured, claim, map_measured, seed_table, values_of
from studies.analysis.intervals import mean_interval
from studies.analysis.verdicts import OF_LOGS, Estimate, Requirement
from studies.plots.looks import Look, look_of, value_looks
from studies.plots.style import (
    End,
    draw_joined,
    draw_points,
    draw_reference,
    name_curves,
    name_references,
    new_axes,
    set_scale,
    tidy,
)
from studies.registry.metrics import Fitted, metric
from studies.registry.plots import plot
from studies.results.results import Results

Array = NDArray[np.float64]

_NEIGHBORS, _TURNS, _START, _FILL = 10, 2.0, 0.5, 0.25  # of the learner and of the arms
_LABELS = (2, 3, 4, 5, 6)
_FEW, _MANY = (100, 300), (3000, 10000)  # unlabelled points of two arms: gaps are not resolved, are resolved
_HARMONIC, _ON_SPIRAL, _NEIGHBOUR = "harmonic", "harmonic on the spiral", "kNN, k=1"
_NEAR, _NOTHING, _FACTOR = 0.1, 0.05, 2.0  # of a closed form; of an error; of a prediction
_SPIRAL_LABELS = (64, 128, 256, 512)
_SHOWN_LABELS = 256  # of the spiral, in a plot
_SEEDS = "thirty seeds, after a first look at ten"
_CHANGED = "from 2 to 6 labels on arms"
_FIRST_LOOK = "after a look at 48 cells of the first seed"
_COMPONENTS = "samples whose graph has other components are left out, after a look at thirty seeds"


@metric(
    "1",
    title="Classes without a label",
    heading="without a label",
    unit="%",
    supports=lambda problem: problem.task == "classification",
    default=False,
)
def classes_without_label(fitted: Fitted) -> float:
    """Share of the problem's classes of which no training point has the label."""
    problem = fitted.problem
    n_classes = len(problem.classes or ()) if problem.target is None else problem.target.n_classes
    return 1 - len(np.unique(fitted.train.y)) / (n_classes or 1)


@metric(
    "1",
    title="Components of the learner's graph",
    heading="components",
    supports=lambda problem: getattr(problem, "n_unlabelled", 0) > 0,
    default=False,
)
def graph_components(fitted: Fitted) -> float:
    """Count of the connected components of the learner's graph; 0 for a learner without a graph."""
    graph = getattr(last_step(fitted.estimator), "graph_", None)
    return 0.0 if graph is None else float(connected_components(graph, directed=False)[0])


def share_without_label(n_labels: ArrayLike, n_classes: int) -> Array:
    """Return the expected share of equally likely classes without a label, (1 - 1 / n_classes)^n_labels."""
    share: Array = (1 - 1 / n_classes) ** np.asarray(n_labels, dtype=np.float64)
    return share


def resolving_points(arms: int) -> float:
    """Return the number of unlabelled points with which the graph resolves the gap along the outer turn.

    There the `n_neighbors` nearest points of an arm, on both sides along it, are then as far away as the next arm. At
    the end of an arm, where they are all on one side, twice as many points are needed.
    """
    return math.pi * _NEIGHBORS * arms**2 * _TURNS * (_TURNS - _START) / (1 - _FILL)


def _with(place: str, n_unlabelled: int) -> str:
    return f"{place}, n_unlabelled={n_unlabelled}"


def _errors(frame: pd.DataFrame, problem: str, learner: str, needs: Iterable[int] = _LABELS) -> pd.DataFrame:
    """Return errors, a row for each seed and a column for each number of labels, of which some are needed."""
    return 1 - seed_table(frame, "accuracy", needs=needs, problem=problem, learner=learner)


def _without(frame: pd.DataFrame, problem: str, learner: str) -> pd.DataFrame:
    return seed_table(frame, "classes_without_label", needs=_LABELS, problem=problem, learner=learner)


def _on_spiral(frame: pd.DataFrame, problem: str, learner: str) -> pd.DataFrame:
    return _errors(frame, problem, learner, _SPIRAL_LABELS)[list(_SPIRAL_LABELS)]


def is_resolved(frame: pd.DataFrame, problem: str, arms: int) -> pd.DataFrame:
    """Return True for samples in which each arm is one component of the graph, a row for each seed."""
    found = seed_table(frame, "graph_components", needs=_LABELS, problem=problem, learner=_HARMONIC)
    return found.round() == arms


def adjusted_errors(frame: pd.DataFrame, problem: str, arms: int) -> pd.DataFrame:
    """Return the errors of the harmonic classifier, each less the share of arms without a label, plus its expectation.

    Their mean is that of the errors, without the noise of the number of arms that happen to have a label: the share is
    a control variate.
    """
    errors, without = (find(frame, problem, _HARMONIC) for find in (_errors, _without))
    return errors - without + share_without_label(errors.columns, arms)


def errors_of_labelled(frame: pd.DataFrame, problem: str, learner: str) -> pd.DataFrame:
    """Return the errors on samples with a label on each arm; NaN elsewhere."""
    found = _errors(frame, problem, learner).where(_without(frame, problem, learner) == 0)
    if found.isna().all().any():
        raise NotMeasured("in no sample each arm has a label")
    return found


def _closed_form(frame: pd.DataFrame, arms: int, problems: dict[int, str]) -> Evidence:
    resolved = map_measured(lambda m: is_resolved(frame, problems[m], arms), problems)
    tables = {m: adjusted_errors(frame, problems[m], arms).where(found) for m, found in resolved.items()}
    if not all(table.notna().any().all() for table in tables.values()):
        raise NotMeasured("in no sample each arm is one component of the graph")
    ratios = [
        Estimate.of_seeds((errors / theory).dropna())
        for table in tables.values()
        for (_, errors), theory in zip(table.items(), share_without_label(table.columns, arms), strict=True)
    ]
    means = [ratio.mean for ratio in ratios]
    is_kept = np.concatenate([found.to_numpy().ravel() for found in resolved.values()])
    return Evidence(
        f"{min(means):.3f} to {max(means):.3f} times it with {_listed(tables)} unlabelled points, in {is_kept.sum():,}"
        f" of {is_kept.size:,} samples",
        [Requirement(ratio, 1 - _NEAR, 1 + _NEAR) for ratio in ratios],
    )


def _listed(values: dict[int, pd.DataFrame]) -> str:
    return " and ".join(f"{value:,}" for value in values)


@claim(
    "unlabelled",
    says="Where each of two arms is one component of the graph, l labels leave an error of 2^-l,"
    " whatever the number of unlabelled points.",
    source="Castelli and Cover 1995 (labels needed where clusters are known); an arm is wrong if it has no label",
    tolerated=f"within {_NEAR:.0%} of it for l = 2 to 6, with 3,000 and with 10,000 unlabelled points, at the expected"
    " share of arms without a label",
    changed=f"{_CHANGED}, {_FIRST_LOOK}; {_SEEDS}; {_COMPONENTS}",
)
def _two_arms(frame: pd.DataFrame) -> Evidence:
    return _closed_form(frame, 2, {m: _with("two arms", m) for m in _MANY})


@claim(
    "unlabelled",
    says="With three arms the error is (2/3)^l.",
    source="As for two arms",
    tolerated=f"within {_NEAR:.0%} of it for l = 2 to 6, with 3,000 unlabelled points, at the expected share of arms"
    " without a label",
    changed=f"{_CHANGED}, {_FIRST_LOOK}; {_SEEDS}; {_COMPONENTS}",
)
def _three_arms(frame: pd.DataFrame) -> Evidence:
    return _closed_form(frame, 3, {_MANY[0]: "three arms"})


@claim(
    "unlabelled",
    says="Where it does not, they are worth nothing: with a label on each arm, the error is that of the nearest label.",
    source="Our own expectation: the graph connects the arms",
    tolerated=f"less than {100 * _NOTHING:g} points apart on average over l = 2 to 6, with 100 and with 300 unlabelled"
    " points",
    changed=f"{_CHANGED}, {_FIRST_LOOK}; {_SEEDS}; the average in place of each l, by the spread over other seeds",
)
def _unresolved(frame: pd.DataFrame) -> Evidence:
    nearest = errors_of_labelled(frame, "two arms, labels only", _NEIGHBOUR)

    def gain(m: int) -> Estimate:
        found = errors_of_labelled(frame, _with("two arms", m), _HARMONIC)
        return Estimate.of_seeds((found - nearest)[list(_LABELS)].mean(axis=1).dropna())

    gains = map_measured(gain, _FEW)
    return Evidence(
        f"apart by {', '.join(f'{100 * each.interval:+.2f} points with {m}' for m, each in gains.items())} unlabelled"
        " points",
        [Requirement(each, -_NOTHING, _NOTHING, factor=100, unit=" points") for each in gains.values()],
    )


@claim(
    "unlabelled",
    says="Between nothing and everything there is a threshold: where the {k} neighbours of a point are nearer than the"
    " next arm, from the middle of an arm to its end.",
    source="Our own count of the points on an arm",
    tolerated="half of the gain with 6 labels at a number of unlabelled points from {low:,.0f} to {high:,.0f}",
    changed=f"{_CHANGED}, {_FIRST_LOOK}; {_SEEDS}; 500 and 700 unlabelled points added after a quick run without 300",
)
def _threshold(frame: pd.DataFrame) -> Evidence:
    low = resolving_points(2)
    values = {"k": _NEIGHBORS, "low": low, "high": 2 * low}
    n_labels = _LABELS[-1]
    tables = map_measured(
        lambda m: errors_of_labelled(frame, _with("two arms", m), _HARMONIC)[n_labels], _numbers(frame)
    )
    errors = pd.DataFrame(tables | {0: errors_of_labelled(frame, "two arms, labels only", _NEIGHBOUR)[n_labels]})
    found = Estimate.of_jackknife(_jackknife(errors.dropna(), _half_gained))
    return Evidence(
        f"at {np.exp(found.interval.mean):,.0f} [{np.exp(found.interval.low):,.0f},"
        f" {np.exp(found.interval.high):,.0f}] unlabelled points",
        [Requirement(found, math.log(low), math.log(2 * low), unit=OF_LOGS)],
        values,
    )


def _numbers(frame: pd.DataFrame) -> list[int]:
    """Return the numbers of unlabelled points that are measured."""
    return [int(m) for m in values_of(frame, "n_unlabelled")]


def _jackknife(table: pd.DataFrame, statistic: Callable[[pd.DataFrame], float]) -> list[float]:
    """Return a statistic of all seeds, and with each left out."""
    if len(table) < 3:
        raise NotMeasured("fewer than three seeds have a label on each arm")
    return [statistic(table), *(statistic(table.drop(index=seed)) for seed in table.index)]


def _half_gained(errors: pd.DataFrame) -> float:
    """Return the logarithm of the number of unlabelled points that halve the error without them."""
    means = errors.mean()
    numbers = np.array(sorted(set(means.index) - {0}))
    logs, shares = np.log(numbers), means[numbers].to_numpy() / means[0]
    below = np.flatnonzero(shares < 0.5)
    if not len(below) or below[0] == 0:
        raise NotMeasured("the error is not halved between two numbers of unlabelled points")
    pair = [below[0], below[0] - 1]  # the smaller share first, as np.interp needs
    return float(np.interp(0.5, shares[pair], logs[pair]))


@claim(
    "unlabelled",
    says="At the threshold an unlabelled point is worth about 1/k of a label: the nearest neighbour needs one point"
    " nearer than the gap where the graph needs k = {k}.",
    source="Our own count of the points on an arm",
    tolerated=f"within a factor of {_FACTOR:g} of {1 / _NEIGHBORS:g}, with 6 labels and 1,000 unlabelled points",
    changed=f"{_CHANGED}, {_FIRST_LOOK}; {_SEEDS}; 96 and 192 labels of the nearest neighbour added after a quick run",
)
def _worth(frame: pd.DataFrame) -> Evidence:
    n_labels, n_unlabelled = _LABELS[-1], 1000
    nearest = _errors(frame, "two arms, labels only", _NEIGHBOUR)
    reached = adjusted_errors(frame, _with("two arms", n_unlabelled), 2)[n_labels]
    both = nearest.assign(reached=reached).dropna()

    def log_worth(table: pd.DataFrame) -> float:
        means = table.drop(columns="reached").mean()
        falling = np.minimum.accumulate(means.to_numpy())[::-1]
        if not falling[0] < table["reached"].mean() < falling[-1]:
            raise NotMeasured("the nearest neighbour's errors do not reach that with unlabelled points")
        logs = np.log(means.index.to_numpy(dtype=float))[::-1]
        needed = np.exp(np.interp(table["reached"].mean(), falling, logs))
        return float(np.log((needed - n_labels) / n_unlabelled))

    found = Estimate.of_jackknife(_jackknife(both, log_worth))
    low, mean, high = np.exp([found.interval.low, found.mean, found.interval.high])
    return Evidence(
        f"{mean:.3f} [{low:.3f}, {high:.3f}] labels: {n_labels} labels and {n_unlabelled:,} unlabelled points are worth"
        f" {n_labels + n_unlabelled * mean:,.0f} labels",
        [Requirement(found, -math.log(_FACTOR * _NEIGHBORS), math.log(_FACTOR / _NEIGHBORS), unit=OF_LOGS)],
        {"k": _NEIGHBORS},
    )


@claim(
    "unlabelled",
    says="On the closed spiral, whose density knows nothing of its boundary, unlabelled points are worth less than"
    " nothing: the nearest label alone is right more often.",
    source="Schölkopf et al. 2012 (without a link of density and labels, unlabelled points cannot help); that they cost"
    " is our own expectation",
    tolerated="a higher error for 64, 128, 256 and 512 labels, with 3,000 unlabelled points",
    changed=_SEEDS,
)
def _spiral(frame: pd.DataFrame) -> Evidence:
    nearest = _on_spiral(frame, "spiral, labels only", _NEIGHBOUR)
    found = _on_spiral(frame, _with("spiral", _MANY[0]), _ON_SPIRAL)
    worse = {n: Estimate.of_seeds(rises) for n, rises in (found - nearest).dropna().items()}
    return Evidence(
        f"error higher by {', '.join(f'{100 * each.interval:+.2f}' for each in worse.values())} points with"
        f" {', '.join(map(str, worse))} labels",
        [Requirement(each, low=0, factor=100, unit=" points") for each in worse.values()],
    )


@claim(
    "unlabelled",
    says="The more of them, the worse: on the closed spiral the error rises with their number.",
    source="Nadler, Srebro and Zhou 2009: with ever more unlabelled points in two dimensions or more, harmonic"
    " functions are constant but for spikes at the labels",
    tolerated="a higher error with 10,000 than with 1,000 unlabelled points, on average over the numbers of labels",
    changed=_SEEDS,
)
def _more_is_worse(frame: pd.DataFrame) -> Evidence:
    few, many = (_on_spiral(frame, _with("spiral", m), _ON_SPIRAL).mean(axis=1) for m in (1000, _MANY[1]))
    rise = Estimate.of_seeds((many - few).dropna())
    return Evidence(
        f"higher by {100 * rise.interval:+.2f} points", [Requirement(rise, low=0, factor=100, unit=" points")]
    )


@plot(whole_study=True)
def plot_unlabelled_points(results: Results, ax: Axes | None = None) -> Axes:
    """Draw the error against the number of unlabelled points, on two arms and on the closed spiral.

    Broad pale lines are the errors of the nearest neighbour, which sees the labels only.
    """
    ax, frame = new_axes(ax), results.frame()
    n_labels = _LABELS[-1]
    looks = value_looks(("arms", "spiral"), "net")
    nearest = {
        "arms": _two_arm_errors(frame, "two arms, labels only", _NEIGHBOUR, n_labels),
        "spiral": _on_spiral(frame, "spiral, labels only", _NEIGHBOUR)[_SHOWN_LABELS],
    }
    curves = {
        "arms": lambda m: _two_arm_errors(frame, _with("two arms", m), _HARMONIC, n_labels),
        "spiral": lambda m: _on_spiral(frame, _with("spiral", m), _ON_SPIRAL)[_SHOWN_LABELS],
    }
    names = {"arms": f"two arms, {n_labels} labels", "spiral": f"closed spiral, {_SHOWN_LABELS} labels"}
    numbers = _numbers(frame)
    set_scale(ax.xaxis, log=True, at=numbers)
    set_scale(ax.yaxis, log=False, factor=100, unit=" %")
    ends = []
    for place, look in looks.items():
        found = map_measured(curves[place], numbers)
        draw_reference(ax, list(found), [nearest[place].mean()] * len(found), look)
        ends.append(_draw(ax, names[place], found, look))
    ax.set(xlabel="unlabelled points", ylabel="error")
    ax.set_ylim(bottom=0)
    tidy(ax)
    name_references(ax, "nearest label alone")
    name_curves(ax, ends)
    return ax


def _two_arm_errors(frame: pd.DataFrame, problem: str, learner: str, n_labels: int) -> pd.Series:
    """Return errors on two arms whose mean is the expected one, of samples with a label on each arm.

    Where one arm has all labels, any learner predicts it everywhere and errs at half of the points.
    """
    one_arm = 2 * share_without_label(n_labels, 2)  # the probability
    return one_arm / 2 + (1 - one_arm) * errors_of_labelled(frame, problem, learner)[n_labels].dropna()


def _draw(ax: Axes, name: str, found: dict[int, pd.Series], look: Look) -> End:
    x = np.array(list(found), dtype=float)
    intervals = [mean_interval(errors) for errors in found.values()]
    means, lows, highs = np.transpose([(each.mean, each.low, each.high) for each in intervals])
    draw_points(ax, x, means, (lows, highs), look, name)
    draw_joined(ax, x, means, look, x)
    return End(name, x[-1], means[-1], look)


@plot(whole_study=True)
def plot_few_labels(results: Results, ax: Axes | None = None) -> Axes:
    """Draw the error against the number of labels: two arms and three, resolved and not, beside the closed forms."""
    ax, frame = new_axes(ax), results.frame()
    set_scale(ax.xaxis, log=False, at=_LABELS)
    set_scale(ax.yaxis, log=True, factor=100, unit=" %")
    m = _MANY[0]
    resolved = {
        f"two arms, {m:,} unlabelled": adjusted_errors(frame, _with("two arms", m), 2),
        f"three arms, {m:,} unlabelled": adjusted_errors(frame, "three arms", 3),
    }
    ends = []
    for (name, table), arms, look in zip(resolved.items(), (2, 3), value_looks(resolved, "net").values(), strict=True):
        draw_reference(ax, _LABELS, share_without_label(_LABELS, arms), look)
        ends.append(_draw(ax, name, {n: table[n] for n in _LABELS}, look))
    others = {
        f"two arms, {_FEW[0]} unlabelled": (_with("two arms", _FEW[0]), _HARMONIC, look_of("forest")),
        "two arms, labels only": ("two arms, labels only", _NEIGHBOUR, look_of("knn-1")),
    }
    for name, (problem, learner, look) in others.items():
        found = {n: _two_arm_errors(frame, problem, learner, n) for n in _LABELS}
        ends.append(_draw(ax, name, found, look))
    ax.set(xlabel="labels", ylabel="error")
    tidy(ax)
    name_references(ax, "closed form (1 - 1/arms)^labels")
    name_curves(ax, ends)
    return ax
