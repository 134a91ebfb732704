"""The study `robustness-law`: steepness of functions that fit random labels, beside the law of Bubeck and Sellke."""

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import estimators
from studies.analysis.claims import Evidence, NotMeasured, claim
from studies.analysis.intervals import mean_interval
from studies.analysis.verdicts import Estimate, Requirement
from studies.registry.metrics import Fitted, metric
from studies.registry.problems import AnyProblem
from studies.registry.reference_curves import reference_curve
from toymanifold.harmonics import Constant

Array = NDArray[np.float64]

_FAMILIES = {"random features": "random features", "net": "trained two-layer nets"}  # their names in a sentence
_EXPONENTS = {"n_samples": 0.5, "dimension": 0.5, "p": -0.5}
_NEAR = 0.1  # of an exponent
_SYMBOLS = {"n_samples": "n", "dimension": "d", "p": "p"}
_BELOW_NOISE = 0.5
"""Mean squared error on labels of variance 1 below which they count as fitted: epsilon = 1/2 in the theorem."""


@reference_curve("sqrt(n d / p), of the law")
def robustness_law(
    n_samples: int, dimension: int, width: float | None = None, n_features: float | None = None
) -> float:
    """Return sqrt(n d / p), the law's bound up to a factor, for a net of one hidden layer or for random features."""
    p = n_features if width is None else width * (dimension + 2) + 1
    return math.nan if p is None else math.sqrt(n_samples * dimension / p)


def _is_random(problem: AnyProblem) -> bool:
    return problem.task == "regression" and isinstance(problem.target, Constant)


@metric("1", title="Steepness of the fitted function", heading="steepness", supports=_is_random, default=False)
def steepness(fitted: Fitted) -> dict[str, float]:
    """Largest norm of the input gradient found, and mean distance of the training points to a change of sign."""
    regressor, X = fitted.estimator, fitted.train.X
    return {
        "largest": estimators.lipschitz_lower_bound(regressor, X, n_steps=10),
        "distance": float(boundary_distance(regressor, X).mean()),
    }


def boundary_distance(regressor: Any, X: Array, *, n_steps: int = 50, overshoot: float = 0.02) -> Array:
    """Return the distance of points to where a prediction changes its sign, by Newton's steps along the gradient.

    An upper bound of the distance (DeepFool: Moosavi-Dezfooli, Fawzi and Frossard, CVPR 2016).

    Parameters
    ----------
    regressor : estimator
        Fitted on one target, with a method ``gradients``, such as `NetRegressor` or `RandomFeaturesRegressor`.
    X : ndarray of shape (n, d)
    n_steps : int, default=50
        At most; for a point that has not crossed by then, the distance is that to where it is.
    overshoot : float, default=0.02
        Share by which a step is longer than to the zero of the linear function.

    Returns
    -------
    distance : ndarray of shape (n,)
    """
    points, start = X.copy(), regressor.predict(X)
    for _ in range(n_steps):
        now = regressor.predict(points)
        ahead = now * start > 0
        if not ahead.any():
            break
        gradients = regressor.gradients(points[ahead])[:, :, 0]
        squares = np.maximum(np.einsum("ij,ij->i", gradients, gradients), np.finfo(float).tiny)
        points[ahead] -= (1 + overshoot) * (now[ahead] / squares)[:, None] * gradients
    distance: Array = np.linalg.norm(points - X, axis=1)
    return distance


def cells(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with a row for each cell, and its place, ``p`` and the metrics as columns."""
    place = ["family", "dimension", "n_samples", "seed", "width", "n_features"]
    names = ["mse_train", "steepness_largest", "steepness_distance"]
    wanted = frame[frame["metric"].isin(names)]
    if not set(place) <= set(frame):
        raise NotMeasured(f"nothing is measured along all of {', '.join(place)}")
    table = wanted.pivot_table(index=place, columns="metric", values="value", dropna=False, observed=True)
    table = table.reindex(columns=names).dropna().reset_index()
    net = table["width"] * (table["dimension"] + 2) + 1
    return table.assign(p=net.fillna(table["n_features"]))


def exponents(table: pd.DataFrame, of: str) -> pd.DataFrame:
    """Return the slopes of a metric in n, d and p, all logarithms, by least squares: a row for each seed.

    Raises
    ------
    NotMeasured
        If there are not two seeds, or not two values of each of the three.
    """
    if table["seed"].nunique() < 2 or table[list(_EXPONENTS)].nunique().min() < 2:
        raise NotMeasured(f"{of} is not measured with two seeds, and two values of n, d and p, or more")
    return pd.DataFrame([_fit(rows, of) for _, rows in table.groupby("seed")], columns=list(_EXPONENTS))


def _fit(table: pd.DataFrame, of: str) -> Array:
    logs = np.log(table[list(_EXPONENTS)].to_numpy(dtype=float))
    design = np.column_stack([np.ones(len(logs)), logs])
    coefficients: Array = np.linalg.lstsq(design, np.log(table[of].to_numpy()), rcond=None)[0]
    return coefficients[1:]


def _fitted(frame: pd.DataFrame, family: str) -> tuple[pd.DataFrame, int]:
    """Return the cells of a family that fit below the noise, and how many do not."""
    table = cells(frame)
    rows = table[table["family"] == family]
    fitted = rows[rows["mse_train"] < _BELOW_NOISE]
    return fitted, len(rows) - len(fitted)


def _small(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["p"] <= table["n_samples"] * table["dimension"]]


@claim(
    "robustness-law",
    says="Up to p = n d the largest gradient of {learners} falls with p no faster than the bound, p^(-1/2).",
    source="Bubeck and Sellke 2021, theorem 1: a lower bound on the global Lipschitz constant, up to logarithms",
    tolerated="an exponent of p of -1/2 or more",
    family=list(_FAMILIES),
)
def _no_faster(frame: pd.DataFrame, family: str) -> Evidence:
    fitted, n_left_out = _fitted(frame, family)
    table = _small(fitted)
    found = Estimate.of_seeds(exponents(table, "steepness_largest")["p"])
    least = (table["steepness_largest"] / _bound(table)).min()
    left = f" ({n_left_out} cells that fit less are left out)" if n_left_out else ""
    return Evidence(
        f"slope {found.interval:.2f}; the least gradient is {least:.2g} sqrt(n d / p){left}",
        [Requirement(found, low=-0.5)],
        {"learners": _FAMILIES[family]},
    )


@claim(
    "robustness-law",
    says="The largest gradient goes as the bound itself, sqrt(n d / p), for {learners}, which the law does not imply.",
    source="Bubeck, Li and Nagaraj 2020, arXiv:2009.14444 (a net may, in some regimes; not that training finds it)",
    tolerated=f"exponents of n, d and p within {_NEAR:g} of 1/2, 1/2 and -1/2",
    family=list(_FAMILIES),
)
def _tight(frame: pd.DataFrame, family: str) -> Evidence:
    found = exponents(_small(_fitted(frame, family)[0]), "steepness_largest")
    slopes = ", ".join(f"{mean_interval(found[name]):.2f} in {symbol}" for name, symbol in _SYMBOLS.items())
    requirements = [
        Requirement(Estimate.of_seeds(found[name]), exponent - _NEAR, exponent + _NEAR)
        for name, exponent in _EXPONENTS.items()
    ]
    return Evidence(f"slopes {slopes}", requirements, {"learners": _FAMILIES[family]})


@claim(
    "robustness-law",
    says="More parameters put the boundary farther from the training points.",
    source="Bubeck and Sellke 2021: size is needed for robustness (not claimed to be enough)",
    tolerated="a distance that grows with p, of both families",
)
def _distance(frame: pd.DataFrame) -> Evidence:
    tables = {family: _fitted(frame, family)[0] for family in _FAMILIES}
    slopes = {name: Estimate.of_seeds(exponents(rows, "steepness_distance")["p"]) for name, rows in tables.items()}
    each = ", ".join(f"{slope.interval:.2f} ({name})" for name, slope in slopes.items())
    return Evidence(
        f"slopes of the mean distance in p: {each}", [Requirement(slope, low=0) for slope in slopes.values()]
    )


def _bound(table: pd.DataFrame) -> Array:
    bound: Array = np.sqrt((table["n_samples"] * table["dimension"] / table["p"]).to_numpy())
    return bound
