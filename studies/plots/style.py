"""What all pictures are drawn with: axes, scales with readable ticks, points with intervals, names at their curves."""

import math
import textwrap
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis, XAxis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression


def spread(places: Sequence[float], low: float, high: float, line: float) -> list[float]:
    """Return places for names, as near as can be to those that are wanted, a line apart, from `low` to `high`."""
    order = np.argsort(places, kind="stable")
    lines = line * np.arange(len(places))
    # Without the lines between them the names need only be in order: least squares under that is isotonic regression.
    placed = isotonic_regression(np.asarray(places)[order] - lines).x.clip(low, high - lines[-1]) + lines
    return [float(placed[place]) for place in np.argsort(order)]


def shortened(name: str, longest: int) -> str:
    """Return a name of at most `longest` letters, its end left out."""
    return name if len(name) <= longest else name[: longest - 1] + "…"


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


Key = TypeVar("Key", bound=Hashable)


def looks(learners: Iterable[Key]) -> dict[Key, Look]:
    """Return the look of each of a study's learners, or of other things that a plot distinguishes, in order."""
    colours = sns.color_palette("colorblind", _N_COLOURS).as_hex()
    return {
        learner: Look(colours[i % _N_COLOURS], MARKERS[i % _N_COLOURS], DASHES[i // _N_COLOURS % len(DASHES)])
        for i, learner in enumerate(learners)
    }


INK, GREY = "#333333", "0.45"

_ROOM = 30  # letters of ticks along an axis
_POWERS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_BEYOND = 10.0  # times the means up to which an interval is shown, on a logarithmic scale
_LONGEST = 36  # letters of a line of a name
_NAME_SIZE = 8.5  # points
_LINE = 1.3  # from name to name, in heights of a letter
_DECADE = 10.0


@dataclass(frozen=True)
class End:
    """Where a named curve ends."""

    name: str
    x: float
    y: float
    look: Look


def new_axes(ax: Axes | None) -> Axes:
    """Return the axes given, or those of a new figure, which leaves room for what stands beside them."""
    return plt.subplots(layout="constrained")[1] if ax is None else ax


def literal(text: str) -> str:
    """Return text without mathematics: a dollar is a dollar."""
    return text.replace("$", r"\$")


def wrapped(title: str, figure: Figure) -> str:
    """Return a title in lines as long as a figure is wide."""
    return textwrap.fill(literal(title), width=max(20, int(9 * figure.get_figwidth())))


def line_style(look: Look) -> str | tuple[int, tuple[float, ...]]:
    """Return the dash of a look in matplotlib's words, which multiply it by the width of the line."""
    return (0, tuple(length / 2 for length in look.dash)) if look.dash else "-"


def marker_size(look: Look, size: float = 6.5) -> float:
    """Return the size at which a mark looks as large as others: a star has little inside."""
    return 1.5 * size if look.marker == "*" else size


def spans_a_decade(values: ArrayLike) -> bool:
    """Whether values are positive and the largest is ten times the smallest: then their scale is logarithmic."""
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    return bool(len(finite) and finite.min() > 0 and finite.max() >= _DECADE * finite.min() * (1 - 1e-9))


def set_scale(axis: Axis, *, log: bool, factor: float = 1.0, unit: str = "", at: Collection[float] = ()) -> None:
    """Give an axis its scale, with ticks in words: `at` these values if they are few, and in units of `unit`."""
    of_x, scale = isinstance(axis, XAxis), "log" if log else "linear"
    axis.axes.set(**{"xscale" if of_x else "yscale": scale})

    def text(value: float, _: int | None = None) -> str:
        return _number(factor * value) + unit

    labels = [text(value) for value in sorted(at)]
    if labels and len("  ".join(labels)) <= _ROOM:
        axis.set_ticks(sorted(at), labels)
        axis.set_minor_formatter(NullFormatter())
        return
    axis.set_major_formatter(FuncFormatter(text))
    if log:
        axis.set_minor_formatter(FuncFormatter(lambda value, _: text(value) if _is_told(value, axis) else ""))


def _number(value: float) -> str:
    """Return a number as a tick says it: 1,000 in full, 10⁶ as a power."""
    power = math.log10(abs(value)) if value else 0.0
    if abs(power) >= 5 and power == round(power):
        return f"10{str(round(power)).translate(_POWERS)}"
    return f"{value:,.6g}" if abs(power) < 6 else f"{value:.3g}"


def clip_ylim(ax: Axes, means: ArrayLike) -> None:
    """Let intervals run out of the axes, rather than squeeze the means between their ends."""
    values = np.asarray(means, dtype=np.float64)
    low, high = ax.get_ylim()
    if ax.get_yscale() == "log":
        ax.set_ylim(max(low, values.min() / _BEYOND), min(high, values.max() * _BEYOND))
    elif span := values.max() - min(values.min(), 0.0):
        below = span if values.min() < 0 else 0.05 * span
        ax.set_ylim(max(low, min(values.min(), 0.0) - below), min(high, values.max() + span))


def _is_told(value: float, axis: Axis) -> bool:
    """Whether a value between powers of ten has a label: more have one on an axis that is shorter than a decade."""
    low, high = sorted(axis.get_view_interval())
    usual = "" if isinstance(axis, XAxis) else "25"
    return f"{value:.0e}"[0] in (usual if high >= _DECADE * low else "234568")


def tidy(ax: Axes) -> None:
    """Leave light grid lines and two sides of the frame."""
    ax.grid(which="major", color="0.9")
    ax.set_axisbelow(True)
    sns.despine(ax=ax)


def draw_points(
    ax: Axes,
    x: ArrayLike,
    means: ArrayLike,
    intervals: tuple[ArrayLike, ArrayLike],
    look: Look,
    name: str = "",
    *,
    hollow: bool = False,
) -> None:
    """Draw points in a look with their intervals; a `name` is what a legend calls them."""
    ax.vlines(x, *intervals, color=look.colour, lw=1.5, alpha=0.65)
    ax.plot(
        x,
        means,
        marker=look.marker,
        ls="",
        color=look.colour,
        markersize=marker_size(look),
        markerfacecolor="white" if hollow else look.colour,
        markeredgecolor=look.colour if hollow else "white",
        markeredgewidth=1.2 if hollow else 0.6,
        label=literal(name) or "_points",
        zorder=3,
    )


def folded(name: str, longest: int = _LONGEST) -> str:
    """Return a name in lines that are not too long."""
    return textwrap.fill(literal(name), longest)


def handle(name: str, look: Look) -> Line2D:
    """Return what a legend shows of a learner: its mark, and its dash if it has one."""
    return Line2D(
        [],
        [],
        marker=look.marker,
        markersize=marker_size(look),
        color=look.colour,
        ls=line_style(look) if look.dash else "",
        label=folded(name),
    )


def name_curves(ax: Axes, ends: Sequence[End]) -> None:
    """Write names at the ends of their curves, to the right of the axes; where there is no room, beside as a legend.

    To be called last: names stand where the limits of the axes put the curves' ends.
    """
    ax.set(xlim=ax.get_xlim(), ylim=ax.get_ylim())
    height = ax.get_window_extent().height / ax.figure.dpi * 72
    line = _LINE * _NAME_SIZE / height
    if len(ends) * line > 1 or any(len(end.name) > _LONGEST for end in ends):
        ax.legend(
            handles=[handle(end.name, end.look) for end in ends],
            loc="center left",
            bbox_to_anchor=(1.02, 0.5),
            frameon=False,
            fontsize=_NAME_SIZE,
            ncols=math.ceil(len(ends) * line),
        )
        return
    if not ends:
        return
    wanted = [_share_of_height(ax, end) for end in ends]
    for end, place in zip(ends, spread(wanted, line / 2, 1 - line / 2, line), strict=True):
        ax.annotate(
            literal(end.name),
            (end.x, end.y),
            (1.05, place),
            textcoords="axes fraction",
            va="center",
            fontsize=_NAME_SIZE,
            color=INK,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": end.look.colour,
                "lw": 0.8,
                "ls": ":",
                "relpos": (0, 0.5),
                "shrinkA": 10,
            },
        )
        ax.plot(
            1.03,
            place,
            marker=end.look.marker,
            color=end.look.colour,
            markersize=marker_size(end.look),
            transform=ax.transAxes,
            clip_on=False,
            label="_name",
        )


def _share_of_height(ax: Axes, end: End) -> float:
    pixels = ax.transData.transform((end.x, end.y))
    return float(ax.transAxes.inverted().transform(pixels)[1])


def draw_median(ax: Axes, table: pd.DataFrame, **look: Any) -> None:
    """Draw the median over seeds against the columns of a `seed_table`, with a band for the middle half."""
    x = table.columns.to_numpy(dtype=float)
    (line,) = ax.plot(x, table.median(), **{"marker": "o", "markersize": 4, **look})
    ax.fill_between(x, table.quantile(0.25), table.quantile(0.75), color=line.get_color(), alpha=0.18, lw=0)


def finish_axes(ax: Axes, **legend: Any) -> Axes:
    """Add a legend and a grid, and readable ticks to logarithmic axes that have none of their own."""
    ax.legend(**{"frameon": False, "fontsize": 8, **legend})
    for axis, scale in ((ax.xaxis, ax.get_xscale()), (ax.yaxis, ax.get_yscale())):
        if scale == "log" and not isinstance(axis.get_major_locator(), FixedLocator):
            set_scale(axis, log=True)
    tidy(ax)
    return ax
