"""The study `adversarial-spheres`: the nearest neighbour's error in closed form, and the nearest errors of nets."""

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaincinv

from estimators import NetClassifier
from studies.analysis.claims import Evidence, NotMeasured, claim, map_measured, rows_where, seed_table, values_of
from studies.analysis.verdicts import Estimate, Requirement
from studies.plots.looks import value_looks
from studies.plots.style import End, draw_reference, name_curves, name_references, new_axes, set_scale, tidy
from studies.registry.metrics import Fitted, metric
from studies.registry.plots import plot
from studies.registry.problems import AnyProblem
from studies.registry.reference_curves import reference_curve
from studies.registry.test_sets import N_TEST
from studies.results.results import Results
from toymanifold import Shells

Array = NDArray[np.float64]

_INNER, _OUTER = 1.0, 1.3
_ANGLES, _ATTACKED = 5_001, 200
_RARE = 0.1  # share of errors below which the distance to the nearest one is of interest
_FOUND = 0.99  # share of points whose nearest error must be found: those not found are the farthest
_NEAR, _SLACK = 0.1, 0.003  # of a closed form; of an error
_NO_ERROR = 1e-4
_NEIGHBOUR, _STUMP = "kNN, k=1, prior=none", "stump, prior=polar"


def _are_shells(problem: AnyProblem) -> bool:
    return isinstance(problem.target, Shells) and problem.embedding is None


@metric(
    "1",
    title="Errors on the inner sphere",
    heading="inner sphere",
    unit={"share": "%", "found": "%"},
    supports=_are_shells,
    default=False,
)
def nearest_error(fitted: Fitted) -> dict[str, float]:
    """Of nets, on the inner sphere: share of errors, how often ascent finds one, and its mean distance."""
    if not isinstance(fitted.estimator, NetClassifier):
        return {}
    test, radius = fitted.tests.density, fitted.problem.target.inner  # type: ignore[union-attr]
    inner = test.X[test.y == 1]
    share = float(np.mean(fitted.estimator.predict(inner) != 1))
    if share == 0:
        return {"share": share}
    distance = error_distance(fitted.estimator, inner[:_ATTACKED], radius)
    found = np.isfinite(distance)
    values = {"share": share, "found": float(found.mean())}
    return values | ({"distance": float(distance[found].mean())} if found.any() else {})


def error_distance(classifier: Any, X: Array, radius: float, *, n_steps: int = 300, step: float = 0.005) -> Array:
    """Return the distance from points of class 1 to an error, found by projected gradient ascent along a sphere.

    An upper bound of the distance to the nearest error, as in Gilmer et al. 2018.

    Parameters
    ----------
    classifier : estimator
        Fitted on the classes 0 and 1, with a method ``gradients`` of their logits, such as `NetClassifier`.
    X : ndarray of shape (n, d)
        On the sphere about the origin.
    radius : float
        Of the sphere.
    n_steps : int, default=300
    step : float, default=0.005
        Length of a step, in radii.

    Returns
    -------
    distance : ndarray of shape (n,)
        Straight, from start to end; 0 for a point that is an error itself, infinite if no error is found.
    """
    points, distance = X.copy(), np.full(len(X), np.inf)
    for _ in range(n_steps + 1):
        open_ = np.flatnonzero(np.isinf(distance))
        wrong = open_[classifier.predict(points[open_]) != 1]
        distance[wrong] = np.linalg.norm(points[wrong] - X[wrong], axis=1)
        going = np.setdiff1d(open_, wrong)
        if not len(going):
            break
        units, gradients = points[going] / radius, classifier.gradients(points[going])
        ascent = gradients[:, :, 0] - gradients[:, :, 1]
        tangents = ascent - np.einsum("ij,ij->i", ascent, units)[:, None] * units
        lengths = np.linalg.norm(tangents, axis=1, keepdims=True)
        moved = units + step * tangents / np.where(lengths > 0, lengths, 1.0)
        points[going] = radius * moved / np.linalg.norm(moved, axis=1, keepdims=True)
    return distance


def nearest_neighbour_error(n_samples: ArrayLike, dimension: float) -> Array:
    """Return the expected error of the nearest neighbour on two concentric spheres of radii 1 and 1.3.

    Of n points, each on either sphere with probability 1/2: an integral over the distance of the nearest on the wrong
    one, of the probability that all others are farther.

    Parameters
    ----------
    n_samples : array-like
        n, of any shape.
    dimension : int
        d >= 2.
    """
    n = np.asarray(n_samples, dtype=np.float64)[..., None]
    angle = np.linspace(0, np.pi, _ANGLES)
    middle, mass = (angle[1:] + angle[:-1]) / 2, np.diff(_cap(angle, dimension))
    error: Array = np.zeros(np.shape(n_samples))
    for own, wrong in ((_INNER, _OUTER), (_OUTER, _INNER)):
        squares = own**2 + wrong**2 - 2 * own * wrong * np.cos(middle)
        cosine = np.clip((2 * own**2 - squares) / (2 * own**2), -1, 1)  # of a point of the own sphere as far away
        nearer = (_cap(middle, dimension) + _cap(np.arccos(cosine), dimension)) / 2
        error = error + 0.5 * (n * (1 - nearer) ** (n - 1) * mass / 2).sum(axis=-1)
    return error


def cap_distance(share: ArrayLike, dimension: int) -> Array:
    r"""Return the mean distance of the unit sphere's points from a cap that covers a share of it.

    No set of that share is farther away on average (Levy's isoperimetric inequality), so this bounds the distance to
    the nearest error: theorem 5.1 of Gilmer et al. 2018; about :math:`-\Phi^{-1}(\mu) / \sqrt{d}` for large d and small
    mu.

    Parameters
    ----------
    share : array-like
        mu, in (0, 1/2], of any shape.
    dimension : int
        d >= 2, of the space.
    """
    mu = np.asarray(share, dtype=np.float64)
    edge = np.arcsin(np.sqrt(betaincinv((dimension - 1) / 2, 0.5, 2 * mu)))[..., None]
    angle = np.linspace(0, np.pi, _ANGLES)
    middle, mass = (angle[1:] + angle[:-1]) / 2, np.diff(_cap(angle, dimension))
    distance: Array = (2 * np.sin(np.maximum(middle - edge, 0) / 2) * mass).sum(axis=-1)
    return distance


@reference_curve("nearest neighbour in theory")
def nearest_neighbour_on_spheres(dimension: float, n_samples: int, estimator: str, prior: str | None) -> float:
    """Return `nearest_neighbour_error` for the nearest neighbour without a prior, NaN for any other learner."""
    return float(nearest_neighbour_error(n_samples, dimension)) if (estimator, prior) == ("knn-1", None) else math.nan


def _cap(angle: Array, dimension: float) -> Array:
    """Return the share of a sphere in R^dimension within an angle of a point."""
    half: Array = betainc((dimension - 1) / 2, 0.5, np.sin(angle) ** 2) / 2
    return np.where(angle < math.pi / 2, half, 1 - half)


def _errors(frame: pd.DataFrame, learner: str) -> dict[int, pd.DataFrame]:
    """Return the errors of a learner by dimension."""
    dimensions = map(int, values_of(frame, "dimension"))
    return map_measured(lambda d: 1 - seed_table(frame, "accuracy", dimension=d, learner=learner), dimensions)


@claim(
    "adversarial-spheres",
    says="The error of the nearest neighbour is its closed form, at every n and d.",
    source="An integral over the distances to points on either sphere",
    tolerated=f"within {_NEAR:.0%} of it, or {100 * _SLACK:g} points if that is more",
)
def _closed_form(frame: pd.DataFrame) -> Evidence:
    tables = _errors(frame, _NEIGHBOUR)
    theories = {d: nearest_neighbour_error(table.columns, d) for d, table in tables.items()}
    requirements = [
        _near_theory(errors, theory)
        for d, table in tables.items()
        for (_, errors), theory in zip(table.items(), theories[d], strict=True)
    ]
    off = max(abs(requirement.estimate.mean) for requirement in requirements)
    return Evidence(f"{100 * off:.2g} points away at most over {len(requirements)} pairs of n and d", requirements)


def _near_theory(errors: pd.Series, theory: float) -> Requirement:
    """Return the requirement that errors, one per seed, are those of theory; the seeds share their test points."""
    difference = Estimate.of_seeds(errors - theory, least_error=float(np.sqrt(theory * (1 - theory) / N_TEST)))
    slack = max(_SLACK, _NEAR * theory)
    return Requirement(difference, -slack, slack, 100, " points")


@claim(
    "adversarial-spheres",
    says="Where distances concentrate, a point of the outer sphere is nearer to the inner one:"
    " kNN always predicts inner.",
    source="Beyer et al. 1999, theorem 1 (concentration); the rest by the closed form",
    tolerated="an error of 49 to 51 %",
)
def _concentration(frame: pd.DataFrame) -> Evidence:
    d, errors = list(_errors(frame, _NEIGHBOUR).items())[-1]
    found = Estimate.of_seeds(errors.iloc[:, -1])
    return Evidence(
        f"error {100 * found.interval:.2f} % in {d} dimensions at n = {errors.columns[-1]:,}",
        [Requirement(found, 0.49, 0.51, 100, " points")],
    )


@claim(
    "adversarial-spheres",
    says="The radius cures this: one split of one polar coordinate makes no error, in any dimension.",
    source="Gilmer et al. 2018: the norm separates the classes",
    tolerated=f"an error below {_NO_ERROR:.2%} at each n and d",
)
def _cure(frame: pd.DataFrame) -> Evidence:
    tables = list(_errors(frame, _STUMP).values())
    worst, least = max(table.to_numpy().max() for table in tables), min(table.columns[0] for table in tables)
    return Evidence(
        f"largest error {worst:.2g} of all seeds and dimensions, from n = {least:,} on",
        [
            Requirement(Estimate.of_seeds(errors), high=_NO_ERROR, factor=100, unit=" points")
            for table in tables
            for _, errors in table.items()
        ],
    )


@claim(
    "adversarial-spheres",
    says="A net that errs rarely on a sphere errs near its points:"
    " on average no farther off than a cap of equal share.",
    source="Gilmer et al. 2018, theorem 5.1",
    tolerated="at most as far on average, in each dimension",
)
def _near(frame: pd.DataFrame) -> Evidence:
    table = _in_all_seeds(attacked(frame), frame["seed"].nunique())
    parts = {int(d): rows_where(table, dimension=d) for d in values_of(table, "dimension")}
    if table["seed"].nunique() < 2:
        raise NotMeasured("no net has rare errors in two seeds or more")
    ratios = {d: Estimate.of_seeds(rows.groupby("seed")["ratio"].mean()) for d, rows in parts.items()}
    each = (
        f"d = {d}: {ratios[d].interval:.2f} of that; {rows['distance'].mean():.2f} away on average, with"
        f" {100 * rows['share'].min():.2g} to {100 * rows['share'].max():.2g} % errors"
        for d, rows in parts.items()
    )
    return Evidence("; ".join(each), [Requirement(ratio, high=1) for ratio in ratios.values()])


def _in_all_seeds(table: pd.DataFrame, n_seeds: int) -> pd.DataFrame:
    """Return the rows of nets that a table has for all seeds, so that seeds are means of the same nets."""
    cells = table.groupby(["learner", "dimension", "n_samples"])["seed"]
    return table[cells.transform("nunique") == n_seeds]


def attacked(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the attacked nets, of any n and either prior, whose errors are rare, and found from all points.

    Columns ``learner``, ``dimension``, ``n_samples``, ``seed``, ``share``, ``found``, ``distance`` (mean), and
    ``ratio`` of that to the distance from a cap of equal share.
    """
    place = ["learner", "dimension", "n_samples", "seed"]
    named = frame[frame["metric"].str.startswith("nearest_error_")]
    if named.empty or not set(place) <= set(named):
        raise NotMeasured("the nearest error is not measured")
    table = named.pivot(index=place, columns="metric", values="value").reset_index()
    table = table.rename(columns=lambda name: name.removeprefix("nearest_error_"))
    table = table.reindex(columns=[*place, "share", "found", "distance"]).dropna()
    table = table[(table["share"] < _RARE) & (table["found"] >= _FOUND)].astype({"dimension": int})
    bound = [float(cap_distance(share, d)) for share, d in zip(table["share"], table["dimension"], strict=True)]
    return table.assign(ratio=table["distance"] / np.array(bound))


@plot(whole_study=True)
def plot_nearest_errors(results: Results, ax: Axes | None = None) -> Axes:
    """Draw the distance of nets to their nearest error against their share of errors, beside the bound of a cap."""
    ax = new_axes(ax)
    table = attacked(results.frame())
    if table.empty:
        raise NotMeasured("no net has rare errors")
    share, ends = np.geomspace(table["share"].min(), _RARE, 40), []
    set_scale(ax.xaxis, log=True)
    for d, look in value_looks(values_of(table, "dimension"), "net").items():
        rows, bound = table[table["dimension"] == d], cap_distance(share, d)
        ax.plot(rows["share"], rows["distance"], look.marker, color=look.colour, markeredgecolor="white")
        draw_reference(ax, share, bound, look)
        ends.append(End(f"{d} dimensions", share[-1], bound[-1], look))
    ax.set(xlabel="share of errors on the inner sphere", ylabel="mean distance to the nearest error")
    tidy(ax)
    name_references(ax, "bound: mean distance from a cap of that share")
    name_curves(ax, ends)
    return ax
