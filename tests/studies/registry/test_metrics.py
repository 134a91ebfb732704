from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import get_scorer_names, mean_squared_error, r2_score
from sklearn.neighbors import KNeighborsClassifier

from studies.registry.bins import mean_by_bin
from studies.registry.metrics import (
    METRICS,
    Fitted,
    as_metric,
    best_value,
    describe,
    find_metric,
    in_order,
    measure,
    metric,
    primary_name,
    shown_name,
    supported_metrics,
    value_names,
)
from studies.registry.test_sets import TestSets
from toymanifold import (
    DataProblem,
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


OURS = [name for name in METRICS if name in ("accuracy", "r2") or name not in get_scorer_names()]


def fitted(estimator, problem, n_samples=200, seed=0):
    estimator.fit(*problem.sample(n_samples, seed))
    return Fitted(estimator, TestSets(problem), seconds=1.5, n_samples=n_samples, seed=seed)


def test_metrics_of_a_classifier_are_scikit_learns():
    made = fitted(KNeighborsClassifier(3), spiral_problem(flip_probability=0.2))
    values = measure(supported_metrics(made.problem, [*OURS]), made)
    for name, points in {
        "accuracy": made.tests.density,
        "accuracy_uniform": made.tests.uniform,
        "accuracy_train": made.train,
    }.items():
        assert values.pop(name) == made.estimator.score(points.X, points.y)
    assert values.pop("fit_seconds") == 1.5
    assert values.pop("predict_seconds") > 0
    assert values.pop("classes_without_label") == 0
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


@pytest.mark.parametrize(
    ("labels", "names", "scorers"),
    [
        (["no", "yes"], ("accuracy",), {"roc_auc", "neg_log_loss"}),
        (["a", "b", "c"], ("accuracy",), {"neg_log_loss"}),
        ([0.5, 1.5], ("mse", "r2"), {"neg_max_error"}),
    ],
)
def test_a_data_set_is_measured_by_what_needs_no_density_and_no_boundary(labels, names, scorers):
    rows = DataProblem.from_data(np.zeros((12, 1)), labels * (12 // len(labels)))
    assert supported_metrics(rows) == (*SECONDS, *names)
    others = {"error_density", "error_distance", "accuracy_uniform", "roc_auc", "neg_log_loss", "neg_max_error"}
    assert {*supported_metrics(rows, others)} == scorers


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


def test_losses_are_of_the_metrics_with_a_best_value_and_some_compare_learners():
    losses = [name for name in map(shown_name, OURS) if describe(name).is_loss]
    assert losses == [
        *("error", "error_uniform", "error_sparse", "error_train", "error_density", "error_distance"),
        *("mse", "r2_loss", "mse_uniform", "mse_train"),
    ]
    assert [name for name in losses if describe(name).is_primary] == ["error", "mse", "r2_loss"]


@pytest.mark.parametrize(
    ("measured", "compared"),
    [
        (["error_train", "log_loss", "error"], "error"),
        (["fit_seconds", "roc_auc_loss", "log_loss"], "log_loss"),
        (["r2_loss"], "r2_loss"),
        (["error_train", "gradient_norm_1"], ""),
    ],
)
def test_learners_are_compared_by_the_first_of_the_metrics_that_say_how_good_they_are(measured, compared):
    assert primary_name(measured) == compared


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
    assert (shown.title, shown.heading, shown.unit, shown.is_loss) == ("error at five", "error at five", "%", True)
    assert value_names(["accuracy_at_five"]) == ["accuracy_at_five", "error_at_five", "accuracy_at_five_*"]


@pytest.mark.parametrize(
    ("best", "name", "title", "is_loss"),
    [
        (1.0, "own_loss", "1 - own", True),
        (0.5, "own_loss", "0.5 - own", True),
        (0.0, "own", "own", True),
        (None, "own", "own", False),
    ],
)
def test_a_metric_is_shown_as_the_distance_from_its_best_value(own, best, name, title, is_loss):
    @metric("1", best=best, default=False)
    def own(fitted) -> float:
        return 0.25

    assert (shown_name("own"), best_value("own")) == (name, best)
    shown = describe(name)
    assert (shown.title, shown.is_loss, shown.is_primary) == (title, is_loss, is_loss)
    assert best_value(name) == (best if name == "own" else None)  # a loss is not turned again


def test_the_values_of_a_table_with_a_best_value_are_losses_too(own):
    @metric("1", best=1.0, unit={"a": "%"}, default=False)
    def shares(fitted) -> dict[str, float]:
        return {"a": 0.25, "b": 0.5}

    assert [shown_name(name) for name in ("shares_a", "shares_a_loss")] == ["shares_a_loss"] * 2
    shown = describe("shares_a_loss")
    assert (shown.title, shown.unit, shown.is_loss) == ("1 - shares: a", "%", True)


def test_a_function_named_by_a_study_is_a_metric_without_a_best_value(own, tmp_path, monkeypatch):
    (tmp_path / "my_metrics.py").write_text(
        "def n_neighbors(fitted): return float(fitted.estimator.n_neighbors)\ndef accuracy(fitted): return 1.0\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    name, allow = "my_metrics:n_neighbors", ["my_metrics"]
    for _ in range(2):  # once more, as in a new session
        found = find_metric(name, allow)
    assert (found.version, found.default, found.best, found.primary) == ("1", False, None, False)
    problem = spiral_problem()
    assert supported_metrics(problem, [name, "accuracy"], allow) == ("accuracy", name)
    assert measure([name], fitted(KNeighborsClassifier(3), problem)) == {"n_neighbors": 3.0}
    assert describe("n_neighbors").title == "n neighbors"
    assert in_order(["n_neighbors", "error"]) == ["error", "n_neighbors"]
    assert value_names([name]) == ["n_neighbors", "n_neighbors_*"]
    with pytest.raises(ValueError, match="'accuracy' is registered already"):
        find_metric("my_metrics:accuracy", allow)
    with pytest.raises(ValueError, match="--allow my_metrics"):
        find_metric(name)


def test_a_decorated_function_named_by_a_study_keeps_its_description(own):
    decorated = metric("2", best=1.0, unit="%")(lambda fitted: 0.5)
    found = as_metric(decorated)
    assert (found.version, found.best, found.unit, found.default) == ("2", 1.0, "%", False)
    with pytest.raises(ValueError, match="'function' parameter of as_metric must be a function of a Fitted"):
        as_metric(3)


@pytest.mark.parametrize("value", ["0.5", None, {"a": None}, {"a": "1"}])
def test_a_metric_that_returns_no_number_is_named(value, own):
    METRICS.add("odd", as_metric(lambda fitted: value))
    with pytest.raises(TypeError, match=r"the metric 'odd' must return a float or a dict of floats. Got (None|'.*')\."):
        measure(["odd"], SimpleNamespace())
