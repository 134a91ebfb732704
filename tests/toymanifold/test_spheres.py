"""Spheres as regions: balls, and concentric shells."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, kstest

from toymanifold import Ball, Shells
from toymanifold.strategies import seeds


def points(dimension, radius):
    return radius * np.random.default_rng(0).standard_normal((100, dimension)) / math.sqrt(dimension)


@given(st.integers(1, 20), st.floats(1e-3, 1e3))
def test_a_ball_holds_the_points_of_smaller_norm(dimension, radius):
    X = points(dimension, radius)
    norms = np.linalg.norm(X, axis=1)
    away = np.abs(norms / radius - 1) > 1e-9
    np.testing.assert_array_equal(Ball(dimension, radius).contains(X)[away], (norms <= radius)[away])
    np.testing.assert_allclose(Ball(dimension, radius).signed_distance(X), norms - radius, atol=1e-12 * radius)


@pytest.mark.parametrize(("dimension", "area"), [(1, 2), (2, 2 * math.pi), (3, 4 * math.pi), (4, 2 * math.pi**2)])
def test_areas_are_the_textbooks(dimension, area):
    assert Ball(dimension, 3.0).surface_area == pytest.approx(area * 3 ** (dimension - 1))


@given(st.integers(1, 20), st.floats(1e-3, 1e3), st.floats(1.01, 10))
def test_shells_label_points_by_the_nearer_one(dimension, inner, ratio):
    shells = Shells(dimension, inner, inner * ratio)
    X = points(dimension, inner * (1 + ratio) / 2)
    to_inner, to_outer = (np.abs(np.linalg.norm(X, axis=1) - r) for r in (shells.inner, shells.outer))
    away = np.abs(to_inner - to_outer) > 1e-9 * inner
    np.testing.assert_array_equal(shells.label(X)[away], (to_inner < to_outer)[away])


@given(st.integers(2, 20))
def test_both_shells_lie_a_margin_from_the_boundary(dimension):
    shells = Shells(dimension)
    U = Ball(dimension).boundary(50, 0)
    np.testing.assert_allclose(shells.signed_distance(shells.inner * U), -shells.margin, rtol=1e-12)
    np.testing.assert_allclose(shells.signed_distance(shells.outer * U), shells.margin, rtol=1e-12)
    np.testing.assert_allclose(shells.signed_distance(shells.boundary(50, 0)), 0, atol=1e-15)


@given(st.integers(1, 8), st.floats(1e-3, 1e3), st.floats(0, 5), seeds())
def test_distance_to_a_sphere(dimension, radius, share, seed):
    ball = Ball(dimension, radius)
    direction = ball.boundary(20, seed) / radius
    distance = ball.signed_distance(share * radius * direction)
    np.testing.assert_allclose(distance, (share - 1) * radius, rtol=0, atol=1e-12 * radius)


@given(st.integers(1, 8), st.floats(1e-3, 1e3), seeds())
def test_on_a_sphere_distance_is_zero_and_its_sign_that_of_contains(dimension, radius, seed):
    ball = Ball(dimension, radius)
    X = ball.boundary(200, seed)
    distance = ball.signed_distance(X)
    assert np.abs(distance).max() < 1e-12 * radius
    inside = ball.contains(X)
    assert (distance[inside] <= 0).all()
    assert (distance[~inside] >= 0).all()


@pytest.mark.parametrize("dimension", [2, 3, 10])
def test_points_of_a_sphere_are_uniform(dimension):
    """A coordinate of a uniform point of the unit sphere, squared, is Beta(1/2, (d - 1)/2), and its sign fair."""
    X = Ball(dimension, 2.0).boundary(20_000, random_state=0) / 2
    for coordinate in X.T:
        assert kstest(coordinate**2, beta(0.5, (dimension - 1) / 2).cdf).pvalue > 1e-3
        assert abs(np.mean(coordinate > 0) - 0.5) < 4 * 0.5 / math.sqrt(len(X))
    assert np.abs(np.corrcoef(X, rowvar=False) - np.eye(dimension)).max() < 5 / math.sqrt(len(X))


def test_points_of_a_sphere_are_nested():
    np.testing.assert_array_equal(Ball().boundary(10, 5), Ball().boundary(100, 5)[:10])


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda: Ball(0), "dimension"),
        (lambda: Ball(2, math.nan), "radius"),
        (lambda: Shells(0), "dimension"),
        (lambda: Shells(3, 0.0), "inner"),
        (lambda: Shells(3, 1.0, 1.0), "outer"),
    ],
)
def test_a_bad_region_is_refused_by_name(build, named):
    with pytest.raises(ValueError, match=f"The '{named}' parameter of (Ball|Shells) must be"):
        build()
