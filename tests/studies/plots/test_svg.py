"""Figures as SVG: the same bytes each time, ids of their own, colours for both themes, and text as it is."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure

from studies.plots.looks import GREYS, look_of
from studies.plots.style import INK, PALE, draw_points, tidy
from studies.plots.svg import svg_text

LOOK = look_of("net", "polar")


def drawn(*colours, label="name"):
    figure = Figure(layout="constrained")
    ax = figure.subplots()
    draw_points(ax, [1, 2], [0.1, 0.2], ([0, 0], [1, 1]), LOOK)
    ax.plot([1, 2], [0.1, 0.2], color=PALE)
    ax.text(1, 0.1, label.replace("$", r"\$"), color=INK)
    for colour in colours:
        ax.axhline(0.3, color=colour)
    tidy(ax)
    return figure


def test_a_figure_has_the_same_bytes_each_time_and_no_date():
    first, second = (svg_text(drawn(), "a", "Title") for _ in range(2))
    assert first == second
    assert not re.search(r"<(metadata|style|\?xml|!DOCTYPE)|<dc:", first)


def test_ids_are_those_to_which_something_refers_and_no_other_figure_has_them():
    ids = []
    for name in "ab":
        page = svg_text(drawn(), name, "Title")
        assert set(re.findall(r'(?:href="|url\()#([\w-]+)', page)) == set(re.findall(r'\bid="([^"]*)"', page))
        ids += re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids)) > 2


def test_colours_of_looks_and_greys_have_their_partners_on_a_dark_page():
    page = svg_text(drawn(), "a", "Title")
    assert f"light-dark({LOOK.colour}, {LOOK.dark})" in page
    assert f"fill: light-dark({INK}, {GREYS[INK]})" in page
    assert "#" not in re.sub(r"light-dark\(#\w+, #\w+\)|(href=.|url\()#", "", page)
    assert 'class="picture"' in page


def with_image():
    figure = drawn()
    figure.axes[0].imshow(np.eye(2))
    return figure


@pytest.mark.parametrize("figure", [drawn("red"), drawn("tab:blue"), with_image()], ids=["red", "blue", "image"])
def test_a_figure_of_other_colours_or_with_an_image_is_a_card(figure):
    assert 'class="picture card"' in svg_text(figure, "a", "Title")


@pytest.mark.parametrize("label", ["<b> & \"c\" 'd'", "#333333 font-family: x", "$1$", "螺旋 🦊", "a\x07b\x1bc"])
def test_text_is_text_whatever_it_is(label):
    root = ElementTree.fromstring(svg_text(drawn(label=label), "a", label.replace("\x07", "").replace("\x1b", "")))
    plain = re.sub("[\x07\x1b]", "", label)
    assert plain in ["".join(element.itertext()) for element in root.iter("text")]
    assert root.get("aria-label") == plain
