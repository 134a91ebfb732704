import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.linalg import null_space

from toymanifold import Embedding, Problem, Spiral, UniformBox, spiral_problem


def rng(seed=0):
    return np.random.default_rng(seed)


@given(st.integers(2, 30), st.just(0.0) | st.floats(1e-3, 5), st.integers(0, 100))
def test_embedding_is_isometric_and_the_projection_undoes_it(dimension, nuisance_scale, seed):
    embedding = Embedding.random(dimension, 2, nuisance_scale, rng=rng(seed))
    Z = rng(seed + 1).standard_normal((20, 2)) * 7
    X = embedding.embed(Z, rng(seed + 2))
    np.testing.assert_allclose(embedding.project(X), Z, atol=1e-12)
    flat = Embedding(embedding.frame).embed(Z, rng())
    np.testing.assert_allclose(np.linalg.norm(flat, axis=1), np.linalg.norm(Z, axis=1), rtol=1e-12)


def test_frames_are_uniform_over_rotations():
    """Haar measure: a basis vector's mean is 0, its covariance I/d, and its first coordinate that of a point on S^2."""
    first = np.array([Embedding.random(3, 1, rng=rng(seed)).frame[:, 0] for seed in range(3000)])
    assert np.abs(first.mean(axis=0)).max() < 4.5 * math.sqrt(1 / 3 / 3000)
    np.testing.assert_allclose(np.cov(first.T), np.eye(3) / 3, atol=0.03)
    assert stats.kstest(first[:, 0], "uniform", (-1, 2)).pvalue > 1e-4  # Archimedes: uniform in [-1, 1]


def test_nuisance_has_its_scale_in_every_direction_off_the_plane():
    embedding = Embedding.random(10, 2, 0.7, rng=rng())
    X = embedding.embed(np.zeros((20_000, 2)), rng(1))
    covariance = np.cov(X.T)
    off = null_space(embedding.frame.T)
    np.testing.assert_allclose(off.T @ covariance @ off, 0.49 * np.eye(8), atol=0.03)
    np.testing.assert_allclose(X @ embedding.frame, 0, atol=1e-12)


def test_nuisance_density_is_that_of_scipy():
    embedding = Embedding.random(5, 2, 0.7, rng=rng())
    X = rng(1).standard_normal((50, 5))
    reference = stats.norm(0, 0.7).logpdf(X @ null_space(embedding.frame.T)).sum(axis=1)
    np.testing.assert_allclose(embedding.log_nuisance(X), reference, rtol=1e-10)


def test_without_nuisance_there_is_density_in_the_plane_only():
    problem = spiral_problem(dimension=5, density="uniform")
    X, _ = problem.sample(50, 0, dtype=np.float32)
    np.testing.assert_allclose(problem.log_density(X), -math.log(4), rtol=1e-12)
    off = X + 0.01 * null_space(problem.embedding.frame.T)[:, 0]
    assert (problem.log_density(off) == -math.inf).all()


@pytest.mark.parametrize("radius", [1e-8, 1.0, 100.0, 1e10])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_does_not_take_a_point_out_of_the_plane(radius, dtype):
    problem = spiral_problem(dimension=3, density="uniform", radius=radius)
    X, _ = problem.sample(1000, 0, dtype=dtype)
    inside = np.abs(problem.embedding.project(X)).max(axis=1) < 0.999 * radius
    assert np.isfinite(problem.log_density(X))[inside].all()
    off = X + 10 * radius * null_space(problem.embedding.frame.T)[:, 0]
    assert (problem.log_density(off) == -math.inf).all()


def test_embedding_changes_neither_points_of_the_plane_nor_labels():
    flat, placed = spiral_problem(), spiral_problem(dimension=20, nuisance_scale=3.0)
    Z, z = flat.sample(1000, 5)
    X, y = placed.sample(1000, 5)
    assert X.shape == (1000, 20)
    np.testing.assert_allclose(placed.embedding.project(X), Z, atol=1e-12)
    np.testing.assert_array_equal(y, z)
    np.testing.assert_allclose(placed.signed_distance(X), flat.signed_distance(Z), atol=1e-12)


def test_points_and_nuisance_are_independent():
    """No replay: for an int seed, no coordinate of the plane correlates with one off it."""
    problem = spiral_problem(dimension=6, nuisance_scale=1.0, density="uniform")
    X, _ = problem.sample(20_000, 0)
    frame = problem.embedding.frame
    coordinates = X @ np.column_stack([frame, null_space(frame.T)])
    correlation = stats.spearmanr(coordinates).statistic - np.eye(6)
    assert np.abs(correlation).max() < 4.5 / math.sqrt(20_000)


def test_frame_does_not_depend_on_the_seed_of_the_sample_but_on_that_of_the_problem():
    one, same, other = (spiral_problem(dimension=4, problem_seed=seed).embedding.frame for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert not np.isclose(one, other).any()


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda: Embedding(np.ones((3, 3))), "frame"),
        (lambda: Embedding(np.eye(3)[:2]), "frame"),
        (lambda: Embedding(np.eye(3), -1.0), "nuisance_scale"),
        (lambda: Embedding.random(3, 0, rng=rng()), "n_directions"),
        (lambda: Embedding.random(3, 4, rng=rng()), "dimension"),
        (lambda: spiral_problem(dimension=1), "dimension"),
        (lambda: spiral_problem(nuisance_scale=math.nan), "nuisance_scale"),
        (lambda: Problem(Spiral(), UniformBox(), Embedding(np.eye(4)[:, :3])), "embedding"),
    ],
)
def test_a_bad_embedding_is_refused_by_name(build, named):
    with pytest.raises(ValueError, match=f"The '{named}' parameter of"):
        build()
