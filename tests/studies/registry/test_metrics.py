import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_squared_error, r2_score
from sklearn.neighbors import KNeighborsClassifier

from studies.registry.bins import mean_by_bin
from studies.registry.metrics import (
    METRICS,
    Fitted,
    describe,
    in_order,
    loss_names,
    measure,
    metric,
    primary_names,
    supported_metrics,
    value_names,
)
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
    points, bins = made.tests.density, made.tests.bins
    wrong = made.estimator.predict(points.X) != points.y
    assert values == {
        **{f"error_density_{key}": error for key, error in mean_by_bin(wrong, bins.density).items()},
        **{f"error_distance_{key}": error for key, error in mean_by_bin(wrong, bins.distance).items()},
    }
    assert len(values) == 10


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


@pytest.fixture
def own(monkeypatch):
    """Keep what a test registers out of the other tests."""
    monkeypatch.setattr(METRICS, "_entries", dict(METRICS))


def test_a_metric_of_one_s_own_may_look_inside_and_be_several_numbers(own):
    @metric("1", default=False)
    def coefficient(made):
        return dict(enumerate(made.estimator.coef_))

    made = fitted(LinearRegression(), REGRESSION)
    values = measure(["coefficient"], made)
    assert values == {"coefficient_0": made.estimator.coef_[0], "coefficient_1": made.estimator.coef_[1]}


def test_losses_are_those_whose_best_value_as_shown_is_zero():
    classification = ["error", "error_uniform", "error_sparse", "error_train"]
    assert [name for name in loss_names() if not name.startswith("error_d")] == [
        *classification,
        "mse",
        "mse_uniform",
        "mse_train",
    ]
    assert primary_names() == ["error", "mse"]
    assert [describe(name).best for name in ("error", "mse", "r2", "fit_seconds")] == [0.0, 0.0, 1.0, None]


def test_tables_have_primary_metrics_first_and_times_last():
    names = ["fit_seconds", "gradient_norm_10", "strange", "gradient_norm_9", "error_train", "error_uniform", "error"]
    ordered = ["error", "error_uniform", "error_train", "gradient_norm_9", "gradient_norm_10", "strange", "fit_seconds"]
    assert in_order(names) == in_order(reversed(names)) == ordered


@pytest.mark.parametrize(
    ("name", "title", "column"),
    [
        ("error_sparse", "Error in the sparsest fifth of the density", "sparsest %"),
        ("error_density_2", "Error in fifths of the density: 2", "density fifth 2 %"),
        ("recovery_angle", "Recovery of the directions that matter: angle", "recovery angle degrees"),
        ("mse_train", "Mean squared error on the training points", "training MSE "),
        ("error_of_others", "error of others", "error of others "),
    ],
)
def test_a_value_is_described_by_its_metric_and_key(name, title, column):
    shown = describe(name)
    assert (shown.title, f"{shown.heading} {shown.unit}") == (title, column)


def test_a_metric_without_a_title_is_called_by_its_name(own):
    @metric("1", best=1.0, unit="%", default=False)
    def accuracy_at_five(fitted):
        return 0.9

    shown = describe("error_at_five")
    assert (shown.title, shown.heading, shown.unit, shown.best) == ("error at five", "error at five", "%", 0.0)
    assert loss_names()[-1] == "error_at_five"
    assert value_names(["accuracy_at_five"]) == ["accuracy_at_five", "error_at_five", "accuracy_at_five_*"]
