"""The study `symmetry`: what knowledge of a group is worth, beside what theory predicts."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studies.analysis.claims import (
    Evidence,
    NotMeasured,
    claim,
    log_log_slopes,
    log_ratio,
    map_measured,
    ratios_text,
    sizes_text,
)
from studies.analysis.verdicts import OF_LOGS, Estimate, Requirement
from studies.library.dimension import losses, nearest_neighbour_mse
from studies.library.double_descent import least_squares_risk
from studies.registry.reference_curves import reference_curve

Array = NDArray[np.float64]

_THEOREM = "Tahmasebi and Jegelka 2023, arXiv:2303.14269 (for kernels)"
_OWN = "Our own expectation"

_ORDERS = (2, 3, 4, 6)  # of the turns that are known
_SIZES = (1_000, 3_162, 10_000)
_FLIPS = {1: "1 flip", 2: "2 flips", 3: "3 flips", 5: "5 flips"}
_FLIP_SIZES = (316, 1_000, 3_162)
_KERNEL_SIZES = (100, 178)
_LATE = 10_000  # n from which exponents on S^4 are taken: their quotients have an edge, which counts less and less
_DIMENSION, _KEPT, _NOISE = 600, 300, 0.5  # of the linear functions
_FEW, _MANY = 1_000, 10_000
_FLOOR = 1.5  # a larger fall is not a floor; without the wrong group errors fall by a factor of 3
_WORTH, _SAME_EXPONENT, _CLOSE, _NEAR = 0.15, 0.05, 0.05, 0.2
_STEEPER = 0.2


@reference_curve("closed form")
def neighbour_with_turns(
    n_samples: float,
    target: str,
    n_coordinates: int,
    estimator: str,
    prior: str | None = None,
    prior__order: int = 2,
    prior__n_coordinates: int = 2,
) -> float:
    """Return the mean squared error of the nearest neighbour on a form on S^3 that is kept by turns of both planes.

    With k known turns it is that of kn points, as long as images of a point are farther from one another than points;
    with all turns that on S^2, which is the quotient, of a linear function: 4 / (n + 1). NaN for any other.
    """
    if (target, n_coordinates, estimator) != ("joint-turns", 4, "knn-1") or (prior and prior__n_coordinates != 4):
        return np.nan
    if prior == "joint-turns":
        return float(nearest_neighbour_mse(n_samples, 2, degree=1))
    return float(nearest_neighbour_mse((prior__order if prior else 1) * n_samples, 3))


def worth(frame: pd.DataFrame, problem: str, informed: str, plain: str = "kNN") -> pd.DataFrame:
    """Return how many times the data the plain learner needs for the error of the informed one, by seed and n.

    Of each seed by interpolation between the logarithms of its own errors; without the sizes at which the error of one
    of them is not within the plain curve.
    """
    of_plain, of_informed = (losses(frame, problem, learner) for learner in (plain, informed))
    seeds = of_plain.index.intersection(of_informed.index)
    log_n, found = np.log(of_plain.columns.to_numpy(dtype=float)), of_informed.loc[seeds]
    curves = np.minimum.accumulate(np.log(of_plain.loc[seeds].to_numpy()), axis=1)
    needed = [
        np.interp(-errors, -curve, log_n, left=np.nan, right=np.nan)
        for errors, curve in zip(np.log(found.to_numpy()), curves, strict=True)
    ]
    found = pd.DataFrame(np.exp(needed) / found.columns.to_numpy(dtype=float), found.index, found.columns)
    return found.dropna(axis=1)


def exponents(frame: pd.DataFrame, problem: str, learner: str, sizes: Sequence[int], metric: str = "mse") -> pd.Series:
    """Return minus the slope of log loss against log n between given sizes, for each seed."""
    table = losses(frame, problem, learner, metric)
    if not set(sizes) <= set(table.columns):
        raise NotMeasured(f"{learner} on {problem} is not measured at all of {sizes}")
    return -log_log_slopes(table[list(sizes)])


def _common(*tables: pd.DataFrame) -> list[int]:
    """Return the sizes that all tables have, of which there must be one."""
    sizes = [int(n) for n in tables[0].columns.to_numpy() if all(n in table for table in tables)]
    if not sizes:
        raise NotMeasured("the learners are not measured at a common n")
    return sizes


def _worths(
    frame: pd.DataFrame, problem: str, informed: str, sizes: Sequence[int], plain: str = "kNN"
) -> dict[int, Estimate]:
    """Return the logarithm of the worth at each of the sizes.

    Raises
    ------
    NotMeasured
        If at one of them it is not within the measured curve of the plain learner.
    """
    table = worth(frame, problem, informed, plain)
    if not set(sizes) <= set(table.columns) or len(table) < 2:
        raise NotMeasured(f"the worth of {informed} is not within the curve of {plain} at all of {sizes_text(sizes)}")
    return {n: Estimate.of_seeds(np.log(table[n])) for n in sizes}


@claim(
    "symmetry",
    says="A group of k turns that fix no point of S^3 is worth k times the data, k = 2, 3, 4, 6.",
    source=f"{_THEOREM}; of the nearest neighbour, its kn images are one sample",
    tolerated=f"within {_WORTH:.0%} of k, for each k at n = {sizes_text(_SIZES)}",
)
def _finite(frame: pd.DataFrame) -> Evidence:
    found = {k: _worths(frame, "turns", f"kNN + {k} turns", _SIZES) for k in _ORDERS}
    return Evidence(
        "; ".join(f"k = {k}: {ratios_text(each.values())}" for k, each in found.items()),
        [
            Requirement(each, np.log(k * (1 - _WORTH)), np.log(k * (1 + _WORTH)), unit=OF_LOGS)
            for k, of_k in found.items()
            for each in of_k.values()
        ],
    )


@claim(
    "symmetry",
    says="It leaves the exponent of the curve as it is.",
    source=_THEOREM,
    tolerated=f"an exponent from n = {_SIZES[0]:,} to {_SIZES[-1]:,} changed by less than {_SAME_EXPONENT}, for each k",
)
def _offset(frame: pd.DataFrame) -> Evidence:
    plain = exponents(frame, "turns", "kNN", _SIZES)
    changes = {
        k: Estimate.of_seeds((exponents(frame, "turns", f"kNN + {k} turns", _SIZES) - plain).dropna()) for k in _ORDERS
    }
    return Evidence(
        f"{Estimate.of_seeds(plain).interval:.3f} without; "
        + "; ".join(f"k = {k}: changed by {each.interval:+.3f}" for k, each in changes.items()),
        [Requirement(each, -_SAME_EXPONENT, _SAME_EXPONENT) for each in changes.values()],
    )


@claim(
    "symmetry",
    says="It is worth as much where the target is kept by no other turns than thirds.",
    source="As above; the target of the first claim is kept by all turns, of which the learner knows k",
    tolerated=f"within {_WORTH:.0%} of 3 at n = {sizes_text(_SIZES)}",
)
def _thirds(frame: pd.DataFrame) -> Evidence:
    found = _worths(frame, "thirds", "kNN + 3 turns", _SIZES)
    bounds = np.log(3 * (1 - _WORTH)), np.log(3 * (1 + _WORTH))
    return Evidence(ratios_text(found.values()), [Requirement(each, *bounds, unit=OF_LOGS) for each in found.values()])


@claim(
    "symmetry",
    says="All turns, a circle, move the exponent from 2/3 to 2/2: the quotient of S^3 is S^2.",
    source=f"{_THEOREM}: the dimension is that of the quotient",
    tolerated=f"exponents within {_SAME_EXPONENT} of these, from n = {_SIZES[0]:,} to {_SIZES[-1]:,}",
)
def _circle(frame: pd.DataFrame) -> Evidence:
    return _exponents(frame, "turns", {"kNN": 2 / 3, "kNN + all turns": 1.0}, _SIZES)


@claim(
    "symmetry",
    says="With all turns the mean squared error is 4 / (n + 1).",
    source="The nearest of n uniform points of S^2; a form that is kept by all turns is linear there",
    tolerated=f"within {_CLOSE:.0%} of it at each n from {_SIZES[0]:,} on",
)
def _closed_form(frame: pd.DataFrame) -> Evidence:
    table = losses(frame, "turns", "kNN + all turns")
    sizes = [n for n in _common(table) if n >= _FEW]
    if not sizes:
        raise NotMeasured(f"all turns are not measured from n = {_FEW:,} on")
    ratios = [Estimate.of_seeds(table[n] * (n + 1) / 4) for n in sizes]
    means = [ratio.mean for ratio in ratios]
    return Evidence(
        f"{min(means):.2f} to {max(means):.2f} times it at n = {sizes_text(sizes)}",
        [Requirement(ratio, 1 - _CLOSE, 1 + _CLOSE) for ratio in ratios],
    )


@claim(
    "symmetry",
    says="On S^4 rotations of two coordinates move the exponent from 2/4 to 2/3, and those of three to 2/2.",
    source=f"{_THEOREM}: the dimension falls by that of an orbit, a circle or a sphere",
    tolerated=f"exponents within {_SAME_EXPONENT} of these, from n = {_LATE:,} to {10 * _LATE:,}",
    changed="the sizes, after a first look: at n = 1,000 the edge of the quotient of SO(3) takes 0.05 of the exponent",
)
def _continuous(frame: pd.DataFrame) -> Evidence:
    theory = {"kNN": 2 / 4, "kNN + SO(2)": 2 / 3, "kNN + SO(3)": 1.0}
    return _exponents(frame, "rotations", theory, (_LATE, 31_623, 10 * _LATE))


def _exponents(frame: pd.DataFrame, problem: str, theory: dict[str, float], sizes: Sequence[int]) -> Evidence:
    """Compare exponents of learners with those of theory."""
    found = {learner: Estimate.of_seeds(exponents(frame, problem, learner, sizes)) for learner in theory}
    return Evidence(
        "; ".join(f"{learner}: {each.interval:.3f} beside {theory[learner]:.3f}" for learner, each in found.items()),
        [
            Requirement(each, theory[learner] - _SAME_EXPONENT, theory[learner] + _SAME_EXPONENT)
            for learner, each in found.items()
        ],
    )


@claim(
    "symmetry",
    says="Changes of sign of k coordinates, which fix some points, reach their worth of 2^k from below.",
    source=f"{_THEOREM}, in the limit; near a fixed point the images of a point are no more than one",
    tolerated=f"above half of 2^k and below 2^k at n = {sizes_text(_FLIP_SIZES)}, and higher at the"
    " last than at the first, for each k",
)
def _flips(frame: pd.DataFrame) -> Evidence:
    logs = {k: _worths(frame, "flips", f"kNN + {name}", _FLIP_SIZES) for k, name in _FLIPS.items()}
    tables = {k: worth(frame, "flips", f"kNN + {name}") for k, name in _FLIPS.items()}
    rises = [log_ratio(table[_FLIP_SIZES[-1]], table[_FLIP_SIZES[0]]) for table in tables.values()]
    inside = [
        Requirement(each, np.log(2**k / 2), np.log(2**k), unit=OF_LOGS)
        for k, of_k in logs.items()
        for each in of_k.values()
    ]
    return Evidence(
        "; ".join(f"k = {k}: {ratios_text(each.values())} of {2**k}" for k, each in logs.items()),
        [*inside, *(Requirement(rise, low=0, unit=OF_LOGS) for rise in rises)],
    )


@claim(
    "symmetry",
    says="The nearest neighbour among all images of the points is that of the quotient, exactly.",
    source="By definition: the distance of two orbits is that of their nearest points",
    tolerated="errors that differ by less than 1e-12 of them, for changes of sign of three coordinates, at each n",
)
def _identity(frame: pd.DataFrame) -> Evidence:
    copies, quotient = (losses(frame, "flips", f"kNN + 3 flips{form}") for form in (", copies", ""))
    differences = {n: Estimate.of_seeds((copies[n] / quotient[n] - 1).abs()) for n in _common(copies, quotient)}
    largest = max(each.mean for each in differences.values())
    return Evidence(
        f"by {largest:.1g} at most at n = {sizes_text(differences)}",
        [Requirement(each, high=1e-12) for each in differences.values()],
    )


@claim(
    "symmetry",
    says="The risk of least squares falls from sigma^2 d / (n - d - 1) to sigma^2 k / (n - k - 1), k of d = 600 linear"
    " functions being kept; averaged outputs have sigma^2 k / (n - d - 1).",
    source="Elesedy and Zaidi 2021, arXiv:2102.10333; the expectation of an inverse Wishart matrix",
    tolerated=f"within {_NEAR:.0%} of each at each n",
    changed="d, after a first look: with 200 ten seeds did not decide",
)
def _least_squares(frame: pd.DataFrame) -> Evidence:
    name, d, k = "least squares", _DIMENSION, _KEPT
    theory = {
        name: lambda n: least_squares_risk(n, d, _NOISE),
        f"{name} + half turn": lambda n: least_squares_risk(n, k, _NOISE),
        f"{name} + half turn, outputs": lambda n: least_squares_risk(n, d, _NOISE) * k / d,
    }
    tables = map_measured(lambda learner: losses(frame, "linear", learner), theory)
    ratios = {
        learner: [Estimate.of_seeds(errors / theory[learner](n)) for n, errors in table.items()]
        for learner, table in tables.items()
    }
    texts = (
        f"{learner}: {min(each.mean for each in of_one):.2f} to {max(each.mean for each in of_one):.2f} times it"
        for learner, of_one in ratios.items()
    )
    return Evidence(
        "; ".join(texts),
        [Requirement(each, 1 - _NEAR, 1 + _NEAR) for of_one in ratios.values() for each in of_one],
    )


@claim(
    "symmetry",
    says="A kernel averaged over the ten cyclic shifts of ten coordinates is worth 6 to 10 times the data.",
    source="Mei, Misiakiewicz and Montanari 2021, arXiv:2102.13219; the theorem has 10 in the limit",
    tolerated=f"6 to 10 at n = {sizes_text(_KERNEL_SIZES)}",
)
def _kernel(frame: pd.DataFrame) -> Evidence:
    return _worth_of_kernel(frame, "kernel + shifts", np.log(6), np.log(10))


@claim(
    "symmetry",
    says="Averaged outputs of a kernel machine that knows no symmetry are worth little.",
    source="Mei, Misiakiewicz and Montanari 2021, arXiv:2102.13219 (no significant gain)",
    tolerated=f"less than 1.6 times the data at n = {sizes_text(_KERNEL_SIZES)}",
)
def _outputs(frame: pd.DataFrame) -> Evidence:
    return _worth_of_kernel(frame, "kernel + shifts, outputs", -np.inf, np.log(1.6))


def _worth_of_kernel(frame: pd.DataFrame, informed: str, low: float, high: float) -> Evidence:
    found = _worths(frame, "shifts", informed, _KERNEL_SIZES, "kernel")
    return Evidence(
        f"{ratios_text(found.values())} times at n = {sizes_text(found)}",
        [Requirement(each, low, high, unit=OF_LOGS) for each in found.values()],
    )


@claim(
    "symmetry",
    says="A wrong group gives a floor: turns of one plane alone, which move the labels.",
    source="Images with wrong labels are as near as those with right ones, however many points there are",
    tolerated=f"an error that falls by a factor of less than {_FLOOR:g} from n = {_FEW:,} to {_MANY:,}, and is higher"
    " than without at the last",
)
def _wrong_turns(frame: pd.DataFrame) -> Evidence:
    return _floor(losses(frame, "turns", "kNN + wrong turns"), losses(frame, "turns", "kNN"))


@claim(
    "symmetry",
    says="On the spiral 30 random screws lower the nearest neighbour's error and leave its exponent as it is.",
    source=f"{_THEOREM}; 30 images of each point are a finite number",
    tolerated=f"a lower error at each n, and an exponent from n = 316 to {_MANY:,} changed by less than"
    f" {_SAME_EXPONENT}",
)
def _screws(frame: pd.DataFrame) -> Evidence:
    plain, screws = (losses(frame, "spiral", f"kNN{known}", "error") for known in ("", " + 30 screws"))
    sizes = (316, 1_000, 3_162, 10_000)
    slopes = [exponents(frame, "spiral", f"kNN{known}", sizes, "error") for known in (" + 30 screws", "")]
    change = Estimate.of_seeds((slopes[0] - slopes[1]).dropna())
    gains = {n: log_ratio(plain[n], screws[n]) for n in _common(screws, plain)}
    return Evidence(
        f"errors lower by factors of {ratios_text(gains.values())} at n = {sizes_text(gains)}; exponent changed by"
        f" {change.interval:+.3f}",
        [
            *(Requirement(gain, low=0, unit=OF_LOGS) for gain in gains.values()),
            Requirement(change, -_SAME_EXPONENT, _SAME_EXPONENT),
        ],
    )


@claim(
    "symmetry",
    says="The phase, which is what all screws keep, moves the exponent from 1/2 towards 1.",
    source=f"{_THEOREM}: the quotient of the plane is a line",
    tolerated=f"an exponent of the mean error from n = 100 to {_MANY:,} that is higher by more than {_STEEPER}",
)
def _phase(frame: pd.DataFrame) -> Evidence:
    plain, phase = (losses(frame, "spiral", f"kNN{known}", "error") for known in ("", " + phase"))
    sizes = _common(phase, plain)
    if sizes[-1] != _MANY:
        raise NotMeasured(f"the phase is not measured at n = {_MANY:,}")
    seeds = plain.index.intersection(phase.index)
    change = _jackknife_exponent(phase.loc[seeds, sizes]) - _jackknife_exponent(plain.loc[seeds, sizes])
    found = Estimate.of_jackknife(change)
    return Evidence(f"higher by {found.interval:.2f}", [Requirement(found, low=_STEEPER)])


def _jackknife_exponent(table: pd.DataFrame) -> Array:
    """Return the exponent of the mean over seeds, then with each seed left out: a seed alone may have no error."""
    means = np.vstack([table.mean(), (table.sum().to_numpy() - table.to_numpy()) / (len(table) - 1)])
    found: Array = -np.polyfit(np.log(table.columns.to_numpy(dtype=float)), np.log(means).T, 1)[0]
    return found


@claim(
    "symmetry",
    says="Screws with a pitch that is wrong by 10 % give a floor.",
    source="As for wrong turns",
    tolerated=f"an error that falls by a factor of less than {_FLOOR:g} from n = {_FEW:,} to {_MANY:,}, and is higher"
    " than without at the last",
)
def _wrong_screws(frame: pd.DataFrame) -> Evidence:
    return _floor(*(losses(frame, "spiral", f"kNN{known}", "error") for known in (" + wrong screws", "")))


def _floor(wrong: pd.DataFrame, plain: pd.DataFrame) -> Evidence:
    if not {_FEW, _MANY} <= set(wrong.columns) & set(plain.columns):
        raise NotMeasured(f"the wrong group is not measured at n = {_FEW:,} and {_MANY:,}")
    fall, harm = log_ratio(wrong[_FEW], wrong[_MANY]), log_ratio(wrong[_MANY], plain[_MANY])
    without = log_ratio(plain[_FEW], plain[_MANY])
    return Evidence(
        f"falls by a factor of {fall.interval.exp():.2f}, without by {without.interval.exp():.2f};"
        f" {harm.interval.exp():.2f} times the error without at n = {_MANY:,}",
        [Requirement(fall, high=np.log(_FLOOR), unit=OF_LOGS), Requirement(harm, low=0, unit=OF_LOGS)],
    )


@claim(
    "symmetry",
    says="Turns of the spiral by 5 degrees or less, which are almost a symmetry, help the nearest neighbour.",
    source=f"{_OWN}; Chen, Dobriban and Lee 2020, arXiv:1907.10905, on approximate invariance",
    tolerated="a lower error at each n",
)
def _small_turns(frame: pd.DataFrame) -> Evidence:
    return _on_spiral(frame, " + turns by 5°", -1)


@claim(
    "symmetry",
    says="Turns of the spiral by any angle do harm at every n.",
    source=f"{_OWN}: they take all that is known of the angle",
    tolerated="a higher error at each n",
)
def _rotations(frame: pd.DataFrame) -> Evidence:
    return _on_spiral(frame, " + rotations", 1)


def _on_spiral(frame: pd.DataFrame, known: str, sign: int) -> Evidence:
    """Compare errors with and without a map; the sign is that of the expected change."""
    plain, mapped = (losses(frame, "spiral", f"kNN{each}", "error") for each in ("", known))
    changes = {n: log_ratio(mapped[n], plain[n]) for n in _common(mapped, plain)}
    low, high = (0.0, np.inf) if sign > 0 else (-np.inf, 0.0)
    return Evidence(
        f"{ratios_text(changes.values())} times the error at n = {sizes_text(changes)}",
        [Requirement(each, low, high, unit=OF_LOGS) for each in changes.values()],
    )


@claim(
    "symmetry",
    says="To a net, invariant coordinates are worth more than 30 images of each point, and these more than nothing.",
    source=f"{_OWN}: images are a finite number",
    tolerated="a lower error at each n, of each of the two",
)
def _nets(frame: pd.DataFrame) -> Evidence:
    plain, copies, exact = (losses(frame, "rotations", f"net{known}") for known in ("", " + SO(3), copies", " + SO(3)"))
    sizes = _common(exact, copies, plain)
    of_copies = {n: log_ratio(plain[n], copies[n]) for n in sizes}
    of_exact = {n: log_ratio(copies[n], exact[n]) for n in sizes}
    return Evidence(
        f"images lower the error by factors of {ratios_text(of_copies.values())}; with images it is"
        f" {ratios_text(of_exact.values())} times that with coordinates, at n = {sizes_text(sizes)}",
        [Requirement(each, low=0, unit=OF_LOGS) for each in (*of_copies.values(), *of_exact.values())],
    )
