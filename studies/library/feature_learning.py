"""The study `feature-learning`: how near a learner's gradients come to the directions that matter, and what for."""

import itertools
from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from estimators import diagnostics
from estimators.diagnostics import agop, principal_angles, share_inside
from estimators.nets import Net
from studies.analysis.claims import (
    Claim,
    all_of,
    by_seed,
    claims,
    is_significant,
    log_ratio,
    rows_where,
    tell,
    told,
    values_of,
)
from studies.analysis.intervals import CONFIDENCE, exponential, mean_interval, t_quantile
from studies.plots.style import draw, finish, new_axes
from studies.registry.metrics import Fitted, Measured, metric
from studies.registry.plots import plot
from studies.results.results import Results
from toymanifold import Problem

PUBLISHED = (0.0123, 0.0063, 0.0032, 0.0024, 0.0021, 0.0020)
"""Test errors of the authors' notebook by round, of one sample of 4,000 points (aradha/recursive_feature_machines)."""

_MARGIN = 1.1  # the ratio of two errors that counts as none
_ANSATZ_POINTS = 500  # at which the gradients of a net's layers are averaged: they are 128 times as many


def has_frame(problem: Problem) -> bool:
    """Whether labels depend on some directions only, which are known."""
    return hasattr(problem.target, "frame") and problem.embedding is None


@metric(
    "1",
    title="Recovery of the directions that matter",
    heading="recovery",
    unit={"share": "%", "angle": "degrees"},
    supports=has_frame,
    default=False,
)
def recovery(fitted: Fitted) -> Measured:
    """Share of the average gradient outer product in the directions that matter; its angle to them in degrees."""
    matrix = agop(fitted.estimator.gradients(fitted.train.X))
    frame = fitted.problem.target.frame  # type: ignore[attr-defined]
    return {"share": share_inside(matrix, frame), "angle": float(np.degrees(principal_angles(matrix, frame)[0]))}


@metric("1", title="Cosine of the neural feature ansatz", heading="ansatz", best=1.0, default=False)
def feature_ansatz(fitted: Fitted) -> Measured:
    """Cosine of a net's first W^T W with its average gradient outer product, and with the root of that."""
    if not isinstance(fitted.estimator, Net):
        return {}
    module, X = fitted.estimator.net_.module_, fitted.train.X[:_ANSATZ_POINTS]
    first = [next(iter(diagnostics.feature_ansatz(module, X, power=power).values())) for power in (1.0, 0.5)]
    return dict(zip(("agop", "root"), first, strict=True))


@claims("feature-learning")
def check(frame: pd.DataFrame) -> Iterator[Claim]:
    """Check the published errors by round, what is recovered from how many points, the ansatz, and what it is worth."""
    worths = [partial(_worth, problem=problem) for problem in _WORTH]
    return tell(frame, (_published, _recovers_by_round, _recovers_by_epoch, _more_data, _ansatz, *worths, _no_worth))


_AUTHORS = "Radhakrishnan et al. 2024"


def _low_rank(frame: pd.DataFrame, family: str) -> pd.DataFrame:
    """Return what a family made of the low-rank function from the largest sample."""
    part = frame[(frame["problem"] == "low-rank") & (frame["family"] == family)]
    return part[part["n_samples"] == part["n_samples"].max()]


def _published(frame: pd.DataFrame) -> Claim:
    """Return the claim that what was published of one sample is what another sample may have, in each round."""
    errors = by_seed(frame, "mse", "n_rounds", problem="low-rank", family="rfm", n_samples=4000)
    log, published = np.log(errors), np.array(PUBLISHED)[errors.columns.astype(int)]
    half = t_quantile(len(log)) * log.std() * np.sqrt(1 + 1 / len(log))
    off = np.abs(np.log(published) - log.mean())
    return Claim(
        "The test error of an RFM on 4,000 points of the low-rank function falls by round as published.",
        f"{_AUTHORS}, the authors' notebook low_rank.ipynb: {', '.join(map(str, published))}",
        f"{', '.join(f'{value:.4f}' for value in np.exp(log.mean()))}; {(off <= half).sum()} of {len(off)} published"
        f" are what one sample may have ({CONFIDENCE:.0%} prediction), the farthest is off by a factor of"
        f" {np.exp(off.max()):.2f}",
        bool((off <= half).all()),
    )


def _recovers_by_round(frame: pd.DataFrame) -> Claim:
    angles = by_seed(_low_rank(frame, "rfm"), "recovery_angle", "n_rounds")
    return _recovers("Round by round, an RFM's gradients come nearer to the directions that matter.", angles)


def _recovers_by_epoch(frame: pd.DataFrame) -> Claim:
    angles = by_seed(_low_rank(frame, "net"), "recovery_angle", "epochs")
    return _recovers("In the course of training, a net's gradients come nearer to the directions that matter.", angles)


def _recovers(says: str, angles: pd.DataFrame) -> Claim:
    first, last = angles.iloc[:, 0], angles.iloc[:, -1]
    fall = mean_interval(first - last)
    return Claim(
        says,
        _AUTHORS,
        f"largest angle {told(mean_interval(first), '.1f')} degrees first, {told(mean_interval(last), '.1f')} last;"
        f" it falls by {told(fall, '.1f')}",
        is_significant(fall),
    )


def _more_data(frame: pd.DataFrame) -> Claim:
    last = frame["n_rounds"].max()
    angles = by_seed(frame, "recovery_angle", problem="low-rank", family="rfm", n_rounds=last, needs=(250, 1000))
    falls = [mean_interval(angles[few] - angles[more]) for few, more in itertools.pairwise(angles)]
    return Claim(
        "More points recover the directions better.",
        "Trivedi et al. 2014 (the estimated gradient outer product is consistent)",
        "largest angle of an RFM in degrees: "
        + ", ".join(f"{told(mean_interval(angles[n]), '.1f')} at n = {n:,}" for n in angles),
        all_of(map(is_significant, falls)),
    )


def _ansatz(frame: pd.DataFrame) -> Claim:
    cosines = by_seed(_low_rank(frame, "net"), "feature_ansatz_agop", "epochs")
    first, last = cosines.iloc[:, 0], cosines.iloc[:, -1]
    rise = mean_interval(last - first)
    return Claim(
        "Training aligns a net's first W^T W with its average gradient outer product.",
        f"{_AUTHORS}, the neural feature ansatz",
        f"cosine {told(mean_interval(first))} after epoch {cosines.columns[0]:.0f}, {told(mean_interval(last))} after"
        f" epoch {cosines.columns[-1]:.0f}; it rises by {told(rise)}",
        is_significant(rise),
    )


def _errors(frame: pd.DataFrame, problem: str) -> pd.DataFrame:
    part = frame[(frame["problem"] == problem) & (frame["family"] == "rfm on labels")]
    return 1 - by_seed(part, "accuracy", "n_rounds", n_samples=part["n_samples"].max())


_WORTH = {
    "half-space": f"{_AUTHORS} (in general)",
    "exclusive or": f"{_AUTHORS} (in general); Wei et al. 2019, section 2 (the tangent kernel needs d^2 points)",
}


def _worth(frame: pd.DataFrame, problem: str) -> Claim:
    errors = _errors(frame, problem)
    return Claim(
        f"An RFM makes fewer errors than the kernel that it begins with: {problem} in 20 dimensions.",
        _WORTH[problem],
        _told_ratio(errors),
        is_significant(log_ratio(errors.iloc[:, 0], errors.iloc[:, -1])),
    )


def _no_worth(frame: pd.DataFrame) -> Claim:
    errors = _errors(frame, "spiral")
    ratio = exponential(log_ratio(errors.iloc[:, 0], errors.iloc[:, -1]))
    is_near = ratio.low > 1 / _MARGIN and ratio.high < _MARGIN
    is_far = ratio.low > _MARGIN or ratio.high < 1 / _MARGIN
    return Claim(
        "A linear feature matrix changes the error on the spiral by less than a tenth: no direction is special there.",
        "by the definition of the metric, which is one for all points",
        _told_ratio(errors),
        True if is_near else False if is_far else None,
    )


def _told_ratio(errors: pd.DataFrame) -> str:
    kernel, machine = errors.iloc[:, 0], errors.iloc[:, -1]
    ratio = exponential(log_ratio(kernel, machine))
    return f"{kernel.mean():.1%} against {machine.mean():.1%} of errors, {told(ratio)} times as many"


@plot(whole_study=True)
def plot_error_by_round(results: Results, ax: Axes | None = None) -> Axes:
    """Draw the error of recursive feature machines by round, a colour for each n, beside the published errors."""
    ax = new_axes(ax)
    frame = rows_where(results.frame(), problem="low-rank", family="rfm")
    _draw_sizes(ax, frame, "mse", "n_rounds")
    ax.plot(range(len(PUBLISHED)), PUBLISHED, "k_", markersize=14, label="published, n = 4,000")
    ax.set(yscale="log", xlabel="round", ylabel="mean squared error")
    return finish(ax)


@plot(whole_study=True)
def plot_recovery(results: Results, ax: Axes | None = None) -> Axes:
    """Draw the largest angle between a net's gradients and the directions that matter by epoch, and its ansatz."""
    ax = new_axes(ax)
    frame = rows_where(results.frame(), problem="low-rank", family="net")
    _draw_sizes(ax, frame, "recovery_angle", "epochs")
    ax.set(xscale="log", xlabel="epoch", ylabel="largest angle to the directions that matter", ylim=(0, 90))
    return finish(ax)


@plot(whole_study=True)
def plot_feature_ansatz(results: Results, ax: Axes | None = None) -> Axes:
    """Draw the cosine of the ansatz of nets by epoch, a colour for each number of points."""
    ax = new_axes(ax)
    frame = rows_where(results.frame(), problem="low-rank", family="net")
    _draw_sizes(ax, frame, "feature_ansatz_agop", "epochs")
    ax.set(xscale="log", xlabel="epoch", ylabel="cosine of $W^T W$ and AGOP", ylim=(0, 1))
    return finish(ax)


def _draw_sizes(ax: Axes, frame: pd.DataFrame, metric: str, axis: str) -> None:
    for n, colour in zip(values_of(frame, "n_samples"), sns.color_palette("colorblind"), strict=False):
        draw(ax, by_seed(frame, metric, axis, n_samples=n), color=colour, label=f"n = {n:,}")
