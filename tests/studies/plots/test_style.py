import colorsys

import numpy as np
from matplotlib.colors import to_rgb

from studies.plots.style import DASHES, MARKERS, looks


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
