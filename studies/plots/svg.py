"""Figures as SVG for a page: text in its font, and colours for its light and its dark theme."""

import io
import re
from xml.etree import ElementTree

import matplotlib
from matplotlib.figure import Figure

from studies.plots.looks import dark_of
from studies.plots.style import save_figure

_SVG = "{http://www.w3.org/2000/svg}"
_DPI = 130  # of the images in it
_REFERENCES = ("href", "clip-path")
_GEOMETRY = ("d", "x", "y")
_INHERITED = "stroke-linejoin: round; stroke-linecap: butt"  # in place of a style sheet, which the page would share

_COLOUR = re.compile(r"#[0-9a-f]{6}\b")
_DECIMALS = re.compile(r"(\.\d\d)\d+")
_FONT = re.compile(r"font-family: [^;]*sans-serif;? ?")
_UNKNOWN_TO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def svg_text(figure: Figure, name: str, title: str) -> str:
    """Return a figure as an ``svg`` element for a page.

    Colours of looks and greys have their partners on a dark page by ``light-dark()``. A figure with others, or with
    images, has the class ``card``, which the page shows on white in both themes.

    Parameters
    ----------
    figure : Figure
    name : str
        No other figure of the page has it: the ids in the element are made from it.
    title : str
        The figure in words, for readers who cannot see it.
    """
    file = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        save_figure(figure, file, format="svg", dpi=_DPI, transparent=True, metadata=nothing)
    root = ElementTree.fromstring(_UNKNOWN_TO_XML.sub("", file.getvalue()))
    for definitions in list(root.iter(f"{_SVG}defs")):
        for sheet in definitions.findall(f"{_SVG}style"):
            definitions.remove(sheet)
    colours: set[str] = set()
    for element in root.iter():
        colours |= _tidy(element)
    _drop_ids(root)
    is_card = None in map(dark_of, colours) or root.find(".//image") is not None
    root.attrib |= {
        "class": "picture card" if is_card else "picture",
        "role": "img",
        "aria-label": title,
        "style": f"fill: {_both('#000000')}; {_INHERITED}",
    }
    return ElementTree.tostring(root, encoding="unicode")


def _name(qualified: str) -> str:
    return qualified.rpartition("}")[2]


def _tidy(element: ElementTree.Element) -> set[str]:
    """Shorten an element, give its colours their partners, and return the colours."""
    element.tag = _name(element.tag)
    element.attrib = {_name(key): " ".join(value.split()) for key, value in element.attrib.items()}
    if element.tag not in ("text", "tspan"):
        element.text = None
    element.tail = None if element.tag != "tspan" else element.tail
    for key in element.attrib.keys() & _GEOMETRY:
        element.attrib[key] = _DECIMALS.sub(r"\1", element.attrib[key])
    if element.get("transform", "").startswith("rotate(-0 "):
        del element.attrib["transform"]
    style = _FONT.sub("", element.get("style", ""))
    if style:
        element.set("style", _COLOUR.sub(lambda found: _both(found[0]), style))
    return set(_COLOUR.findall(style))


def _both(colour: str) -> str:
    return f"light-dark({colour}, {dark_of(colour) or colour})"


def _drop_ids(root: ElementTree.Element) -> None:
    """Remove the ids to which nothing refers: they are those of other figures too."""
    used = {
        found
        for element in root.iter()
        for key in _REFERENCES
        for found in re.findall(r"#([\w-]+)", element.get(key, ""))
    }
    for element in root.iter():
        if element.get("id") not in used:
            element.attrib.pop("id", None)
