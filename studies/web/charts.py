"""Learning curves as geometry: positions in an SVG, without text or HTML.

The script of the page (``templates/report.js``) draws the same again when the reader changes something; a test in a
browser compares the two.
"""

import sys
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from studies.analysis.crossovers import DataEquivalence
from studies.analysis.findings import Curve, Mean, Measured
from studies.analysis.intervals import number, scale_of
from studies.plots.lines import zero_text
from studies.plots.looks import MARKERS, learner_looks
from studies.plots.style import GAP, shortened, spread
from studies.spec.study import Study

WIDTH, HEIGHT = 800, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 26, 10, 44
_LINE = 15  # from the name at the end of a curve to the next
_LETTER = 8
_BELOW = 12  # from the end of the baseline to its name
_LEADER = 18  # from the curves to the marks before the names
_LONGEST = 24  # letters of a name

LAYOUT = {
    "width": WIDTH,
    "height": HEIGHT,
    "left": _LEFT,
    "right": _RIGHT,
    "top": _TOP,
    "bottom": _BOTTOM,
    "line": _LINE,
    "letter": _LETTER,
    "leader": _LEADER,
    "below": _BELOW,
    "longest": _LONGEST,
    "gap": GAP,
}
"""In pixels and characters, for the script and the template of the page."""

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
"""Outlines about (0, 0) of the marks of `studies.plots.style`, in the same order."""


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
class Axis:
    """Values from `low` to `high`, laid out from pixel `start` to pixel `stop`."""

    low: float
    high: float
    start: float
    stop: float
    log: bool

    def position(self, value: float) -> float:
        """Return the pixel of a value."""
        low, high, there = np.log10((self.low, self.high, value)) if self.log else (self.low, self.high, value)
        return float(self.start + (there - low) / (high - low) * (self.stop - self.start))

    def ticks(self) -> list[float]:
        """Return round values: powers of ten; with their 2 and 5 under two decades; evenly spaced under a fifth."""
        decades = np.log10(self.high / self.low) if self.log else 0
        if decades < 0.7:
            return self._even_ticks()
        powers = np.arange(np.floor(np.log10(self.low)), np.ceil(np.log10(self.high)) + 1)
        factors = (1,) if decades >= 2 else (1, 2, 5)
        values = [factor * 10.0 ** int(power) for power in powers for factor in factors]
        return [value for value in values if self.low <= value <= self.high]

    def _even_ticks(self) -> list[float]:
        rough = (self.high - self.low) / 5
        power = 10.0 ** np.floor(np.log10(rough))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
        first, last = np.ceil(self.low / step), np.floor(self.high / step)
        return [float(f"{i * step:.12g}") for i in np.arange(first, last + 1)]


@dataclass(frozen=True)
class Tick:
    """A mark on an axis."""

    position: float
    label: str


@dataclass(frozen=True)
class Mark:
    """A point on a curve; `zero` is its value in words if it is at the foot of a logarithmic axis."""

    x: float
    y: float
    mean: Mean
    zero: str


@dataclass(frozen=True)
class Drawn:
    """A curve: the paths of its line and of its interval, its marks, and the place of its name.

    A curve without such a place is in the background.
    """

    learner: str
    line: str
    band: str
    marks: tuple[Mark, ...]
    name: str
    name_y: float | None = None


@dataclass(frozen=True)
class Chart:
    """The ticks, curves and baseline of a metric, with logarithmic axes where the values allow it."""

    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    curves: tuple[Drawn, ...]
    right: float
    bottom: float
    named: bool
    baseline: Drawn | None


def floor_of(measured: Measured) -> float | None:
    """Return the foot of a logarithmic axis, below which intervals are cut, or None if there are values below zero.

    It is a tenth of the least positive mean, as in `studies.plots`. A mean of zero is drawn at the foot of the axis.
    """
    intervals = [mean.interval for curve in measured.curves for mean in curve.means]
    if min(np.nanmin([i.mean, i.low]) for i in intervals) < 0:
        return None
    return min((i.mean for i in intervals if not is_zero(i.mean)), default=1.0) / 10


def is_zero(value: float) -> bool:
    """Return True for 0, and for what is smaller than the rounding of numbers."""
    return abs(value) < sys.float_info.epsilon


def sizes_of(measured: Measured) -> list[int]:
    """Return all sample sizes; points more than `GAP` of them apart are not joined."""
    return sorted({mean.n_samples for curve in measured.curves for mean in curve.means})


def chart(measured: Measured, coloured: Collection[str] | None = None) -> Chart:
    """Return the curves of a metric, laid out; without names for those that are not coloured."""
    scale, floor = scale_of(measured.metric, on_rows=measured.sampling.n_rows is not None), floor_of(measured)
    named_ones = [c.learner for c in measured.curves if coloured is None or c.learner in coloured]
    named = 0 < len(named_ones) * _LINE <= HEIGHT - _TOP - _BOTTOM
    letters = max((len(shortened(learner, _LONGEST)) for learner in named_ones), default=0)
    right, bottom = WIDTH - (_LEADER + 9 + _LETTER * letters if named else _RIGHT), HEIGHT - _BOTTOM
    means = [mean for curve in measured.curves for mean in curve.means]
    x = _axis([mean.n_samples for mean in means], 1.12, _LEFT, right, log=True)
    heights = [value for mean in means for value in _heights(mean, floor)]
    heights += [mean.interval.mean for mean in measured.baseline.means] if measured.baseline else []
    heights = [value for value in heights if floor is None or value > 0]
    y = _axis([scale.factor * value for value in heights or [0.1, 1.0]], 1.15, bottom, _TOP, log=floor is not None)
    zero, sizes = zero_text(measured.metric, measured.sampling.n_test), sizes_of(measured)
    drawn = [_drawn(curve, x, y, scale.factor, floor, zero, sizes) for curve in measured.rows]
    curves, baseline = drawn[: len(measured.curves)], drawn[len(measured.curves) :]
    placed = [curve for curve in curves if curve.learner in named_ones]
    places = spread([curve.marks[-1].y for curve in placed], _TOP + _LINE / 2, bottom, _LINE) if placed else []
    at = dict(zip((curve.learner for curve in placed), places, strict=True))
    return Chart(
        tuple(Tick(x.position(value), number(value)) for value in x.ticks()),
        tuple(Tick(y.position(value), number(value) + scale.unit) for value in y.ticks()),
        tuple(replace(curve, name_y=at.get(curve.learner)) for curve in curves),
        right,
        bottom,
        named,
        baseline[0] if baseline else None,
    )


@dataclass(frozen=True)
class Strip:
    """A number of samples on a line of sample sizes, in per cent of its length: its place and the ends of its interval.

    `side` is that of a `CensoredInterval`.
    """

    at: float
    low: float
    high: float
    side: str


def size_axis(sizes: list[int]) -> Axis:
    """Return a logarithmic line through all sample sizes, in per cent of its length."""
    return Axis(min(sizes) / 1.3, max(sizes) * 1.3, 0, 100, log=True)


def strip(equivalence: DataEquivalence, sizes: list[int]) -> Strip:
    """Return the samples of a data equivalence on the line through all sample sizes."""
    axis, needed = size_axis(sizes), equivalence.n_samples
    at = axis.position(needed.value)
    if needed.side:
        return Strip(at, at, at, needed.side)
    return Strip(at, axis.position(max(needed.low, axis.low)), axis.position(min(needed.high, axis.high)), "")


def _axis(values: list[float], margin: float, start: float, stop: float, *, log: bool) -> Axis:
    low, high = min(values), max(values)
    if log:
        return Axis(low / margin, high * margin, start, stop, log)
    span = (high - low) or abs(high) or 1.0
    return Axis(low - 0.05 * span if low < 0 else 0.0, high + 0.05 * span, start, stop, log)


def _heights(mean: Mean, floor: float | None) -> list[float]:
    """Return the mean with the ends of its interval, on a logarithmic axis cut at the floor; of a zero only that."""
    interval = mean.interval
    if floor is not None and is_zero(interval.mean):
        return [0.0]
    values = [interval.mean] if np.isnan(interval.low) else [interval.mean, interval.low, interval.high]
    return values if floor is None else [max(value, floor) for value in values]


def _drawn(curve: Curve, x: Axis, y: Axis, factor: float, floor: float | None, zero: str, sizes: list[int]) -> Drawn:
    pieces: list[list[tuple[float, list[float]]]] = [[]]
    marks: list[Mark] = []
    for before, mean in zip((None, *curve.means), curve.means, strict=False):
        at_foot = floor is not None and is_zero(mean.interval.mean)
        if before is not None and (at_foot or sizes.index(mean.n_samples) - sizes.index(before.n_samples) > GAP):
            pieces.append([])
        place = x.position(mean.n_samples)
        heights = [y.start] if at_foot else [y.position(factor * value) for value in _heights(mean, floor)]
        marks.append(Mark(place, heights[0], mean, zero if at_foot else ""))
        if not at_foot:
            pieces[-1].append((place, heights))
    return Drawn(
        curve.learner,
        "".join(_path([(place, heights[0]) for place, heights in piece]) for piece in pieces if piece),
        "".join(map(_band, pieces)),
        tuple(marks),
        shortened(curve.learner, _LONGEST),
    )


def _band(piece: list[tuple[float, list[float]]]) -> str:
    banded = [(place, heights) for place, heights in piece if len(heights) == 3]
    lower = [(place, heights[1]) for place, heights in banded]
    upper = [(place, heights[2]) for place, heights in reversed(banded)]
    return _path(lower + upper) + "Z" if banded else ""


def _path(points: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
