import matplotlib.pyplot as plt
import numpy as np
import pytest

from studies import Results, Store, Study
from studies.plots import plot_axis, plot_learning_curves
from studies.plots.baseline import draw_baseline_along
from studies.plots.figures import study_figures
from studies.spec.cells import plan_baseline, plan_study
from studies.store.store import Outcome


def baselines(ax):
    return [line for line in ax.lines if line.get_label() == "_baseline"]


def test_learning_curves_have_it_in_every_panel_of_a_loss_that_is_measured(worth_results):
    (figure,) = (each.figure for each in study_figures(worth_results) if each.name == "learning-curves")
    error, uniform = figure.axes
    (line,) = baselines(error)
    np.testing.assert_allclose(line.get_ydata(), 0.4)
    assert error.get_ylim()[1] >= 0.4
    assert "baseline" in [text.get_text() for text in error.texts]
    assert baselines(uniform) == []


def test_it_is_no_entry_of_a_legend_and_not_among_the_named_curves(worth_results):
    ax = plot_learning_curves(worth_results)
    assert len(baselines(ax)) == 1
    assert [label for label in ax.get_legend_handles_labels()[1] if not label.startswith("_")] == [
        *worth_results.learners
    ]
    plt.close("all")


@pytest.fixture
def along():
    """Results along an axis of problems, on which the baseline's error grows, and along one of learners."""
    study = Study.from_dict(
        {
            "name": "x",
            "question": "?",
            "seeds": 2,
            "sizes": [20],
            "problems": {"spiral": {"problem": "spiral", "params": {"turns": [1, 2, 4]}}},
            "learners": {"kNN": {"estimator": "knn", "params": {"n_neighbors": [1, 3]}}},
        }
    )
    with Store("sqlite://") as store:
        for planned in plan_study(study):
            store.add(Outcome(planned.cell.key, planned.cell.spec, "ok", {"accuracy": 0.99 - 0.05 * planned.cell.seed}))
        for planned in plan_baseline(study):
            error = 0.1 * planned.axes["turns"]
            store.add(Outcome(planned.cell.key, planned.cell.spec, "ok", {"accuracy": 1 - error}))
        yield Results(study, store)


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        ("turns", [[0.1, 0.2, 0.4]]),
        ("n_neighbors", [[0.1, 0.1], [0.2, 0.2], [0.4, 0.4]]),
        ("learner", [[0.1, 0.1], [0.2, 0.2], [0.4, 0.4]]),
    ],
)
def test_along_an_axis_it_is_a_line_for_each_problem(along, axis, expected):
    ax = plt.figure().add_subplot()
    ax.set_ylim(0, 1)
    draw_baseline_along(ax, along, axis, "error", places(along, axis), learners=None, n_samples=None, problem=None)
    for line, values in zip(baselines(ax), expected, strict=True):
        np.testing.assert_allclose(line.get_ydata(), values)
    plt.close("all")


def places(results, axis):
    values = results.learners if axis == "learner" else results.frame()[axis].unique().tolist()
    return {value: float(place) for place, value in enumerate(values)}


def test_a_linear_scale_is_not_extended_to_it(along):
    ax = plot_axis(along, axis="turns")
    assert ax.get_yscale() == "linear"
    assert ax.get_ylim()[1] < 0.1
    plt.close("all")
