"""How learners are told apart wherever they are drawn: each has one look, by its place in the study.

Ten colours that colour-blind readers tell apart, each with a mark of its own; the next ten learners have other dashes.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import seaborn as sns

MARKERS = "osD^vPX*<>"
"""Marks, in matplotlib's letters."""

DASHES: tuple[tuple[int, ...], ...] = ((), (7, 3), (2, 3), (9, 3, 2, 3))
"""Lengths of lines and gaps, in pixels; none is a whole line."""

RIGHT, WRONG = "#0173b2", "#de8f05"
"""Of a map: where the answer 1 is right, and where an answer is wrong."""

_N_COLOURS = len(MARKERS)

N_LOOKS = _N_COLOURS * len(DASHES)
"""How many learners can be told apart; the next one looks like the first."""


@dataclass(frozen=True)
class Look:
    """A colour in hexadecimal, a mark of `MARKERS` and a dash of `DASHES`."""

    colour: str
    marker: str
    dash: tuple[int, ...]


def looks(learners: Iterable[str]) -> dict[str, Look]:
    """Return the look of each of a study's learners, in its order."""
    colours = sns.color_palette("colorblind", _N_COLOURS).as_hex()
    return {
        learner: Look(colours[i % _N_COLOURS], MARKERS[i % _N_COLOURS], DASHES[i // _N_COLOURS % len(DASHES)])
        for i, learner in enumerate(learners)
    }
