"""The study `prior-vs-data`: a prior beats few data, data catch up, and the exponent stays."""

import numpy as np
import pandas as pd

from studies.analysis.claims import (
    Evidence,
    NotMeasured,
    claim,
    log_ratio,
    map_measured,
    rows_where,
    seed_table,
)
from studies.analysis.crossovers import NoEquivalence, data_equivalence
from studies.analysis.scaling_laws import prior_effect
from studies.analysis.verdicts import OF_LOGS, Estimate, Requirement
from toymanifold import Problem, spiral_problem

STORY = "the project's own story"
LITTLE = 0.2
"""Share of a prior's gain below which an effect is little."""

HESTNESS = "Hestness et al., Deep learning scaling is predictable, empirically, 2017, abstract and section 1"

_FEW, _MANY = 1_000, 10_000
_PLACES = ("accuracy_uniform", "accuracy")
_RATIOS = (2, 4)
_LEVEL = 1.2  # ratio of errors up to which one has caught up with another
_NEAR = 0.15  # of a limit
_SAME_EXPONENT = 0.05
_MOVED = 0.1
_POINTS = " points"
_NEIGHBOUR = "kNN, k=1"
_ON_BOUNDARY = 20_000  # points, evenly spaced
_PAIRS = (("net", "net + polar"), ("kNN, k=1", "kNN, k=1 + polar"))


@claim(
    "prior-vs-data",
    says=f"At n = {_FEW:,} a polar net errs less than a plain one",
    source=STORY,
    tolerated="a lower error",
)
def _beats(frame: pd.DataFrame) -> Evidence:
    gain = Estimate.of_seeds(_gain(frame))
    return Evidence(f"lower by {100 * gain.interval:.2f} points", [Requirement(gain, low=0, factor=100, unit=_POINTS)])


@claim(
    "prior-vs-data",
    says="Focal loss, layer norm and weight decay together add little to it",
    source=STORY,
    tolerated=f"a change, in either direction, of less than {LITTLE:.0%} of what the prior lowers the error by",
)
def _adds_little(frame: pd.DataFrame) -> Evidence:
    effect, gain = _at(frame, "net + polar + extras", _FEW) - _at(frame, "net + polar", _FEW), _gain(frame)
    return Evidence(f"they change the error by {points(effect)} of {points(gain)} points", are_little(effect, gain))


@claim(
    "prior-vs-data",
    says=f"The nearest neighbour with {_MANY:,} points catches up with it",
    source=STORY,
    tolerated=f"an error of at most {_LEVEL:g} times that of the polar net with {_FEW:,}",
)
def _catches_up(frame: pd.DataFrame) -> Evidence:
    neighbour, polar = _at(frame, _NEIGHBOUR, _MANY), _at(frame, "net + polar", _FEW)
    ahead = Estimate.of_seeds((_LEVEL * polar - neighbour).dropna())
    return Evidence(
        f"{neighbour.mean() / polar.mean():.2f} times, higher by {points(neighbour - polar)} points; it needs"
        f" {_samples_needed(frame)} points",
        [Requirement(ahead, low=0, factor=100, unit=_POINTS)],
    )


@claim(
    "prior-vs-data",
    says="Errors uniformly over the square are {} to {} times those under the density".format(*_RATIOS),
    source=STORY,
    tolerated="this, for each learner without the exact prior",
)
def _ratio_over_the_square(frame: pd.DataFrame) -> Evidence:
    vague = [str(learner) for learner in frame["learner"].unique() if not str(learner).endswith("phase")]
    ratios = map_measured(lambda learner: _uniform_ratio(frame, learner, _MANY), vague)
    low, high = np.log(_RATIOS)
    least, most = (choose(ratios, key=lambda learner: ratios[learner].mean) for choose in (min, max))
    return Evidence(
        f"{ratios[least].interval.exp():.2f} times ({least}) to {ratios[most].interval.exp():.2f} times ({most}) at"
        f" n = {_MANY:,}, of {len(ratios)} learners",
        [Requirement(ratio, low, high, unit=OF_LOGS) for ratio in ratios.values()],
    )


@claim(
    "prior-vs-data",
    says="With many points the nearest neighbour's error uniformly over the square is {limit:.2f} times that under the"
    " density, on average over densities",
    source="By the width of the strip where it errs, (n density)^(-1/2), along the boundary",
    tolerated=f"within {_NEAR:.0%} of this",
)
def _ratio_in_the_limit(frame: pd.DataFrame) -> Evidence:
    most = int(rows_where(frame, learner=_NEIGHBOUR, metric="accuracy_uniform")["n_samples"].max())
    over, under = (_at(frame, _NEIGHBOUR, most, metric) for metric in _PLACES)
    limits = pd.Series({seed: limit_of_uniform_ratio(spiral_problem(problem_seed=seed)) for seed in over.index})
    off, near = log_ratio(over / under, limits), np.log(1 + _NEAR)
    return Evidence(
        f"{log_ratio(over, under).interval.exp():.2f} times at n = {most:,}, {off.interval.exp():.2f} times the limit",
        [Requirement(off, -near, near, unit=OF_LOGS)],
        {"limit": np.exp(np.log(limits).mean())},
    )


@claim(
    "prior-vs-data",
    says="A prior ({pair[1]}) moves the offset of a learning curve, not its exponent",
    source=HESTNESS,
    tolerated=f"an exponent changed by less than {_SAME_EXPONENT:g}, and an error changed by more than {_MOVED:.0%}",
    pair=_PAIRS,
)
def _moves_the_offset(frame: pd.DataFrame, pair: tuple[str, str]) -> Evidence:
    plain, informed = pair
    n_seeds = min(rows_where(frame, metric="accuracy", learner=name)["seed"].nunique() for name in pair)
    if n_seeds < 2:
        raise NotMeasured(f"fewer than two seeds of {plain} and {informed} are measured")
    try:
        effect = prior_effect(frame, informed, plain)
    except ValueError as error:  # no scaling law
        return Evidence(str(error), [])
    return Evidence(
        f"exponent changed by {effect.exponent:.2f}, error times {effect.error_ratio:.2f}",
        [
            Requirement(Estimate.of_interval(effect.exponent, n_seeds), -_SAME_EXPONENT, _SAME_EXPONENT),
            Requirement(Estimate.of_interval(effect.error_ratio.log(), n_seeds), high=np.log(1 - _MOVED)),
        ],
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


def _uniform_ratio(frame: pd.DataFrame, learner: str, n_samples: int) -> Estimate:
    """Return the logarithm of a learner's error uniformly over the square, divided by that under the density."""
    return log_ratio(*(_at(frame, learner, n_samples, metric) for metric in _PLACES))


def _gain(frame: pd.DataFrame) -> pd.Series:
    """Return the error of the plain net less that of the polar net, with few points, by seed."""
    return _at(frame, "net", _FEW) - _at(frame, "net + polar", _FEW)


def _at(frame: pd.DataFrame, learner: str, n_samples: int, metric: str = "accuracy") -> pd.Series:
    """Return a learner's errors by seed."""
    return 1 - seed_table(frame, metric, learner=learner, needs=[n_samples])[n_samples]


def are_little(effect: pd.Series, gain: pd.Series) -> list[Requirement]:
    """Return the requirements that an effect is a small part of a gain, in either direction."""
    sides = (Estimate.of_seeds((LITTLE * gain + sign * effect).dropna()) for sign in (1, -1))
    return [Requirement(side, low=0, factor=100, unit=_POINTS) for side in sides]


def points(differences: pd.Series) -> str:
    """Return the mean of differences of errors, one per seed, in percentage points with its interval."""
    return f"{100 * Estimate.of_seeds(differences.dropna()).interval:.2f}"


def _samples_needed(frame: pd.DataFrame) -> str:
    """Return the number of points that the nearest neighbour needs for the error of the polar net with few, as text."""
    try:
        found = data_equivalence(frame, "net + polar", _NEIGHBOUR, _FEW)
    except NoEquivalence as error:
        return str(error)
    return f"{_FEW * found.times:,.0f}"
