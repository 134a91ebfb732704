"""k nearest neighbours with noisy labels: five outvote what one repeats, and blur a boundary that one keeps.

Far from the boundary all k labels are those of one class but for flips, so that an answer is wrong where most of the k
are flipped. Near it five neighbours err more often than one even without noise. The first decides with many points, the
second with few, and they cross where the one outweighs the other.
"""

import math
from collections.abc import Iterator

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from scipy import stats

from studies.analysis.claims import Claim, NotMeasured, claims, rows_where, told
from studies.analysis.crossovers import Crossover, crossover
from studies.analysis.intervals import mean_interval
from studies.analysis.learning_curves import errors
from studies.plots.style import finish, new_axes
from studies.registry.plots import plot
from studies.results.results import Results

COVER = "Cover and Hart 1967, Nearest neighbor pattern classification (there for separated classes)"
BINOMIAL = "The binomial tail of flipped labels, far from the boundary"

_ONE, _FIVE = ("kNN, n_neighbors=1", "kNN, n_neighbors=5")
_NEIGHBORS = {_ONE: 1, _FIVE: 5}
_APART = 1.06  # between what is measured and foretold, in a picture


def outvoted(flip_probability: float, n_neighbors: int) -> float:
    """Return the chance that most of `n_neighbors` labels, an odd number, are flipped."""
    return float(stats.binom.sf(n_neighbors // 2, n_neighbors, flip_probability))


def foretold(noise_free: pd.DataFrame, flip_probability: float) -> pd.DataFrame:
    """Return noise-free errors with the noise that theory adds: an answer is turned where most labels are flipped.

    Parameters
    ----------
    noise_free : DataFrame
        Errors of both learners, from `Results.frame`.
    flip_probability : float
    """
    turned = noise_free["learner"].map({name: outvoted(flip_probability, k) for name, k in _NEIGHBORS.items()})
    return noise_free.assign(value=noise_free["value"] + turned * (1 - 2 * noise_free["value"]))


@claims("label-noise")
def check(frame: pd.DataFrame) -> Iterator[Claim]:
    """Check what noise adds to the error, and where the two cross."""
    try:
        noise_free, parts = _by_noise(frame)
    except NotMeasured:
        return
    found = crossover(noise_free, _ONE, _FIVE)
    yield Claim("Without noise one neighbour is better than five at any n", COVER, str(found), found.winner == _ONE)
    for q, part in parts.items():
        yield from (_added(q, k, part, noise_free) for k in (_ONE, _FIVE))
        yield _crossing(q, part, noise_free)


def _by_noise(frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[float, pd.DataFrame]]:
    """Return the errors without noise, and those with noise by their share of flips."""
    rows = rows_where(errors(frame), metric="error")
    noise_free = rows_where(rows, flip_probability=0.0)
    if noise_free["seed"].nunique() < 2:
        raise NotMeasured("no two seeds are measured without label noise")
    return noise_free, {float(str(q)): part for q, part in rows.groupby("flip_probability") if q != 0}


def _added(q: float, learner: str, noisy: pd.DataFrame, noise_free: pd.DataFrame) -> Claim:
    """Compare what noise adds at the largest n with theory, exact for one neighbour and a limit for five."""
    largest = noisy["n_samples"].max()
    at = [
        part[(part["learner"] == learner) & (part["n_samples"] == largest)].set_index("seed")["value"]
        for part in (noisy, foretold(noise_free, q), noise_free)
    ]
    measured, theory = mean_interval(at[0] - at[2]), float((at[1] - at[2]).mean())
    k = _NEIGHBORS[learner]
    return Claim(
        f"Flips of {q:.0%} add {100 * theory:.3f} points to the error of k = {k}" + (", or more" if k > 1 else ""),
        BINOMIAL,
        f"{100 * measured.mean:.3f} [{100 * measured.low:.3f}, {100 * measured.high:.3f}] points at n = {largest:,}",
        measured.low <= theory <= measured.high if k == 1 else measured.high >= theory,
    )


def _crossing(q: float, noisy: pd.DataFrame, noise_free: pd.DataFrame) -> Claim:
    """Compare where five neighbours overtake one with where the noise-free curves and the noise foretell it."""
    says = f"With flips of {q:.0%}, five neighbours overtake one where outvoted flips outweigh the blur"
    seen, expected = _crossings(q, noisy, noise_free)
    (low, high), (expected_low, expected_high) = _where(seen), _where(expected)
    agree = None if (low, high) == (0, math.inf) else low <= expected_high and expected_low <= high
    return Claim(says, BINOMIAL, f"{_told(seen)}, foretold {_told(expected)}", agree)


def _crossings(q: float, noisy: pd.DataFrame, noise_free: pd.DataFrame) -> tuple[Crossover, Crossover]:
    """Return where the two cross, and where theory has it."""
    return crossover(noisy, _ONE, _FIVE), crossover(foretold(noise_free, q), _ONE, _FIVE)


def _where(found: Crossover) -> tuple[float, float]:
    """Return between which n five neighbours overtake one."""
    if found.n is not None:
        return found.n.low, found.n.high
    if found.lead is None:
        return 0, math.inf
    return (0, found.lead[0]) if found.winner == _FIVE else (found.lead[1], math.inf)


def _told(found: Crossover) -> str:
    if found.n is not None:
        return f"at n = {told(found.n, ',.0f')}"
    low, high = _where(found)
    return f"before n = {high:,.0f}" if low == 0 else f"after n = {low:,.0f}"


@plot(whole_study=True)
def plot_overtaking(results: Results, ax: Axes | None = None) -> Axes:
    """Draw from which n on five neighbours beat one, by the share of flips, and what theory foretells; arrows bound."""
    ax, palette = new_axes(ax), sns.color_palette("colorblind")
    noise_free, parts = _by_noise(results.frame())
    crossings = {100 * q: _crossings(q, part, noise_free) for q, part in parts.items()}
    for place, (label, colour) in enumerate(zip(("measured", "foretold"), palette.as_hex(), strict=False)):
        ax.plot([], [], "o", color=colour, label=label)
        for q, pair in crossings.items():
            _draw_crossing(ax, q * _APART**place, pair[place], colour)
    ax.set(xscale="log", yscale="log", xlabel="flipped labels, %", ylabel="n from which on five neighbours beat one")
    ax.set_xticks(list(crossings), [f"{q:g}" for q in crossings])
    return finish(ax)


def _draw_crossing(ax: Axes, x: float, found: Crossover, colour: str) -> None:
    low, high = _where(found)
    if found.n is not None:
        ax.vlines(x, low, high, color=colour)
        ax.plot(x, found.n.mean, "o", color=colour)
    elif low > 0:
        ax.plot(x, low, "^", color=colour)
    elif math.isfinite(high):
        ax.plot(x, high, "v", color=colour)
