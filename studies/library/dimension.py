"""The study `dimension`: exponents of learning curves on manifolds of known dimension, beside those of theory."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, eval_gegenbauer

from studies.analysis.claims import Evidence, NotMeasured, claim, log_log_slopes, map_measured, seed_table, sizes_text
from studies.analysis.intervals import Interval, mean_interval
from studies.analysis.verdicts import Estimate, Requirement
from studies.plots.looks import learner_looks
from studies.plots.style import (
    End,
    draw_points,
    draw_reference,
    name_curves,
    name_references,
    new_axes,
    set_scale,
    tidy,
)
from studies.registry.plots import plot
from studies.registry.reference_curves import reference_curve
from studies.results.results import Results

Array = NDArray[np.float64]

_DIMENSIONS = (2, 4, 8)  # m of the spheres S^m
_OFFSET = 1.02  # between learners, in a plot
_NEAR, _CLOSE = 0.1, 0.05  # of an exponent; of a closed form
_NEAR_THEORY = f"within {_NEAR:.0%} of this exponent for each m"
_SPIRALS = ("spiral, dimension=2", "spiral, dimension=50")
_NEIGHBOUR, _ANGLES = "kNN, k=1", 5_001
_LATE = {_NEIGHBOUR: 1000, "kernel": 1000, "RFM": 1000, "net": 316}
"""The n from which slopes are taken: the late part of each curve."""


def nearest_neighbour_mse(n_samples: ArrayLike, m: int, degree: int = 2) -> Array:
    r"""Return the expected squared error of the nearest neighbour on a harmonic of variance 1 on the sphere S^m.

    A neighbour at angle theta, in a direction that is as likely as any other, has a label whose mean product with the
    true one is the Legendre polynomial P_degree(cos theta); so the error is :math:`E[2 - 2 P(\cos \theta)]`. The angle
    exceeds t where all n points miss a cap. It falls as n^(-2/m).

    Parameters
    ----------
    n_samples : array-like
        n, of any shape, of uniform points without noise.
    m : int
        m >= 2.
    degree : int, default=2
        Of the harmonic.
    """
    angle = np.linspace(0, np.pi, _ANGLES)
    half_cap = betainc(m / 2, 0.5, np.sin(angle) ** 2) / 2
    cap = np.where(angle < np.pi / 2, half_cap, 1 - half_cap)
    legendre = eval_gegenbauer(degree, (m - 1) / 2, np.cos(angle)) / eval_gegenbauer(degree, (m - 1) / 2, 1.0)
    missed = (1 - cap) ** np.asarray(n_samples, dtype=np.float64)[..., None]
    between = (missed[..., 1:] + missed[..., :-1]) / 2
    error: Array = between @ np.diff(2 - 2 * legendre)
    return error


@reference_curve("closed form")
def neighbour_on_sphere(n_samples: float, dimension: int, estimator: str) -> float:
    """Return `nearest_neighbour_mse` on the sphere in R^dimension; NaN for any other learner."""
    return float(nearest_neighbour_mse(n_samples, dimension - 1)) if estimator == "knn-1" else np.nan


def exponents(frame: pd.DataFrame, problem: str, learner: str, metric: str) -> pd.Series:
    """Return minus the slope of log loss against log n over the late part of a learner's curve, for each seed."""
    table = losses(frame, problem, learner, metric).loc[:, _LATE[learner] :]
    if len(table.columns) < 2:
        raise NotMeasured(f"the late part of {learner} on {problem} is not measured with two sizes or more")
    return -log_log_slopes(table)


def losses(frame: pd.DataFrame, problem: str, learner: str, metric: str = "mse") -> pd.DataFrame:
    """Return the losses of a learner, a row for each seed and a column for each n; "error" is that of "accuracy"."""
    if metric == "error":
        return 1 - seed_table(frame, "accuracy", problem=problem, learner=learner)
    return seed_table(frame, metric, problem=problem, learner=learner)


def _sphere(m: int) -> str:
    return f"sphere, dimension={m + 1}"


@claim(
    "dimension",
    says="The squared error of the nearest neighbour on S^m is its closed form at every n, in 50 dimensions as in any.",
    source="An integral over the distance of the nearest of n uniform points",
    tolerated=f"within {_CLOSE:.0%} of it, at each n and m",
)
def _closed_form(frame: pd.DataFrame) -> Evidence:
    tables = map_measured(lambda m: seed_table(frame, "mse", problem=_sphere(m), learner=_NEIGHBOUR), _DIMENSIONS)
    theories = {m: nearest_neighbour_mse(table.columns, m) for m, table in tables.items()}
    ratios = [
        Estimate.of_seeds(errors / theory)
        for m, table in tables.items()
        for (_, errors), theory in zip(table.items(), theories[m], strict=True)
    ]
    means = [ratio.mean for ratio in ratios]
    return Evidence(
        f"{min(means):.2f} to {max(means):.2f} times it over {len(means)} pairs of n and m",
        [Requirement(ratio, 1 - _CLOSE, 1 + _CLOSE) for ratio in ratios],
    )


@claim(
    "dimension",
    says="The squared error of the nearest neighbour falls as n^(-2/m), m the intrinsic dimension,"
    " up to what the closed form says of finite n.",
    source="Bahri et al. 2021, section 2.2 (a loss of second order in the distance to the nearest training point)",
    tolerated=_NEAR_THEORY,
)
def _smooth(frame: pd.DataFrame) -> Evidence:
    def exponent(m: int) -> float:
        """Return the closed form's own exponent at the sizes that are measured."""
        sizes = seed_table(frame, "mse", problem=_sphere(m), learner=_NEIGHBOUR).columns.to_numpy(dtype=float)
        late = sizes[sizes >= _LATE[_NEIGHBOUR]]
        return -float(log_log_slopes(pd.DataFrame([nearest_neighbour_mse(late, m)], columns=late))[0])

    return _compare(frame, "{}", _NEIGHBOUR, "mse", exponent)


@claim(
    "dimension",
    says="The nearest neighbour's share of wrong classes at a smooth boundary falls as n^(-1/m).",
    source="Wrong only where the boundary runs between: within a distance of n^(-1/m)",
    tolerated=_NEAR_THEORY,
)
def _boundary(frame: pd.DataFrame) -> Evidence:
    return _compare(frame, "sign on a {}", _NEIGHBOUR, "error", lambda m: 1 / m)


@claim(
    "dimension",
    says="The squared error of a Laplace kernel on a smooth function falls as n^(-2(m + 1)/m).",
    source="Spigler, Geiger and Wyart 2020, arXiv:1905.10843 (a teacher smoother than the kernel)",
    tolerated=_NEAR_THEORY,
    changed="the sizes on S^8, after a first look",
)
def _kernel(frame: pd.DataFrame) -> Evidence:
    return _compare(frame, "{}", "kernel", "mse", lambda m: 2 * (m + 1) / m)


@claim(
    "dimension",
    says="The squared error of a net falls as n^(-4/m), or faster.",
    source="Our own expectation; Bahri et al. 2021, section 2.2, have at least 4/m for a piecewise linear"
    " interpolation, Sharma and Kaplan 2020 4/m in the number of parameters",
    tolerated=f"an exponent of at least {1 - _NEAR:.0%} of it for each m",
)
def _net(frame: pd.DataFrame) -> Evidence:
    return _compare(frame, "{}", "net", "mse", lambda m: 4 / m, high=np.inf)


def _compare(
    frame: pd.DataFrame,
    problem: str,
    learner: str,
    metric: str,
    theory: Callable[[int], float],
    high: float = 1 + _NEAR,
) -> Evidence:
    """Compare a learner's exponents on the spheres with those of theory, up to `high` times these."""
    found = map_measured(lambda m: exponents(frame, problem.format(_sphere(m)), learner, metric), _DIMENSIONS)
    each = (f"m = {m}: {mean_interval(own):.3f} beside {theory(m):.3g}" for m, own in found.items())
    return Evidence(
        "; ".join(each),
        [Requirement(Estimate.of_seeds(own), (1 - _NEAR) * theory(m), high * theory(m)) for m, own in found.items()],
    )


@claim(
    "dimension",
    says="The nearest neighbour's errors on the spiral fall as n^(-1/2), in 50 dimensions as in the plane.",
    source="As for the spheres, with m = 2; distances are all that it sees",
    tolerated=f"an exponent within {_NEAR:.0%} of 1/2 in 50 dimensions",
)
def _spiral(frame: pd.DataFrame) -> Evidence:
    plane, space = (losses(frame, place, _NEIGHBOUR, "error") for place in _SPIRALS)
    found = exponents(frame, _SPIRALS[1], _NEIGHBOUR, "error")
    return Evidence(
        f"exponent {mean_interval(found):.2f}; errors differ from those in the plane by"
        f" {(plane - space).abs().to_numpy().max():.1g} at most",
        [Requirement(Estimate.of_seeds(found), 0.5 * (1 - _NEAR), 0.5 * (1 + _NEAR))],
    )


@claim(
    "dimension",
    says="A net is not blind to the space: in 50 dimensions it needs more data for the same spiral.",
    source="Our own expectation: a net sees coordinates, not distances",
    tolerated="a higher error at the largest n",
)
def _net_on_spiral(frame: pd.DataFrame) -> Evidence:
    plane, space = (losses(frame, place, "net", "error") for place in _SPIRALS)
    sizes = [n for n in plane.columns if n in space.columns]
    if not sizes:
        raise NotMeasured("no sample size is measured both in the plane and in space")
    worse = {n: Estimate.of_seeds(100 * (space[n] - plane[n])) for n in sizes}
    return Evidence(
        f"error higher by {', '.join(f'{points.interval:+.2f}' for points in worse.values())} points at n ="
        f" {sizes_text(worse)}",
        [Requirement(worse[sizes[-1]], low=0, unit=" points")],
    )


@plot(whole_study=True)
def plot_exponents(results: Results, ax: Axes | None = None) -> Axes:
    """Draw the exponents of squared errors against the dimension of the sphere, beside those of theory."""
    ax = new_axes(ax)
    frame = results.frame()
    m = np.linspace(1.8, 9, 100)
    theories = {_NEIGHBOUR: 2 / m, "kernel": 2 * (m + 1) / m, "net": 4 / m, "RFM": None}
    found = map_measured(lambda learner: _intervals(frame, learner), theories)
    set_scale(ax.xaxis, log=True, at=_DIMENSIONS)
    set_scale(ax.yaxis, log=True)
    looks, ends = learner_looks(results.study), []
    for place, learner in enumerate(found):
        x = _OFFSET**place * np.array(list(found[learner]))
        means, lows, highs = np.transpose([(each.mean, each.low, each.high) for each in found[learner].values()])
        draw_points(ax, x, means, (lows, highs), looks[learner], learner)
        ends.append(End(learner, x[-1], means[-1], looks[learner]))
        if (theory := theories[learner]) is not None:
            draw_reference(ax, m, theory, looks[learner])
    ax.set(xlabel="dimension m of the sphere", ylabel="exponent of the mean squared error")
    tidy(ax)
    name_references(ax, "theory")
    name_curves(ax, ends)
    return ax


def _intervals(frame: pd.DataFrame, learner: str) -> dict[int, Interval]:
    return map_measured(lambda m: mean_interval(exponents(frame, _sphere(m), learner, "mse")), _DIMENSIONS)
