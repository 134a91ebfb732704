"""Marks of learners in SVG, and numbers of samples as marks with intervals on a line of sample sizes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from studies.analysis.crossovers import DataEquivalence
from studies.plots.looks import MARKERS, learner_looks
from studies.spec.study import Study

SHAPES = (
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    "M-3.7-3.7h7.4v7.4h-7.4z",
    "M0-5.2L5.2 0 0 5.2-5.2 0z",
    "M0-5L4.8 3.6h-9.6z",
    "M0 5L4.8-3.6h-9.6z",
    "M-1.6-5h3.2v3.4h3.4v3.2h-3.4v3.4h-3.2v-3.4h-3.4v-3.2h3.4z",
    "M-4.8-2.6L-2.6-4.8 0-2.2 2.6-4.8 4.8-2.6 2.2 0 4.8 2.6 2.6 4.8 0 2.2-2.6 4.8-4.8 2.6-2.2 0z",
    "M0-5.6L1.4-1.9 5.3-1.7 2.3.7 3.3 4.5 0 2.4-3.3 4.5-2.3.7-5.3-1.7-1.4-1.9z",
    "M-5 0L3.6-4.8v9.6z",
    "M5 0L-3.6-4.8v9.6z",
)
"""Outlines about (0, 0) of `studies.plots.looks.MARKERS`, in the same order."""

_MARGIN = 1.3  # factor beyond the smallest and the largest size


@dataclass(frozen=True)
class Style:
    """Colours of a learner on a light and on a dark page, mark, dashes and family."""

    colour: str
    dark: str
    shape: str
    dash: str
    family: str


def styles(study: Study) -> dict[str, Style]:
    """Return the style of each of a study's learners, in its order: its look in terms of SVG."""
    return {
        learner: Style(
            look.colour, look.dark, SHAPES[MARKERS.index(look.marker)], " ".join(map(str, look.dash)), look.family
        )
        for learner, look in learner_looks(study).items()
    }


@dataclass(frozen=True)
class Strip:
    """A number of samples on a line of sample sizes, in per cent of its length: its place and the ends of its interval.

    `side` is that of a `CensoredInterval`.
    """

    at: float
    low: float
    high: float
    side: str


def place(n_samples: float, sizes: Sequence[int]) -> float:
    """Return the place of a number of samples on a logarithmic line through all sample sizes, in per cent."""
    low, high = min(sizes) / _MARGIN, max(sizes) * _MARGIN
    return float(100 * np.log(np.clip(n_samples, low, high) / low) / np.log(high / low))


def strip(equivalence: DataEquivalence, sizes: Sequence[int]) -> Strip:
    """Return the samples of a data equivalence on the line through all sample sizes."""
    needed = equivalence.n_samples
    at = place(needed.value, sizes)
    if needed.side:
        return Strip(at, at, at, needed.side)
    return Strip(at, place(needed.low, sizes), place(needed.high, sizes), "")
