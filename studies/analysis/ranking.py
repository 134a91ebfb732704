"""Rankings of learners over several problems: mean ranks with intervals, and the pairs that differ."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd
from scipy import stats

from studies.analysis.intervals import CONFIDENCE, bounded_mean_interval, holm
from studies.analysis.learning_curves import HasFrame, as_frame, losses
from toymanifold.validation import error_message

_LEVEL = 1 - CONFIDENCE
_DIGITS = 12  # errors that differ by the rounding of sums only are tied


@dataclass(frozen=True, eq=False)
class Ranking:
    """Mean ranks of learners over problems.

    Attributes
    ----------
    ranks : DataFrame
        One row per learner, the best (lowest) first: ``mean``, the mean rank, and ``low``, ``high``, its interval; see
        `rank_learners`.
    tests : DataFrame
        One row per pair of learners: ``a``, ``b``, the better mean rank first; ``won``, the share of problems on which
        the error of `a` is the lower one, ties counted half; ``p`` of the exact two-sided sign test; ``p_holm``, the
        same corrected by Holm for the number of pairs.
    groups : tuple of tuple of str
        The largest groups of learners of which no two differ significantly, which a diagram joins by a bar. Two
        learners that share no group differ significantly.
    n_problems : int

    Examples
    --------
    >>> ranking = rank_learners(pd.DataFrame({"net": [0.1] * 7, "kNN": [0.2] * 7, "SVM": [0.2] * 7}))
    >>> ranking.groups
    (('net',), ('kNN', 'SVM'))
    """

    ranks: pd.DataFrame
    tests: pd.DataFrame
    groups: tuple[tuple[str, ...], ...]
    n_problems: int


def rank_learners(errors: pd.DataFrame) -> Ranking:
    """Rank learners on each of several problems, and compare their ranks over the problems.

    The problems are a sample of the problems that a conclusion is about, drawn independently. An interval is for the
    *expected rank* of a learner among these learners on another such problem, measured with as many seeds. A test of
    two learners is for the chance that one has the lower error on such a problem: whether it is more than one half.

    Parameters
    ----------
    errors : DataFrame
        One row per problem, one column per learner: at least 2 rows and 2 columns, without missing values. Ties share a
        rank.

    Returns
    -------
    ranking : Ranking

    Raises
    ------
    ValueError
        If there are fewer rows or columns, or values are missing.

    Notes
    -----
    A rank is between 1 and the number of learners, and the interval of its mean needs to know no more: see
    `studies.analysis.intervals.bounded_mean_interval`. The tests compare two learners by nothing but their own errors.
    The critical difference of mean ranks (Nemenyi's test in Demsar, JMLR 7, 2006) depends on the other learners that
    stand between them, and can be made to say anything by adding some (Benavoli, Corani and Mangili, JMLR 17, 2016).

    Examples
    --------
    >>> errors = pd.DataFrame({"net": [0.1, 0.2, 0.1], "kNN": [0.2, 0.3, 0.2], "SVM": [0.3, 0.4, 0.1]})
    >>> rank_learners(errors).ranks.round(2)
         mean   low  high
    net  1.17  1.00  2.47
    kNN  2.33  1.37  2.91
    SVM  2.50  1.37  2.99
    """
    n_problems, n_learners = errors.shape
    if n_problems < 2 or n_learners < 2 or errors.isna().any(axis=None):
        allowed = "of 2 or more problems (rows) and 2 or more learners (columns), with none missing"
        raise ValueError(error_message("errors", "rank_learners", allowed, f"shape {errors.shape}"))
    ranks = errors.rank(axis=1)
    intervals = [bounded_mean_interval(ranks[learner], 1, n_learners) for learner in ranks]
    rows = [(interval.mean, interval.low, interval.high) for interval in intervals]
    table = pd.DataFrame(rows, index=errors.columns, columns=["mean", "low", "high"])
    table = table.sort_values("mean", kind="stable")
    tests = _sign_tests(errors[table.index])
    return Ranking(table, tests, _groups(tests, list(table.index)), n_problems)


def errors_by_problem(frame: pd.DataFrame | HasFrame, n_samples: int, metric: str = "error") -> pd.DataFrame:
    """Return the mean errors of the learners on each problem, over the seeds that all of them have.

    Parameters
    ----------
    frame : DataFrame or Results
        A tidy frame as from `Results.frame`, of several problems.
    n_samples : int
    metric : str, default="error"

    Returns
    -------
    errors : DataFrame
        One row per problem on which all learners of the frame are measured, one column per learner.

    Raises
    ------
    ValueError
        If the frame is of one problem.

    Examples
    --------
    >>> errors = {("wine", "net"): 0.1, ("wine", "kNN"): 0.2, ("iris", "net"): 0.3, ("iris", "kNN"): 0.4}
    >>> rows = [(*place, 100, seed, "mse", mse + seed) for place, mse in errors.items() for seed in (0, 1)]
    >>> frame = pd.DataFrame(rows, columns=["problem", "learner", "n_samples", "seed", "metric", "value"])
    >>> errors_by_problem(frame, 100, "mse")
    learner  net  kNN
    problem
    iris     0.8  0.9
    wine     0.6  0.7
    """
    frame = losses(as_frame(frame))
    if "problem" not in frame:
        allowed = "of several problems, with a column 'problem'"
        raise ValueError(error_message("frame", "errors_by_problem", allowed, list(frame.columns)))
    rows = frame[(frame["n_samples"] == n_samples) & (frame["metric"] == metric)]
    table = rows.pivot(index=["problem", "seed"], columns="learner", values="value")
    return (
        table.reindex(columns=frame["learner"].unique()).dropna().groupby("problem", sort=False).mean().round(_DIGITS)
    )


def fewest_problems(n_learners: int) -> int:
    """Return the number of problems from which on two of some learners can differ significantly.

    Examples
    --------
    >>> [fewest_problems(n) for n in (2, 3, 5, 10)]
    [6, 7, 9, 11]
    """
    pairs = n_learners * (n_learners - 1) // 2
    return next(n for n in itertools.count(1) if pairs * 0.5 ** (n - 1) < _LEVEL)


def _sign_tests(errors: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for a, b in itertools.combinations(errors.columns, 2):
        better, worse = int((errors[a] < errors[b]).sum()), int((errors[a] > errors[b]).sum())
        p = min(1.0, 2 * float(stats.binom.cdf(min(better, worse), better + worse, 0.5)))
        rows.append((a, b, 0.5 + (better - worse) / (2 * len(errors)), p))
    tests = pd.DataFrame(rows, columns=["a", "b", "won", "p"])
    return tests.assign(p_holm=holm(tests["p"]))


def _groups(tests: pd.DataFrame, learners: list[str]) -> tuple[tuple[str, ...], ...]:
    alike: dict[str, set[str]] = {learner: set() for learner in learners}
    for a, b in tests.loc[tests["p_holm"] >= _LEVEL, ["a", "b"]].itertuples(index=False):
        alike[a].add(b)
        alike[b].add(a)
    found = [sorted(group, key=learners.index) for group in _cliques(alike, set(), set(learners), set())]
    return tuple(map(tuple, sorted(found, key=lambda group: [learners.index(name) for name in group])))


def _cliques(alike: Mapping[str, set[str]], group: set[str], others: set[str], done: set[str]) -> Iterator[set[str]]:
    """Yield the largest groups of a graph by the algorithm of Bron and Kerbosch (1973) with a pivot."""
    if not others | done:
        yield group
        return
    pivot = max(others | done, key=lambda name: len(alike[name] & others))
    for name in others - alike[pivot]:
        yield from _cliques(alike, group | {name}, others & alike[name], done & alike[name])
        others, done = others - {name}, done | {name}
