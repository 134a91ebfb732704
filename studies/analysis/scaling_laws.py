"""Scaling laws of learning curves: exponent, floor and extrapolation, with intervals.

There is no law where the data cannot support one; `NoScalingLaw` then carries the reasons and the estimate.
"""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from studies.analysis.curve_models import FAMILIES, CurveFit, fit_candidates, missed_sizes, simplest_predictor
from studies.analysis.intervals import (
    CONFIDENCE,
    Interval,
    Sentence,
    hull,
    jackknife_interval,
    p_above_zero,
    t_quantile,
)
from studies.analysis.learning_curves import LEAST_NOISE, HasFrame, LearningCurve, learning_curve, paired_curves
from toymanifold.validation import check_choice, error_message

Array = NDArray[np.float64]

MIN_SIZES, MIN_SEEDS, MIN_DECADES = 5, 3, 1.5

WIDEST = 0.3
"""Width of the exponent's interval from which on it is not decided which law it is."""

REACH = 8
"""The largest n of an extrapolation, in largest samples."""

DRIFT = 0.03
"""The exponent by which an extrapolation is widened to either side, for real curves bend as no model does.

Chosen, as the reach, on real curves by benchmarks/extrapolation.py.
"""

UNDECIDED = "which law is not decided"

STEEPEST = 4
"""The largest exponent of a power law: (n + c)^-a with a larger `a` is an exponential in all but name."""

_KEPT = 512  # laws in the cache
_LINE = 3  # sizes
_ROUNDING = 1e-9

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
    error falls as n^-0.5 [0.5, 0.5], with exponent 0.50 [0.50, 0.50] over the last decade of n; no floor above
    0.0025 is needed (pow2, n = 100 to 10,000)
    >>> print(law.extrapolate(20_000))
    0.0354 [0.0346, 0.0361]
    """

    curve: LearningCurve
    chosen: CurveFit
    candidates: tuple[CurveFit, ...]

    def __str__(self) -> str:
        first, last = self.curve.sizes[[0, -1]]
        model, floor = self.chosen.model, self.floor
        how = f"as n^-{self.exponent:.2g}" if model.is_power_law else f"as {model.formula}"
        local = f"with exponent {self.curve.local_exponent():z.2f} over the last decade of n"
        to = f" to a floor of {floor:.2g}" if floor.low else ""
        end = "" if floor.low else f"; no floor above {self.largest_floor:.2g} is needed"
        without = self.curve.sizes[~self.curve.has_errors()]
        zeros = f", without errors at {', '.join(f'{n:,.0f}' for n in without)}" if len(without) else ""
        return f"error falls {how}{to}, {local}{end} ({self.family}, n = {first:,.0f} to {last:,.0f}{zeros})"

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
    def is_decided(self) -> bool:
        """True if the interval of the exponent is narrower than 0.3."""
        return self.exponent.high - self.exponent.low < WIDEST

    @property
    def floor(self) -> Interval:
        """The error that no amount of data removes.

        It is 0 below half an error in the test points. The interval reaches at least as far as the noise of the last
        mean error, for a floor within it is not excluded, and no further than to the end of the interval of that mean.
        """
        found = _over(self.candidates, self.chosen, lambda fit: fit.floors())
        last, hidden = _last_mean(self.curve)
        least = 0.5 / self.curve.n_test if self.curve.n_test else LEAST_NOISE * last
        mean, low = (min(end, last) if end > least else 0.0 for end in (found.mean, found.low))
        return Interval(mean, low, min(max(found.high, hidden), last + hidden))

    @property
    def largest_floor(self) -> float:
        """The end of the interval of the floor, but at most the last mean error: no floor above is needed."""
        return min(self.floor.high, _last_mean(self.curve)[0])

    @property
    def reach(self) -> float:
        """The largest n of an extrapolation: eight times the largest sample."""
        return float(REACH * self.curve.sizes[-1])

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

        Beyond the data the interval also covers that of the straight line, in logarithms, through the last three sizes,
        and widens by n^-+0.03.

        Raises
        ------
        ValueError
            If `n` is beyond these.
        """
        at = self._within_reach(n, "extrapolate")
        found = _over(self.candidates, self.chosen, lambda fit: fit.log_errors(at))
        step = float(np.log(at / self.curve.sizes[-1]))
        if step <= 0:
            return found.exp()
        found = hull(found, [found, jackknife_interval(_line(self.curve, at))])
        return Interval(found.mean, found.low - DRIFT * step, found.high + DRIFT * step).exp()

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
    curve : LearningCurve
    estimate : ScalingLaw or None
        The best fit all the same; None where there are too few sizes or seeds.
    """

    def __init__(self, reasons: Sequence[str], curve: LearningCurve, estimate: ScalingLaw | None) -> None:
        why = "; ".join(reasons)
        super().__init__(f"{_trend(curve.local_exponent())}{why if why == UNDECIDED else f'no scaling law: {why}'}")
        self.reasons = tuple(reasons)
        self.curve = curve
        self.estimate = estimate


def _trend(exponent: Interval) -> str:
    """Return the local exponent as the beginning of a sentence; empty without an interval."""
    if np.isnan(exponent.low):
        return ""
    if exponent.low <= _ROUNDING and exponent.high >= -_ROUNDING:
        return f"over the last decade of n the error does not change significantly (exponent {exponent:z.2f}); "
    if exponent.mean > 0:
        return f"error falls as about n^-{exponent:.2f} over the last decade of n; "
    return f"error rises as about n^{-1 * exponent:.2f} over the last decade of n; "


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
        If there are fewer than 5 sizes with errors, 3 seeds or one and a half decades, if the error rises somewhere or
        does not fall, if no model fits, if the curve is not a power law, or not yet, or if the interval of the exponent
        is as wide as 0.3, so that the data do not decide which law.

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
    error falls as about n^-0.50 [0.50, 0.50] over the last decade of n; no scaling law: 3 sizes, 5 needed; 1 decades of
    n, 1.5 needed
    """
    if not families:
        raise ValueError(error_message("families", "fit_scaling", "one or more names", families))
    for name in families:
        check_choice(name, "families", "fit_scaling", FAMILIES)
    law = _power_law(curve, tuple(families))
    if not law.is_decided:
        raise NoScalingLaw([UNDECIDED], curve, law)
    return law


def _power_law(curve: LearningCurve, families: tuple[str, ...] = tuple(FAMILIES)) -> ScalingLaw:
    """Return the best fit of a curve if it is a power law, decided or not."""
    reasons, law = _too_little(curve), None
    if np.count_nonzero(curve.has_errors()) >= MIN_SIZES and curve.n_seeds >= MIN_SEEDS:
        law = _law(curve, families)
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
    sizes, _ = curve.with_errors()
    decades = float(np.log10(sizes[-1] / sizes[0])) if len(sizes) else 0.0
    which = "sizes" if len(sizes) == len(curve.sizes) else "sizes with errors"
    found = {
        f"{len(sizes)} {which}, {MIN_SIZES} needed": len(sizes) < MIN_SIZES,
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
    sizes, logs = curve.with_errors()
    slopes = -np.diff(logs[:, -3:], axis=1) / np.diff(np.log(sizes[-3:]))
    return jackknife_interval(np.diff(slopes, axis=1)[:, 0]).low > 0


def _last_mean(curve: LearningCurve) -> tuple[float, float]:
    """Return the last mean error that is not 0, and the half width of the interval of the last.

    That is the binomial bound where the last is 0.
    """
    last = float(np.exp(curve.with_errors()[1][0, -1]))
    if curve.n_test and not curve.has_errors()[-1]:
        return last, float(-np.log(1 - CONFIDENCE) / curve.n_test)
    return last, float(t_quantile(curve.n_seeds) * curve.noise()[-1]) * last


def _line(curve: LearningCurve, n: Array) -> Array:
    """Return the logarithm of the error at `n` by the line through the last sizes with errors, as (1 + n_seeds,)."""
    sizes, logs = curve.with_errors()
    return np.asarray(np.polyfit(np.log(sizes[-_LINE:] / n), logs[:, -_LINE:].T, 1)[1])


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

    Both curves are fitted on their common sizes and seeds, and compared by one model: the more general of the two that
    are chosen. The intervals reach as far as that of any power law that is ruled out for neither. Which law it is need
    not be decided.

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
        If either curve is not fitted by a power law; see `fit_scaling`.
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
    laws = [_power_law(curve) for curve in _on_common_sizes(*paired_curves(frame, prior, plain, metric, n_test))]
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
    return [replace(c, sizes=common, errors=c.errors[:, np.isin(c.sizes, common)]) for c in (a, b)]
