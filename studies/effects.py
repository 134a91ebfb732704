"""Whether a prior moves the exponent of a learning curve, or only its level."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from studies.curves import LearningCurve, paired_curves
from studies.families import FAMILIES
from studies.inference import Interval, exponential, hull, jackknife_interval
from studies.scaling import fit_scaling


@dataclass(frozen=True)
class PriorEffect:
    """How a prior changes a scaling law.

    Attributes
    ----------
    family : str
        Of both laws.
    exponent : Interval
        The exponent with the prior, less that without.
    error_ratio : Interval
        The error with the prior over that without, in the middle of the measured sizes. There, unlike at n = 1, the
        intercept of a line does not depend on its slope.
    n : float
        That middle, the geometric mean of the sizes.
    """

    family: str
    exponent: Interval
    error_ratio: Interval
    n: float


def prior_effect(frame: pd.DataFrame, prior: str, plain: str, metric: str = "error") -> PriorEffect:
    """Find whether a prior moves the exponent of a learning curve, or its level, or both.

    Both curves get laws on their common sizes and seeds, and are compared by one family: the more general of the two
    that are chosen. The intervals reach as far as that of any power law that is ruled out for neither.

    Parameters
    ----------
    frame : DataFrame
        From `Results.frame`, of one problem.
    prior, plain : str
        The learner with the prior and the one without.
    metric : str, default="error"

    Returns
    -------
    effect : PriorEffect

    Raises
    ------
    NoScalingLaw
        If either curve has none.
    ValueError
        If no power law is left for both.
    """
    laws = [fit_scaling(curve) for curve in _on_common_sizes(*paired_curves(frame, prior, plain, metric))]
    with_prior, without = ({fit.family.name: fit for fit in law.candidates} for law in laws)
    shared = [name for name in with_prior if name in without and FAMILIES[name].is_power_law]
    if not shared:
        raise ValueError(f"no power law fits both {prior!r} and {plain!r}")
    chosen = max((law.family for law in laws if law.family in shared), key=shared.index, default=shared[0])
    n = float(np.exp(np.log(laws[0].curve.sizes).mean()))
    exponents = {k: jackknife_interval(with_prior[k].exponents() - without[k].exponents()) for k in shared}
    ratios = {k: jackknife_interval(with_prior[k].log_errors(n) - without[k].log_errors(n)) for k in shared}
    return PriorEffect(
        chosen,
        hull(exponents[chosen], exponents.values()),
        exponential(hull(ratios[chosen], ratios.values())),
        n,
    )


def _on_common_sizes(a: LearningCurve, b: LearningCurve) -> list[LearningCurve]:
    common = np.intersect1d(a.sizes, b.sizes)
    return [LearningCurve(common, c.errors[:, np.isin(c.sizes, common)], c.n_test) for c in (a, b)]
