"""What is said of priors and data: a prior beats few data, data catch up, and the exponent stays."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd

from studies.analysis.claims import (
    Claim,
    all_of,
    by_seed,
    claims,
    is_significant,
    least_p,
    log_ratio,
    measured,
    p_values,
    rows_where,
    tell,
    told,
    told_p,
)
from studies.analysis.comparisons import paired_difference
from studies.analysis.crossovers import NoEquivalence, data_equivalence
from studies.analysis.intervals import Interval, exponential
from studies.analysis.scaling_laws import NoScalingLaw, prior_effect
from studies.registry.test_sets import N_TEST
from toymanifold import Problem, spiral_problem

STORY = "the project's own story"
HESTNESS = "Hestness et al., Deep learning scaling is predictable, empirically, 2017, abstract and section 1"

_FEW, _MANY = 1_000, 10_000
_PLACES = ("accuracy_uniform", "accuracy")
_RATIOS = (2, 4)
_NEIGHBOUR = "kNN, k=1"
_ON_BOUNDARY = 20_000  # points, evenly spaced
_PAIRS = (("net", "net + polar"), ("kNN, k=1", "kNN, k=1 + polar"), ("forest", "forest + polar"))


@claims("prior-vs-data")
def check(frame: pd.DataFrame) -> Iterator[Claim]:
    """Check the story's claims, and what the literature says of exponents."""
    exponents = [partial(_exponent, pair=pair) for pair in _PAIRS]
    return tell(frame, (_beats, _adds_little, _catches_up, _where_points_are_few, _in_the_limit, *exponents))


def _beats(frame: pd.DataFrame) -> Claim:
    gain = _gain(frame)
    return Claim(
        f"At n = {_FEW:,} a polar net errs less than a plain one",
        STORY,
        f"by {percentage_points(gain)}",
        is_significant(gain),
    )


def _adds_little(frame: pd.DataFrame) -> Claim:
    extras = paired_difference(_at(frame, "net + polar + extras", _FEW), _at(frame, "net + polar", _FEW))
    return Claim(
        "Focal loss, layer norm and weight decay together add little to it",
        STORY,
        f"they change the error by {percentage_points(extras)}",
        is_less(extras, _gain(frame)),
    )


def _catches_up(frame: pd.DataFrame) -> Claim:
    behind = paired_difference(_at(frame, "kNN, k=1", _MANY), _at(frame, "net + polar", _FEW))
    return Claim(
        f"The nearest neighbour with {_MANY:,} points catches up with it",
        STORY,
        f"its error is higher by {percentage_points(behind)}; it needs {_needed(frame)} points",
        False if behind.low > 0 else is_less(behind, _gain(frame)),
    )


def _where_points_are_few(frame: pd.DataFrame) -> Claim:
    vague = [str(learner) for learner in frame["learner"].unique() if not str(learner).endswith("phase")]
    ratios = measured(lambda learner: _uniform_ratio(frame, learner, _MANY), vague)
    least, most = (choose(ratios, key=lambda learner: ratios[learner].mean) for choose in (min, max))
    low, high = _RATIOS
    return Claim(
        f"Errors uniformly over the square are {low} to {high} times those under the density",
        STORY,
        f"{told(ratios[least])} times ({least}) to {told(ratios[most])} times ({most}) at n = {_MANY:,}, of"
        f" {len(ratios)} learners without the exact prior",
        all_of(_between(ratio, low, high) for ratio in ratios.values()),
    )


def _in_the_limit(frame: pd.DataFrame) -> Claim:
    most = int(rows_where(frame, learner=_NEIGHBOUR, metric="accuracy_uniform")["n_samples"].max())
    limit, (over, under) = limit_of_uniform_ratio(spiral_problem()), _errors(frame, _NEIGHBOUR, most)
    # the seeds share their test points
    least_error = np.sqrt(1 / (N_TEST * over.mean()) + 1 / (N_TEST * under.mean()))
    p = least_p([p_values(np.log((over / under).to_numpy())[:, None], [np.log(limit)], least_error)])
    return Claim(
        f"With many points the nearest neighbour's error uniformly over the square is {limit:.2f} times that under the"
        " density",
        "By the width of the strip where it errs, (n density)^(-1/2), along the boundary",
        f"{told(exponential(log_ratio(over, under)))} times at n = {most:,}; {told_p(p)} (t test)",
        p > 0.05,
    )


def limit_of_uniform_ratio(problem: Problem) -> float:
    """Return the limit, for many points, of a neighbour's error over the square divided by that under the density.

    Along the boundary they err in a strip as wide as neighbours are apart, (n p)^(-1/2) where the density is p. So the
    error is an integral along it, of p^(1/2) under the density and of p^(-1/2) / area over the square: for n so large
    that the strip is narrow everywhere.

    Parameters
    ----------
    problem : Problem
        In the plane, of a target that knows its boundary.
    """
    half = problem.log_density(problem.target.boundary(_ON_BOUNDARY)) / 2  # type: ignore[attr-defined]
    return float(np.exp(-half).mean() / np.exp(half).mean() / (2 * problem.target.radius) ** 2)


def _uniform_ratio(frame: pd.DataFrame, learner: str, n_samples: int) -> Interval:
    """Return a learner's error uniformly over the square, divided by that under the density."""
    return exponential(log_ratio(*_errors(frame, learner, n_samples)))


def _errors(frame: pd.DataFrame, learner: str, n_samples: int) -> tuple[pd.Series, pd.Series]:
    """Return a learner's errors uniformly over the square, and under the density, by seed."""
    over, under = (by_seed(frame, metric, learner=learner, needs=[n_samples])[n_samples] for metric in _PLACES)
    return 1 - over, 1 - under


def _between(interval: Interval, low: float, high: float) -> bool | None:
    """Tell whether a quantity is between two values: None where its interval has one of them inside."""
    if low <= interval.low and interval.high <= high:
        return True
    return False if interval.high < low or interval.low > high else None


def _gain(frame: pd.DataFrame) -> Interval:
    """Return how much lower the error of the polar net is, with few points."""
    return paired_difference(_at(frame, "net", _FEW), _at(frame, "net + polar", _FEW))


def _at(frame: pd.DataFrame, learner: str, n_samples: int) -> pd.Series:
    return 1 - by_seed(frame, "accuracy", learner=learner, needs=[n_samples])[n_samples]


def percentage_points(interval: Interval) -> str:
    """Return an interval of errors as text."""
    return told(Interval(*(100 * value for value in (interval.mean, interval.low, interval.high)))) + " points"


def is_less(effect: Interval, gain: Interval) -> bool | None:
    """Tell whether an effect, in either direction, is smaller than a gain, where that is beyond doubt."""
    return True if max(abs(effect.low), abs(effect.high)) < gain.low else None


def _needed(frame: pd.DataFrame) -> str:
    try:
        found = data_equivalence(frame, "net + polar", "kNN, k=1", _FEW)
    except NoEquivalence as refused:
        return str(refused)
    return f"{_FEW * found.times:,.0f}"


def _exponent(frame: pd.DataFrame, pair: tuple[str, str]) -> Claim:
    plain, informed = pair
    for learner in pair:
        by_seed(frame, "accuracy", learner=learner)  # or it is not measured
    says = f"A prior ({informed}) moves the offset of a learning curve, not its exponent"
    try:
        effect = prior_effect(frame, informed, plain)
    except (NoScalingLaw, ValueError) as refused:
        return Claim(says, HESTNESS, str(refused), None)
    found = f"exponent changed by {told(effect.exponent)}, error times {told(effect.error_ratio)}"
    same_exponent = effect.exponent.low <= 0 <= effect.exponent.high
    moved = not effect.error_ratio.low <= 1 <= effect.error_ratio.high
    return Claim(says, HESTNESS, found, False if not same_exponent else True if moved else None)
