"""At every scale of the data a learner answers as on data near 1, or refuses in a sentence that names the scale."""

import functools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimators import (
    KernelClassifier,
    KernelRegressor,
    MinimumNorm,
    NetRegressor,
    PolarCoordinates,
    RandomFeatures,
    RandomFeaturesClassifier,
    RandomFeaturesRegressor,
    RFMRegressor,
    SpiralPhase,
    agop,
    make_learner,
)
from toymanifold import make_spiral

SCALES = (st.integers(-70, 70) | st.integers(-350, 350) | st.integers(-990, 990)).map(lambda exponent: 2.0**exponent)
DTYPES = st.sampled_from(["float64", "float32"])
LAYOUTS = {"rows": np.ascontiguousarray, "columns": np.asfortranarray, "reversed": lambda X: X[::-1].copy()[::-1]}
LEARNERS = {
    "kernel": {},
    "kernel, gaussian": {"kernel": "gaussian", "ridge": [1e-3, 0.1]},
    "kernel, nystroem": {"kernel": "ntk", "solver": "nystroem", "n_centers": 30, "random_state": 0},
    "rfm": {"n_rounds": 2, "random_state": 0},
    "knn": {"weights": "distance"},
    "knn, brute": {"algorithm": "brute"},
    "knn, polar": {"prior": "polar"},
}
TASKS = ("classification", "regression")
REFUSED = r"in \[1e-(100|20), 1e\+(100|20)\] \(float(64|32)\)\. Got|infinity or a value too large for dtype"


def make(name, task):
    return make_learner(name.split(",")[0], task=task, **LEARNERS[name])


@functools.cache
def data(task):
    X, y = make_spiral(80, turns=1, random_state=0)
    return X, y if task == "classification" else np.sin(3 * X[:, 0]) - X[:, 1]


@functools.cache
def answers_near_one(name, task, dtype):
    X, y = data(task)
    return make(name, task).fit(X.astype(dtype), y).predict(X.astype(dtype))


def attempt(compute):
    """Return the result and no message, or no result and the message of the refusal."""
    try:
        return compute(), ""
    except ValueError as error:
        return None, str(error)


def scaled(X, scale, dtype):
    return (X * (np.clip(scale, 2.0**-130, 2.0**120) if dtype == "float32" else scale)).astype(dtype)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", LEARNERS)
@given(scale=SCALES, dtype=DTYPES, layout=st.sampled_from(list(LAYOUTS)))
@settings(max_examples=12)
def test_points_of_any_scale_are_learnt_or_refused(name, task, scale, dtype, layout):
    X, y = data(task)
    points = LAYOUTS[layout](scaled(X, scale, dtype))
    reach = 1e19 if dtype == "float32" else 1e99
    found, refusal = attempt(lambda: make(name, task).fit(points, y).predict(points))
    if refusal:
        assert not 1 / reach < scale < reach
        assert re.search(REFUSED, refusal)
        return
    expected = answers_near_one(name, task, dtype)
    np.testing.assert_allclose(
        found.astype(float), expected.astype(float), rtol=1e-3 if dtype == "float32" else 1e-9, atol=1e-5
    )


@pytest.mark.parametrize("name", LEARNERS)
@given(scale=SCALES, dtype=DTYPES)
@settings(max_examples=12)
def test_values_of_any_scale_are_learnt_or_refused(name, scale, dtype):
    X, y = data("regression")
    reach = 1e19 if dtype == "float32" else 1e99
    found, refusal = attempt(lambda: make(name, "regression").fit(X.astype(dtype), y * scale).predict(X.astype(dtype)))
    if refusal:
        assert not 1 / reach < scale < reach
        assert "'y' parameter" in refusal
        return
    np.testing.assert_allclose(found / scale, answers_near_one(name, "regression", dtype), rtol=1e-6, atol=1e-6)


def test_values_that_are_not_numbers_are_refused():
    for model in (NetRegressor(), KernelRegressor(), RFMRegressor(), RandomFeaturesRegressor(), MinimumNorm()):
        with pytest.raises(TypeError, match=r"The 'y' parameter of .* must be of real numbers\. Got 'dtype <U1'"):
            model.fit(np.eye(2), ["a", "b"])


@pytest.mark.parametrize("kind", ["fourier", "relu"])
@given(scale=SCALES, dtype=DTYPES)
@settings(max_examples=12)
def test_random_features_of_a_bandwidth_of_the_scale_are_those_near_one(kind, scale, dtype):
    X, y = data("regression")

    def fit(length):
        model = RandomFeaturesRegressor(30, kind, bandwidth=length, random_state=0)
        return model.fit(scaled(X, length, dtype), y).predict(scaled(X, length, dtype))

    found, refusal = attempt(lambda: fit(scale))
    if refusal:
        assert not 1e-19 < scale < 1e19
        assert re.search(REFUSED, refusal)
        return
    np.testing.assert_allclose(found, fit(1.0), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("bandwidth", [1e-160, 1e-60])
@pytest.mark.parametrize("model", [KernelRegressor, RFMRegressor, RandomFeaturesRegressor, KernelClassifier])
def test_points_too_far_apart_in_bandwidths_are_refused(model, bandwidth):
    X, y = data("classification")
    with pytest.raises(ValueError, match=r"'X' parameter of .* at most 1e\+(10|50) bandwidths in absolute value"):
        model(bandwidth=bandwidth).fit(X.astype("f4"), y)
    assert np.isfinite(model(bandwidth=1e-30).fit(X, y).predict(X)).all()


@pytest.mark.parametrize(
    "model", [KernelRegressor(bandwidth=1.0), RFMRegressor(bandwidth=1.0), RandomFeaturesRegressor()]
)
@pytest.mark.parametrize("scale", [1e60, 1e160, 1e300])
def test_queries_too_far_away_are_refused(model, scale):
    X, y = data("regression")
    model.fit(X, y)
    with pytest.raises(ValueError, match=r"'X' parameter of .* at most 1e\+50 bandwidths"):
        model.predict(X * scale)
    assert np.isfinite(model.predict(X * 1e-300)).all()


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e300])
def test_a_metric_of_any_scale_is_balanced_by_the_bandwidth_rule(scale):
    X, y = data("regression")
    expected = KernelRegressor(metric=[1.0, 2.0]).fit(X, y).predict(X)
    np.testing.assert_allclose(KernelRegressor(metric=[scale, 2 * scale]).fit(X, y).predict(X), expected, rtol=1e-6)


CONFLICT = np.repeat(np.random.default_rng(0).normal(size=(10, 2)), 2, axis=0)
SOLVERS = {
    "exact": lambda kernel, ridge: KernelRegressor(kernel, ridge=ridge, solver="exact"),
    "leave one out": lambda kernel, ridge: KernelRegressor(kernel, ridge=[ridge or 1e-320]),
    "of several": lambda kernel, ridge: KernelRegressor(kernel, ridge=[ridge or 1e-320, 1e-300]),
    "nystroem": lambda kernel, ridge: KernelRegressor(kernel, ridge=ridge, solver="nystroem", random_state=0),
    "random features": lambda kernel, ridge: RandomFeaturesRegressor(ridge=ridge, random_state=0),
    "rfm": lambda kernel, ridge: RFMRegressor(kernel, ridge=ridge, n_rounds=1, validation_fraction=0.0),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("ridge", [0.0, 1e-300, 1e-16, 1e-14, 1e-12])
@pytest.mark.parametrize("kernel", ["laplace", "gaussian", "ntk"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_conflicting_labels_are_averaged_or_refused(solver, kernel, ridge, dtype):
    """Ten points, each with the labels 0 and 1: the limit of small ridges is 0.5."""
    X, y = CONFLICT.astype(dtype), np.tile([0.0, 1.0], 10)
    model, refusal = attempt(lambda: SOLVERS[solver](kernel, ridge).fit(X, y))
    if refusal:
        assert "ridge" in refusal
        return
    np.testing.assert_allclose(model.predict(X), 0.5, atol=5e-3 if dtype == "float64" else 0.2)


@pytest.mark.parametrize("solver", ["exact", "nystroem"])
def test_conflicting_labels_are_averaged_at_a_ridge_above_rounding(solver):
    model = KernelRegressor(ridge=1e-10, solver=solver, random_state=0).fit(CONFLICT, np.tile([0.0, 1.0], 10))
    np.testing.assert_allclose(model.predict(CONFLICT), 0.5, atol=1e-5)


@pytest.mark.parametrize("model", [KernelRegressor, KernelClassifier, RandomFeaturesClassifier])
@given(scale=SCALES, dtype=DTYPES)
@settings(max_examples=12)
def test_weights_of_any_scale_are_used_or_refused(model, scale, dtype):
    X, y = data("classification")
    weight = scaled(np.linspace(1, 2, len(y)), scale, dtype)
    found, refusal = attempt(lambda: model().fit(X.astype(dtype), y, sample_weight=weight).predict(X.astype(dtype)))
    if refusal:
        assert re.search("'sample_weight' parameter|sample_weight contains infinity|'ridge' parameter", refusal)
        return
    assert np.isfinite(found).all()


def test_a_gradient_beyond_its_precision_is_refused():
    X, y = data("regression")
    points = (X * 2e-20).astype("f4")
    model = KernelRegressor().fit(points, y * 3e19)
    assert np.isfinite(model.predict(points)).all()
    with pytest.raises(ValueError, match="gradients are too large for float32"):
        model.gradients(points)


def test_gradients_whose_squares_overflow_are_refused():
    with pytest.raises(ValueError, match="'gradients' parameter of agop"):
        agop([[1e200, 0.0]])
    assert agop([[1e100, 0.0]])[0, 0] == 1e200


def test_features_of_any_scale_are_finite():
    X, _ = data("regression")
    for scale in (1e-99, 1e-20, 1e19):
        assert np.isfinite(RandomFeatures(random_state=0, bandwidth=scale).fit_transform(X * scale)).all()


@pytest.mark.parametrize(("dtype", "center"), [("float32", 1e39), ("float64", 1e200)])
def test_a_centre_beyond_the_scales_of_its_points_is_refused(dtype, center):
    X = np.ones((3, 2), dtype=dtype)
    with pytest.raises(ValueError, match=f"'center' parameter of PolarCoordinates .*{dtype}"):
        PolarCoordinates(center=[center, 0.0]).fit(X)
    assert np.isfinite(PolarCoordinates(center=[1e15, 0.0]).fit_transform(X)).all()


@pytest.mark.parametrize(("radius", "dtype"), [(1e25, "float32"), (1e-25, "float32")])
def test_a_spiral_beyond_the_scales_of_its_points_is_refused(radius, dtype):
    X = np.ones((3, 2), dtype=dtype)
    with pytest.raises(ValueError, match=r"'radius' parameter of Spiral.phase .* \[1e-20, 1e\+20\]"):
        SpiralPhase(radius=radius).fit_transform(X)
    assert (SpiralPhase().fit_transform(X * X.dtype.type(1e19)) < 2).all()
