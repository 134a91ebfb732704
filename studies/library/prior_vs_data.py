"""The study `prior-vs-data`: a prior beats few data, data catch up, and the exponent stays."""

import numpy as np
import pandas as pd

from studies.analysis.claims import (
    Evidence,
    NotMeasured,
    all_hold,
    claim,
    format_p_value,
    is_positive,
    is_within,
    map_measured,
    mean_log_ratio,
    min_holm_p,
    rows_where,
    seed_table,
    t_test_p_values,
)
from studies.analysis.comparisons import paired_difference
from studies.analysis.crossovers import NoEquivalence, data_equivalence
from studies.analysis.intervals import Interval
from studies.analysis.scaling_laws import PriorEffect, prior_effect
from toymanifold import Problem, spiral_problem

STORY = "the project's own story"
HESTNESS = "Hestness et al., Deep learning scaling is predictable, empirically, 2017, abstract and section 1"

_FEW, _MANY = 1_000, 10_000
_PLACES = ("accuracy_uniform", "accuracy")
_RATIOS = (2, 4)
_NEIGHBOUR = "kNN, k=1"
_ON_BOUNDARY = 20_000  # points, evenly spaced
_PAIRS = (("net", "net + polar"), ("kNN, k=1", "kNN, k=1 + polar"), ("forest", "forest + polar"))


@claim("prior-vs-data", says=f"At n = {_FEW:,} a polar net errs less than a plain one", source=STORY)
def _beats(frame: pd.DataFrame) -> Evidence:
    gain = _gain(frame)
    return Evidence(f"by {100 * gain:.2f} points", is_positive(gain))


@claim("prior-vs-data", says="Focal loss, layer norm and weight decay together add little to it", source=STORY)
def _adds_little(frame: pd.DataFrame) -> Evidence:
    extras = paired_difference(_at(frame, "net + polar + extras", _FEW), _at(frame, "net + polar", _FEW))
    return Evidence(f"they change the error by {100 * extras:.2f} points", is_smaller(extras, _gain(frame)))


@claim("prior-vs-data", says=f"The nearest neighbour with {_MANY:,} points catches up with it", source=STORY)
def _catches_up(frame: pd.DataFrame) -> Evidence:
    behind = paired_difference(_at(frame, _NEIGHBOUR, _MANY), _at(frame, "net + polar", _FEW))
    return Evidence(
        f"its error is higher by {100 * behind:.2f} points; it needs {_samples_needed(frame)} points",
        False if behind.low > 0 else is_smaller(behind, _gain(frame)),
    )


@claim(
    "prior-vs-data",
    says="Errors uniformly over the square are {} to {} times those under the density".format(*_RATIOS),
    source=STORY,
)
def _ratio_over_the_square(frame: pd.DataFrame) -> Evidence:
    vague = [str(learner) for learner in frame["learner"].unique() if not str(learner).endswith("phase")]
    ratios = map_measured(lambda learner: _uniform_ratio(frame, learner, _MANY), vague)
    least, most = (choose(ratios, key=lambda learner: ratios[learner].mean) for choose in (min, max))
    return Evidence(
        f"{ratios[least]:.2f} times ({least}) to {ratios[most]:.2f} times ({most}) at n = {_MANY:,}, of"
        f" {len(ratios)} learners without the exact prior",
        all_hold(is_within(ratio, *_RATIOS) for ratio in ratios.values()),
    )


@claim(
    "prior-vs-data",
    says="With many points the nearest neighbour's error uniformly over the square is {limit:.2f} times that under the"
    " density, on average over densities",
    source="By the width of the strip where it errs, (n density)^(-1/2), along the boundary",
)
def _ratio_in_the_limit(frame: pd.DataFrame) -> Evidence:
    most = int(rows_where(frame, learner=_NEIGHBOUR, metric="accuracy_uniform")["n_samples"].max())
    over, under = _errors(frame, _NEIGHBOUR, most)
    limits = pd.Series({seed: limit_of_uniform_ratio(spiral_problem(problem_seed=seed)) for seed in over.index})
    p = min_holm_p([t_test_p_values(np.log(over / under / limits).to_numpy()[:, None], [0.0])])
    ratio, limit = mean_log_ratio(over, under).exp(), float(np.exp(np.log(limits).mean()))
    return Evidence(f"{ratio:.2f} times at n = {most:,}; {format_p_value(p)} (t test)", p > 0.05, {"limit": limit})


@claim(
    "prior-vs-data",
    says="A prior ({pair[1]}) moves the offset of a learning curve, not its exponent",
    source=HESTNESS,
    pair=_PAIRS,
)
def _moves_the_offset(frame: pd.DataFrame, pair: tuple[str, str]) -> Evidence:
    plain, informed = pair
    if min(rows_where(frame, metric="accuracy", learner=name)["seed"].nunique() for name in pair) < 2:
        raise NotMeasured(f"fewer than two seeds of {plain} and {informed} are measured")
    try:
        effect = prior_effect(frame, informed, plain)
    except ValueError as error:  # no scaling law
        return Evidence(str(error), None)
    return Evidence(
        f"exponent changed by {effect.exponent:.2f}, error times {effect.error_ratio:.2f}", _only_the_offset(effect)
    )


def _only_the_offset(effect: PriorEffect) -> bool | None:
    """Return whether a prior changes the offset but not the exponent; None if it changes neither."""
    if is_positive(effect.exponent) is not None:
        return False
    return None if is_positive(effect.error_ratio - 1) is None else True


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
    return mean_log_ratio(*_errors(frame, learner, n_samples)).exp()


def _errors(frame: pd.DataFrame, learner: str, n_samples: int) -> list[pd.Series]:
    """Return a learner's errors uniformly over the square, and under the density, by seed."""
    return [_at(frame, learner, n_samples, metric) for metric in _PLACES]


def _gain(frame: pd.DataFrame) -> Interval:
    """Return the error of the plain net less that of the polar net, with few points."""
    return paired_difference(_at(frame, "net", _FEW), _at(frame, "net + polar", _FEW))


def _at(frame: pd.DataFrame, learner: str, n_samples: int, metric: str = "accuracy") -> pd.Series:
    """Return a learner's errors by seed."""
    return 1 - seed_table(frame, metric, learner=learner, needs=[n_samples])[n_samples]


def is_smaller(effect: Interval, gain: Interval) -> bool | None:
    """Return whether an effect, in either direction, is significantly smaller than a gain; else None."""
    return True if max(abs(effect.low), abs(effect.high)) < gain.low else None


def _samples_needed(frame: pd.DataFrame) -> str:
    """Return the number of points that the nearest neighbour needs for the error of the polar net with few, as text."""
    try:
        found = data_equivalence(frame, "net + polar", _NEIGHBOUR, _FEW)
    except NoEquivalence as error:
        return str(error)
    return f"{_FEW * found.times:,.0f}"
