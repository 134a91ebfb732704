import colorsys

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from studies.plots.style import DASHES, MARKERS, draw_median, finish_axes, looks


def test_no_two_of_forty_learners_look_alike():
    assert len(set(looks(map(str, range(40))).values())) == 40


def test_a_learner_keeps_its_look_when_others_come_after_it():
    few, many = looks(["net", "kNN"]), looks(["net", "kNN", *map(str, range(30))])
    assert {name: many[name] for name in few} == few


def test_the_colours_of_ten_are_apart_for_those_who_see_no_red():
    """Protanopia by Vienot, Brettel and Mollon (1999): no two of the ten become one colour."""
    linear = np.array([to_rgb(look.colour) for look in looks(map(str, range(len(MARKERS)))).values()]) ** 2.2
    seen = linear @ np.array([[0.11238, 0.11238, 0.00401], [0.88762, 0.88762, -0.00401], [0, 0, 1]])
    apart = np.linalg.norm(seen[:, None] - seen[None], axis=-1)[np.triu_indices(len(seen), 1)]
    assert apart.min() > 0.03


def test_the_first_ten_have_whole_lines_and_colours_that_are_not_washed_out():
    first = list(looks(map(str, range(len(MARKERS)))).values())
    assert {look.dash for look in first} == {DASHES[0]}
    assert max(colorsys.rgb_to_hls(*to_rgb(look.colour))[1] for look in first) < 0.9


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
