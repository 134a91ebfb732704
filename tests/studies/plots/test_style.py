import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.legend import Legend

from studies.plots.looks import look_of
from studies.plots.style import PALE, End, draw_reference, name_curves, name_references, spread

TOP, BOTTOM, LINE = 20, 340, 15


def test_plots_are_imported_without_pyplot_seaborn_or_torch(run_apart):
    loaded = "[name for name in ('matplotlib.pyplot', 'seaborn', 'torch') if name in sys.modules]"
    assert run_apart(f"import sys, studies.plots; print({loaded})") == "[]\n"


def test_a_legend_of_references_stands_beside_that_of_curves():
    ax, look = Figure().subplots(), look_of("net")
    draw_reference(ax, [1, 2], [3, 4], look)
    name_references(ax, "theory")
    name_curves(ax, [End("a long name " * 5, 1, 1, look)])
    legends = [artist for artist in ax.get_children() if isinstance(artist, Legend)]
    assert [legend.get_texts()[0].get_text().split()[0] for legend in legends] == ["theory", "a"]


def test_a_curve_that_ends_early_has_a_pale_line_to_its_name():
    """In its colour it would look like a flat curve."""
    ax, look = Figure().subplots(), look_of("net")
    ax.plot([1, 10], [1, 2])
    name_curves(ax, [End("short", 1, 1, look), End("long", 10, 2, look)])
    assert [to_hex(text.arrow_patch.get_edgecolor()) for text in ax.texts] == [to_hex(PALE), look.colour]


@given(places=st.lists(st.floats(TOP, BOTTOM), min_size=1, max_size=20))
def test_names_are_a_line_apart_in_the_order_of_their_curves_and_inside(places):
    placed = np.array(spread(places, TOP, BOTTOM, LINE))
    order = np.argsort(places, kind="stable")
    assert (np.diff(placed[order]) >= LINE - 1e-6).all()
    assert placed.min() >= TOP - 1e-6
    assert placed.max() <= BOTTOM + 1e-6


@pytest.mark.parametrize(("places", "expected"), [([300, 50, 100], [300, 50, 100]), ([100, 100, 100], [85, 100, 115])])
def test_names_that_have_room_stay_and_those_in_one_place_spread_to_both_sides(places, expected):
    assert spread(places, TOP, BOTTOM, LINE) == pytest.approx(expected)
