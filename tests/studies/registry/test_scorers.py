import numpy as np
import pytest
from sklearn.base import ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.metrics import get_scorer, get_scorer_names, log_loss
from sklearn.naive_bayes import GaussianNB

from studies.registry.metrics import METRICS, Fitted, describe, measure, shown_name, supported_metrics
from studies.registry.test_sets import TestSets
from toymanifold import gaussian_problem, modular_problem, sphere_problem, spiral_problem

SPIRAL, SQUARE, SEVEN = spiral_problem(), gaussian_problem(), modular_problem(modulus=7)
SCORERS = {*get_scorer_names()} - {"accuracy", "r2"}


def fitted(estimator, problem, n_samples=30, seed=0):
    estimator.fit(*problem.sample(n_samples, seed))
    return Fitted(estimator, TestSets(problem), seconds=1.5, n_samples=n_samples, seed=seed)


@pytest.mark.parametrize(
    ("estimator", "problem", "names"),
    [
        (GaussianNB(), SPIRAL, ("roc_auc", "neg_log_loss", "f1", "balanced_accuracy", "average_precision")),
        (RidgeClassifier(), SPIRAL, ("roc_auc",)),
        (LogisticRegression(), SEVEN, ("roc_auc_ovr", "neg_log_loss", "top_k_accuracy", "f1_macro")),
        (LinearRegression(), SQUARE, ("neg_mean_absolute_error", "explained_variance", "neg_max_error")),
    ],
)
def test_a_scorer_is_measured_on_the_test_points(estimator, problem, names):
    made = fitted(estimator, problem)
    points = made.tests.density
    expected = {name: get_scorer(name)(made.estimator, points.X, points.y) for name in names}
    assert supported_metrics(problem, names) == tuple(sorted(names))
    assert measure(names, made) == pytest.approx(expected, rel=1e-12)


def test_scorers_are_measured_only_where_they_are_named_and_ours_stay_ours():
    assert not any(METRICS[name].default for name in SCORERS)
    assert {METRICS[name].version for name in SCORERS} == {"1"}
    assert METRICS["accuracy"].function.__module__ == METRICS["r2"].function.__module__ == "studies.registry.metrics"


@pytest.mark.parametrize(
    ("problem", "some", "none"),
    [
        (
            SPIRAL,
            {"roc_auc", "f1", "neg_brier_score"},
            {"top_k_accuracy", "positive_likelihood_ratio", "neg_mean_squared_error"},
        ),
        (SEVEN, {"roc_auc_ovo", "top_k_accuracy", "jaccard_macro"}, {"roc_auc", "f1", "d2_absolute_error_score"}),
        (SQUARE, {"neg_mean_squared_error", "neg_mean_gamma_deviance"}, {"neg_log_loss", "roc_auc", "f1_macro"}),
    ],
)
def test_a_scorer_supports_the_labels_of_which_it_measures_the_errors(problem, some, none):
    """Most scorers of clusterings and regressions accept the codes of classes, and no error is raised."""
    foreign = {"adjusted_rand_score", "mutual_info_score", "f1_samples"}
    assert {*supported_metrics(problem, some | none | foreign)} == some


@pytest.mark.parametrize(
    ("name", "loss", "title", "heading"),
    [
        ("neg_log_loss", "log_loss", "Log loss", "log loss"),
        ("roc_auc", "roc_auc_loss", "1 - ROC AUC", "1 - ROC AUC"),
        ("neg_brier_score", "brier_score", "Brier score", "Brier score"),
        ("matthews_corrcoef", "matthews_corrcoef_loss", *["1 - Matthews correlation coefficient"] * 2),
    ],
)
def test_a_scorer_is_shown_as_its_loss(name, loss, title, heading):
    shown = describe(loss)
    assert shown_name(name) == loss
    assert (shown.title, shown.heading, shown.is_loss, shown.is_primary) == (title, heading, True, True)


def test_a_learner_without_probabilities_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match=r"the metric 'neg_log_loss' needs .*RidgeClassifier.*CalibratedClassifierCV"):
        measure(["neg_log_loss"], fitted(RidgeClassifier(), SPIRAL))
    calibrated = fitted(CalibratedClassifierCV(RidgeClassifier()), SPIRAL)
    assert -1 < measure(["neg_log_loss"], calibrated)["neg_log_loss"] < 0


def test_a_class_without_a_training_point_has_probability_0():
    X, y = SEVEN.sample(30, 0)
    made = Fitted(GaussianNB(var_smoothing=1).fit(X[y != 1], y[y != 1]), TestSets(SEVEN), 0.0, 30, 0)
    points = made.tests.density
    probabilities = np.insert(made.estimator.predict_proba(points.X), 1, 0.0, axis=1)
    assert measure(["neg_log_loss"], made)["neg_log_loss"] == pytest.approx(-log_loss(points.y, probabilities))


class Odd(ClassifierMixin, LinearRegression):
    """A classifier of two classes that returns wrong probabilities."""

    def __init__(self, change=None):
        super().__init__()
        self.change = change

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return super().fit(X, y)

    def predict_proba(self, X):
        return self.change(np.full((len(X), 2), 0.5))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda p: p[:, :1], r"predict_proba must return an array of shape \(50000, 2\). Got shape \(50000, 1\)"),
        (lambda p: p[1:], r"Got shape \(49999, 2\)"),
        (lambda p: np.where(np.arange(len(p))[:, None] < 3, np.nan, p), "Got NaN or infinity for 3 of 50,000 points"),
    ],
)
def test_probabilities_are_checked(change, match):
    with pytest.raises(ValueError, match=match):
        measure(["neg_log_loss"], fitted(Odd(change), SPIRAL))


def test_predictions_are_checked():
    with pytest.raises(ValueError, match="predict must return labels, which are whole numbers"):
        measure(["f1"], fitted(Odd(), SPIRAL))


def test_a_scorer_of_targets_above_0_says_so_where_they_are_not():
    with pytest.raises(ValueError, match="targets contain"):
        measure(
            ["neg_mean_squared_log_error"],
            fitted(LinearRegression(), sphere_problem(target="linear", task="regression")),
        )
