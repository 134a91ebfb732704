import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toymanifold import CoordinateFunction, gaussian_problem
from toymanifold.strategies import seeds


@pytest.mark.parametrize(
    ("function", "variance"), [("linear", 0.25), ("last", 0.25), ("product", 0.0625), ("low-rank", 0.03125)]
)
def test_labels_have_the_variance_of_their_function(function, variance):
    _, y = gaussian_problem(function=function, scale=0.5).sample(200_000, 0)
    assert y.var() == pytest.approx(variance, rel=0.03)


@given(function=st.sampled_from(["linear", "last", "product", "low-rank"]), seed=seeds())
def test_what_lies_outside_the_frame_changes_no_label(function, seed):
    problem = gaussian_problem(function=function, dimension=8)
    X, y = problem.sample(20, seed)
    F = problem.target.frame
    elsewhere = np.random.default_rng(seed).standard_normal(X.shape)
    np.testing.assert_array_equal(problem.label(X @ F @ F.T + (elsewhere - elsewhere @ F @ F.T)), y)


@pytest.mark.parametrize("cosine", [1.0, 0.6, 0.0, -1.0])
def test_a_linear_function_has_this_cosine_with_the_first_axis(cosine):
    target = gaussian_problem(cosine=cosine).target
    gradient = target.label(np.eye(20))
    assert (gradient[0], np.linalg.norm(gradient)) == (cosine, pytest.approx(1))
    np.testing.assert_allclose(target.frame[:, 0], gradient)


@pytest.mark.parametrize(
    ("params", "message"),
    [({"function": "product", "cosine": 0.5}, "cosine.*1 for"), ({"dimension": 1, "cosine": 0.5}, "dimension")],
)
def test_a_function_that_cannot_be_turned_is_refused(params, message):
    with pytest.raises(ValueError, match=message):
        gaussian_problem(**params)


def test_the_product_as_classes_is_exclusive_or():
    X, y = gaussian_problem(function="product", dimension=2, task="classification").sample(1000, 0)
    np.testing.assert_array_equal(y, (X[:, 0] > 0) == (X[:, 1] > 0))


def test_the_density_is_that_of_the_points():
    X, _ = gaussian_problem(dimension=3, scale=2.0).sample(5, 0)
    expected = -np.sum(X**2, axis=1) / 8 - 1.5 * np.log(2 * np.pi * 4)
    np.testing.assert_allclose(gaussian_problem(dimension=3, scale=2.0).log_density(X), expected)


def test_noise_is_on_labels_of_the_sample_only():
    problem = gaussian_problem(noise=0.5)
    X, y = problem.sample(100_000, 0)
    assert np.std(y - problem.label(X)) == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"function": "cubic"}, "function"),
        ({"function": "low-rank", "dimension": 5}, "dimension"),
        ({"dimension": 0}, "dimension"),
        ({"scale": 0.0}, "scale"),
        ({"task": "ranking"}, "task"),
        ({"noise": 1.0, "task": "classification"}, "noise"),
    ],
)
def test_what_is_not_allowed_is_named(arguments, named):
    with pytest.raises(ValueError, match=f"'{named}' parameter"):
        gaussian_problem(**arguments)


def test_equal_functions_are_equal():
    assert CoordinateFunction("linear", 3) == CoordinateFunction("linear", 3)
