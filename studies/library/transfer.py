"""The study `transfer`: least squares from a source beside its closed form, and nets from related and other sources."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from studies.analysis.claims import (
    Evidence,
    NotMeasured,
    claim,
    log_ratio,
    map_measured,
    ratios_text,
    seed_table,
    sizes_text,
)
from studies.analysis.crossovers import falling
from studies.analysis.verdicts import OF_LOGS, Estimate, Requirement
from studies.library.double_descent import least_squares_risk
from studies.registry.reference_curves import reference_curve

Array = NDArray[np.float64]

_DIMENSION, _NOISE = 400, 0.5
_COSINES = (0.3, 0.45, 0.5, 0.55, 0.9)
_BELOW, _ABOVE, _FORGOTTEN = (40, 120, 240), (800, 2000), (402, 800, 2000)  # n, of d = 400
_NEAR = 0.25  # of a closed form
_AGREE = 1e-9
_NULL, _KNOWN, _LEARNT = "least squares", "known source", "learnt source"

_SIZES, _FEW, _MANY = (30, 100, 300, 1000), (30, 100), 1000
_SCRATCH = "from scratch"
_RELATED = ("same spiral", "1.7 turns", "four turns")
_CONTRARY = ("mirrored", "classes swapped")
_HARMLESS, _NOTHING = 1.1, 1.2  # times the error from scratch
_HERNANDEZ = "Hernandez et al. 2021, arXiv:2102.01293"
_DAR = "Dar and Baraniuk 2020, arXiv:2006.07002"


@reference_curve("closed form")
def transfer_risk(
    n_samples: ArrayLike,
    dimension: int,
    noise: float,
    cosine: float = 1.0,
    n_source: int | None = None,
    source_params: Mapping[str, Any] | None = None,
) -> Array:
    r"""Return the expected squared error of least squares from the coefficients of a source.

    It is `least_squares_risk` with the squared distance :math:`2 - 2 \cos` of the coefficients, of norm 1, to which the
    error of the source's own adds :math:`\sigma_s^2 d / (n_s - d - 1)`.

    Parameters
    ----------
    n_samples : array-like
        n, of any shape.
    dimension : int
        d.
    noise : float
        Standard deviation of the noise of the training labels.
    cosine : float, default=1.0
        Of the coefficients of the data and those of the source.
    n_source : int or None, default=None
        n_s, at least d + 2, of which the source is learnt; None is no source.
    source_params : mapping or None, default=None
        Its ``noise`` is that of the source's labels, 0 by default.
    """
    if n_source is None:
        return least_squares_risk(n_samples, dimension, noise)
    own = float(least_squares_risk(n_source, dimension, (source_params or {}).get("noise", 0.0)))
    return least_squares_risk(n_samples, dimension, noise, 2 - 2 * cosine + own)


def _of_task(
    frame: pd.DataFrame, learner: str, cosine: float | None = None, needs: tuple[int, ...] = ()
) -> pd.DataFrame:
    """Return the squared errors of a learner on the task with this cosine, or on that of the source."""
    problem = "linear, same task" if cosine is None else f"linear, cosine={cosine:g}"
    return seed_table(frame, "mse", needs=needs, problem=problem, learner=learner)


@claim(
    "transfer",
    says="The error of least squares from a known source is its closed form, below and above n = d.",
    source=f"{_DAR}; the expectation of an inverse Wishart matrix",
    tolerated=f"within {_NEAR:.0%} of it at each of five n, for each of five cosines",
)
def _closed_form(frame: pd.DataFrame) -> Evidence:
    tables = map_measured(lambda cosine: _of_task(frame, _KNOWN, cosine), _COSINES)
    ratios = [
        Estimate.of_seeds(table[n] / transfer_risk(n, _DIMENSION, _NOISE, cosine, _DIMENSION + 2))
        for cosine, table in tables.items()
        for n in (*_BELOW, *_ABOVE)
        if n in table
    ]
    return _near_theory(ratios, "cosine and n")


def _near_theory(ratios: list[Estimate], pairs: str) -> Evidence:
    """Compare errors, divided by those of theory, with 1."""
    if not ratios:
        raise NotMeasured(f"no pair of {pairs} is measured")
    means = [ratio.mean for ratio in ratios]
    return Evidence(
        f"{min(means):.2f} to {max(means):.2f} times it over {len(means)} pairs of {pairs}",
        [Requirement(ratio, 1 - _NEAR, 1 + _NEAR) for ratio in ratios],
    )


@claim(
    "transfer",
    says="Below n = d a source of the same norm helps if its cosine with the task is above 1/2, and harms below.",
    source=f"{_DAR}, for the distance of the tasks",
    tolerated=f"at n = {_BELOW[0]} a higher error than without it at a cosine of 0.45, a lower one at 0.55",
)
def _sign(frame: pd.DataFrame) -> Evidence:
    worse, better = (_gain(frame, cosine) for cosine in (0.45, 0.55))
    return Evidence(
        f"a gain of {worse.interval:+.3f} at a cosine of 0.45, of {better.interval:+.3f} at 0.55",
        [Requirement(worse, high=0), Requirement(better, low=0)],
    )


def _gain(frame: pd.DataFrame, cosine: float) -> Estimate:
    """Return the error without a source less that with it, at the smallest n."""
    n = _BELOW[0]
    without, known = (_of_task(frame, learner, cosine, needs=(n,))[n] for learner in (_NULL, _KNOWN))
    return Estimate.of_seeds((without - known).dropna())


@claim(
    "transfer",
    says="What a source that is learnt from n_s points adds to the error is sigma^2 d / (n_s - d - 1), times 1 - n/d.",
    source="Dar, LeJeune and Baraniuk 2021, arXiv:2103.05621",
    tolerated=f"within {_NEAR:.0%} of it at each n_s and each n below d",
)
def _own_sample(frame: pd.DataFrame) -> Evidence:
    known = _of_task(frame, _KNOWN)
    learnt = map_measured(lambda n_source: _of_task(frame, f"{_LEARNT}, n_source={n_source}"), (800, 1600, 4000))
    added = {n_source: least_squares_risk(n_source, _DIMENSION, _NOISE) for n_source in learnt}
    ratios = [
        Estimate.of_seeds(((table[n] - known[n]) / (added[n_source] * (1 - n / _DIMENSION))).dropna())
        for n_source, table in learnt.items()
        for n in _BELOW
        if n in table and n in known
    ]
    return _near_theory(ratios, "n_s and n")


@claim(
    "transfer",
    says="From n = d + 2 on everything is forgotten: the error with a source is that without it.",
    source="The closed form",
    tolerated=f"errors that agree to {_AGREE:g} of them, for each cosine and n",
)
def _forgotten(frame: pd.DataFrame) -> Evidence:
    tables = map_measured(lambda cosine: (_of_task(frame, _KNOWN, cosine), _of_task(frame, _NULL, cosine)), _COSINES)
    found = [
        Estimate.of_seeds((known[n] / null[n] - 1).dropna())
        for known, null in tables.values()
        for n in _FORGOTTEN
        if n in known and n in null
    ]
    if not found:
        raise NotMeasured(f"nothing is measured from n = {_FORGOTTEN[0]} on")
    largest = max(abs(each.mean) for each in found)
    return Evidence(
        f"they differ by {largest:.1g} of them at most", [Requirement(each, -_AGREE, _AGREE) for each in found]
    )


def errors(frame: pd.DataFrame, learner: str) -> pd.DataFrame:
    """Return the errors of a net on the spiral, by seed and n."""
    return 1 - seed_table(frame, "accuracy", problem="spiral", learner=learner)


def _log_ratios(frame: pd.DataFrame, learner: str, other: str, sizes: tuple[int, ...] = _SIZES) -> dict[int, Estimate]:
    """Return the logarithm of a learner's error divided by that of another one, at each n."""
    own, others = errors(frame, learner), errors(frame, other)
    return map_measured(lambda n: _log_ratio_at(own, others, n), sizes)


def _log_ratio_at(own: pd.DataFrame, others: pd.DataFrame, n: int) -> Estimate:
    if n not in own or n not in others:
        raise NotMeasured(f"nothing is measured at n = {n}")
    return log_ratio(own[n], others[n])


def _in_words(ratios: Mapping[int, Estimate]) -> str:
    return f"{ratios_text(ratios.values())} times the error at n = {sizes_text(ratios)}"


def log_worth(errors: pd.DataFrame, scratch: pd.DataFrame, n: int) -> Estimate:
    """Return the logarithm of the multiple of n at which the mean error from scratch is that with a source at n.

    Parameters
    ----------
    errors, scratch : DataFrame
        Errors with a source and from scratch, by seed and n.
    n : int

    Raises
    ------
    NotMeasured
        If the error lies outside those from scratch.
    """
    return _jackknifed(errors, scratch, (n,), lambda worths: worths[0])


def _jackknifed(
    errors: pd.DataFrame, scratch: pd.DataFrame, sizes: tuple[int, ...], statistic: Callable[[list[float]], float]
) -> Estimate:
    """Return a statistic of the logarithms of worths at several n, with its error by the jackknife over seeds."""
    seeds = errors.index.intersection(scratch.index)
    if len(seeds) < 2 or not set(sizes) <= set(errors.columns):
        raise NotMeasured(f"two seeds or more are not measured at n = {sizes}")
    parts = [seeds, *(seeds.drop(seed) for seed in seeds)]
    return Estimate.of_jackknife(
        [
            statistic([_log_worth(errors.loc[part, n].mean(), scratch.loc[part].mean(), n) for n in sizes])
            for part in parts
        ]
    )


def _log_worth(error: float, scratch: pd.Series, n: int) -> float:
    """Return where a curve, made to fall, has an error, by interpolation in the logarithms, less log n."""
    (levels,) = falling(np.log(scratch.to_numpy())[None])
    level = np.log(error)
    if not levels[-1] <= level <= levels[0]:
        raise NotMeasured(f"the error at n = {n} lies outside those from scratch")
    return float(np.interp(-level, -levels, np.log(scratch.index.to_numpy(dtype=float))) - np.log(n))


def _worth_in_words(frame: pd.DataFrame, learner: str, sizes: tuple[int, ...] = _SIZES) -> str:
    """Return what a source is worth at each n where it can be read, in words."""
    own, scratch = errors(frame, learner), errors(frame, _SCRATCH)
    worths = map_measured(lambda n: log_worth(own, scratch, n), sizes)
    return f"worth {ratios_text(worths.values())} times the data at n = {sizes_text(worths)}"


@claim(
    "transfer",
    says="A related source ({learner}) lowers the error: the effective data transferred is positive.",
    source=f"{_HERNANDEZ} (of language)",
    tolerated="a lower error than from scratch, on average over n = 30 to 1,000 in logarithms",
    learner=_RELATED,
)
def _helps(frame: pd.DataFrame, learner: str) -> Evidence:
    own, scratch = errors(frame, learner), errors(frame, _SCRATCH)
    sizes = [n for n in _SIZES if n in own and n in scratch]
    if not sizes:
        raise NotMeasured(f"none of n = {_SIZES} is measured")
    mean = Estimate.of_seeds(np.log(own[sizes] / scratch[sizes]).mean(axis=1).dropna())
    return Evidence(
        f"{mean.interval.exp():.2f} times the error; {_worth_or_not(frame, learner)}",
        [Requirement(mean, high=0, unit=OF_LOGS)],
    )


def _worth_or_not(frame: pd.DataFrame, learner: str) -> str:
    try:
        return _worth_in_words(frame, learner)
    except NotMeasured:
        return "its worth lies outside the measured sizes"


@claim(
    "transfer",
    says="The effective data transferred grows more slowly than n: a source is worth a smaller multiple of more data.",
    source=f"{_HERNANDEZ} (of language: a power of n below 1)",
    tolerated="a smaller multiple at n = 1,000 than at n = 100, for the same spiral",
)
def _grows_slowly(frame: pd.DataFrame) -> Evidence:
    own, scratch = errors(frame, "same spiral"), errors(frame, _SCRATCH)
    fall = _jackknifed(own, scratch, (100, 1000), lambda worths: worths[0] - worths[1])
    few, many = (log_worth(own, scratch, n).interval.exp() for n in (100, 1000))
    return Evidence(
        f"{few:.2f} times the data at n = 100, {many:.2f} times at n = 1,000", [Requirement(fall, low=0, unit=OF_LOGS)]
    )


@claim(
    "transfer",
    says="A source that contradicts the data ({learner}) does not harm a net.",
    source="Our own measurement before this study",
    tolerated=f"at most {_HARMLESS:g} times the error from scratch at each n = 30 to 1,000",
    learner=_CONTRARY,
)
def _harmless(frame: pd.DataFrame, learner: str) -> Evidence:
    ratios = _log_ratios(frame, learner, _SCRATCH)
    return Evidence(
        _in_words(ratios), [Requirement(each, high=np.log(_HARMLESS), unit=OF_LOGS) for each in ratios.values()]
    )


@claim(
    "transfer",
    says="A source of random labels transfers nothing, to within a factor of {factor} of the error.",
    source="Our own measurement before this study",
    tolerated="the error from scratch within this factor at each n = 30 to 1,000",
)
def _nothing(frame: pd.DataFrame) -> Evidence:
    ratios, near = _log_ratios(frame, "random labels", _SCRATCH), np.log(_NOTHING)
    return Evidence(
        _in_words(ratios),
        [Requirement(each, -near, near, unit=OF_LOGS) for each in ratios.values()],
        {"factor": f"{_NOTHING:g}"},
    )


@claim(
    "transfer",
    says="Training on few points forgets: below a few hundred points the untouched net of the same spiral is better.",
    source="Our own measurement before this study",
    tolerated=f"a lower error untouched than trained on at n = {_FEW[0]} and {_FEW[1]}",
)
def _forgets(frame: pd.DataFrame) -> Evidence:
    ratios = _log_ratios(frame, "same spiral", "untouched", _FEW)
    return Evidence(
        f"trained on: {_in_words(ratios)}", [Requirement(each, low=0, unit=OF_LOGS) for each in ratios.values()]
    )


@claim(
    "transfer",
    says="Training on many points pays: with a thousand the net that is trained on is better than the untouched one.",
    source="Our own measurement before this study",
    tolerated=f"a lower error trained on than untouched at n = {_MANY:,}",
)
def _pays(frame: pd.DataFrame) -> Evidence:
    ratios = _log_ratios(frame, "same spiral", "untouched", (_MANY,))
    return Evidence(
        f"trained on: {_in_words(ratios)}", [Requirement(each, high=0, unit=OF_LOGS) for each in ratios.values()]
    )
