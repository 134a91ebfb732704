"""The common style of all plots: scales with readable ticks, points with intervals, names at curves.

The colours, markers and dashes of learners are in `studies.plots.looks`.
"""

import math
import re
import textwrap
import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis, XAxis
from matplotlib.colors import to_hex, to_rgba, to_rgba_array
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, Locator, NullLocator
from matplotlib.transforms import offset_copy
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression

from studies.plots.looks import Look, dark_of

RIGHT, WRONG = "#1d97ad", "#fe3b53"
"""Colours of decision regions: class 1 where it is predicted correctly, and wrong predictions of either class.

No family of learners has their hues, and both are readable on white and on a dark page.
"""

INK, GREY, PALE = "#333333", "0.45", "0.82"
"""Colours of text, of lines for reference, and of curves in the background."""

NO_BREAK = "\N{NO-BREAK SPACE}"

GAP = 2
"""Number of steps, from a value of the study to the next, beyond which points are not joined."""

_BACKGROUND = Look("other", to_hex(PALE), dark_of(to_hex(PALE)) or "", "_", ())
_COLOURS = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")  # of artists
_NAME_SIZE = 8.5  # points
_NEAR_END = 0.9  # share of the width of the axes, from which a curve goes on to its name in its colour
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
    with _any_letters():
        figure.savefig(file, **options)


def lay_out(figure: Figure) -> None:
    """Give all parts of a figure their places and sizes, without drawing it."""
    with _any_letters():
        figure.draw_without_rendering()


@contextmanager
def _any_letters() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from", UserWarning)
        yield


def darken(figure: Figure) -> None:
    """Give a finished figure the colours of a dark page, in place.

    Learners get the dark colours of their looks, and text and lines light greys. Other colours stay, and so do images
    and figures whose paper is dark already.

    Parameters
    ----------
    figure : Figure
        With all that is to be drawn on it.

    Examples
    --------
    A figure of any plot, for a dark page::

        figure = plot_learning_curves(results).figure
        darken(figure)
        figure.savefig("dark.png")
    """
    if dark_of(to_hex(figure.get_facecolor())) != dark_of("#ffffff"):
        return
    lay_out(figure)  # it makes the ticks
    for artist in _all_artists(figure):
        names = [name for name in _COLOURS if hasattr(artist, f"get_{name}") and hasattr(artist, f"set_{name}")]
        colours = {name: to_rgba_array(getattr(artist, f"get_{name}")()) for name in names}
        for name, found in colours.items():
            partners = [to_rgba(dark_of(to_hex(colour)) or colour, colour[3]) for colour in found]
            if partners:
                getattr(artist, f"set_{name}")(partners if len(partners) > 1 else partners[0])


def _all_artists(figure: Figure) -> Iterator[Artist]:
    """Yield the artists of a figure, with the arrows and boxes of texts."""
    for artist in figure.findobj():
        yield artist
        if isinstance(artist, Text):
            yield from filter(None, (artist.get_bbox_patch(), getattr(artist, "arrow_patch", None)))


def new_axes(ax: Axes | None) -> Axes:
    """Return the given axes, or those of a new figure of pyplot, which notebooks display."""
    if ax is not None:
        return ax
    return new_figure().subplots()


def new_figure(size: tuple[float, float] | None = None) -> Figure:
    """Return a new figure of pyplot, which notebooks display, of a size in inches."""
    import matplotlib.pyplot as plt  # only here: it chooses a backend, which drawing on given axes does not need

    return plt.figure(figsize=size, layout="constrained")


def literal(text: str) -> str:
    """Return text in which dollars do not start mathematics."""
    return text.replace("$", r"\$")


def unbroken(text: str) -> str:
    """Return text, without mathematics, in which no line ends within an interval in brackets."""
    return re.sub(r"\[[^\]]*\]", lambda found: found[0].replace(" ", NO_BREAK), literal(text))


def folded(name: str, longest: int = _LONGEST) -> str:
    """Return text folded into lines of at most `longest` letters, but not within an interval in brackets."""
    return textwrap.fill(unbroken(name), longest)


def wrapped(title: str, figure: Figure) -> str:
    """Return a title folded to the width of a figure."""
    return folded(title, max(20, int(9 * figure.get_figwidth())))


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
        Places of the ticks, where their labels have room; one too near the next has no label.
    """
    of_x, scale = isinstance(axis, XAxis), "log" if log else "linear"
    axis.axes.set(**{"xscale" if of_x else "yscale": scale})

    def text(value: float, _: int | None = None) -> str:
        return _tick_number(factor * value) + unit

    labels = [text(value) for value in sorted(at)]
    if labels and len("  ".join(labels)) <= _TICK_ROOM:
        axis.set_ticks(sorted(at), _apart(np.log(sorted(at)) if log else np.sort(list(at)), labels))
        axis.set_minor_locator(NullLocator())
        return
    axis.set_major_formatter(FuncFormatter(text))
    if log:
        axis.set_minor_locator(_MinorLocator(axis))
        axis.set_minor_formatter(FuncFormatter(text))


def _apart(places: NDArray[np.float64], labels: list[str]) -> list[str]:
    """Return labels of ticks at places, in order, empty where they would overlap the one before, or the last."""
    if len(labels) < 2:
        return labels
    centres = _TICK_ROOM * (places - places[0]) / (places[-1] - places[0])
    half = [(len(label) + 1) / 2 for label in labels]
    kept = [0]
    for place in range(1, len(labels) - 1):
        if all(abs(centres[place] - centres[other]) >= half[place] + half[other] for other in (kept[-1], -1)):
            kept.append(place)
    return [label if place in (*kept, len(labels) - 1) else "" for place, label in enumerate(labels)]


def _tick_number(value: float) -> str:
    """Return the label of a tick: 1,000 in full, 10⁶ as a power."""
    power = math.log10(abs(value)) if value else 0.0
    if abs(power) >= 6 and power == round(power):
        return f"10{str(round(power)).translate(_SUPERSCRIPTS)}"
    return f"{value:,.6g}" if abs(power) < 6 else f"{value:.3g}"


class _MinorLocator(Locator):
    """Ticks between powers of ten, the more the shorter the axis: no more than have room for labels."""

    def __init__(self, axis: Axis) -> None:
        self._axis = axis

    def __call__(self) -> list[float]:
        low, high = sorted(self._axis.get_view_interval())
        decades, of_x = math.log10(high / low), isinstance(self._axis, XAxis)
        factors = (2, 3, 4, 5, 6, 8) if decades < 1 else (2, 5) if decades < (1.5 if of_x else 4) else ()
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
        return [factor * _DECADE**power for power in powers for factor in factors]


def clip_ylim(ax: Axes, means: ArrayLike) -> None:
    """Limit the y axis to the surroundings of the means; intervals that are much longer leave the axes."""
    values = np.asarray(means, dtype=np.float64)
    low, high = ax.get_ylim()
    if ax.get_yscale() == "log":
        values = values[values > 0]
    if ax.get_yscale() == "log":
        ax.set_ylim(max(low, values.min() / _CLIP), min(high, values.max() * _CLIP))
    elif span := max(values.max(), 0.0) - min(values.min(), 0.0):
        below = span if values.min() < 0 else 0.05 * span
        ax.set_ylim(max(low, min(values.min(), 0.0) - below), min(high, max(values.max(), 0.0) + span))


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
    aside: float = 0.0,
) -> None:
    """Draw means with their intervals, (lows, highs), in a look; `name` is their label in a legend.

    The intervals are some points `aside`, so that those of several learners at one place can be distinguished. A mean
    of 0 is an open mark at the foot of a logarithmic axis, whose scale has to be set before.
    """
    x, drawn = np.asarray(x, dtype=np.float64), drawable(ax, means)
    moved = offset_copy(ax.transData, ax.get_figure(root=True), aside, units="points")
    ax.vlines(x, *intervals, color=look.colour, lw=1.5, alpha=0.65, transform=moved)
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


def draw_seeds(ax: Axes, x: ArrayLike, values: ArrayLike, look: Look, *, aside: float = 0.0) -> None:
    """Draw the values of single seeds as small pale dots behind their means, in a look.

    They are some points `aside`, like the intervals of `draw_points`. A value of 0 has no dot on a logarithmic axis.
    """
    ax.plot(
        np.asarray(x, dtype=np.float64),
        drawable(ax, values),
        marker="o",
        ls="",
        color=look.colour,
        alpha=0.35,
        markersize=2.6,
        markeredgewidth=0,
        transform=offset_copy(ax.transData, ax.get_figure(root=True), aside, units="points"),
        label="_seeds",
        zorder=1.5,
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


def draw_joined(ax: Axes, x: ArrayLike, means: ArrayLike, look: Look, known: ArrayLike, *, width: float = 0.9) -> None:
    """Join means by a line in a look; not over gaps between the `known` places of the study."""
    line = broken(ax, x, means, known)
    ax.plot(*line, color=look.colour, lw=width, alpha=0.8, ls=line_style(look), label="_joined")


def broken(ax: Axes, x: ArrayLike, y: ArrayLike, known: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a line with NaN where it would join places far apart, as if something had been measured between.

    These are more than two steps apart, from one of the `known` places to the next.
    """
    ranks = np.searchsorted(np.unique(np.asarray(known, dtype=np.float64)), np.asarray(x, dtype=np.float64))
    gaps = np.flatnonzero(np.diff(ranks) > GAP) + 1
    return np.insert(np.asarray(x, dtype=np.float64), gaps, np.nan), np.insert(drawable(ax, y), gaps, np.nan)


def draw_reference(ax: Axes, x: ArrayLike, y: ArrayLike, look: Look) -> None:
    """Draw what theory or a publication says beside a curve: a broad and pale line, behind it."""
    ax.plot(x, y, color=look.colour, lw=5, alpha=0.3, zorder=0.8, label="_reference")


def name_references(ax: Axes, title: str) -> None:
    """Write what the reference curves are into a legend, where there is room."""
    line = Line2D([], [], color=GREY, lw=5, alpha=0.4)
    ax.add_artist(Legend(ax, [line], [title], frameon=False, fontsize=8))  # beside a legend of the curves


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


def background_end(ax: Axes) -> list[End]:
    """Return an end by which the curves in the background are named, if there are any."""
    lines = [line for line in ax.lines if line.get_label() == "_background"]
    if not lines:
        return []
    x, y = np.nan_to_num(np.asarray(lines[-1].get_xydata())[-1])
    return [End("the other learners", float(x), float(y), _BACKGROUND)]


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
        shares = [_share_of_axes(ax, end) for end in ends]
        heights = spread([share for _, share in shares], line / 2, 1 - line / 2, line)
        for end, (width, _), at in zip(ends, shares, heights, strict=True):
            _write_name(ax, end, at, end.look.colour if width > _NEAR_END else PALE)


def _write_name(ax: Axes, end: End, height: float, colour: str) -> None:
    """Write a name with its marker at a share of the height of the axes, and a dotted line from the curve's end.

    Where the curve ends long before the axes do, the line is pale, so that it does not look like a flat curve.
    """
    ax.annotate(
        literal(end.name),
        (end.x, max(end.y, ax.get_ylim()[0])),
        (1, height),
        textcoords=offset_copy(ax.transAxes, ax.get_figure(root=True), _NAME_GAP + 2 + _NAME_SIZE / 2, units="points"),
        va="center",
        fontsize=_NAME_SIZE,
        color=INK,
        annotation_clip=False,
        arrowprops={
            "arrowstyle": "-",
            "color": colour,
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
        transform=offset_copy(ax.transAxes, ax.get_figure(root=True), _NAME_GAP, units="points"),
        clip_on=False,
        label="_name",
    )


def _share_of_axes(ax: Axes, end: End) -> tuple[float, float]:
    """Return the place of an end as shares of the width and the height of the axes."""
    pixels = ax.transData.transform((end.x, max(end.y, ax.get_ylim()[0])))
    width, height = ax.transAxes.inverted().transform(pixels)
    return float(width), float(height)


def spread(places: Sequence[float], low: float, high: float, line: float) -> list[float]:
    """Return places between `low` and `high` that are at least a line apart, and as near as possible to `places`."""
    order = np.argsort(places, kind="stable")
    lines = line * np.arange(len(places))
    # Less the lines between them, the places need only be in order: least squares under that is isotonic regression.
    placed = isotonic_regression(np.asarray(places)[order] - lines).x.clip(low, high - lines[-1]) + lines
    return [float(placed[place]) for place in np.argsort(order)]
