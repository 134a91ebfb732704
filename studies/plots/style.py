"""The common style of all plots: scales with readable ticks, points with intervals, names at curves.

The colours, markers and dashes of learners are in `studies.plots.looks`.
"""

import math
import textwrap
import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis, XAxis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, Locator, NullLocator
from matplotlib.transforms import offset_copy
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression

from studies.plots.looks import Look

RIGHT, WRONG = "#1d97ad", "#fe3b53"
"""Colours of decision regions: class 1 where it is predicted correctly, and wrong predictions of either class.

No family of learners has their hues, and both are readable on white and on a dark page.
"""

INK, GREY, PALE = "#333333", "0.45", "0.82"
"""Colours of text, of lines for reference, and of curves in the background."""

GAP = 2
"""Number of steps, from a value of the study to the next, beyond which points are not joined."""

_NAME_SIZE = 8.5  # points
_NAME_GAP = 10  # points from the axes to the mark before a name
_LINE = 1.3  # distance between names, in heights of a letter
_LONGEST = 36  # letters of a line of a name
_TICK_ROOM = 30  # letters of tick labels along an axis
_DECADE = 10.0
_CLIP = 10.0  # factor beyond the means up to which intervals are shown on a logarithmic scale
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class End:
    """The last point of a named curve."""

    name: str
    x: float
    y: float
    look: Look


def line_style(look: Look) -> str | tuple[int, tuple[float, ...]]:
    """Return the dash of a look for matplotlib, which multiplies it by the width of the line."""
    return (0, tuple(length / 2 for length in look.dash)) if look.dash else "-"


def marker_size(look: Look, size: float = 6.5) -> float:
    """Return the size at which a marker looks as large as the others: a star is larger."""
    return 1.5 * size if look.marker == "*" else size


def save_figure(figure: Figure, file: Any, **options: Any) -> None:
    """Write a figure to a file, with options of `Figure.savefig`; letters that no font has are drawn as boxes."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from", UserWarning)
        figure.savefig(file, **options)


def new_axes(ax: Axes | None) -> Axes:
    """Return the given axes, or those of a new figure of pyplot, which notebooks display."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt  # only here: it chooses a backend, which drawing on given axes does not need

    return plt.subplots(layout="constrained")[1]


def literal(text: str) -> str:
    """Return text in which dollars do not start mathematics."""
    return text.replace("$", r"\$")


def folded(name: str, longest: int = _LONGEST) -> str:
    """Return a name folded into lines of at most `longest` letters."""
    return textwrap.fill(literal(name), longest)


def wrapped(title: str, figure: Figure) -> str:
    """Return a title folded to the width of a figure."""
    return folded(title, max(20, int(9 * figure.get_figwidth())))


def shortened(name: str, longest: int) -> str:
    """Return a name cut to at most `longest` letters."""
    return name if len(name) <= longest else name[: longest - 1] + "…"


def spans_a_decade(values: ArrayLike, *, zeros: bool = False) -> bool:
    """Return whether values are positive and span a factor of ten, so that their scale is logarithmic.

    With `zeros` there can be zeros among them, which are drawn at its foot.
    """
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite) & ((finite != 0) | (not zeros))]
    return bool(len(finite) and finite.min() > 0 and finite.max() >= _DECADE * finite.min() * (1 - 1e-9))


def set_scale(axis: Axis, *, log: bool, factor: float = 1.0, unit: str = "", at: Collection[float] = ()) -> None:
    """Set the scale and the ticks of an axis.

    Parameters
    ----------
    axis : Axis
    log : bool
        Whether the scale is logarithmic.
    factor : float, default=1.0
        Factor from the data to the numbers at the ticks.
    unit : str, default=""
        Written behind each number.
    at : collection of float, default=()
        Places of the ticks, where their labels have room.
    """
    of_x, scale = isinstance(axis, XAxis), "log" if log else "linear"
    axis.axes.set(**{"xscale" if of_x else "yscale": scale})

    def text(value: float, _: int | None = None) -> str:
        return _tick_number(factor * value) + unit

    labels = [text(value) for value in sorted(at)]
    if labels and len("  ".join(labels)) <= _TICK_ROOM:
        axis.set_ticks(sorted(at), labels)
        axis.set_minor_locator(NullLocator())
        return
    axis.set_major_formatter(FuncFormatter(text))
    if log:
        axis.set_minor_locator(_MinorLocator())
        axis.set_minor_formatter(FuncFormatter(text))


def _tick_number(value: float) -> str:
    """Return the label of a tick: 1,000 in full, 10⁶ as a power."""
    power = math.log10(abs(value)) if value else 0.0
    if abs(power) >= 5 and power == round(power):
        return f"10{str(round(power)).translate(_SUPERSCRIPTS)}"
    return f"{value:,.6g}" if abs(power) < 6 else f"{value:.3g}"


class _MinorLocator(Locator):
    """Ticks between powers of ten, the more the shorter the axis: no more than have room for labels."""

    def __call__(self) -> NDArray[np.float64]:
        low, high = sorted(self.axis.get_view_interval())
        decades, of_x = math.log10(high / low), isinstance(self.axis, XAxis)
        factors = (2, 3, 4, 5, 6, 8) if decades < 1 else (2, 5) if decades < (1.5 if of_x else 4) else ()
        powers = _DECADE ** np.arange(math.floor(math.log10(low)), math.ceil(math.log10(high)))
        return np.outer(powers, factors).ravel()


def clip_ylim(ax: Axes, means: ArrayLike) -> None:
    """Limit the y axis to the surroundings of the means; intervals that are much longer leave the axes."""
    values = np.asarray(means, dtype=np.float64)
    low, high = ax.get_ylim()
    if ax.get_yscale() == "log":
        values = values[values > 0]
    if ax.get_yscale() == "log":
        ax.set_ylim(max(low, values.min() / _CLIP), min(high, values.max() * _CLIP))
    elif span := values.max() - min(values.min(), 0.0):
        below = span if values.min() < 0 else 0.05 * span
        ax.set_ylim(max(low, min(values.min(), 0.0) - below), min(high, values.max() + span))


def tidy(ax: Axes) -> None:
    """Draw light grid lines, and remove the upper and the right side of the frame."""
    ax.grid(which="major", color="0.9")
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


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
    """Draw means with their intervals, (lows, highs), in a look; `name` is their label in a legend.

    A mean of 0 is an open mark at the foot of a logarithmic axis, whose scale has to be set before.
    """
    x, drawn = np.asarray(x, dtype=np.float64), drawable(ax, means)
    ax.vlines(x, *intervals, color=look.colour, lw=1.5, alpha=0.65)
    zeros = x[np.isnan(drawn) & ~np.isnan(np.asarray(means, dtype=np.float64))]
    if len(zeros):
        ax.plot(
            zeros,
            np.zeros(len(zeros)),
            marker=look.marker,
            ls="",
            color=look.colour,
            markersize=marker_size(look),
            markerfacecolor="white",
            markeredgewidth=1.2,
            transform=ax.get_xaxis_transform(),
            clip_on=False,
            label="_zero",
            zorder=4,
        )
    ax.plot(
        x,
        drawn,
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


def drawable(ax: Axes, values: ArrayLike) -> NDArray[np.float64]:
    """Return values with NaN for those that a logarithmic y axis does not have."""
    found = np.asarray(values, dtype=np.float64)
    return np.where(found > 0, found, np.nan) if ax.get_yscale() == "log" else found


def name_zeros(ax: Axes, text: str) -> None:
    """Write what a mark at the foot of the axes is beside the last one, if there is one."""
    zeros = [line for line in ax.lines if line.get_label() == "_zero"]
    if zeros:
        x = max(float(np.max(line.get_xdata())) for line in zeros)
        ax.annotate(
            text,
            (x, 0),
            (0, 8),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            color=INK,
        )


def draw_joined(
    ax: Axes, x: ArrayLike, means: ArrayLike, look: Look, known: ArrayLike, *, width: float = 0.9, dashed: bool = False
) -> None:
    """Join means by a line in a look, or by a dashed one; not over gaps between the `known` places of the study."""
    ls = "--" if dashed else line_style(look)
    ax.plot(*broken(ax, x, means, known), color=look.colour, lw=width, alpha=0.8, ls=ls, label="_joined")


def broken(ax: Axes, x: ArrayLike, y: ArrayLike, known: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a line with NaN where it would join places far apart, as if something had been measured between.

    These are more than two steps apart, from one of the `known` places to the next.
    """
    ranks = np.searchsorted(np.unique(np.asarray(known, dtype=np.float64)), np.asarray(x, dtype=np.float64))
    gaps = np.flatnonzero(np.diff(ranks) > GAP) + 1
    return np.insert(np.asarray(x, dtype=np.float64), gaps, np.nan), np.insert(drawable(ax, y), gaps, np.nan)


def draw_median(ax: Axes, table: pd.DataFrame, **look: Any) -> None:
    """Draw the median over seeds of a `seed_table` against its columns, with a band for the middle half."""
    x = table.columns.to_numpy(dtype=float)
    (line,) = ax.plot(x, table.median(), **{"marker": "o", "markersize": 4, **look})
    ax.fill_between(x, table.quantile(0.25), table.quantile(0.75), color=line.get_color(), alpha=0.18, lw=0)


def finish_axes(ax: Axes, **legend: Any) -> Axes:
    """Add the legend, the grid, and readable ticks on logarithmic axes whose ticks are not set."""
    ax.legend(**{"frameon": False, "fontsize": 8, **legend})
    for axis, scale in ((ax.xaxis, ax.get_xscale()), (ax.yaxis, ax.get_yscale())):
        if scale == "log" and not isinstance(axis.get_major_locator(), FixedLocator):
            set_scale(axis, log=True)
    tidy(ax)
    return ax


def handle(name: str, look: Look) -> Line2D:
    """Return the entry of a learner in a legend: its marker, and its dash if it has one."""
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
    """Write the names of curves at their ends, to the right of the axes; or in a legend, where they have no room.

    Call it last: it fixes the limits of the axes.
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
    elif ends:
        heights = spread([_share_of_height(ax, end) for end in ends], line / 2, 1 - line / 2, line)
        for end, at in zip(ends, heights, strict=True):
            _write_name(ax, end, at)


def _write_name(ax: Axes, end: End, height: float) -> None:
    """Write a name with its marker at a share of the height of the axes, and a dotted line from the curve's end."""
    ax.annotate(
        literal(end.name),
        (end.x, max(end.y, ax.get_ylim()[0])),
        (1, height),
        textcoords=offset_copy(ax.transAxes, ax.figure, _NAME_GAP + 2 + _NAME_SIZE / 2, units="points"),
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
        1,
        height,
        marker=end.look.marker,
        color=end.look.colour,
        markersize=marker_size(end.look),
        transform=offset_copy(ax.transAxes, ax.figure, _NAME_GAP, units="points"),
        clip_on=False,
        label="_name",
    )


def _share_of_height(ax: Axes, end: End) -> float:
    pixels = ax.transData.transform((end.x, max(end.y, ax.get_ylim()[0])))
    return float(ax.transAxes.inverted().transform(pixels)[1])


def spread(places: Sequence[float], low: float, high: float, line: float) -> list[float]:
    """Return places between `low` and `high` that are at least a line apart, and as near as possible to `places`."""
    order = np.argsort(places, kind="stable")
    lines = line * np.arange(len(places))
    # Less the lines between them, the places need only be in order: least squares under that is isotonic regression.
    placed = isotonic_regression(np.asarray(places)[order] - lines).x.clip(low, high - lines[-1]) + lines
    return [float(placed[place]) for place in np.argsort(order)]
