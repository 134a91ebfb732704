"""The contract of `toymanifold.Density`, kept by every density."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings

from toymanifold import (
    Density,
    GaussianMixture,
    OneHotPairs,
    Spiral,
    SpiralBands,
    UniformBall,
    UniformBox,
    UniformSphere,
)
from toymanifold.strategies import sample_sizes, seeds

DENSITIES = {
    "spots": GaussianMixture.random_spots(5, 0.3),
    "spots in 5 dimensions": GaussianMixture.random_spots(3, 0.5, half_width=4.0, dimension=5, random_state=1),
    "one Gaussian": GaussianMixture([[10.0, -3.0]], 0.1),
    "interval": UniformBox(1, 3.0),
    "square": UniformBox(),
    "cube in 4 dimensions": UniformBox(4, 3.0),
    "disc": UniformBall(),
    "ball in 5 dimensions": UniformBall(5, 3.0),
    "circle": UniformSphere(2),
    "sphere": UniformSphere(3, (2.0,)),
    "three spheres in 5 dimensions": UniformSphere(5, (0.5, 1.0, 4.0)),
    "sphere in 100 dimensions": UniformSphere(100),
    "bands": SpiralBands(Spiral()),
    "bands of two arms": SpiralBands(Spiral(arms=2, radius=2.0)),
    "bands of five arms": SpiralBands(Spiral(arms=5, radius=2.0)),
    "pairs": OneHotPairs(7),
}


@pytest.fixture(scope="module", params=DENSITIES)
def density(request):
    return DENSITIES[request.param]


def test_a_sample_is_a_float64_array_with_a_row_for_each_point(density):
    assert isinstance(density, Density)
    for n_samples in (0, 1, 1000):
        X = density.sample(n_samples, 0)
        assert (X.shape, X.dtype) == ((n_samples, density.dimension), np.float64)
        assert np.isfinite(X).all()


@settings(max_examples=8, deadline=None)
@given(n_samples=sample_sizes(), n_more=sample_sizes(0, 20_000), seed=seeds())
def test_samples_are_nested(density, n_samples, n_more, seed):
    head, longer = (density.sample(n, np.random.default_rng(seed)) for n in (n_samples, n_samples + n_more))
    np.testing.assert_array_equal(head, longer[:n_samples])


def test_an_int_is_the_seed_of_a_generator_which_is_advanced(density):
    X = density.sample(50, 7)
    rng = np.random.default_rng(7)
    np.testing.assert_array_equal(density.sample(50, np.int64(7)), X)
    np.testing.assert_array_equal(density.sample(50, rng), X)
    assert not np.array_equal(density.sample(50, rng), X)


def test_a_random_state_repeats_from_its_state_and_is_advanced(density):
    source = np.random.RandomState(7)
    first, second = density.sample(50, source), density.sample(50, source)
    np.testing.assert_array_equal(density.sample(50, np.random.RandomState(7)), first)
    assert not np.array_equal(first, second)


def test_a_bad_argument_raises_by_name(density):
    owner = rf"{type(density).__name__}\.sample"
    for bad in (-1, 2**32, 1.5, "0", True, np.random.SeedSequence(0)):
        with pytest.raises((TypeError, ValueError), match=f"The 'random_state' parameter of {owner} must be an int"):
            density.sample(5, bad)
    for bad in (-1, 2.5, "9"):
        with pytest.raises((TypeError, ValueError), match=f"The 'n_samples' parameter of {owner} must be an int in"):
            density.sample(bad, 0)


def test_without_a_seed_samples_differ_and_leave_the_global_generator(density):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    assert not np.array_equal(density.sample(50), density.sample(50))
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_the_log_density_is_finite_at_the_points_of_a_sample(density):
    log_density = density.log_density(density.sample(5000, 0))
    assert (log_density.shape, log_density.dtype) == ((5000,), np.float64)
    assert np.isfinite(log_density).mean() > 0.999  # rounding puts a point of the bands outside, now and then


def test_there_is_no_density_far_from_the_support(density):
    X = density.sample(200, 0)
    assert (density.log_density(1e3 * X / np.linalg.norm(X, axis=1, keepdims=True)) < -1e3).all()


def test_points_of_another_dimension_raise(density):
    with pytest.raises(ValueError, match=rf"log_density must be an array of shape \(n_samples, {density.dimension}\)"):
        density.log_density(np.zeros((3, density.dimension + 1)))


def test_a_pickled_density_draws_the_same_points(density):
    again = pickle.loads(pickle.dumps(density))
    np.testing.assert_array_equal(again.sample(50, 3), density.sample(50, 3))


def axis_points(dimension, *radii):
    return np.outer(radii, np.eye(dimension)[0])


def polar_grid(radius, n=700):
    """Return the midpoints of a grid in polar coordinates, in which bands are nearly uniform, and their areas."""
    r, angle = (np.arange(n) + 0.5) * radius / n, (np.arange(n) + 0.5) * 2 * math.pi / n
    r, angle = map(np.ravel, np.meshgrid(r, angle))
    return np.column_stack([r * np.cos(angle), r * np.sin(angle)]), r * (radius / n) * (2 * math.pi / n)


INTEGRATION = {
    "spots": polar_grid(3.0),
    "interval": (axis_points(1, 1.0), 6.0),
    "square": polar_grid(math.sqrt(2)),
    "cube in 4 dimensions": (axis_points(4, 1.0), 6.0**4),
    "disc": polar_grid(1.0),
    "ball in 5 dimensions": (axis_points(5, 1.0), 8 * math.pi**2 / 15 * 3.0**5),
    "circle": (axis_points(2, 1.0), 2 * math.pi),
    "sphere": (axis_points(3, 2.0), 4 * math.pi * 2.0**2),
    "three spheres in 5 dimensions": (
        axis_points(5, 0.5, 1.0, 4.0),
        8 * math.pi**2 / 3 * np.array([0.5, 1.0, 4.0]) ** 4,
    ),
    "bands": polar_grid(1.0),
    "bands of two arms": polar_grid(2.0),
    "bands of five arms": polar_grid(2.0),
    "pairs": (DENSITIES["pairs"].encode(np.arange(49)), 1.0),
}
"""Points of the support and their weights: a grid, or the whole support where the density is constant."""


@pytest.mark.parametrize("name", INTEGRATION)
def test_the_density_integrates_to_one(name):
    points, weights = INTEGRATION[name]
    assert np.sum(np.exp(DENSITIES[name].log_density(points)) * weights) == pytest.approx(1, abs=0.002)
