"""The study `feature-learning`: how well gradients recover the relevant directions, and how much that helps."""

import itertools

import numpy as np
import pandas as pd

import estimators
from estimators.nets import Net
from studies.analysis.claims import Evidence, claim, log_ratio, rows_where, seed_table, values_of
from studies.analysis.intervals import mean_interval
from studies.analysis.verdicts import OF_LOGS, Estimate, Requirement
from studies.registry.metrics import Fitted, Measured, metric
from studies.registry.problems import AnyProblem
from studies.registry.reference_curves import reference_curve

PUBLISHED = (0.0123, 0.0063, 0.0032, 0.0024, 0.0021, 0.0020)
"""Test errors of the authors' notebook by round, of one sample of 4,000 points (aradha/recursive_feature_machines)."""

_PUBLISHED_SIZE = 4_000
_MARGIN = 1.1  # ratio of two errors up to which they count as equal
_SAME = 1.5  # ratio of errors of two samples up to which they count as the same
_ANSATZ_POINTS = 500  # for the gradients of a net's layers, which take 128 times the memory of their points


def has_frame(problem: AnyProblem) -> bool:
    """Return whether labels depend on a few known directions only."""
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
    matrix = estimators.agop(fitted.estimator.gradients(fitted.train.X))
    frame = fitted.problem.target.frame  # type: ignore[union-attr]
    angle = np.degrees(estimators.principal_angles(matrix, frame)[0])
    return {"share": estimators.share_inside(matrix, frame), "angle": float(angle)}


@metric("1", title="Cosine of the neural feature ansatz", heading="ansatz", default=False)
def feature_ansatz(fitted: Fitted) -> Measured:
    """Cosine of a net's first W^T W with its average gradient outer product, and with the root of that."""
    if not isinstance(fitted.estimator, Net):
        return {}
    module, X = fitted.estimator.net_.module_, fitted.train.X[:_ANSATZ_POINTS]
    first = [next(iter(estimators.feature_ansatz(module, X, power=power).values())) for power in (1.0, 0.5)]
    return dict(zip(("agop", "root"), first, strict=True))


@reference_curve("published")
def published_error(n_rounds: float, n_samples: int) -> float:
    """Return the published error after a number of rounds, NaN for another sample size."""
    known = n_samples == _PUBLISHED_SIZE and n_rounds < len(PUBLISHED)
    return PUBLISHED[int(n_rounds)] if known else np.nan


_AUTHORS = "Radhakrishnan et al. 2024"


def _low_rank(frame: pd.DataFrame, family: str) -> pd.DataFrame:
    """Return the rows of a family on the low-rank function with the largest sample."""
    part = rows_where(frame, problem="low-rank", family=family)
    return part[part["n_samples"] == part["n_samples"].max()]


@claim(
    "feature-learning",
    says="The test error of an RFM on 4,000 points of the low-rank function falls by round as published.",
    source=f"{_AUTHORS}, the authors' notebook low_rank.ipynb: {', '.join(map(str, PUBLISHED))}",
    tolerated=f"in each round the published error of one sample within a factor of {_SAME:g} of that of another",
)
def _published(frame: pd.DataFrame) -> Evidence:
    """Compare the published errors, which are of one sample, with those of another: a prediction, not a mean."""
    errors = seed_table(frame, "mse", "n_rounds", problem="low-rank", family="rfm", n_samples=_PUBLISHED_SIZE)
    log, published = np.log(errors), np.array(PUBLISHED)[errors.columns.astype(int)]
    off, error = np.log(published) - log.mean(), log.std() * np.sqrt(1 + 1 / len(log))
    limit = np.log(_SAME)
    return Evidence(
        f"{', '.join(f'{value:.4f}' for value in np.exp(log.mean()))}; the farthest is off by a factor of"
        f" {np.exp(off.abs().max()):.2f}",
        [
            Requirement(Estimate(*pair, len(log) - 1), -limit, limit, unit=OF_LOGS)
            for pair in zip(off, error, strict=True)
        ],
    )


@claim(
    "feature-learning",
    says="Round by round, an RFM's gradients come nearer to the directions that matter.",
    source=_AUTHORS,
    tolerated="a smaller angle in the last round than in the first",
)
def _recovers_by_round(frame: pd.DataFrame) -> Evidence:
    return _falls(seed_table(_low_rank(frame, "rfm"), "recovery_angle", "n_rounds"))


@claim(
    "feature-learning",
    says="In the course of training, a net's gradients come nearer to the directions that matter.",
    source=_AUTHORS,
    tolerated="a smaller angle in the last epoch than in the first",
)
def _recovers_by_epoch(frame: pd.DataFrame) -> Evidence:
    return _falls(seed_table(_low_rank(frame, "net"), "recovery_angle", "epochs"))


def _falls(angles: pd.DataFrame) -> Evidence:
    """Compare the first angles with the last."""
    first, last = angles.iloc[:, 0], angles.iloc[:, -1]
    fall = Estimate.of_seeds(first - last)
    return Evidence(
        f"largest angle {mean_interval(first):.1f} degrees first, {mean_interval(last):.1f} last;"
        f" it falls by {fall.interval:.1f}",
        [Requirement(fall, low=0, unit=" degrees")],
    )


@claim(
    "feature-learning",
    says="More points recover the directions better.",
    source="Trivedi et al. 2014 (the estimated gradient outer product is consistent)",
    tolerated="a smaller angle at each larger n",
)
def _more_data(frame: pd.DataFrame) -> Evidence:
    last = values_of(frame, "n_rounds")[-1]
    angles = seed_table(frame, "recovery_angle", problem="low-rank", family="rfm", n_rounds=last, needs=(250, 1000))
    falls = [Estimate.of_seeds(angles[few] - angles[more]) for few, more in itertools.pairwise(angles)]
    each = ", ".join(f"{mean_interval(angles[n]):.1f} at n = {n:,}" for n in angles)
    return Evidence(
        f"largest angle of an RFM in degrees: {each}", [Requirement(fall, low=0, unit=" degrees") for fall in falls]
    )


@claim(
    "feature-learning",
    says="Training aligns a net's first W^T W with its average gradient outer product.",
    source=f"{_AUTHORS}, the neural feature ansatz",
    tolerated="a larger cosine in the last epoch than in the first",
)
def _ansatz(frame: pd.DataFrame) -> Evidence:
    cosines = seed_table(_low_rank(frame, "net"), "feature_ansatz_agop", "epochs")
    first, last = cosines.iloc[:, 0], cosines.iloc[:, -1]
    rise = Estimate.of_seeds(last - first)
    return Evidence(
        f"cosine {mean_interval(first):.2f} after epoch {cosines.columns[0]:.0f}, {mean_interval(last):.2f} after"
        f" epoch {cosines.columns[-1]:.0f}; it rises by {rise.interval:.2f}",
        [Requirement(rise, low=0)],
    )


_WORTH = {
    "half-space": f"{_AUTHORS} (in general)",
    "exclusive or": f"{_AUTHORS} (in general); Wei et al. 2019, section 2 (the tangent kernel needs d^2 points)",
}


@claim(
    "feature-learning",
    says="An RFM makes fewer errors than the kernel that it begins with: {problem} in 20 dimensions.",
    source="{source}",
    tolerated="fewer errors",
    problem=list(_WORTH),
)
def _beats_its_kernel(frame: pd.DataFrame, problem: str) -> Evidence:
    ratio, measured = _kernel_against_machine(frame, problem)
    return Evidence(measured, [Requirement(ratio, low=0, unit=OF_LOGS)], {"source": _WORTH[problem]})


@claim(
    "feature-learning",
    says="A linear feature matrix changes the error on the spiral by less than a tenth: no direction is special there.",
    source="by the definition of the metric, which is one for all points",
    tolerated=f"errors within a factor of {_MARGIN:g} of each other",
)
def _equals_its_kernel(frame: pd.DataFrame) -> Evidence:
    ratio, measured = _kernel_against_machine(frame, "spiral")
    return Evidence(measured, [Requirement(ratio, -np.log(_MARGIN), np.log(_MARGIN), unit=OF_LOGS)])


def _kernel_against_machine(frame: pd.DataFrame, problem: str) -> tuple[Estimate, str]:
    """Return the log ratio of the errors of a kernel and of the RFM that begins with it, and both in words."""
    part = rows_where(frame, problem=problem, family="rfm on labels")
    errors = 1 - seed_table(part, "accuracy", "n_rounds", n_samples=part["n_samples"].max())
    kernel, machine = errors.iloc[:, 0], errors.iloc[:, -1]
    ratio = log_ratio(kernel, machine)
    times = f"{ratio.interval.exp():.2f} times as many"
    return ratio, f"{kernel.mean():.1%} against {machine.mean():.1%} of errors, {times}"
