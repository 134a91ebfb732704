from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.analysis.crossovers import DataEquivalence
from studies.analysis.findings import Curve, Mean, Measured
from studies.analysis.intervals import CensoredInterval, Interval
from studies.analysis.learning_curves import Sampling
from studies.plots.curves import plot_learning_curves
from studies.plots.style import spread
from studies.registry.test_sets import N_TEST
from studies.web.charts import LAYOUT, Axis, chart, floor_of, strip, styles

TOP, BOTTOM = 20, 340


def measured(metric="error", curves=2, values=(0.1, 0.01), low=0.9, high=1.1, sampling=Sampling(None, 1000)):  # noqa: B008
    def mean(n, value):
        return Mean(n, Interval(value, low * value, high * value), 5)

    points = [mean(10 ** (2 + i), value) for i, value in enumerate(values)]
    return Measured(metric, tuple(Curve(f"learner {i}", tuple(points)) for i in range(curves)), sampling)


@given(places=st.lists(st.floats(TOP, BOTTOM), min_size=1, max_size=20))
def test_names_are_a_line_apart_in_the_order_of_their_curves_and_inside(places):
    placed = np.array(spread(places, TOP, BOTTOM, LAYOUT["line"]))
    order = np.argsort(places, kind="stable")
    assert (np.diff(placed[order]) >= LAYOUT["line"] - 1e-6).all()
    assert placed.min() >= TOP - 1e-6
    assert placed.max() <= BOTTOM + 1e-6


def test_names_that_have_room_stay_where_they_are():
    assert spread([300, 50, 100], TOP, BOTTOM, 15) == [300, 50, 100]


def test_names_in_one_place_spread_to_both_sides_of_it():
    assert spread([100, 100, 100], TOP, BOTTOM, 15) == pytest.approx([85, 100, 115])


@given(low=st.floats(1e-6, 1e6), ratio=st.floats(1.01, 1e6), log=st.booleans())
def test_ticks_are_round_few_and_on_the_axis(low, ratio, log):
    axis = Axis(low, low * ratio, 0, 100, log)
    ticks = axis.ticks()
    assert 1 <= len(ticks) <= 12
    for tick in ticks:
        assert -1e-6 <= axis.position(tick) <= 100 + 1e-6
        assert float(f"{tick:.12g}") == tick


def test_a_decade_is_as_long_anywhere_on_a_logarithmic_axis():
    axis = Axis(1, 1000, 0, 300, log=True)
    assert [axis.position(value) for value in (1, 10, 100, 1000)] == pytest.approx([0, 100, 200, 300])


def test_marks_lie_inside_the_axes_and_lower_errors_lie_lower():
    drawn = chart(measured())
    for curve in drawn.curves:
        first, last = curve.marks
        assert LAYOUT["left"] < first.x < last.x < drawn.right
        assert LAYOUT["top"] < first.y < last.y < drawn.bottom


def test_without_interval_there_is_no_band():
    assert all(curve.band for curve in chart(measured()).curves)
    assert not any(curve.band for curve in chart(measured(low=np.nan, high=np.nan)).curves)


@pytest.mark.parametrize(("n_test", "words"), [(N_TEST, "none in 50,000"), (300, "none in 300"), (None, "none")])
def test_no_error_is_drawn_at_the_foot_of_the_axes_and_not_joined(n_test, words):
    drawn = chart(measured(values=(0.1, 0.05, 0.0), sampling=Sampling(None, n_test)))
    for curve in drawn.curves:
        assert [mark.zero for mark in curve.marks] == ["", "", words]
        assert curve.marks[2].y == drawn.bottom
        assert curve.line.count("L") == 1
    without = chart(measured(values=(0.1, 0.05)))
    assert drawn.y_ticks == without.y_ticks


def test_a_training_loss_of_rounding_is_0():
    drawn = chart(measured("mse_train", values=(1e-31, 0.1)))
    assert [mark.zero for mark in drawn.curves[0].marks] == ["0", ""]


def test_sizes_far_apart_in_the_study_are_not_joined():
    points = measured(values=(0.1, 0.05, 0.03, 0.02, 0.01)).curves[0].means
    curves = (Curve("all", points), Curve("some", (points[0], points[4])), Curve("most", points[::2]))
    lines = [curve.line for curve in chart(Measured("error", curves, Sampling(None, 1000))).curves]
    assert [(line.count("M"), line.count("L")) for line in lines] == [(1, 4), (2, 0), (1, 2)]


def test_the_baseline_is_a_line_inside_the_axes_above_the_curves():
    (curve,) = measured(values=(0.5, 0.4), curves=1).curves
    drawn = chart(replace(measured(), baseline=replace(curve, learner="baseline")))
    assert drawn.baseline.line.count("L") == 1
    assert all(
        LAYOUT["top"] < mark.y < min(m.y for c in drawn.curves for m in c.marks) for mark in drawn.baseline.marks
    )
    assert len(drawn.curves) == 2
    assert chart(measured()).baseline is None


def test_learners_without_colours_have_no_names():
    drawn = chart(measured(curves=8), [f"learner {i}" for i in range(6)])
    assert [curve.name_y is None for curve in drawn.curves] == [False] * 6 + [True] * 2


def test_values_below_zero_have_a_linear_axis():
    below = measured("r2", values=(-0.5, 0.9), low=1, high=1)
    assert floor_of(below) is None
    labels = [tick.label for tick in chart(below).y_ticks]
    assert "0" in labels


def test_a_long_name_is_cut_and_too_many_names_are_left_to_the_legend():
    long = Measured("error", (Curve("x" * 90, measured().curves[0].means),), Sampling(None, 1000))
    assert chart(long).curves[0].name == "x" * 23 + "…"
    assert chart(measured(curves=20)).named
    assert not chart(measured(curves=40)).named


def test_a_learner_has_the_colour_of_the_figures(worth, worth_results):
    ax = plot_learning_curves(worth_results)
    drawn = {
        line.get_label(): plt.matplotlib.colors.to_hex(line.get_color())
        for line in ax.lines
        if not line.get_label().startswith("_")
    }
    plt.close("all")
    assert {name: style.colour for name, style in styles(worth).items()} == drawn


def test_a_strip_ends_where_the_measured_sizes_end():
    sizes = [100, 1000, 10_000]
    whole = strip(DataEquivalence("a", "b", 1000, CensoredInterval(1, 0, np.inf)), sizes)
    assert (whole.low, whole.at, whole.high) == pytest.approx((0, 50, 100))
    bound = strip(DataEquivalence("a", "b", 1000, CensoredInterval(np.inf, 10, np.inf)), sizes)
    assert (bound.side, bound.low, bound.high) == ("above", bound.at, bound.at)
