import numpy as np
import pytest

from studies.analysis.crossovers import DataEquivalence
from studies.analysis.intervals import CensoredInterval
from studies.plots.looks import MARKERS, learner_looks
from studies.web.marks import SHAPES, place, strip, styles

SIZES = [100, 1000, 10_000]


def test_a_learner_has_the_look_of_the_figures(worth):
    looks = learner_looks(worth)
    for name, style in styles(worth).items():
        assert (style.colour, style.dark) == (looks[name].colour, looks[name].dark)
        assert style.shape == SHAPES[MARKERS.index(looks[name].marker)]


def test_a_decade_is_as_long_anywhere_on_the_line():
    places = [place(n, SIZES) for n in SIZES]
    assert places[1] == pytest.approx(50)
    assert places[2] - places[1] == pytest.approx(places[1] - places[0])


def test_a_strip_ends_where_the_measured_sizes_end():
    whole = strip(DataEquivalence("a", "b", 1000, CensoredInterval(1, 0, np.inf)), SIZES)
    assert (whole.low, whole.at, whole.high) == pytest.approx((0, 50, 100))
    bound = strip(DataEquivalence("a", "b", 1000, CensoredInterval(np.inf, 10, np.inf)), SIZES)
    assert (bound.side, bound.low, bound.high) == ("above", bound.at, bound.at)
