"""The checks of problems, and `check_problem`, which runs them.

A sample of a problem is checked as that of a generator is. Beyond that, labels, density and distance must be those of
the points. The rows of a `DataProblem` stand for themselves: its samples are checked as numbers of rows.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from unittest import SkipTest

import numpy as np
from numpy.typing import NDArray

from toymanifold.checks import battery
from toymanifold.checks.battery import Subject, run_battery
from toymanifold.checks.independence import FALSE_ALARM
from toymanifold.checks.results import CheckResult, require
from toymanifold.datasets import DataProblem
from toymanifold.problems import Problem
from toymanifold.protocols import TASKS, UNLABELLED
from toymanifold.validation import check_integer, error_message

_SPLITS = ("train", "test")
_FEW_ROWS = 97
_FINITE_SHARE = 0.99  # of the points at which the density must be positive: rounding puts some of them outside
_LINE_POINTS = 32
_LINE_NUMBERS = 10**7  # coordinates of all points of all lines
_VOLUME_POINTS = 100_000
_MOST_DIMENSIONS = 3
_FEWEST_HITS = 1000
_STANDARD_ERRORS = 6
_BISECTIONS = 60
_CLOSE = 1e-6  # to the boundary, as a share of the distance between the points of a sample


@dataclass(frozen=True)
class ProblemSubject(Subject):
    """A problem whose samples, without unlabelled points, are checked like those of a generator."""

    problem: Any = None
    with_unlabelled: Any = None

    def truth(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return the true labels of points, or the labels of numbers of rows."""
        if isinstance(self.problem, DataProblem):
            return self.problem.y[X[:, 0].astype(np.intp)]
        return np.asarray(self.problem.label(X))

    def own(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return points in the space of target and density."""
        return X if self.problem.embedding is None else self.problem.embedding.project(X)

    def needs(self, part: str) -> None:
        """Skip the check if the problem has no target, or no density."""
        if getattr(self.problem, part) is None:
            raise SkipTest(f"the problem has no {part}")

    def needs_unstratified(self) -> None:
        """Skip the check if samples are stratified, so that their rows depend on each other."""
        if getattr(self.problem, "is_stratified", False):
            raise SkipTest("samples are stratified")


def _subject(problem: Problem | DataProblem, max_samples: int) -> ProblemSubject:
    sampled = problem
    if isinstance(problem, DataProblem):
        sampled = replace(problem, X=np.arange(len(problem.y), dtype=np.float64)[:, None])
        max_samples = min(max_samples, problem.n_train_rows)
    elif problem.n_unlabelled:
        sampled = replace(problem, n_unlabelled=0)
        return ProblemSubject(sampled.sample, {}, None, True, None, max_samples, sampled, problem)
    return ProblemSubject(sampled.sample, {}, None, True, None, max_samples, problem)


def check_shapes(subject: ProblemSubject) -> None:
    """Require X of shape (n_samples, dimension) and y of n_samples rows, of either split; X float64, or as the data."""
    problem = subject.problem
    for split in _SPLITS:
        for n_samples in {min(_FEW_ROWS, subject.n_samples), subject.n_samples}:
            if isinstance(problem, DataProblem) and split == "test":
                n_samples = min(n_samples, problem.n_test_rows)
            X, y = problem.sample(n_samples, 1, split=split)
            expected = n_samples, problem.dimension
            require(X.shape == expected, f"X of the {split} split has shape {X.shape}, not {expected}")
            require(y.shape == (n_samples,), f"y of the {split} split has shape {y.shape}, not ({n_samples},)")
            kind, claimed = _column_types(X), _column_types(getattr(problem, "X", np.zeros((1, 1))))
            require(kind == claimed, f"X of the {split} split is of {kind}, not {claimed}")


def _column_types(X: Any) -> str:
    types = [X.dtype] if isinstance(X, np.ndarray) else list(X.dtypes)
    return f"{type(X).__name__} of {', '.join(map(str, types))}"


def check_task(subject: ProblemSubject) -> None:
    """Require labels of the task: at least two int64 codes of the classes, or float64 values."""
    problem = subject.problem
    require(problem.task in TASKS, f"the task is {problem.task!r}")
    y = problem.sample(subject.n_samples, 1)[1]
    n_classes = len(problem.classes or ()) if isinstance(problem, DataProblem) else problem.target.n_classes
    is_classification = problem.task == "classification"
    require(bool(n_classes) == is_classification, f"n_classes is {n_classes} for {problem.task}")
    dtype = np.dtype(np.int64 if is_classification else np.float64)
    require(y.dtype == dtype, f"y has dtype {y.dtype}, not {dtype}")
    require(len(np.unique(y)) > 1, f"all labels of a sample are {y[0]}")
    if is_classification:
        require(0 <= y.min() <= y.max() < n_classes, f"labels from {y.min()} to {y.max()} of {n_classes} classes")


def check_rows_independent(subject: ProblemSubject) -> None:
    """Require rows to be uncorrelated at every distance: neither sorted nor repeated."""
    subject.needs_unstratified()
    battery.check_rows_independent(subject)


def check_seeds_independent(subject: ProblemSubject) -> None:
    """Require samples of neighbouring seeds to be uncorrelated at every shift."""
    subject.needs_unstratified()
    battery.check_seeds_independent(subject)


def check_splits(subject: ProblemSubject) -> None:
    """Require that no test row of a seed is a training row of it or of its neighbour."""
    n = subject.n_samples
    held_out = getattr(subject.problem, "n_test_rows", n)
    test = _distinct(subject.make_x(min(n, held_out), random_state=0, split="test")[0])
    for seed in (0, 1):
        X = subject.make_x(n, random_state=seed)[0]
        train = _distinct(X)
        if len(train) < len(X):
            raise SkipTest("points repeat within a sample")
        both = len(train & test)
        require(both == 0, f"{both} of {len(test)} test rows of seed 0 are training rows of seed {seed}")


def _distinct(X: NDArray[Any]) -> set[bytes]:
    return {row.tobytes() for row in X}


def check_dtype(subject: ProblemSubject) -> None:
    """Require float32 points to be the float64 points rounded, and without noise, labels of the rounded points."""
    subject.needs("target")
    try:
        X, y = subject.problem.sample(subject.n_samples, 1, dtype=np.float32)
    except ValueError as error:
        raise SkipTest(f"the problem raises for float32: {error}") from error
    require(X.dtype == np.float32, f"X has dtype {X.dtype} for float32")
    require(np.array_equal(X, subject.draw()[0].astype(np.float32)), "float32 points are others than float64 points")
    if not (subject.problem.flip_probability or subject.problem.noise):
        same = np.allclose(y, subject.truth(X), equal_nan=True)
        require(same, "labels of float32 points are not those of the rounded points")


def check_labels(subject: ProblemSubject) -> None:
    """Require the target's labels, but for the stated noise, and that a row's label does not depend on other rows."""
    X, y = subject.draw(subject.max_samples)[:2]
    truth, problem = subject.truth(X), subject.problem
    require(truth.shape == y.shape, f"y has shape {y.shape}, the labels of X {truth.shape}")
    few = slice(_FEW_ROWS)
    require(battery.equal(subject.truth(X[few]), truth[few]), "the label of a row depends on the other rows")
    if noise := getattr(problem, "noise", 0.0):
        _require_normal((y - truth) / noise, "labels less the target's, in units of the noise,")
    elif problem.task == "regression":
        wrong = np.count_nonzero(~np.isclose(y, truth, equal_nan=True))
        require(wrong == 0, f"{wrong} of {len(y)} labels are not the target's")
    else:
        _require_share(int(np.count_nonzero(y != truth)), len(y), getattr(problem, "flip_probability", 0.0))


def _require_normal(residuals: NDArray[Any], what: str) -> None:
    from scipy import stats

    found = stats.kstest(residuals, "norm")
    spread = f"mean {residuals.mean():.3g} and standard deviation {residuals.std():.3g}"
    require(found.pvalue >= FALSE_ALARM, f"{what} are not standard normal but of {spread}")


def _require_share(n_wrong: int, n_rows: int, share: float) -> None:
    from scipy import stats

    if stats.binomtest(n_wrong, n_rows, share).pvalue < FALSE_ALARM:
        expected = f"for a flip_probability of {share:g}" if share else "though there is no label noise"
        raise AssertionError(f"{n_wrong} of {n_rows} labels are not the target's, {expected}")


def check_unlabelled(subject: ProblemSubject) -> None:
    """Require training samples to end with points of y = -1, drawn from the density, the same for all n_samples."""
    from scipy import stats

    problem, n = subject.with_unlabelled, subject.n_samples
    if problem is None:
        raise SkipTest("the problem has no unlabelled points")
    X, y = subject.draw()
    longer, marked = problem.sample(n, 1)
    expected = n + problem.n_unlabelled, problem.dimension
    require(longer.shape == expected, f"X with unlabelled points has shape {longer.shape}, not {expected}")
    require(battery.equal(longer[:n], X) and battery.equal(marked[:n], y), "unlabelled points change the labelled ones")
    require(bool((marked[n:] == UNLABELLED).all()), f"an unlabelled point has another label than {UNLABELLED}")
    require(battery.equal(problem.sample(1, 1)[0][1:], longer[n:]), "unlabelled points depend on the number of labels")
    require(len(problem.sample(n, 1, split="test")[0]) == n, "a test sample has unlabelled points")
    require(not battery.equal(problem.sample(n, 2)[0][n:], longer[n:]), "unlabelled points do not depend on the seed")
    p_values = [stats.ks_2samp(*columns).pvalue for columns in zip(X.T, longer[n:].T, strict=True)]
    require(min(p_values) * len(p_values) >= FALSE_ALARM, "unlabelled points are not distributed as labelled ones")


def check_log_density(subject: ProblemSubject) -> None:
    """Require the log-density to be a finite number at 99 % of the points of a sample, and -inf at the others."""
    subject.needs("density")
    X = subject.draw()[0]
    log_density = np.asarray(subject.problem.log_density(X))
    require(log_density.shape == (len(X),), f"log_density has shape {log_density.shape} for {len(X)} points")
    require(not (log_density > math.inf / 2).any() and not np.isnan(log_density).any(), "log_density is inf or nan")
    share = np.isfinite(log_density).mean()
    require(share >= _FINITE_SHARE, f"log_density is -inf at {1 - share:.1%} of the points of a sample")


def check_density_shape(subject: ProblemSubject) -> None:
    """Require points to be distributed along lines as the density is, by a Kolmogorov-Smirnov test."""
    from scipy import stats

    subject.needs("density")
    others = subject.own(subject.draw(random_state=2)[0])
    n_points = min(max(subject.n_samples, subject.max_samples // 4), _LINE_NUMBERS // others[:1].size // _LINE_POINTS)
    X = subject.own(subject.draw(max(n_points, 1))[0])
    places = line_places(subject.problem.density.log_density, X, others)
    p_value = stats.kstest(places, "uniform").pvalue
    require(p_value >= FALSE_ALARM, f"along a line, points are not distributed as the density is (p = {p_value:.1g})")


def line_places(
    log_density: Callable[[NDArray[Any]], Any], X: NDArray[np.float64], others: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return numbers that are uniform in [0, 1] if the points have the density.

    A point is compared with those at multiples of a step from it, on a segment of the line in the direction between the
    first of the `others` and the one farthest from it. Among these points its rank has the distribution of the density
    normalised on them, whatever the step is. The number is its cumulative probability, with a uniform share of its own.

    Parameters
    ----------
    log_density : callable
        Function of points (n, dimension).
    X : ndarray of shape (n_samples, dimension)
        Points.
    others : ndarray of shape (n_others, dimension)
        Points that are independent of `X`, which determine the line.

    Returns
    -------
    places : ndarray of shape (n_places,)
        One for each point whose density is positive and that lies between the others.
    """
    direction = others[np.linalg.norm(others - others[0], axis=1).argmax()] - others[0]
    direction /= np.linalg.norm(direction)
    low, high = np.quantile(others @ direction, [0, 1])
    step = (high - low) / _LINE_POINTS
    index = np.floor((X @ direction - low) / step)
    is_between = (index >= 0) & (index < _LINE_POINTS)
    X, index = X[is_between], index[is_between, None].astype(np.intp)
    steps = np.arange(_LINE_POINTS) - index
    lines = X[:, None] + (steps * step)[:, :, None] * direction
    logs = np.asarray(log_density(lines.reshape(-1, X.shape[1]))).reshape(steps.shape)
    is_positive = np.isfinite(logs[steps == 0])
    logs, steps = logs[is_positive], steps[is_positive]
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    own = steps == 0
    share = np.random.default_rng(0).random(len(weights))
    places: NDArray[np.float64] = (np.cumsum(weights, axis=1)[own] - share * weights[own]) / weights.sum(axis=1)
    return places


def check_density_total(subject: ProblemSubject) -> None:
    """Require the share of points in a box to be the integral of the density over it, in 3 dimensions at most."""
    subject.needs("density")
    X, others = (subject.own(subject.draw(subject.max_samples, seed)[0]) for seed in (1, 2))
    if X.shape[1] > _MOST_DIMENSIONS:
        raise SkipTest(f"{X.shape[1]} dimensions are more than {_MOST_DIMENSIONS}")
    low, high = np.quantile(others, [0.1, 0.9], axis=0)
    share = ((low <= X) & (high >= X)).all(axis=1).mean()
    inside = np.random.default_rng(0).uniform(low, high, size=(_VOLUME_POINTS, X.shape[1]))
    masses = np.exp(subject.problem.density.log_density(inside)) * np.prod(high - low)
    if np.count_nonzero(masses) < _FEWEST_HITS:
        raise SkipTest("the density is 0 at almost all points of a box: it is not one of a volume, or too narrow")
    error = math.sqrt(share * (1 - share) / len(X) + masses.var() / len(masses))
    found = f"{share:.3f} of the points are in a box over which the density has the integral {masses.mean():.3f}"
    require(abs(share - masses.mean()) <= _STANDARD_ERRORS * error, f"{found} (standard error: {error:.2g})")


def check_signed_distance(subject: ProblemSubject) -> None:
    """Require the distance to be 0 where the region and its labels begin, negative inside, and to grow as points do."""
    region = subject.problem.target
    if not hasattr(region, "signed_distance"):
        raise SkipTest("the target is not a region")
    X = subject.own(subject.draw()[0])
    a, b = X, np.roll(X, 1, axis=0)
    apart = np.linalg.norm(a - b, axis=1)
    close = _CLOSE * np.median(apart)
    distance, inside = np.asarray(region.signed_distance(X)), np.asarray(region.contains(X), dtype=bool)
    if region.n_classes == 2:
        y = np.asarray(region.label(X))
        both = np.unique(y[inside]), np.unique(y[~inside])
        require(not np.intersect1d(*both).size, "a label occurs both inside the region and outside")
    wrong = np.count_nonzero((distance > close) & inside | (distance < -close) & ~inside)
    require(wrong == 0, f"the distance has the wrong sign at {wrong} of {len(X)} points")
    faster = (np.abs(distance - np.roll(distance, 1)) > apart + close).sum()
    require(faster == 0, f"between {faster} pairs of points the distance changes by more than they are apart")
    differ = inside != np.roll(inside, 1)
    if differ.any():
        furthest = np.abs(region.signed_distance(_boundary_points(region, a[differ], b[differ]))).max()
        require(furthest <= close, f"the distance is {furthest:.2g} at a point where the region begins")


def _boundary_points(region: Any, a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """Return points between those of `a` and `b` at which a region begins or ends, by bisection."""
    inside = np.asarray(region.contains(a))[:, None]
    for _ in range(_BISECTIONS):
        middle = (a + b) / 2
        is_first = np.asarray(region.contains(middle))[:, None] == inside
        a, b = np.where(is_first, middle, a), np.where(is_first, b, middle)
    return a


def check_read_only(subject: ProblemSubject) -> None:
    """Require methods to take read-only points, and the same results again though the first have been overwritten."""
    problem = subject.problem
    X = subject.draw()[0]
    calls: dict[str, Callable[[], Any]] = {"sample": subject.draw}
    if problem.target is not None:
        X.flags.writeable = False
        calls |= {"label": lambda: problem.label(X), "log_density": lambda: problem.log_density(X)}
        if hasattr(problem.target, "signed_distance"):
            calls["signed_distance"] = lambda: problem.signed_distance(X)
    for name, call in calls.items():
        first = _parts_of(call())
        kept = [part.copy() for part in first]
        for part in first:
            if part.flags.writeable:
                part[...] = 0
        again = zip(kept, _parts_of(call()), strict=True)
        require(all(battery.equal(*pair) for pair in again), f"{name} gives other results the second time")


def _parts_of(returned: Any) -> list[NDArray[Any]]:
    return [np.asarray(part) for part in (returned if isinstance(returned, tuple) else (returned,))]


PROBLEM_CHECKS: dict[str, Callable[[ProblemSubject], None]] = {
    check.__name__.removeprefix("check_"): check
    for check in (
        check_shapes,
        check_task,
        battery.check_finite,
        battery.check_same_seed,
        battery.check_seeds_bind,
        battery.check_random_state,
        battery.check_generator_instance,
        battery.check_bad_random_state,
        battery.check_global_unread,
        battery.check_global_unchanged,
        battery.check_one_sample,
        battery.check_bad_n_samples,
        battery.check_nested,
        check_rows_independent,
        check_seeds_independent,
        check_splits,
        check_dtype,
        check_labels,
        check_unlabelled,
        check_log_density,
        check_density_shape,
        check_density_total,
        check_signed_distance,
        check_read_only,
        battery.check_other_process,
    )
}
"""The checks of a problem by name, in the order in which they run."""


def check_problem(
    problem: Problem | DataProblem,
    *,
    max_samples: int = 40_000,
    on_fail: str | None = "raise",
    expected_failed_checks: Mapping[str, str] | None = None,
) -> list[CheckResult]:
    """Check that a problem keeps the contract of `toymanifold.Problem`, for a target or a density of one's own.

    Of a `toymanifold.DataProblem`, samples are checked; target and density do not apply. Global random generators are
    restored afterwards.

    Parameters
    ----------
    problem : Problem or DataProblem
        Problem, also of a subclass.
    max_samples : int, default=40_000
        Rows of the largest sample, at least 100. Faults that occur only in larger samples are not found.
    on_fail : {"raise"} or None, default="raise"
        Raise once all checks have run, or return failures like the other results.
    expected_failed_checks : mapping of str to str, optional
        Names of checks that fail and the reason for each; such a failure is reported as "expected".

    Returns
    -------
    results : list of CheckResult
        One result for each of `PROBLEM_CHECKS`, in that order. If a sample raises, "shapes" fails and all others are
        skipped.

    Raises
    ------
    AssertionError
        If ``on_fail="raise"`` and a check failed; the message lists every failed check.
    TypeError, ValueError
        If an argument of this function is invalid.

    Examples
    --------
    >>> from toymanifold import Ball, Problem, UniformBox
    >>> from toymanifold.checks import check_problem
    >>> results = check_problem(Problem(Ball(dimension=2), UniformBox(dimension=2)), max_samples=1000)
    >>> print(results[0])
    shapes                 passed
    """
    owner = "check_problem"
    if not isinstance(problem, Problem | DataProblem):
        raise TypeError(error_message("problem", owner, "a Problem or a DataProblem", problem))
    check_integer(max_samples, "max_samples", owner, low=100)
    subject = _subject(problem, max_samples)
    return run_battery(PROBLEM_CHECKS, subject, type(problem).__name__, owner, on_fail, expected_failed_checks)
