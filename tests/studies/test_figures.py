"""Pictures are tested by what is on them, not by pixels."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from studies.figures import gallery, learning_curves, plot_learning_curves, plot_region
from studies.points import N_TEST, map_points
from toymanifold import spiral_problem

COLUMNS = ["learner", "n_samples", "metric", "mean", "low", "high", "seeds"]


@pytest.fixture
def table():
    rows = [
        (learner, n, metric, 10 / n, 5 / n, 20 / n, 5)
        for learner in ("net", "kNN")
        for n in (100, 1000)
        for metric in ("error", "error_uniform", "error_sparse")
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_curves_hold_the_means_of_the_table(table):
    ax = plot_learning_curves(table)
    assert [line.get_label() for line in ax.lines] == ["net", "kNN"]
    for line in ax.lines:
        np.testing.assert_allclose(line.get_xydata(), [(100, 0.1), (1000, 0.01)])
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_no_error_is_drawn_at_the_resolution_of_the_test(table):
    table.loc[table["n_samples"] == 1000, ["mean", "low", "high"]] = 0.0
    line = plot_learning_curves(table).lines[0]
    assert line.get_ydata()[1] == 1 / N_TEST


def test_curves_are_drawn_where_they_are_asked_to_be(table):
    _, ax = plt.subplots()
    assert plot_learning_curves(table, "error_uniform", ax=ax) is ax


def test_a_learner_has_one_colour_in_all_panels_and_one_place_in_the_legend(table):
    figure = learning_curves(table, "title")
    colours = [[line.get_color() for line in ax.lines] for ax in figure.axes]
    assert colours[0] == colours[1] == colours[2]
    assert len(set(colours[0])) == 2
    assert [text.get_text() for text in figure.legends[0].texts] == ["net", "kNN"]


def test_many_learners_are_told_apart_and_a_dollar_is_a_dollar(table):
    curves = pd.concat([table[table["learner"] == "net"].assign(learner=f"net, $={k}$") for k in range(30)])
    figure = learning_curves(curves, "$1 against $2")
    figure.canvas.draw()
    looks = {(line.get_color(), line.get_marker()) for line in figure.axes[0].lines}
    assert len(looks) == len(figure.axes[0].lines) == len(figure.legends[0].texts) == 30


def test_a_regression_has_one_panel_for_each_loss_and_no_per_cent(table):
    losses = table.replace({"metric": {"error": "mse", "error_uniform": "mse_uniform"}})
    figure = learning_curves(losses[losses["metric"].str.startswith("mse")], "title")
    assert [ax.get_title() for ax in figure.axes] == ["under the sampling density", "uniformly over the square"]
    assert figure.axes[0].get_ylabel() == "mean squared error"
    assert figure.axes[0].yaxis.get_major_formatter()(0.1) == "0.1"


def test_region_shows_right_and_wrong():
    problem = spiral_problem()
    truth = problem.target.contains(map_points(1.2)).reshape(240, 240)
    answer = truth.copy()
    answer[:120] = ~answer[:120]
    image = plot_region(answer, problem, 1.2, np.zeros((1, 2))).images[1].get_array()
    orange = image[..., 0] > 0.5
    np.testing.assert_array_equal(orange, answer != truth)
    blue = (image[..., 3] > 0) & ~orange
    np.testing.assert_array_equal(blue, answer & truth)


def test_gallery_has_a_row_a_size_and_a_column_a_learner():
    problem = spiral_problem()
    inside = problem.target.contains(map_points(1.2)).reshape(240, 240)
    maps = {("net", 10): inside, ("kNN", 10): inside, ("kNN", 20): inside}
    shown_errors = dict.fromkeys(maps, 0.125)
    samples = {n: problem.sample(n, 0)[0] for n in (10, 20)}
    figure = gallery(maps, shown_errors, samples, problem, 1.2, "title")
    assert [ax.get_title() for ax in figure.axes] == ["net", "kNN", "", ""]
    assert [ax.get_ylabel() for ax in figure.axes] == ["n = 10", "", "n = 20", ""]
    assert [ax.get_xlabel() for ax in figure.axes] == ["error 12 %", "error 12 %", "not run", "error 12 %"]
