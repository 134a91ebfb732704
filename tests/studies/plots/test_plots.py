"""Plots are tested by what is drawn where, not by pixels."""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from studies.analysis.breakdowns import breakdown_summary
from studies.analysis.comparisons import summary
from studies.analysis.crossovers import crossover
from studies.analysis.findings import find
from studies.analysis.learning_curves import learning_curve, losses
from studies.analysis.scaling_laws import fit_scaling
from studies.library.double_descent import random_features_risk
from studies.plots.axis import plot_axis
from studies.plots.breakdown import plot_breakdown
from studies.plots.curves import plot_data_equivalence, plot_learning_curves
from studies.plots.figures import requested_plots, study_figures
from studies.plots.looks import MOST_CURVES, learner_looks, value_looks
from studies.plots.regions import plot_decision_region, plot_density, plot_region
from studies.plots.style import End, name_curves, set_scale
from studies.registry.test_sets import N_TEST, map_points
from studies.results.results import Results
from studies.spec.study import Study
from studies.store.store import Store
from toymanifold import spiral_problem


def points(ax):
    """The means of each learner, by its label."""
    return {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}


def drawn(ax, label):
    return [line for line in ax.lines if line.get_label() == label]


def colours(ax):
    return {label: to_hex(line.get_color()) for label, line in points(ax).items()}


def intervals(ax):
    """The ends of all upright intervals: (x, low, high), sorted."""
    segments = [segment for lines in ax.collections for segment in lines.get_segments() if len(segment)]
    return sorted((x, low, high) for (x, low), (other, high) in segments if x == other)


# Learning curves


def test_curves_are_points_with_their_intervals_in_the_looks_of_the_study(worth_results):
    ax = plot_learning_curves(worth_results)
    table = summary(losses(worth_results.frame())).query("metric == 'error'")
    for learner, line in points(ax).items():
        expected = table[table["learner"] == learner]
        np.testing.assert_allclose(line.get_xydata(), expected[["n_samples", "mean"]])
        assert line.get_marker() == learner_looks(worth_results.study)[learner].marker
    expected = sorted(table[["n_samples", "low", "high"]].itertuples(index=False))
    np.testing.assert_allclose(intervals(ax), expected)
    assert colours(ax) == {name: look.colour for name, look in learner_looks(worth_results.study).items()}
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_a_law_is_extrapolated_to_its_reach_and_no_further(worth_results):
    ax = plot_learning_curves(worth_results, learners=["net"])
    law = fit_scaling(learning_curve(worth_results.frame(), "net"))
    (within,), (beyond,) = drawn(ax, "_law"), drawn(ax, "_reach")
    assert (within.get_xdata()[0], within.get_xdata()[-1]) == pytest.approx((100, 10_000))
    assert (beyond.get_xdata()[0], beyond.get_xdata()[-1]) == pytest.approx((10_000, law.reach))
    np.testing.assert_allclose(within.get_ydata(), law.predict(within.get_xdata()))
    assert not drawn(ax, "_joined")


def test_each_seed_is_a_dot_behind_its_mean(worth_results):
    ax = plot_learning_curves(worth_results, learners=["kNN"])
    rows = worth_results.frame().query("learner == 'kNN' and metric == 'accuracy'")
    (dots,) = drawn(ax, "_seeds")
    np.testing.assert_allclose(dots.get_xydata(), np.column_stack([rows["n_samples"], 1 - rows["value"]]))
    assert dots.get_zorder() < points(ax)["kNN"].get_zorder()
    along = plot_axis(worth_results, axis="n_samples", metric=["error", "error_uniform"], learners=["kNN"])
    (dots,) = drawn(along, "_seeds")  # none of the second metric
    np.testing.assert_allclose(sorted(dots.get_ydata()), sorted(1 - rows["value"]))


def test_an_outlying_seed_is_within_the_axes(results_of):
    def of_cell(planned):
        n, seed = planned.cell.n_samples, planned.cell.seed
        return {"accuracy": 0.99 if (n, seed) == (1000, 0) else 1 - n**-0.5}

    results = results_of(of_cell, sizes=[100, 1000], seeds=9, learners={"kNN": {"estimator": "knn-1"}})
    assert plot_learning_curves(results).get_ylim()[0] < 0.01


def test_a_curve_without_a_law_is_joined(results_of):
    def rising(planned):
        n = planned.cell.n_samples
        return {"accuracy": 0.9 - 0.05 * np.log10(n) - 0.001 * planned.cell.seed}

    results = results_of(rising, sizes=[100, 1000], learners={"kNN": {"estimator": "knn-1"}})
    ax = plot_learning_curves(results)
    assert not drawn(ax, "_law")
    np.testing.assert_allclose(drawn(ax, "_joined")[0].get_xydata(), points(ax)["kNN"].get_xydata())


def test_a_crossing_is_marked_where_it_is_with_its_interval(results_of):
    def crossing(planned):
        steep = planned.learner == "steep"
        n = planned.cell.n_samples / 1000
        wrong = 0.1 * n ** (-0.8 if steep else -0.3) * (1 + 0.02 * np.sin(5 * planned.cell.seed + 2 * steep + n))
        return {"accuracy": 1 - wrong}

    learners = {"steep": {"estimator": "knn-1"}, "flat": {"estimator": "knn-5"}}
    results = results_of(crossing, sizes=[100, 300, 1000, 3000, 10_000], learners=learners)
    ax = plot_learning_curves(results)
    found = crossover(results.frame(), "steep", "flat").n
    (ring,) = drawn(ax, "_crossing")
    assert ring.get_xdata()[0] == pytest.approx(found.mean)
    assert ring.get_ydata()[0] == pytest.approx(0.1, rel=0.05)
    (bar,) = [s for lines in ax.collections for s in lines.get_segments() if s[0][1] == s[1][1]]
    assert (bar[0][0], bar[1][0]) == pytest.approx((found.low, found.high))


@pytest.mark.parametrize("last", [0.01, 0.0])
@pytest.mark.parametrize("draw", [plot_learning_curves, partial(plot_axis, axis="n_samples")])
def test_no_error_is_an_open_mark_at_the_foot_and_does_not_squeeze_the_axis(results_of, draw, last):
    results = results_of(
        lambda p: {"accuracy": 1 - (1 / p.cell.n_samples if p.cell.n_samples < 1000 else last)},
        sizes=[10, 100, 1000],
        learners={"kNN": {"estimator": "knn-1"}},
    )
    ax = draw(results)
    zeros = drawn(ax, "_zero")
    assert [(*zero.get_xdata(), zero.get_markerfacecolor()) for zero in zeros] == [(1000, "white")] * (not last)
    assert f"none in {N_TEST:,}" in [text.get_text() for text in ax.texts] or last
    assert 1e-4 < ax.get_ylim()[0] < 0.01


def test_a_training_error_of_0_leaves_the_axes_beside_it_as_they_are(results_of):
    results = results_of(
        lambda p: {"mse": 1 / p.cell.n_samples, "mse_train": 1e-32},
        metrics=["mse", "mse_train"],
        sizes=[10, 100, 1000],
        problems={"linear": {"problem": "sphere", "params": {"target": "linear", "task": "regression"}}},
        learners={"kNN": {"estimator": "knn-1"}},
    )
    test, train = next(page.figure for page in study_figures(results) if page.name == "learning-curves").axes
    assert test.get_ylim()[0] > 1e-4
    assert len(drawn(train, "_zero")[0].get_xdata()) == 3
    assert "0" in [text.get_text() for text in train.texts]


@pytest.mark.parametrize(("sizes", "n_gaps"), [([10, 100, 1000], 0), ([10, 100, 100_000], 1), ([10, 1000, 10_000], 0)])
def test_sizes_far_apart_in_the_study_are_not_joined(results_of, sizes, n_gaps):
    results = results_of(
        lambda p: {"accuracy": 0.6 + 0.01 * p.cell.seed},
        sizes=[10, 100, 1000, 10_000, 100_000],
        learners={"kNN": {"estimator": "knn-1", "sizes": sizes}, "all": {"estimator": "forest"}},
    )
    for ax in (plot_learning_curves(results), plot_axis(results, axis="n_samples")):
        assert np.isnan(drawn(ax, "_joined")[0].get_ydata()).sum() == n_gaps


def test_sizes_of_another_problem_leave_no_gap(results_of):
    results = results_of(
        lambda p: {"accuracy": 0.6 + 0.01 * p.cell.seed},
        sizes=[10, 1000],
        problems={"spiral": {"problem": "spiral"}, "spheres": {"problem": "concentric-spheres"}},
        learners={
            "kNN": {"estimator": "knn-1", "problems": ["spiral"]},
            "forest": {"estimator": "forest", "problems": ["spheres"], "sizes": [20, 50, 200, 500]},
        },
    )
    for plotted in (plot_learning_curves, partial(plot_axis, axis="n_samples")):
        ax = plotted(results, problem="spiral", learners=["kNN"])
        assert not np.isnan(drawn(ax, "_joined")[0].get_ydata()).any()


def test_no_error_among_a_data_sets_test_rows_is_said_of_these(worth_of_rows):
    for ax in (plot_learning_curves(worth_of_rows), plot_axis(worth_of_rows, axis="n_samples")):
        low, high = next((low, high) for x, low, high in intervals(ax) if x == 10_000)
        assert high / low > 1.05


def test_a_score_is_drawn_as_its_loss_under_either_name(results_of):
    results = results_of(
        lambda planned: {"roc_auc": 1 - 1 / planned.cell.n_samples},
        metrics=["roc_auc"],
        sizes=[10, 100],
        learners={"kNN": {"estimator": "knn-1"}},
    )
    for metric in (None, "roc_auc", "roc_auc_loss"):
        ax = plot_learning_curves(results, metric=metric)
        assert ax.get_ylabel() == "1 - ROC AUC"
        np.testing.assert_allclose(points(ax)["kNN"].get_ydata(), [0.1, 0.01])
    assert [figure.name for figure in study_figures(results)] == ["learning-curves"]


def test_curves_are_drawn_where_they_are_asked_to_be(worth_results):
    _, ax = plt.subplots()
    assert plot_learning_curves(worth_results, ax, metric="error_uniform", learners=["kNN"]) is ax
    assert "uniformly over the square" in ax.get_ylabel()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"metric": "eror"}, "did you mean 'error'"),
        ({"learners": ["nett"]}, "did you mean 'net'"),
        ({"problem": "spirla"}, "did you mean 'spiral'"),
    ],
)
def test_an_unknown_name_raises_with_the_nearest(worth_results, wrong, message):
    with pytest.raises(ValueError, match=message):
        plot_learning_curves(worth_results, **wrong)


def test_names_stand_a_line_apart_in_the_order_of_the_ends():
    _, ax = plt.subplots()
    styles = value_looks("abcdef")
    ends = [End(name, 1.0, 0.5 + 0.001 * i, styles[name]) for i, name in enumerate("abcdef")]
    name_curves(ax, ends)
    places = [text.xyann[1] for text in ax.texts]
    assert [text.get_text() for text in ax.texts] == list("abcdef")
    height = ax.get_window_extent().height / ax.figure.dpi * 72
    assert np.diff(places).min() * height > 8.5
    assert all(0 < place < 1 for place in places)


@pytest.mark.parametrize("names", [[f"learner {i}" for i in range(60)], ["a learner, " + "width=3, " * 9]])
def test_names_without_room_are_a_legend_in_full(names):
    _, ax = plt.subplots()
    styles = value_looks(names)
    name_curves(ax, [End(name, 1.0, 0.5, styles[name]) for name in names])
    assert not ax.texts
    assert [" ".join(text.get_text().split()) for text in ax.get_legend().texts] == [name.strip() for name in names]


def test_a_dollar_is_a_dollar(results_of):
    results = results_of(lambda _: {"accuracy": 0.5}, sizes=[10, 20], learners={"$1$": {"estimator": "knn-1"}})
    ax = plot_learning_curves(results)
    ax.figure.canvas.draw()
    assert ax.texts[0].get_text() == r"\$1\$"


# Data equivalence


def test_equivalence_is_what_the_findings_say(worth_results, worth):
    ax = plot_data_equivalence(worth_results)
    (found,) = find(worth, worth_results.frame())
    times = {competitor.learner: competitor.equivalence.times for competitor in found.competitors}
    names = [label.get_text() for label in ax.get_yticklabels()]
    marks = drawn(ax, "_times")
    assert sorted(names) == sorted(times)
    for name, mark in zip(names, marks, strict=True):
        assert mark.get_xdata()[0] == pytest.approx(times[name].value)
        assert to_hex(mark.get_color()) == learner_looks(worth_results.study)[name].colour
    bars = [lines.get_segments()[0] for lines in ax.collections]
    ends = [(times[name].low, times[name].high) for name in names]
    np.testing.assert_allclose([(bar[0][0], bar[1][0]) for bar in bars], ends)
    assert "net + polar with n = 1,000" in ax.get_xlabel()


def test_bounds_are_open_arrows_and_learners_without_an_answer_are_named(results_of):
    """kNN is above the error of the polar net at all sizes, and that of the tree rises."""

    def values_of(planned):
        n, seed = planned.cell.n_samples, planned.cell.seed
        factor = {"net + polar": 0.5, "net": 1, "kNN": 9, "tree": 0.01 * n}[planned.learner]
        return {"accuracy": 1 - factor * n**-0.5 * (1 + 0.02 * np.sin(7 * seed + factor))}

    net = {"estimator": "net", "params": {"epochs": 10}}
    learners = {"net": net, "net + polar": {**net, "prior": "polar"}}
    learners |= {"kNN": {"estimator": "knn-1"}, "tree": {"estimator": "knn-5"}}
    asked = [{"worth": {"prior": "net + polar", "of": "net", "n_samples": 316}}]
    results = results_of(values_of, sizes=[100, 316, 1000, 3162], learners=learners, questions=asked)
    ax = plot_data_equivalence(results)
    marks = dict(zip((label.get_text() for label in ax.get_yticklabels()), drawn(ax, "_times"), strict=True))
    assert {name: (mark.get_marker(), mark.get_markerfacecolor()) for name, mark in marks.items()}["kNN"] == (
        ">",
        "white",
    )
    assert marks["net"].get_markerfacecolor() != "white"
    assert ax.get_xlabel().endswith("\nnot determined by the data: tree")


def test_one_seed_gives_no_equivalence(worth_results, worth):
    one = Results(worth.model_copy(update={"seeds": 1}), worth_results.store)
    with pytest.raises(ValueError, match="no learner is determined"):
        plot_data_equivalence(one)


# Axes

LINEAR = {"target": "linear", "task": "regression"}
FEATURES = {
    "sizes": [100],
    "metrics": ["mse", "mse_train"],
    "problems": {"linear": {"problem": "sphere", "params": {"dimension": [3, 5]} | LINEAR}},
    "learners": {
        "features": {
            "estimator": "random-features",
            "params": {"n_features": [10, 100, 1000], "ridge": [0.0, 0.001]},
        }
    },
}


def peak(planned):
    width, ridge = planned.axes["n_features"], planned.axes["ridge"]
    high = 50.0 if width == 100 and not ridge else 1.0
    return {"mse": (high + 0.1 * planned.cell.seed) * planned.axes["dimension"], "mse_train": 0.5 / width}


def test_an_axis_has_a_line_for_each_combination_of_all_else(results_of):
    ax = plot_axis(results_of(peak, **FEATURES), axis="n_features", threshold="n_samples")
    lines = points(ax)
    assert list(lines) == [
        f"ridge={ridge}, dimension={dimension}" for dimension in (3, 5) for ridge in ("0.0", "0.001")
    ]
    line = lines["ridge=0.0, dimension=3"]
    np.testing.assert_allclose(line.get_xydata(), [(10, 3.3), (100, 150.3), (1000, 3.3)])
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    (threshold,) = drawn(ax, "_threshold")
    assert set(threshold.get_xdata()) == {100}


def test_an_axis_of_a_problem_keeps_the_colours_of_the_learners(results_of):
    results = results_of(peak, **FEATURES)
    ax = plot_axis(results, axis="dimension", learners=["features, n_features=10, ridge=0.0"])
    (line,) = points(ax).values()
    np.testing.assert_allclose(line.get_xydata(), [(3, 3.3), (5, 5.5)])
    assert (ax.get_xscale(), ax.get_yscale()) == ("linear", "linear")
    assert to_hex(line.get_color()) == learner_looks(results.study)["features, n_features=10, ridge=0.0"].colour


def test_categories_stand_in_the_order_of_the_study(results_of):
    learners = {"kNN": {"estimator": "knn-1", "prior": ["polar", "none"]}, "forest": {"estimator": "forest"}}
    results = results_of(lambda p: {"accuracy": 0.9 - 0.1 * (p.learner == "forest")}, sizes=[50], learners=learners)
    assert [label.get_text() for label in plot_axis(results, axis="prior").get_xticklabels()] == ["polar", "none"]
    ax = plot_axis(results, axis="learner")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["kNN, prior=polar", "kNN, prior=none", "forest"]
    assert points(ax)["forest"].get_xydata() == pytest.approx(np.array([(2, 0.2)]))
    assert colours(ax) == {name: look.colour for name, look in learner_looks(results.study).items()}


@pytest.mark.parametrize(
    ("chosen", "message"),
    [({"learners": ["kN"]}, "unknown learner 'kN'"), ({"problem": "spirals"}, "unknown problem 'spirals'")],
)
def test_a_learner_or_problem_that_the_study_does_not_have_raises(worth_results, chosen, message):
    with pytest.raises(ValueError, match=message):
        plot_axis(worth_results, axis="n_samples", **chosen)


def test_an_axis_that_the_study_does_not_have_raises(worth_results):
    with pytest.raises(ValueError, match="unknown axis 'width' of the study; known: 'n_samples', 'learner'"):
        plot_axis(worth_results, axis="width")


def training(planned):
    epochs = planned.axes["epochs"]
    return {"accuracy": 1 - 0.5 / epochs, "accuracy_train": 1 - (0.05 / epochs if planned.cell.n_samples == 50 else 0)}


TRAINING = {
    "sizes": [50, 60],
    "metrics": ["fit_seconds", "accuracy", "accuracy_train"],
    "learners": {"net": {"estimator": "net", "params": {"epochs": [1, 10, 100], "width": [8, 16]}}},
}


def test_a_second_metric_is_hollow_and_thin_in_the_same_looks(results_of):
    ax = plot_axis(results_of(training, **TRAINING), axis="epochs", metric=["error", "accuracy_train"], n_samples=50)
    assert list(points(ax)) == ["width=8", "width=16"] == [text.get_text() for text in ax.texts]
    np.testing.assert_allclose(points(ax)["width=8"].get_xydata(), [(1, 0.5), (10, 0.05), (100, 0.005)])
    hollow = [line for line in drawn(ax, "_points") if line.get_markerfacecolor() == "white"]
    np.testing.assert_allclose(hollow[0].get_ydata(), [0.05, 0.005, 0.0005])
    assert [to_hex(line.get_color()) for line in hollow] == list(colours(ax).values())
    assert len(set(colours(ax).values())) == 2
    joined = drawn(ax, "_joined")
    assert {line.get_linestyle() for line in joined} == {"-"}
    assert joined[2].get_linewidth() < joined[0].get_linewidth()
    assert ax.get_ylabel() == "Error under the sampling density;\nhollow: error on the training points"


def test_lines_are_chosen_by_their_names_without_the_axis(results_of):
    ax = plot_axis(results_of(training, **TRAINING), axis="epochs", learners=["net, width=16"])
    assert list(points(ax)) == ["n = 50", "n = 60"]


def test_a_study_asks_for_learners_by_such_names(results_of):
    asked = {"plot": "axis", "axis": "epochs", "learners": ["net, width=16"]}
    (page,) = requested_plots(results_of(training, **TRAINING, pictures=[asked]))
    assert page.figure is not None
    asked["learners"] = ["net, width=17"]
    with pytest.raises(ValueError, match="unknown learner 'net, width=17'"):
        results_of(training, **TRAINING, pictures=[asked])


@pytest.mark.parametrize("metric", [[], ["error", "fit_seconds"], ["error", "error_train", "error"]])
def test_metrics_that_cannot_share_an_axis_are_refused(results_of, metric):
    results = results_of(lambda p: training(p) | {"fit_seconds": 1.0}, **TRAINING)
    with pytest.raises(ValueError, match="'metric' parameter of plot_axis must be one metric, or two of the same unit"):
        plot_axis(results, axis="epochs", metric=metric)


def test_zeros_are_drawn_on_a_linear_scale_where_it_is_asked_for(results_of):
    arguments = {"axis": "epochs", "metric": ["error", "error_train"], "n_samples": 60}
    results = results_of(training, **TRAINING)
    assert plot_axis(results, **arguments).get_yscale() == "log"
    ax = plot_axis(results, log=False, **arguments)
    assert ax.get_yscale() == "linear"
    assert not drawn(ax, "_zero")
    assert [*drawn(ax, "_points")[0].get_ydata()] == [0, 0, 0]


NOISY = FEATURES | {
    "problems": {"linear": {"problem": "sphere", "params": {"dimension": [20, 40], "noise": 0.5} | LINEAR}}
}


def test_a_reference_curve_takes_parameters_by_name_and_is_drawn_where_it_applies(results_of):
    ax = plot_axis(results_of(peak, **NOISY), axis="n_features", reference="random_features_risk")
    curves = drawn(ax, "_reference")
    assert [to_hex(curve.get_color()) for curve in curves] == [
        colours(ax)[f"ridge=0.0, dimension={dimension}"] for dimension in (20, 40)
    ]
    for curve, dimension in zip(curves, (20, 40), strict=True):
        np.testing.assert_array_equal(
            curve.get_ydata(), random_features_risk(curve.get_xdata(), 100, dimension, 0.5), strict=True
        )
    ax = plot_axis(results_of(peak, **FEATURES), axis="n_features", reference="random_features_risk")
    assert not drawn(ax, "_reference")  # the noise is not given


def test_an_unknown_reference_curve_is_an_error_before_anything_runs(results_of):
    asked = [{"plot": "axis", "axis": "n_features", "reference": "random_feature_risk"}]
    with pytest.raises(ValueError, match="did you mean 'random_features_risk'"):
        results_of(peak, **NOISY, pictures=asked)


@pytest.mark.parametrize(
    ("at", "labels"),
    [
        ((100, 316, 1000), ["100", "316", "1,000"]),
        ((1, 2, 4, 8), ["1", "2", "4", "8"]),
        ((30, 95, 300, 949, 1000), ["30", "95", "300", "", "1,000"]),
        ((30, 95, 300, 949, 3000, 4000), ["30", "95", "300", "949", "", "4,000"]),
        ((1000,), ["1,000"]),
        ((100, 316, 1000, 3162, 10_000, 31_623, 100_000), None),
    ],
)
def test_ticks_are_the_values_where_they_have_room(at, labels):
    _, ax = plt.subplots()
    ax.plot(at, at)
    set_scale(ax.xaxis, log=True, at=at)
    if labels:
        assert [label.get_text() for label in ax.get_xticklabels()] == labels
    else:
        assert [ax.xaxis.get_major_formatter()(value) for value in (1000, 10**5, 10**6)] == ["1,000", "100,000", "10⁶"]


@pytest.mark.parametrize(("ends", "digits"), [((0.015, 0.4), "25"), ((0.15, 0.4), "234568")])
def test_an_axis_without_a_decade_has_more_labels(ends, digits):
    ax = plt.figure().subplots()
    ax.set(yscale="log", ylim=ends)
    set_scale(ax.yaxis, log=True)
    labels = ax.yaxis.get_minor_formatter().format_ticks(ax.yaxis.get_minorticklocs())
    assert {label for label in labels if float(label) > 0.1 and float(label) < 1} == {f"0.{digit}" for digit in digits}


# Breakdown


def in_bins(planned):
    polar = planned.learner == "kNN + polar"
    shift = 0.001 * planned.cell.seed
    density = {f"error_density_{k}": 0.1 * k + shift - 0.05 * polar for k in range(1, 6)}
    distance = {f"error_distance_{k}": 0.5 / 4**k + shift for k in range(1, 6)}
    return {"accuracy": 0.9 + 0.05 * polar, **density, **distance}


BINNED = {
    "sizes": [50, 100],
    "metrics": ["accuracy", "error_density", "error_distance"],
    "learners": {"kNN": {"estimator": "knn-1"}, "kNN + polar": {"estimator": "knn-1", "prior": "polar"}},
}


def test_a_breakdown_has_the_means_of_the_bins_side_by_side(results_of):
    results = results_of(in_bins, **BINNED)
    ax = plot_breakdown(results, by="density")
    table = breakdown_summary(results.frame(), "density", 100)
    for learner, line in points(ax).items():
        np.testing.assert_allclose(line.get_ydata(), table[table["learner"] == learner]["mean"])
        np.testing.assert_array_equal(np.rint(line.get_xdata()), [1, 2, 3, 4, 5])
    assert ax.get_ylabel() == "error (n = 100)"
    words = [label.get_text() for label in ax.get_xticklabels()]
    assert (words[0], words[-1]) == ("sparsest", "densest")


def test_a_breakdown_against_a_learner_is_the_paired_difference(results_of):
    ax = plot_breakdown(results_of(in_bins, **BINNED), by="density", against="kNN", n_samples=50)
    (line,) = points(ax).values()
    np.testing.assert_allclose(line.get_ydata(), [-0.05] * 5)
    assert ax.get_yscale() == "linear"


@pytest.mark.parametrize("against", [None, "net 7"])
def test_a_breakdown_of_many_learners_has_six_colours_and_a_name_for_the_others(results_of, against):
    nets = {f"net {width}": {"estimator": "net", "params": {"width": width}} for width in range(1, 10)}
    ax = plot_breakdown(results_of(in_bins, **{**BINNED, "learners": nets}), by="density", against=against)
    assert len(drawn(ax, "_name")) == MOST_CURVES + 1
    assert len(drawn(ax, "_background")) == 3 - (against is not None)
    assert [text.get_text() for text in ax.texts].count("the other learners") == 1


def test_the_learner_subtracted_names_the_zero_line_and_is_not_in_the_legend(results_of):
    ax = plot_breakdown(results_of(in_bins, **BINNED), by="density", against="kNN")
    (name,) = (text for text in ax.texts if text.get_text() == "kNN")
    ax.figure.draw_without_rendering()
    assert 0 <= name.get_window_extent().y0 - ax.transData.transform((0, 0))[1] < 10
    assert ax.get_ylim()[0] < -0.05 < 0 < ax.get_ylim()[1]
    assert len(drawn(ax, "_name")) == 1


@pytest.mark.parametrize(
    "plot", [plot_learning_curves, partial(plot_axis, axis="n_samples"), partial(plot_breakdown, by="density")]
)
def test_learners_of_questions_have_colours_and_the_others_a_name(results_of, plot):
    nets = {f"net {width}": {"estimator": "net", "params": {"width": width}} for width in range(1, 10)}
    questions = [{"worth": {"prior": "net 9", "of": "net 8"}}]
    ax = plot(results_of(in_bins, **{**BINNED, "learners": nets, "questions": questions}))
    names = {text.get_text() for text in ax.texts}
    assert names >= {"net 9", "net 8", "net 1", "net 4", "the other learners"}
    assert not names & {"net 5", "net 7"}


def test_bins_by_distance_have_their_edges(results_of):
    results = results_of(in_bins, **BINNED)
    ax = plot_breakdown(results, learners=["kNN"])
    shown = [float(label.get_text()) for label in ax.get_xticklabels()]
    X, _ = spiral_problem().sample(20_000, 5)
    edges = np.quantile(np.abs(spiral_problem().signed_distance(X)), np.linspace(0, 1, 6))
    np.testing.assert_allclose(shown[:5], edges[:5], rtol=0.1, atol=0.002)


def test_edges_that_differ_between_seeds_are_those_of_the_first(results_of):
    ax = plot_breakdown(results_of(in_bins, **BINNED, fresh_problems=True, first_seed=1), learners=["kNN"])
    assert ax.get_xlabel().endswith("by distance to the boundary (edges of seed 1)")
    shown = [float(label.get_text()) for label in ax.get_xticklabels()]
    problem = spiral_problem(problem_seed=1)
    distances = np.abs(problem.signed_distance(problem.sample(20_000, 5)[0]))
    np.testing.assert_allclose(shown[:5], np.quantile(distances, np.linspace(0, 1, 6))[:5], rtol=0.1, atol=0.002)


def test_a_breakdown_that_is_not_measured_raises(worth_results):
    with pytest.raises(ValueError, match="errors by density are not measured"):
        plot_breakdown(worth_results, by="density")


# The plane


def test_a_region_shows_correct_and_wrong_predictions():
    problem = spiral_problem()
    truth = problem.target.contains(map_points(1.2)).reshape(240, 240)
    answer = truth.copy()
    answer[:120] = ~answer[:120]
    image = plot_region(answer, problem, 1.2, np.zeros((1, 2))).images[1].get_array()
    red = image[..., 0] > 0.5
    np.testing.assert_array_equal(red, answer != truth)
    teal = (image[..., 3] > 0) & ~red
    np.testing.assert_array_equal(teal, answer & truth)


def test_a_region_of_the_gallery_is_the_stored_one(worth_results):
    ax = plot_decision_region(worth_results, learner="kNN", n_samples=100)
    stored = worth_results.store.decision_map(worth_results.cell("kNN", 100).key)
    truth = spiral_problem().label(map_points(1.2)).reshape(240, 240) == 1
    image = ax.images[1].get_array()
    np.testing.assert_array_equal(image[..., 3] > 0, stored | (stored != truth))
    np.testing.assert_array_equal(ax.collections[-1].get_offsets(), spiral_problem().sample(100, 0)[0])


def test_a_region_that_is_not_stored_is_computed(results_of):
    results = results_of(lambda _: {"accuracy": 0.5}, sizes=[300], learners={"kNN": {"estimator": "knn-1"}})
    image = plot_decision_region(results, learner="kNN", n_samples=300).images[1].get_array()
    wrong = (image[..., 0] > 0.5).mean()
    assert 0.02 < wrong < 0.25


def test_a_density_has_the_sample_by_its_labels():
    study = Study.from_dict(
        {"name": "x", "question": "?", "seeds": 1, "sizes": [5], "learners": {"a": {"estimator": "knn-1"}}}
    )
    with Store("sqlite://") as store:
        ax = plot_density(Results(study, store), n_samples=200, seed=3)
    X, y = spiral_problem().sample(200, 3)
    inside, outside = (marks.get_offsets() for marks in ax.collections[-2:])
    np.testing.assert_array_equal(inside, X[y == 1])
    np.testing.assert_array_equal(outside, X[y == 0])
    density = ax.images[0].get_array()
    np.testing.assert_allclose(density.ravel(), np.exp(spiral_problem().log_density(map_points(1.2))))


def test_the_plane_of_a_seed_has_the_problem_of_this_seed(results_of):
    learners = {"kNN": {"estimator": "knn-1"}}
    results = results_of(lambda _: {"accuracy": 0.5}, sizes=[300], learners=learners, fresh_problems=True)
    axes = [
        plot_density(results, seed=2),
        plot_decision_region(results, learner="kNN", n_samples=300, seed=2),
    ]
    truth = np.exp(spiral_problem(problem_seed=2).log_density(map_points(1.2)))
    for ax in axes:
        np.testing.assert_allclose(ax.images[0].get_array().ravel(), truth)
    sample = spiral_problem(problem_seed=2).sample(300, 2)[0]
    np.testing.assert_array_equal(axes[1].collections[-1].get_offsets(), sample)


# Whole figures


def test_every_study_gets_its_curves_equivalence_and_regions(worth_results):
    drawn = {page.name: page.figure for page in study_figures(worth_results)}
    assert list(drawn) == ["worth", "learning-curves", "data-equivalence", "decision-regions"]
    titles = {name: figure.get_suptitle() for name, figure in drawn.items()}
    assert titles["worth"] == titles["learning-curves"] == "At n = 1,000, the polar prior is worth 4 times the data"
    curves = drawn["learning-curves"]
    assert [ax.get_title().replace("\n", " ") for ax in curves.axes] == [
        "Error under the sampling density",
        "Error uniformly over the square",
    ]
    assert colours(curves.axes[0]) == colours(curves.axes[1])
    assert [text.get_text() for text in curves.axes[-1].texts] == ["net", "net + polar", "kNN"]
    assert [text.get_text() for text in curves.legends[0].texts] == ["fitted law", "extrapolation"]


def test_the_gallery_has_a_row_a_size_and_a_column_a_learner(worth_results):
    (figure,) = (page.figure for page in study_figures(worth_results) if page.name == "decision-regions")
    assert [ax.get_title() for ax in figure.axes] == ["net", "net + polar", "kNN", "", "", ""]
    assert [ax.get_ylabel() for ax in figure.axes] == ["n = 100", "", "", "n = 10,000", "", ""]
    assert figure.axes[-1].get_xlabel() == "error 4.8 %"


def test_a_breakdown_is_drawn_where_it_is_measured(results_of):
    drawn = {page.name: page.figure for page in study_figures(results_of(in_bins, **BINNED))}
    assert [ax.get_xlabel() for ax in drawn["breakdown"].axes] == [
        "fifths of the points by density",
        "fifths of the points by distance to the boundary",
    ]
    found = "The polar prior lowers the error in 5 of 5 fifths by density, in 0 of 5 fifths by distance"
    assert drawn["breakdown"].get_suptitle() == found


def test_a_study_of_one_sample_size_is_drawn_along_its_axes(results_of):
    (page,) = study_figures(results_of(peak, **FEATURES))
    assert page.name == "axis-n_features"


def test_a_study_that_asks_for_plots_is_drawn_as_it_asks(results_of):
    asked = [{"plot": "axis", "axis": "dimension", "metric": "mse_train", "title": "By dimension"}]
    (page,) = study_figures(results_of(peak, **FEATURES, pictures=asked))
    assert (page.name, page.title, page.figure.get_suptitle()) == ("picture-1-axis", "By dimension", "By dimension")
    assert page.figure.axes[0].get_ylabel() == "Mean squared error on the training points"


def test_many_learners_are_drawn_by_family_with_the_others_in_the_background(results_of):
    learners = {f"kNN {k}": {"estimator": "knn", "params": {"n_neighbors": k}} for k in range(2, MOST_CURVES + 3)}
    learners |= {"forest": {"estimator": "forest"}}
    results = results_of(lambda p: {"accuracy": 0.9}, sizes=[50, 100], learners=learners)
    figure = next(page.figure for page in study_figures(results) if page.name == "learning-curves")
    assert [len(points(ax)) for ax in figure.axes] == [6, 1, 1]
    assert [len(drawn(ax, "_background")) for ax in figure.axes] == [2, 7, 7]
    for ax in (plot_learning_curves(results), plot_axis(results, axis="n_samples")):
        assert len(points(ax)) == MOST_CURVES
        assert "forest" in points(ax)


@pytest.mark.parametrize("sizes", [[50, 100], [50]])
def test_learners_that_cannot_be_distinguished_are_not_drawn_together(results_of, sizes):
    asked = [{"plot": "axis", "axis": "learner", "n_samples": 50}]
    learners = {f"kNN {k}": {"estimator": "knn-1", "params": {"n_neighbors": k}} for k in range(1, 60)}
    results = results_of(lambda _: {"accuracy": 0.9}, sizes=sizes, learners=learners, pictures=asked)
    *curves, picture = study_figures(results)
    assert picture.name == "picture-1-axis"
    assert [page.refusal[:36] for page in curves] == ["59 learners, too many for a figure; "] * (len(sizes) - 1)


def test_a_study_without_axes_is_drawn_learner_by_learner(results_of):
    learners = {"kNN": {"estimator": "knn-1"}, "forest": {"estimator": "forest"}}
    (page,) = study_figures(results_of(lambda _: {"accuracy": 0.9}, sizes=[50], learners=learners))
    assert page.name == "axis-learner"


def test_plots_asked_for_are_drawn_on_each_problem_or_say_why_not(results_of):
    described = {
        "sizes": [50],
        "problems": {"spiral": {"problem": "spiral", "params": {"turns": [1, 2]}}},
        "learners": {"kNN": {"estimator": "knn-1"}},
        "pictures": [{"plot": "density", "n_samples": 50}, {"plot": "breakdown", "problem": "spiral, turns=2"}],
    }
    drawn = {page.name: page for page in study_figures(results_of(lambda _: {"accuracy": 0.9}, **described))}
    assert list(drawn) == [
        "picture-1-density-spiral-turns=1",
        "picture-1-density-spiral-turns=2",
        "picture-2-breakdown",
    ]
    refused = drawn["picture-2-breakdown"]
    assert refused.figure is None
    assert refused.refusal.startswith("errors by distance are not measured")
    assert drawn["picture-1-density-spiral-turns=1"].title == 'Density: n_samples = 50, problem = "spiral, turns=1"'


def test_many_learners_with_long_labels_have_a_legend_that_distinguishes_them(results_of):
    params = {"max_depth": [1, 2, 3, 4], "min_samples_leaf": [1, 2, 3, 4]}
    learners = {"trees with a long label": {"estimator": "sklearn.tree:DecisionTreeClassifier", "params": params}}
    results = results_of(lambda p: {"accuracy": 0.9 - 0.01 * p.axes["max_depth"]}, sizes=[50, 60], learners=learners)
    (figure,) = (page.figure for page in study_figures(results) if page.name == "learning-curves")
    legends = [ax.get_legend() for ax in figure.axes]
    handles = [handle for legend in legends for handle in legend.legend_handles]
    assert len({(handle.get_color(), handle.get_marker(), handle.get_linestyle()) for handle in handles}) == 16
    named = [" ".join(text.get_text().split()) for legend in legends for text in legend.texts]
    assert named == results.learners
