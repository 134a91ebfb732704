"""Labels, values and weights of every machine: validated, encoded, and decoded in predictions."""

import numpy as np
import pytest

from estimators import (
    KernelClassifier,
    KernelRegressor,
    RandomFeaturesClassifier,
    RandomFeaturesRegressor,
    RFMClassifier,
    RFMRegressor,
)

CLASSIFIERS = (KernelClassifier, RandomFeaturesClassifier, RFMClassifier)
REGRESSORS = (KernelRegressor, RandomFeaturesRegressor, RFMRegressor)
X = np.random.default_rng(0).normal(size=(60, 2))
HALVES = X[:, 0] > 0
QUARTERS = 2 * HALVES + (X[:, 1] > 0)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_labels_of_any_type_come_back(classifier):
    for y in (HALVES, QUARTERS, np.array(["d", "b", "c", "a"])[QUARTERS], 10 - QUARTERS):
        predicted = classifier(random_state=0).fit(X, y).predict(X)
        assert predicted.dtype == y.dtype
        assert np.mean(predicted == y) > 0.9


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_decision_is_the_regression_of_signs_or_of_one_hot_columns(classifier):
    regressor = REGRESSORS[CLASSIFIERS.index(classifier)](random_state=0)
    for y, targets in ((HALVES, 2 * HALVES - 1), (QUARTERS, np.eye(4)[QUARTERS])):
        decision = classifier(random_state=0).fit(X, y).decision_function(X)
        np.testing.assert_array_equal(decision, regressor.fit(X, targets).predict(X))


@pytest.mark.parametrize("regressor", REGRESSORS)
def test_predictions_have_the_shape_of_the_targets(regressor):
    for y in (X[:, 0], X[:, :1], X):
        assert regressor().fit(X, y).predict(X).shape == y.shape


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_one_class_is_refused(classifier):
    with pytest.raises(ValueError, match=r"y of \w+ must hold at least 2 classes\. Got 1 class: 3\."):
        classifier().fit(X, np.full(len(X), 3))


@pytest.mark.parametrize("machine", [KernelRegressor, KernelClassifier, RandomFeaturesRegressor])
@pytest.mark.parametrize("weight", [-np.ones(60), np.zeros(60), np.ones(3), np.ones((60, 2))])
def test_bad_weights_are_refused(machine, weight):
    with pytest.raises(ValueError, match=r"'sample_weight' parameter of .* must be 60 numbers, none negative"):
        machine().fit(X, HALVES, weight)
