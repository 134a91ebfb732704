"""The study `double-descent`: least squares and random features beside their closed forms, and trained nets."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from studies.analysis.claims import (
    Evidence,
    NotMeasured,
    claim,
    log_ratio,
    rows_where,
    seed_table,
    values_of,
)
from studies.analysis.verdicts import OF_LOGS, Estimate, Requirement
from studies.registry.reference_curves import reference_curve

Array = NDArray[np.float64]

_DIMENSION, _POINTS, _NOISE = 100, 300, 0.5  # of the least squares and of the random features
_UNITS = 14  # hidden units at which a net on the small sphere has as many parameters as points, 22 each
_MARGIN = 10  # about n = d, where a few outliers dominate the mean over seeds
_NEAR = 0.2  # of a closed form
_ZETA_SQUARED = 0.25 / (0.25 - 0.5 / np.pi)
"""Squared ratio of the linear coefficient of ReLU of a Gaussian to the part that is neither constant nor linear."""


@reference_curve("closed form")
def least_squares_risk(n_samples: ArrayLike, dimension: int, noise: float, distance: ArrayLike = 1.0) -> Array:
    r"""Return the expected squared error of least squares of minimum norm, without noise in the test labels.

    For isotropic Gaussian points and a linear function of norm 1, exactly for any n: the expectation of an inverse
    Wishart matrix. With another squared `distance` it is that of the least squares nearest to given coefficients. Its
    limit for n, d to infinity is that of Hastie et al., Surprises in high-dimensional
    ridgeless least squares interpolation, 2019, arXiv:1903.08560.

    Parameters
    ----------
    n_samples : array-like
        n, of any shape.
    dimension : int
        d.
    noise : float
        Standard deviation of the noise of the training labels.
    distance : array-like, default=1.0
        :math:`|w^* - w_s|^2`, the squared distance of the function's coefficients from those at the start, which are 0
        for the minimum norm.

    Returns
    -------
    risk : ndarray
        :math:`\sigma^2 d / (n - d - 1)` for n > d + 1, for n < d - 1 :math:`|w^* - w_s|^2 (1 - n/d) +
        \sigma^2 n / (d - n - 1)`, infinite in between.
    """
    n, d = np.asarray(n_samples, dtype=np.float64), dimension
    gap = np.maximum(np.abs(n - d) - 1, 0)
    with np.errstate(divide="ignore"):
        variance = noise**2 * np.minimum(n, d) / gap
    return np.asarray(distance) * np.maximum(1 - n / d, 0) + variance


@reference_curve("theory of many features, without ridge")
def random_features_risk(
    n_features: ArrayLike, n_samples: int, dimension: int, noise: float, ridge: float = 0.0
) -> Array:
    """Return the expected squared error of ridgeless random ReLU features on a linear function of norm 1.

    Points and weights are uniform on the sphere of radius sqrt(d), and n, N, d go to infinity together: Mei and
    Montanari, The generalization error of random features regression, 2019, arXiv:1908.05355, the ridgeless limit.
    Infinite at N = n.

    Parameters
    ----------
    n_features : array-like
        N, of any shape.
    n_samples, dimension : int
        n and d.
    noise : float
        Standard deviation of the noise of the training labels.
    ridge : float, default=0.0
        With any other the values are NaN.
    """
    if ridge:
        return np.full(np.shape(n_features), np.nan)
    a, b = np.asarray(n_features, dtype=np.float64) / dimension, n_samples / dimension
    z, lesser = _ZETA_SQUARED, np.minimum(a, b)
    c = -(np.sqrt((lesser * z - z - 1) ** 2 + 4 * z * lesser) + (lesser * z - z - 1)) / (2 * z)
    common = c**5 * z**3 - 3 * c**4 * z**2 + 2 * c**3 * z**2 + 3 * c**3 * z - 2 * c**2 * z - c**2
    whole = (
        -common + (a * b - a - b + 1) * c**3 * z**3 + (a + b - 3 * a * b + 1) * c**2 * z**2 + 3 * a * b * c * z - a * b
    )
    bias = b * c**3 * z**2 - b * c**2 * z + a * b * c * z - a * b
    variance = common + (a - 1) * c**3 * z**3 - (a + 1) * c**2 * z**2
    with np.errstate(divide="ignore"):
        risk: Array = np.where(a == b, np.inf, (bias + noise**2 * variance) / whole)
    return risk


@claim(
    "double-descent",
    says="The error of least squares of minimum norm is its closed form, below and above n = d.",
    source="Hastie et al. 2019 (isotropic features); the expectation of an inverse Wishart matrix",
    tolerated=f"within {_NEAR:.0%} of it at each n that is {_MARGIN} or more from d",
    changed="ten seeds in place of five, after a first look at five",
)
def _closed_form(frame: pd.DataFrame) -> Evidence:
    table = seed_table(frame, "mse", learner="least squares")
    far = table.loc[:, np.abs(table.columns - _DIMENSION) >= _MARGIN]
    if far.empty:
        raise NotMeasured(f"least squares is measured only about n = {_DIMENSION}")
    theory = least_squares_risk(far.columns, _DIMENSION, _NOISE)
    ratios = [Estimate.of_seeds(far[n] / risk) for n, risk in zip(far.columns, theory, strict=True)]
    return Evidence(
        f"{_range(ratios)} times it at n = {', '.join(map(str, far.columns))}",
        [Requirement(ratio, 1 - _NEAR, 1 + _NEAR) for ratio in ratios],
    )


def _range(estimates: list[Estimate]) -> str:
    return f"{min(each.mean for each in estimates):.2f} to {max(each.mean for each in estimates):.2f}"


@claim(
    "double-descent",
    says="More data hurt: the error rises from n = d/2 to n = 0.9 d.",
    source="Nakkiran 2019, arXiv:1912.07242, figure 1",
    tolerated="a higher error",
)
def _more_data(frame: pd.DataFrame) -> Evidence:
    table = seed_table(frame, "mse", learner="least squares", needs=(50, 90))
    rise = log_ratio(table[90], table[50])
    return Evidence(f"{rise.interval.exp():.2f} times the error", [Requirement(rise, low=0, unit=OF_LOGS)])


def _of_features(frame: pd.DataFrame, ridge: float) -> pd.DataFrame:
    needs = (_POINTS // 4, _POINTS, 5 * _POINTS)
    return seed_table(frame, "mse", "n_features", family="random features", ridge=ridge, needs=needs)


@claim(
    "double-descent",
    says="The error of ridgeless random features follows the limit N, n, d to infinity, to the order of d^(-1/2).",
    source="Mei and Montanari 2019, arXiv:1908.05355 (the ridgeless limit)",
    tolerated=f"within d^(-1/2) = {_DIMENSION**-0.5:.0%} of it at each N but n",
)
def _limit(frame: pd.DataFrame) -> Evidence:
    table = _of_features(frame, ridge=0.0).drop(columns=_POINTS)
    few, *_, many = table.columns / _POINTS
    theory = random_features_risk(table.columns, _POINTS, _DIMENSION, _NOISE)
    ratios = [Estimate.of_seeds(table[N] / risk) for N, risk in zip(table.columns, theory, strict=True)]
    slack = _DIMENSION**-0.5
    return Evidence(
        f"{_range(ratios)} times it at N/n = {few:.2g} to {many:.2g}, N = n left out",
        [Requirement(ratio, 1 - slack, 1 + slack) for ratio in ratios],
    )


@claim(
    "double-descent",
    says="It peaks at N = n.",
    source="Mei and Montanari 2019, arXiv:1908.05355 (the ridgeless limit)",
    tolerated="a higher error than at N = n/4 and at N = 5 n",
)
def _peak(frame: pd.DataFrame) -> Evidence:
    table = _of_features(frame, ridge=0.0)
    rises = [log_ratio(table[_POINTS], table[side]) for side in (_POINTS // 4, 5 * _POINTS)]
    times = " and ".join(f"{rise.interval.exp():.0f}" for rise in rises)
    return Evidence(f"{times} times the error at N = n/4 and N = 5 n", _positive(rises))


def _positive(logs: list[Estimate]) -> list[Requirement]:
    return [Requirement(each, low=0, unit=OF_LOGS) for each in logs]


@claim(
    "double-descent",
    says="A large enough ridge removes the peak.",
    source="Mei and Montanari 2019, arXiv:1908.05355",
    tolerated="a lower error at N = n than at N = n/4, and a lower one at N = 5 n",
)
def _ridge(frame: pd.DataFrame) -> Evidence:
    table = _of_features(frame, ridge=0.1)
    before = log_ratio(table[_POINTS // 4], table[_POINTS])
    after = log_ratio(table[_POINTS], table[5 * _POINTS])
    return Evidence(
        f"with ridge 0.1 the error falls by a factor of {before.interval.exp():.2f} from N = n/4 to N = n, and of"
        f" {after.interval.exp():.2f} to N = 5 n",
        _positive([before, after]),
    )


@claim(
    "double-descent",
    says="A trained two-layer net does worst where it has about as many parameters as there are points.",
    source="Belkin et al. 2019, arXiv:1812.11118; Nakkiran et al. 2019, arXiv:1912.02292",
    tolerated=f"a higher error with {_UNITS} hidden units than with 4 and with 256",
)
def _by_width(frame: pd.DataFrame) -> Evidence:
    nets = rows_where(frame, family="net")
    table = seed_table(nets, "mse", "width", epochs=values_of(nets, "epochs")[-1], needs=(4, _UNITS, 256))
    rises = [log_ratio(table[_UNITS], table[side]) for side in (4, 256)]
    times = " and ".join(f"{rise.interval.exp():.2f}" for rise in rises)
    return Evidence(f"at {_UNITS} hidden units {times} times the error at 4 and at 256", _positive(rises))


@claim(
    "double-descent",
    says="With label noise, the error of a wide net falls, rises and falls again with training (by half of its rise).",
    source="Nakkiran et al. 2019, arXiv:1912.02292, on epochs",
    tolerated="more than half of its largest rise regained",
)
def _by_epoch(frame: pd.DataFrame) -> Evidence:
    nets = rows_where(frame, family="net")
    recovered = _recovered(seed_table(nets, "mse", "epochs", width=values_of(nets, "width")[-1]))
    return Evidence(f"it regains {recovered.interval:.2f} of its rise", [Requirement(recovered, low=0.5)])


def _recovered(table: pd.DataFrame) -> Estimate:
    """Return the share of a curve's largest rise above an earlier minimum that it has lost again at its end."""
    mean = table.mean()
    peak = (mean / mean.cummin()).idxmax()
    lowest = mean[:peak].idxmin()
    if lowest == peak:  # it never rises
        return Estimate(0.0, 0.0, len(table) - 1)
    return Estimate.of_seeds((table[peak] - table.iloc[:, -1]) / (table[peak] - table[lowest]))
