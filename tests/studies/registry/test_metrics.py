import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_squared_error, r2_score
from sklearn.neighbors import KNeighborsClassifier

from studies.registry.bins import bins, breakdown_values
from studies.registry.metrics import METRICS, Fitted, measure, metric, supported_metrics
from studies.registry.test_sets import TestSets
from toymanifold import (
    GaussianMixture,
    Harmonic,
    Problem,
    concentric_spheres_problem,
    gaussian_problem,
    modular_problem,
    sphere_problem,
    spiral_problem,
)

REGRESSION = Problem(Harmonic("regression", axis=(1.0, 2.0)), GaussianMixture(np.zeros((1, 2)), 0.5), noise=0.1)


def fitted(estimator, problem, n_samples=200, seed=0):
    estimator.fit(*problem.sample(n_samples, seed))
    return Fitted(estimator, TestSets(problem), seconds=1.5, n_samples=n_samples, seed=seed)


def test_metrics_of_a_classifier_are_scikit_learns():
    made = fitted(KNeighborsClassifier(3), spiral_problem(flip_probability=0.2))
    values = measure(supported_metrics(made.problem, METRICS), made)
    for name, points in {
        "accuracy": made.tests.density,
        "accuracy_uniform": made.tests.uniform,
        "accuracy_sparse": made.tests.sparse,
        "accuracy_train": made.train,
    }.items():
        assert values.pop(name) == made.estimator.score(points.X, points.y)
    assert values.pop("fit_seconds") == 1.5
    assert values.pop("predict_seconds") > 0
    points = made.tests.density
    in_bins = breakdown_values(made.estimator.predict(points.X) == points.y, bins(made.problem, points.X))
    assert values == in_bins
    assert len(in_bins) == 10


def test_metrics_of_a_regressor_are_scikit_learns():
    made = fitted(LinearRegression(), REGRESSION)
    values = measure(["mse", "mse_uniform", "mse_train", "r2"], made)
    for name, points in {"mse": made.tests.density, "mse_uniform": made.tests.uniform, "mse_train": made.train}.items():
        assert values[name] == pytest.approx(mean_squared_error(points.y, made.estimator.predict(points.X)))
    assert values["r2"] == r2_score(made.tests.density.y, made.estimator.predict(made.tests.density.X))


def test_an_interpolator_gives_back_the_training_labels_noise_and_all():
    made = fitted(KNeighborsClassifier(1), spiral_problem(flip_probability=0.5), seed=3)
    assert measure(["accuracy_train"], made) == {"accuracy_train": 1.0}


SECONDS = ("fit_seconds", "predict_seconds")


@pytest.mark.parametrize(
    ("problem", "names"),
    [
        (spiral_problem(), (*SECONDS, "accuracy", "accuracy_uniform", "accuracy_sparse")),
        (spiral_problem(density="uniform"), (*SECONDS, "accuracy")),
        (concentric_spheres_problem(), (*SECONDS, "accuracy")),
        (sphere_problem(target="linear", task="regression"), (*SECONDS, "mse", "r2")),
        (gaussian_problem(), (*SECONDS, "mse", "r2")),
        (modular_problem(), (*SECONDS, "accuracy")),
        (REGRESSION, (*SECONDS, "mse", "r2", "mse_uniform")),
    ],
)
def test_a_problem_is_measured_by_what_suits_it(problem, names):
    assert supported_metrics(problem) == names
    assert supported_metrics(problem, ["error_density"]) == ("error_density",) * ("accuracy_uniform" in names)
    assert supported_metrics(problem, ["error_distance"]) == ("error_distance",) * hasattr(
        problem.target, "signed_distance"
    )
    assert supported_metrics(problem, ["mse", "accuracy"]) == tuple(
        name for name in names if name in ("mse", "accuracy")
    )


def test_a_metric_of_one_s_own_may_look_inside_and_be_several_numbers(monkeypatch):
    monkeypatch.setattr(METRICS, "_entries", dict(METRICS))

    @metric("1", default=False)
    def coefficient(made):
        return dict(enumerate(made.estimator.coef_))

    made = fitted(LinearRegression(), REGRESSION)
    values = measure(["coefficient"], made)
    assert values == {"coefficient_0": made.estimator.coef_[0], "coefficient_1": made.estimator.coef_[1]}


def test_a_name_is_taken_once():
    with pytest.raises(ValueError, match="the metric 'accuracy' is registered already"):
        metric("2")(METRICS["accuracy"].function)
