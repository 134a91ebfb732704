import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from studies.plots.style import draw_median, finish_axes, spread

TOP, BOTTOM, LINE = 20, 340, 15


def test_plots_are_imported_without_pyplot_seaborn_or_torch(run_apart):
    loaded = "[name for name in ('matplotlib.pyplot', 'seaborn', 'torch') if name in sys.modules]"
    assert run_apart(f"import sys, studies.plots; print({loaded})") == "[]\n"


def test_the_median_of_the_seeds_is_drawn():
    ax = Figure().subplots()
    table = pd.DataFrame({10: [1.0, 2.0, 4.0], 100: [0.1, 0.2, 0.4], 1000: [0.01, 0.02, 0.04]})
    draw_median(ax, table, color="red")
    assert ax.lines[0].get_xydata().tolist() == [[10, 2.0], [100, 0.2], [1000, 0.02]]
    assert ax.lines[0].get_color() == "red"


def test_logarithmic_axes_get_readable_ticks_unless_they_have_ticks_of_their_own():
    ax = Figure().subplots()
    ax.set(xscale="log", yscale="log", xlim=(1, 10), ylim=(1, 1e4))
    ax.set_xticks([1, 2, 5], ["one", "two", "five"])
    ax.plot([1, 5], [1, 1e4], label="line")
    finish_axes(ax)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["one", "two", "five"]
    assert ax.yaxis.get_major_formatter()(1000) == "1,000"


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
