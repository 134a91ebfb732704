"""The gradients of a study's learners are those of their predictions."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from estimators import make
from studies.plots.agop import learner_agop, plot_agop
from studies.results.results import Results
from studies.spec.study import Study
from studies.store.store import Store

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (200, 3)) * [1.0, 3.0, 0.5]
Y = np.sin(2 * X[:, 0]) + 0.3 * X[:, 1]
POINTS = RNG.uniform(-0.4, 0.4, (50, 3))


def by_differences(predict, step=1e-4):
    """AGOP from central differences of the predictions."""
    sides = [[predict(POINTS + sign * step * axis) for axis in np.eye(3)] for sign in (1, -1)]
    gradients = (np.array(sides[0]) - np.array(sides[1])).T / (2 * step)
    return gradients.T @ gradients / len(POINTS)


@pytest.mark.parametrize("name", ["kernel", "rfm"])
def test_the_agop_of_a_kernel_machine_is_that_of_its_predictions(name):
    machine = make(name, task="regression", kernel="gaussian").fit(X, Y)
    np.testing.assert_allclose(learner_agop(machine, POINTS), by_differences(machine.predict), rtol=1e-4, atol=1e-7)


def test_the_agop_behind_a_scaler_is_with_respect_to_raw_points():
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    machine = make_pipeline(StandardScaler(), make("kernel", task="regression", kernel="gaussian")).fit(X, Y)
    np.testing.assert_allclose(learner_agop(machine, POINTS), by_differences(machine.predict), rtol=1e-4, atol=1e-7)


def test_the_agop_of_a_net_is_that_of_its_predictions():
    net = make("net", task="regression", epochs=3, random_state=0).fit(X, Y)
    np.testing.assert_allclose(learner_agop(net, POINTS), by_differences(net.predict, 1e-2), rtol=0.05, atol=0.02)


@pytest.mark.parametrize(("name", "prior"), [("knn-1", None), ("kernel", "polar")])
def test_a_learner_without_gradients_at_raw_points_raises(name, prior):
    learner = make(name, prior=prior).fit(X[:, :2], Y > 0)
    with pytest.raises(TypeError, match="has no gradients with respect to raw points"):
        learner_agop(learner, POINTS[:, :2])


def test_the_heat_map_is_the_matrix_in_units_of_its_largest_entry():
    study = Study.from_dict(
        {"name": "x", "question": "?", "seeds": 1, "sizes": [60], "learners": {"kernel": {"estimator": "kernel"}}}
    )
    with Store("sqlite://") as store:
        results = Results(study, store)
        ax = plot_agop(results, learner="kernel", n_samples=60)
        machine = results.estimator(results.cell("kernel", 60))
        matrix = learner_agop(machine, results.problem().sample(1000, 0, split="test")[0])
    shown = np.asarray(ax.images[0].get_array())
    np.testing.assert_allclose(shown, matrix / np.abs(matrix).max())
    assert [text.get_text() for text in ax.texts] == [f"{value:.2f}" for value in shown.ravel()]
    plt.close("all")
