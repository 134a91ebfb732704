"""The study `regularisers`: what dropout and weight decay are worth by seed, with label noise and without."""

import itertools
from collections.abc import Iterator
from functools import partial

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from studies.analysis.claims import Claim, by_seed, claims, is_significant, rows_where, tell, told
from studies.analysis.intervals import mean_interval
from studies.plots.style import draw, finish, new_axes
from studies.registry.plots import plot
from studies.results.results import Results

NOISE = 0.2
"""The share of flipped labels, where there are some."""

_MEMORISED = 0.95  # training accuracy from which a net counts as having memorised its labels
_DROPOUT, _DECAY = "dropout", "weight decay, weight_decay=3.0"
_NAMES = {_DROPOUT: "Dropout", _DECAY: "Weight decay"}
_SOURCES = {_DROPOUT: "Srivastava et al. 2014, section 6", _DECAY: "Krogh and Hertz 1991 (linear nets)"}
_NOISY_SOURCES = {**_SOURCES, _DROPOUT: "Arpit et al. 2017 (A closer look at memorization)"}


@claims("regularisers")
def check(frame: pd.DataFrame) -> Iterator[Claim]:
    """Check memorising, the gap, and errors of dropout and weight decay against those of the bare net."""
    of_each = [
        partial(claim, learner=learner) for learner in (_DROPOUT, _DECAY) for claim in (_narrows, _helps_noisy, _helps)
    ]
    return tell(frame, (_memorises, *of_each, _grows))


def gap(frame: pd.DataFrame, learner: str, flip: float) -> pd.DataFrame:
    """Return training accuracy less test accuracy, both against labels as noisy as the sample's, by seed and n."""
    test = by_seed(frame, "accuracy", learner=learner)
    return by_seed(frame, "accuracy_train", learner=learner) - (flip + (1 - 2 * flip) * test)


def _gain(frame: pd.DataFrame, learner: str) -> pd.DataFrame:
    """Return by how much a learner's test error is lower than that of the bare net, by seed and n."""
    return by_seed(frame, "accuracy", learner=learner) - by_seed(frame, "accuracy", learner="net")


def _noisy(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["flip_probability"] == NOISE]


def _memorises(frame: pd.DataFrame) -> Claim:
    accuracy = by_seed(_noisy(frame), "accuracy_train", learner="net")
    intervals = [mean_interval(column) for _, column in accuracy.items()]
    return Claim(
        f"A net without regularisers learns its labels by heart, {NOISE:.0%} of them flipped.",
        "Zhang et al. 2017 (Understanding deep learning requires rethinking generalization), section 2",
        f"training accuracy {', '.join(told(i, '.3f') for i in intervals)} at n = {_sizes(accuracy)}",
        all(i.low > _MEMORISED for i in intervals),
    )


def _narrows(frame: pd.DataFrame, learner: str) -> Claim:
    noisy = _noisy(frame)
    return _lower(
        f"{_NAMES[learner]} narrows the gap between training and test accuracy under label noise.",
        _NOISY_SOURCES[learner],
        gap(noisy, "net", NOISE) - gap(noisy, learner, NOISE),
    )


def _helps_noisy(frame: pd.DataFrame, learner: str) -> Claim:
    says = f"{_NAMES[learner]} lowers the test error with {NOISE:.0%} of the labels flipped."
    return _lower(says, _NOISY_SOURCES[learner], _gain(_noisy(frame), learner))


def _helps(frame: pd.DataFrame, learner: str) -> Claim:
    says = f"{_NAMES[learner]} lowers the test error without label noise."
    return _lower(says, _SOURCES[learner], _gain(frame[frame["flip_probability"] == 0], learner))


def _lower(says: str, source: str, gains: pd.DataFrame) -> Claim:
    """Return the claim that something is lower by gains, on average over sample sizes."""
    mean = mean_interval(100 * gains.mean(axis=1))
    by_size = ", ".join(told(mean_interval(100 * column), "+.1f") for _, column in gains.items())
    return Claim(
        says,
        source,
        f"by {told(mean, '+.1f')} points on average; {by_size} at n = {_sizes(gains)}",
        is_significant(mean),
    )


def _grows(frame: pd.DataFrame) -> Claim:
    gains = _gain(_noisy(frame), _DROPOUT)
    few, more = gains.columns[0], gains.columns[-1]
    growth = mean_interval(100 * (gains[more] - gains[few]))
    useless = mean_interval(gains[few]).low <= 0
    return Claim(
        "Dropout is of no use to the smallest samples and gains with their size, under label noise.",
        "Srivastava et al. 2014, section 7.4 and figure 10 (without noise; there it declines again in the end)",
        f"gain {told(mean_interval(100 * gains[few]), '+.1f')} points at n = {few:,}, {told(growth, '+.1f')} more at"
        f" n = {more:,}",
        is_significant(growth) and useless,
    )


def _sizes(table: pd.DataFrame) -> str:
    return ", ".join(f"{n:,}" for n in table.columns)


@plot(whole_study=True)
def plot_regularised_error(results: Results, ax: Axes | None = None, *, flip: float = NOISE) -> Axes:
    """Draw the test error against n, a colour for each learner, for a share of flipped labels."""
    ax = new_axes(ax)
    frame = rows_where(results.frame(), flip_probability=flip)
    for learner, colour in _coloured(frame):
        draw(ax, 1 - by_seed(frame, "accuracy", learner=learner), color=colour, label=_named(learner))
    ax.set(xscale="log", yscale="log", ylabel="test error", title=f"{flip:.0%} of the labels flipped")
    return _finished(ax)


@plot(whole_study=True)
def plot_generalization_gap(results: Results, ax: Axes | None = None, *, flip: float = NOISE) -> Axes:
    """Draw training less test accuracy against n, as `plot_regularised_error` does the error."""
    ax = new_axes(ax)
    frame = rows_where(results.frame(), flip_probability=flip)
    for learner, colour in _coloured(frame):
        draw(ax, gap(frame, learner, flip), color=colour, label=_named(learner))
    ax.set(xscale="log", ylabel="training less test accuracy", title=f"{flip:.0%} of the labels flipped")
    return _finished(ax)


def _coloured(frame: pd.DataFrame) -> Iterator[tuple[str, tuple[float, float, float]]]:
    return zip(frame["learner"].unique(), itertools.cycle(sns.color_palette("colorblind")), strict=False)


def _named(learner: str) -> str:
    return learner.replace("weight decay, weight_decay=", "weight decay ")


def _finished(ax: Axes) -> Axes:
    ax.set_xlabel("training points n")
    return finish(ax)
