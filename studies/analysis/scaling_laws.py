"""Scaling laws of learning curves: exponent, floor and extrapolation, with intervals.

There is no law where the data cannot support one; `NoScalingLaw` then carries the reasons and the estimate.
"""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from studies.analysis.curve_models import FAMILIES, CurveFit, fit_candidates, missed_sizes, simplest_predictor
from studies.analysis.intervals import CONFIDENCE, Interval, Sentence, hull, jackknife_interval, p_above_zero
from studies.analysis.learning_curves import HasFrame, LearningCurve, learning_curve, paired_curves
from toymanifold.validation import check_choice, error_message

Array = NDArray[np.float64]

MIN_SIZES, MIN_SEEDS, MIN_DECADES = 5, 3, 1.5

REACH = 1 / 3
"""Extrapolation beyond the largest sample, in lengths of the measured range on a logarithmic scale."""

STEEPEST = 4
"""The largest exponent of a power law: (n + c)^-a with a larger `a` is an exponential in all but name."""

_KEPT = 512  # laws in the cache

_NOT_A_NUMBER = Interval(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True, eq=False)
class ScalingLaw(Sentence):
    """The scaling law of a learning curve.

    An interval holds whichever candidate is true: it reaches as far as that of any candidate, which is Student's t on
    the jackknife over seeds.

    Attributes
    ----------
    curve : LearningCurve
    chosen : CurveFit
        The simplest candidate that extrapolates to the largest sizes as well as any.
    candidates : tuple of CurveFit
        All models that the data do not rule out.

    Examples
    --------
    >>> sizes = np.geomspace(100, 10_000, 5)
    >>> law = fit_scaling(LearningCurve(sizes, [5 * sizes**-0.5] * 3, n_test=50_000), families=("pow2", "pow3"))
    >>> print(law)
    error falls as n^-0.5 [0.5, 0.5] to a floor of 0 [0, 0] (pow2, n = 100 to 10,000)
    >>> print(law.extrapolate(20_000))
    0.0354 [0.0354, 0.0354]
    """

    curve: LearningCurve
    chosen: CurveFit
    candidates: tuple[CurveFit, ...]

    def __str__(self) -> str:
        first, last = self.curve.sizes[[0, -1]]
        model = self.chosen.model
        how = f"as n^-{self.exponent:.2g}" if model.is_power_law else f"as {model.formula}"
        measured = f"{self.family}, n = {first:,.0f} to {last:,.0f}"
        return f"error falls {how} to a floor of {self.resolved_floor:.2g} ({measured})"

    @property
    def family(self) -> str:
        """Name of the chosen model, in `studies.analysis.curve_models.FAMILIES`."""
        return self.chosen.model.name

    @property
    def params(self) -> dict[str, float]:
        """The parameters in the chosen model's formula, for errors and numbers of samples."""
        return self.chosen.params

    @property
    def exponent(self) -> Interval:
        """The exponent of the fall to the floor at large n; NaN where the chosen model is not a power law."""
        if not self.chosen.model.is_power_law:
            return _NOT_A_NUMBER
        power_laws = [fit for fit in self.candidates if fit.model.is_power_law]
        return _not_below_zero(_over(power_laws, self.chosen, lambda fit: fit.exponents()))

    @property
    def floor(self) -> Interval:
        """The error that no amount of data removes."""
        return _not_below_zero(_over(self.candidates, self.chosen, lambda fit: fit.floors()))

    @property
    def resolved_floor(self) -> Interval:
        """The floor, as 0 where it is below half an error in the test points."""
        least = 0.5 / self.curve.n_test if self.curve.n_test else 0.0
        return Interval(*(end if end > least else 0.0 for end in (self.floor.mean, self.floor.low, self.floor.high)))

    @property
    def reach(self) -> float:
        """The largest n of an extrapolation: beyond the data by a third of their decades."""
        first, last = self.curve.sizes[[0, -1]]
        return float(last * (last / first) ** REACH)

    def predict(self, n: ArrayLike) -> Array:
        """Return the error at `n`, of any shape, from the smallest measured size to `reach`.

        Raises
        ------
        ValueError
            If any `n` is beyond these.
        """
        return np.asarray(np.exp(self.chosen.log_errors(self._within_reach(n, "predict"))[0]))

    def extrapolate(self, n: float) -> Interval:
        """Return the error at one `n`, from the smallest measured size to `reach`, with its interval.

        Raises
        ------
        ValueError
            If `n` is beyond these.
        """
        at = self._within_reach(n, "extrapolate")
        return _over(self.candidates, self.chosen, lambda fit: fit.log_errors(at)).exp()

    def _within_reach(self, n: ArrayLike, owner: str) -> Array:
        at = np.asarray(n, dtype=np.float64)
        first = self.curve.sizes[0]
        if not np.all((at >= first) & (at <= self.reach * (1 + 1e-12))):
            raise ValueError(
                error_message("n", owner, f"within the data and their reach, [{first:g}, {self.reach:g}]", n)
            )
        return at


class NoScalingLaw(Sentence, ValueError):  # noqa: N818 - an answer, not a mistake
    """The data do not support a scaling law.

    Attributes
    ----------
    reasons : tuple of str
    local_exponents : list of Interval
        Between consecutive sizes: these need no law.
    estimate : ScalingLaw or None
        The best fit all the same; None where there are too few sizes or seeds.
    """

    def __init__(self, reasons: Sequence[str], curve: LearningCurve, estimate: ScalingLaw | None) -> None:
        super().__init__(f"no scaling law: {'; '.join(reasons)}")
        self.reasons = tuple(reasons)
        self.local_exponents = curve.local_exponents()
        self.estimate = estimate


def fit_scaling(curve: LearningCurve, families: Sequence[str] = tuple(FAMILIES)) -> ScalingLaw:
    """Fit a scaling law to a learning curve.

    Parameters
    ----------
    curve : LearningCurve
    families : sequence of str, default=all
        Names of the models to try, the simplest first: "pow2", "pow3", "exp3", "pow4", "mmf4", "wbl4".

    Returns
    -------
    law : ScalingLaw

    Raises
    ------
    NoScalingLaw
        If there are fewer than 5 sizes, 3 seeds or one and a half decades, if the error rises somewhere or does not
        fall, if no model fits, or if the curve is not a power law, or not yet.

    Examples
    --------
    >>> sizes = np.geomspace(100, 10_000, 5)
    >>> law = fit_scaling(LearningCurve(sizes, [5 * sizes**-0.5] * 3), families=("pow2", "pow3"))
    >>> law.family, {name: round(value, 3) for name, value in law.params.items()}
    ('pow2', {'a': 5.0, 'b': 0.5})
    >>> try:
    ...     fit_scaling(LearningCurve(sizes[:3], [5 * sizes[:3] ** -0.5] * 3))
    ... except NoScalingLaw as refusal:
    ...     print(refusal)
    no scaling law: 3 sizes, 5 needed; 1 decades of n, 1.5 needed
    """
    if not families:
        raise ValueError(error_message("families", "fit_scaling", "one or more names", families))
    for name in families:
        check_choice(name, "families", "fit_scaling", FAMILIES)
    reasons = _too_little(curve)
    law = None
    if len(curve.sizes) >= MIN_SIZES and curve.n_seeds >= MIN_SEEDS:
        law = _law(curve, tuple(families))
        reasons += _ill_behaved(curve) + _no_power_law(law)
    if reasons or law is None:
        raise NoScalingLaw(reasons, curve, law)
    return law


@lru_cache(maxsize=_KEPT)
def _law(curve: LearningCurve, families: tuple[str, ...]) -> ScalingLaw:
    """Return the best fit of a curve, good or bad: found once, however many tables and figures of a study show it."""
    candidates = fit_candidates(curve, [FAMILIES[name] for name in families])
    return ScalingLaw(curve, simplest_predictor(candidates), tuple(candidates))


def fit_all(frame: pd.DataFrame, metric: str = "error") -> dict[str, ScalingLaw | NoScalingLaw]:
    """Fit the law of each learner's curve, or find why there is none, by the learner's label.

    Parameters
    ----------
    frame : DataFrame
        From `Results.frame`, of one problem.
    metric : str, default="error"

    Returns
    -------
    laws : dict of str to ScalingLaw or NoScalingLaw
        Without learners of which too little is measured for a curve.
    """
    found: dict[str, ScalingLaw | NoScalingLaw] = {}
    for learner in map(str, frame["learner"].unique()):
        with contextlib.suppress(ValueError):
            found[learner] = _law_or_refusal(learning_curve(frame, learner, metric))
    return found


def _law_or_refusal(curve: LearningCurve) -> ScalingLaw | NoScalingLaw:
    try:
        return fit_scaling(curve)
    except NoScalingLaw as refused:
        return refused


def _too_little(curve: LearningCurve) -> list[str]:
    decades = float(np.log10(curve.sizes[-1] / curve.sizes[0]))
    found = {
        f"{len(curve.sizes)} sizes, {MIN_SIZES} needed": len(curve.sizes) < MIN_SIZES,
        f"{curve.n_seeds} seeds, {MIN_SEEDS} needed": curve.n_seeds < MIN_SEEDS,
        f"{decades:.2g} decades of n, {MIN_DECADES} needed": decades < MIN_DECADES - 0.01,  # sizes are rounded
    }
    return [reason for reason, holds in found.items() if holds]


def _ill_behaved(curve: LearningCurve) -> list[str]:
    reasons = [f"the error rises from n = {low:,.0f} to {high:,.0f}" for low, high in curve.rises()]
    errors = curve.widened_errors()
    if p_above_zero(errors[:, 0] - errors[:, -1]) > 1 - CONFIDENCE:
        reasons.append("the error does not fall")
    return reasons


def _no_power_law(law: ScalingLaw) -> list[str]:
    reasons = []
    missed = missed_sizes(law.chosen)
    if len(missed):
        reasons.append(f"no model fits; {law.family} misses at n = {', '.join(f'{n:,.0f}' for n in missed)}")
    if not law.chosen.model.is_power_law:
        reasons.append(f"no power law extrapolates as well as {law.family}, {law.chosen.model.formula}")
    elif law.exponent.mean > STEEPEST:
        reasons.append(f"it falls like an exponential: its exponent would be {law.exponent.mean:.3g}")
    elif not all(fit.model.is_power_law for fit in law.candidates) and _steepens(law.curve):
        reasons.append("it still steepens at its end, so that no power law is reached")
    return reasons


def _steepens(curve: LearningCurve) -> bool:
    """Return True if the last local exponent is significantly above the one before."""
    slopes = -np.diff(curve.log_means()[:, -3:], axis=1) / np.diff(np.log(curve.sizes[-3:]))
    return jackknife_interval(np.diff(slopes, axis=1)[:, 0]).low > 0


def _over(fits: Iterable[CurveFit], chosen: CurveFit, statistic: Callable[[CurveFit], Array]) -> Interval:
    return hull(jackknife_interval(statistic(chosen)), [jackknife_interval(statistic(fit)) for fit in fits])


def _not_below_zero(interval: Interval) -> Interval:
    return Interval(interval.mean, max(interval.low, 0.0), interval.high)


@dataclass(frozen=True)
class PriorEffect(Sentence):
    """The change of a scaling law by a prior.

    Attributes
    ----------
    prior, plain : str
        The learner with the prior and the one without.
    family : str
        Name of the model of both laws.
    exponent : Interval
        The exponent with the prior, less that without.
    error_ratio : Interval
        The error with the prior over that without, in the middle of the measured sizes. There, unlike at n = 1, the
        intercept of a line does not depend on its slope.
    n : float
        That middle, the geometric mean of the sizes.

    Examples
    --------
    >>> print(PriorEffect("net + polar", "net", "pow2", Interval(0.1, 0.0, 0.2), Interval(0.5, 0.4, 0.6), 1000))
    net + polar against net: the exponent changes by 0.1 [0, 0.2],
    the error at n = 1,000 by a factor of 0.5 [0.4, 0.6] (pow2)
    """

    prior: str
    plain: str
    family: str
    exponent: Interval
    error_ratio: Interval
    n: float

    def __str__(self) -> str:
        return (
            f"{self.prior} against {self.plain}: the exponent changes by {self.exponent:.2g}, the error at"
            f" n = {self.n:,.0f} by a factor of {self.error_ratio:.2g} ({self.family})"
        )


def prior_effect(
    frame: pd.DataFrame | HasFrame, prior: str, plain: str, metric: str = "error", n_test: int | None = None
) -> PriorEffect:
    """Find how much a prior changes the exponent of a learning curve, and its level.

    Both curves get laws on their common sizes and seeds, and are compared by one model: the more general of the two
    that are chosen. The intervals reach as far as that of any power law that is ruled out for neither.

    Parameters
    ----------
    frame : DataFrame or Results
        A tidy frame as from `Results.frame`, of one problem.
    prior, plain : str
        The learner with the prior and the one without.
    metric : str, default="error"
    n_test : int or None, default=None
        As in `learning_curve`.

    Returns
    -------
    effect : PriorEffect

    Raises
    ------
    NoScalingLaw
        If either curve has none.
    ValueError
        If no power law is left for both.

    Examples
    --------
    >>> sizes = np.geomspace(100, 10_000, 5)
    >>> frame = pd.DataFrame(
    ...     [
    ...         (name, n, seed, "error", (n * head_start) ** -0.5)
    ...         for name, head_start in (("net", 1), ("net + polar", 4))
    ...         for n in sizes
    ...         for seed in range(3)
    ...     ],
    ...     columns=["learner", "n_samples", "seed", "metric", "value"],
    ... )
    >>> effect = prior_effect(frame, "net + polar", "net")
    >>> f"{effect.exponent.mean:.3f}", f"{effect.error_ratio.mean:.3f}"
    ('0.000', '0.500')
    """
    laws = [fit_scaling(curve) for curve in _on_common_sizes(*paired_curves(frame, prior, plain, metric, n_test))]
    with_prior, without = ({fit.model.name: fit for fit in law.candidates} for law in laws)
    shared = [name for name in with_prior if name in without and FAMILIES[name].is_power_law]
    if not shared:
        raise ValueError(f"no power law fits both {prior!r} and {plain!r}")
    chosen = max((law.family for law in laws if law.family in shared), key=shared.index, default=shared[0])
    n = float(np.exp(np.log(laws[0].curve.sizes).mean()))
    exponents = {k: jackknife_interval(with_prior[k].exponents() - without[k].exponents()) for k in shared}
    ratios = {k: jackknife_interval(with_prior[k].log_errors(n) - without[k].log_errors(n)) for k in shared}
    return PriorEffect(
        prior,
        plain,
        chosen,
        hull(exponents[chosen], exponents.values()),
        hull(ratios[chosen], ratios.values()).exp(),
        n,
    )


def _on_common_sizes(a: LearningCurve, b: LearningCurve) -> list[LearningCurve]:
    common = np.intersect1d(a.sizes, b.sizes)
    return [LearningCurve(common, c.errors[:, np.isin(c.sizes, common)], c.n_test, c.n_rows) for c in (a, b)]
