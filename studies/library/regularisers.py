"""The study `regularisers`: the effect of dropout and weight decay by seed, with label noise and without."""

from typing import NamedTuple

import pandas as pd

from studies.analysis.claims import Evidence, claim, rows_where, seed_table, sizes_text
from studies.analysis.intervals import mean_interval
from studies.analysis.verdicts import Estimate, Requirement

NOISE = 0.2
"""The share of flipped labels in the part with label noise."""

_LOWER = "a lower error, on average over n"
_MEMORISED = 0.95  # training accuracy from which a net counts as having memorised its labels


class _Regulariser(NamedTuple):
    """A regularised net, and the sources of the claims about it."""

    name: str
    learner: str
    source: str
    noisy_source: str


_KROGH = "Krogh and Hertz 1991 (linear nets)"
_DROPOUT = _Regulariser(
    "Dropout",
    "dropout",
    "Our own expectation; Srivastava et al. 2014, section 6, show it for larger nets on real data",
    "Arpit et al. 2017 (A closer look at memorization)",
)
_REGULARISERS = (_DROPOUT, _Regulariser("Weight decay", "weight decay, weight_decay=3.0", _KROGH, _KROGH))


def gap(frame: pd.DataFrame, learner: str, flip: float) -> pd.DataFrame:
    """Return training accuracy less test accuracy, both against labels as noisy as the sample's, by seed and n."""
    test = seed_table(frame, "accuracy", learner=learner)
    return seed_table(frame, "accuracy_train", learner=learner) - (flip + (1 - 2 * flip) * test)


def _gain(frame: pd.DataFrame, learner: str) -> pd.DataFrame:
    """Return the test error of the bare net less that of a learner, by seed and n."""
    return seed_table(frame, "accuracy", learner=learner) - seed_table(frame, "accuracy", learner="net")


def _noisy(frame: pd.DataFrame) -> pd.DataFrame:
    return rows_where(frame, flip_probability=NOISE)


@claim(
    "regularisers",
    says=f"A net without regularisers learns its labels by heart, {NOISE:.0%} of them flipped.",
    source="Zhang et al. 2017 (Understanding deep learning requires rethinking generalization), section 2",
    tolerated=f"a training accuracy above {_MEMORISED:g} at each n",
)
def _memorises(frame: pd.DataFrame) -> Evidence:
    accuracy = seed_table(_noisy(frame), "accuracy_train", learner="net")
    found = [Estimate.of_seeds(column) for _, column in accuracy.items()]
    return Evidence(
        f"training accuracy {', '.join(f'{each.interval:.3f}' for each in found)} at n = {sizes_text(accuracy)}",
        [Requirement(each, low=_MEMORISED) for each in found],
    )


@claim(
    "regularisers",
    says="{it.name} narrows the gap between training and test accuracy under label noise.",
    source="{it.noisy_source}",
    tolerated="a smaller gap, on average over n",
    it=_REGULARISERS,
)
def _narrows(frame: pd.DataFrame, it: _Regulariser) -> Evidence:
    noisy = _noisy(frame)
    return _lowers(gap(noisy, "net", NOISE) - gap(noisy, it.learner, NOISE))


@claim(
    "regularisers",
    says=f"{{it.name}} lowers the test error with {NOISE:.0%} of the labels flipped.",
    source="{it.noisy_source}",
    tolerated=_LOWER,
    it=_REGULARISERS,
)
def _helps_noisy(frame: pd.DataFrame, it: _Regulariser) -> Evidence:
    return _lowers(_gain(_noisy(frame), it.learner))


@claim(
    "regularisers",
    says="{it.name} lowers the test error without label noise.",
    source="{it.source}",
    tolerated=_LOWER,
    it=_REGULARISERS,
)
def _helps(frame: pd.DataFrame, it: _Regulariser) -> Evidence:
    return _lowers(_gain(rows_where(frame, flip_probability=0), it.learner))


def _lowers(gains: pd.DataFrame) -> Evidence:
    """Judge gains by their average over sample sizes."""
    mean = Estimate.of_seeds(gains.mean(axis=1))
    by_size = ", ".join(f"{mean_interval(100 * column):+.1f}" for _, column in gains.items())
    return Evidence(
        f"by {100 * mean.interval:+.1f} points on average; {by_size} at n = {sizes_text(gains)}",
        [Requirement(mean, low=0, factor=100, unit=" points")],
    )


@claim(
    "regularisers",
    says="Dropout is of no use to the smallest samples and gains with their size, under label noise.",
    source="Srivastava et al. 2014, section 7.4 and figure 10 (without noise; there it declines again in the end)",
    tolerated="a gain of less than 1 point at the smallest n, and a higher one at the largest",
)
def _grows(frame: pd.DataFrame) -> Evidence:
    gains = 100 * _gain(_noisy(frame), _DROPOUT.learner)
    few, more = gains.columns[0], gains.columns[-1]
    gain, growth = Estimate.of_seeds(gains[few]), Estimate.of_seeds(gains[more] - gains[few])
    return Evidence(
        f"gain {gain.interval:+.1f} points at n = {few:,}, {growth.interval:+.1f} more at n = {more:,}",
        [Requirement(gain, high=1, unit=" points"), Requirement(growth, low=0, unit=" points")],
    )
