"""The looks of learners, by one rule in every picture, table and page.

The hue is the family of the learner: nets, nearest neighbours, forests and trees, kernel machines, linear models with
random features, others; the marker is its estimator. Lightness and dashes are its prior: none, polar-sincos, polar,
phase; any other is like polar. So is one that is a step of the estimator, if a question asks what it is worth. The more
prior, the more contrast. Learners of a study with one estimator and prior, such as a net of several widths, are shades:
between two priors, or if all learners of the family are such, over all its colours. So a look does not depend on the
learners of other families beside it.
"""

import re
import zlib
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise, zip_longest
from typing import Protocol, TypeVar

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgb

from studies.registry.learners import catalog_name
from studies.spec.cells import Cell, plan_series
from studies.spec.study import Study

LIGHT: dict[str, tuple[str, ...]] = {
    "net": ("#0099f1", "#007cc4", "#00609a", "#004571"),
    "kNN": ("#d85400", "#ac4100", "#802f00", "#552000"),
    "forest": ("#289b69", "#007d50", "#005f3b", "#004228"),
    "kernel": ("#bb5da5", "#9c4088", "#7e226c", "#5f0050"),
    "linear": ("#ad931d", "#8d7700", "#6d5c00", "#504200"),
    "other": ("#8e8e8e", "#727272", "#575757", "#3e3e3e"),
}
"""Colours on white by family and prior: about the hues of Okabe and Ito (2008), at even steps of lightness."""

DARK: dict[str, tuple[str, ...]] = {
    "net": ("#007fc8", "#009ff9", "#82bdff", "#c3dcff"),
    "kNN": ("#bd4c08", "#e36b2b", "#ff9159", "#ffc1a4"),
    "forest": ("#008b59", "#32ac76", "#58ce95", "#7cf0b5"),
    "kernel": ("#aa4d95", "#cc6db5", "#ef8dd7", "#ffb9ec"),
    "linear": ("#9b8400", "#bea329", "#e2c34b", "#ffe598"),
    "other": ("#848484", "#a3a3a3", "#c4c4c4", "#e5e5e5"),
}
"""Colours of the same looks on a dark page."""

GREYS = {
    "#ffffff": "#14171c",
    "#e6e6e6": "#2c323a",
    "#d1d1d1": "#4d5663",
    **dict(zip(LIGHT["other"], DARK["other"], strict=True)),
    "#333333": "#e9ebee",
    "#000000": "#ffffff",
}
"""Greys on white, with their partners on a dark page: paper, grid lines, curves in the background, text."""

DASHES: tuple[tuple[int, ...], ...] = ((), (9, 3, 2, 3), (7, 3), (3, 3))
"""Dashes by prior: lengths of lines and gaps in pixels; the empty one is a solid line."""

MARKERS = "osD^vPX*<>"
"""Markers, as matplotlib names them."""

MOST_CURVES = 6
"""Largest number of curves of a panel that have colours."""

_RAMPS = [list(zip(LIGHT[family], DARK[family], strict=True)) for family in LIGHT if family != "other"]
_RAMPS.append(list(GREYS.items()))
_ROUNDING = 2 / 255
_LEVELS = {"none": 0, "polar-sincos": 1, "polar": 2, "phase": 3}
_OWN_PRIOR = 2  # level of any other prior
_WITHIN = 0.8  # share of the way to the next level that shades take up
_MARKERS = {"net": "o", "kNN": "s", "forest": "^", "kernel": "D", "linear": "v", "other": "X"}  # of the first estimator
_SECOND = {"knn-5": "P", "rfm": "*", "svm": "<", "svm-tuned": ">"}  # markers of further estimators of a family
_DEEPER = ("knn-5", "rfm")  # further estimators that often stand beside the first one of their family
_WORDS = {
    "linear": "linear|minimum-?norm|logistic|lasso|elasticnet|^ridge|sgd|discriminant|random-?features|rbfsampler",
    "kernel": "sv[cmr]|kernel|gaussianprocess|rfm|nystroem|harmonic|label-?(?:propagation|spreading)",
    "forest": "forest|tree|boost|bagging|xgb|lgbm",
    "kNN": "neighbo|knn|nearest",
    "net": "net|graph-?conv|pretrained|mlp|neural|perceptron",
}  # in the name of an estimator; the first family that fits

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Look:
    """The look of a learner.

    Attributes
    ----------
    family : str
        A key of `LIGHT`.
    colour, dark : str
        On white and on a dark page, in hexadecimal.
    marker : str
        One of `MARKERS`.
    dash : tuple of int
        One of `DASHES`.
    """

    family: str
    colour: str
    dark: str
    marker: str
    dash: tuple[int, ...]


class HasFamily(Protocol):
    """Something with a family of learners, such as a `Look`."""

    @property
    def family(self) -> str:
        """A key of `LIGHT`."""


def family_of(estimator: str) -> str:
    """Return the family of an estimator, a key of `LIGHT`, by its name in the catalogue or that of its class.

    Examples
    --------
    >>> family_of("knn-5"), family_of("sklearn.svm:LinearSVC"), family_of("mine:WideNet"), family_of("mine:Guess")
    ('kNN', 'linear', 'net', 'other')
    """
    name = catalog_name(estimator).rpartition(":")[2]
    return next((family for family, words in _WORDS.items() if re.search(words, name, re.IGNORECASE)), "other")


def look_of(estimator: str, prior: str | None = None) -> Look:
    """Return the look of a learner by its estimator and prior, in the spelling of cells.

    Examples
    --------
    >>> look_of("net", "polar")
    Look(family='net', colour='#00609a', dark='#82bdff', marker='o', dash=(7, 3))
    """
    family, level = family_of(estimator), _LEVELS.get(prior or "none", _OWN_PRIOR)
    look = Look(family, LIGHT[family][level], DARK[family][level], _marker(estimator, family), DASHES[level])
    return _shade(look, 1.0) if catalog_name(estimator) in _DEEPER else look


def _marker(estimator: str, family: str) -> str:
    """Return the marker of an estimator: of one that is not in the catalogue another than the family has there."""
    name = catalog_name(estimator)
    if ":" not in name:
        return _SECOND.get(name, _MARKERS[family])
    others = [marker for marker in MARKERS if marker != _MARKERS[family] and marker not in _SECOND.values()]
    return others[zlib.crc32(name.encode()) % len(others)]


def cell_look(study: Study, cell: Cell) -> Look:
    """Return the look of a cell of a study."""
    return look_of(_estimator_name(study, cell.estimator), cell.prior)


def shades(look: Look, n: int, *, whole: bool = False) -> list[Look]:
    """Return n looks of one learner: the look itself, then shades of it with other markers.

    They stop before the next prior; or with `whole` at the end of the colours of the family.
    """
    first, shade = MARKERS.index(look.marker), _on_ramp if whole else _shade
    return [
        replace(shade(look, place / (n - 1)) if place else look, marker=MARKERS[(first + place) % len(MARKERS)])
        for place in range(n)
    ]


def _on_ramp(look: Look, share: float) -> Look:
    """Return a look whose colours are a share of the way to the end of those of its family that is farther."""
    start = DASHES.index(look.dash) / (len(DASHES) - 1)
    place = start + share * ((start < 0.5) - start)
    light, dark = (LinearSegmentedColormap.from_list(look.family, ramp[look.family]) for ramp in (LIGHT, DARK))
    return replace(look, colour=to_hex(light(place)), dark=to_hex(dark(place)))


def _shade(look: Look, share: float) -> Look:
    """Return a look whose colours are mixed with those of the next level; the last level with those before it."""
    level = DASHES.index(look.dash)
    other = level + 1 if level + 1 < len(DASHES) else level - 1
    share *= _WITHIN
    return replace(
        look,
        colour=_mixed(look.colour, LIGHT[look.family][other], share),
        dark=_mixed(look.dark, DARK[look.family][other], share),
    )


def _mixed(colour: str, other: str, share: float) -> str:
    return to_hex(tuple((1 - share) * np.array(to_rgb(colour)) + share * np.array(to_rgb(other))))


@lru_cache
def dark_of(colour: str) -> str | None:
    """Return the partner on a dark page of a colour of any look, or of a grey; None of another colour.

    Examples
    --------
    >>> dark_of("#007cc4"), dark_of("#333333"), dark_of("#ff0000")
    ('#009ff9', '#e9ebee', None)
    """
    rgb = np.array(to_rgb(colour))
    for (light, dark), (next_light, next_dark) in (pair for ramp in _RAMPS for pair in pairwise(ramp)):
        first, step = np.array(to_rgb(light)), np.subtract(to_rgb(next_light), to_rgb(light))
        share = float(np.clip((rgb - first) @ step / (step @ step), 0, 1))
        if np.abs(first + share * step - rgb).max() <= _ROUNDING:
            return _mixed(dark, next_dark, share)
    return None


def distinct(looks: Sequence[Look]) -> list[Look]:
    """Return looks, those that are alike as shades; as far apart as they go if no other look is of their family."""
    found = {
        look: iter(shades(look, looks.count(look), whole=all(o == look for o in looks if o.family == look.family)))
        for look in dict.fromkeys(looks)
    }
    return [next(found[look]) for look in looks]


def learner_looks(study: Study) -> dict[str, Look]:
    """Return the looks of all learners of a study by their labels."""
    looks: dict[str, Look] = {}
    informed = {question.worth.prior for question in study.questions if question.worth}
    for planned in plan_series(study):
        if planned.learner not in looks:
            look = cell_look(study, planned.cell)
            looks[planned.learner] = _with_prior(look) if planned.learner in informed and not look.dash else look
    return dict(zip(looks, distinct(list(looks.values())), strict=True))


def _with_prior(look: Look) -> Look:
    """Return the look of a learner without a prior as one with a prior of one's own."""
    family, level = look.family, _OWN_PRIOR
    return replace(look, colour=LIGHT[family][level], dark=DARK[family][level], dash=DASHES[level])


def _estimator_name(study: Study, estimator: str) -> str:
    """Return the name of an estimator; of an object that of its class, or of the class of a pipeline's last step."""
    kept = study.objects.get(estimator)
    if kept is None:
        return estimator
    steps = getattr(kept.value, "steps", None)
    return f"object:{type(steps[-1][1] if steps else kept.value).__name__}"


def value_looks(values: Iterable[Key], family: str = "other") -> dict[Key, Look]:
    """Return the looks of values that a plot distinguishes, such as sample sizes: solid lines in shades of one hue."""
    kept = list(dict.fromkeys(values))
    first = Look(family, LIGHT[family][0], DARK[family][0], MARKERS[0], ())
    return dict(zip(kept, shades(first, len(kept), whole=True), strict=True))


def panels(learners: Sequence[str], looks: Mapping[str, Look]) -> list[list[str]]:
    """Return the learners by panel: all in one, or if they are more than `MOST_CURVES` one or more for each family."""
    if len(learners) <= MOST_CURVES:
        return [list(learners)]
    families = [[name for name in learners if looks[name].family == family] for family in LIGHT]
    return [
        members[start : start + MOST_CURVES] for members in families for start in range(0, len(members), MOST_CURVES)
    ]


def asked(study: Study) -> list[str]:
    """Return the learners that a study's questions compare, those of worths first."""
    questions = sorted(study.questions, key=lambda question: question.worth is None)
    return list(dict.fromkeys(learner for question in questions for learner in question.learners))


def chosen(learners: Iterable[str], looks: Mapping[str, HasFamily], first: Iterable[str] = ()) -> list[str]:
    """Return the learners that have colours where all share a panel, at most `MOST_CURVES`, in their order.

    They are some `first`, then the first learner of each family, then the second of each, and so on.
    """
    kept = list(dict.fromkeys(learners))
    families = [[name for name in kept if looks[name].family == family] for family in LIGHT]
    in_turn = [name for turn in zip_longest(*families) for name in turn if name is not None]
    taken = list(dict.fromkeys([*(name for name in first if name in kept), *in_turn]))[:MOST_CURVES]
    return [name for name in kept if name in taken]
