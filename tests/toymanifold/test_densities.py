"""Densities against scipy, their moments, and theory; what all of them share is in test_density_contract.py."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from toymanifold import GaussianMixture, UniformBall, UniformBox, UniformSphere

MIXTURES = [
    GaussianMixture.random_spots(),
    GaussianMixture.random_spots(3, 0.5, half_width=4.0, dimension=5, random_state=1),
    GaussianMixture([[10.0, -3.0]], 0.1),
]


@pytest.mark.parametrize("density", MIXTURES)
def test_mixture_log_density_is_that_of_scipy(density):
    X = density.sample(200, 0)
    cov = density.scale**2 * np.eye(density.dimension)
    reference = np.mean([stats.multivariate_normal(center, cov).pdf(X) for center in density.centers], axis=0)
    np.testing.assert_allclose(density.log_density(X), np.log(reference), rtol=1e-10)


@pytest.mark.parametrize("density", MIXTURES)
def test_mixture_has_the_moments_of_its_spots(density):
    X = density.sample(100_000, 1)
    covariance = np.cov(density.centers.T, bias=True) + density.scale**2 * np.eye(density.dimension)
    standard_error = np.sqrt(np.diag(covariance) / len(X))
    np.testing.assert_array_less(np.abs(X.mean(axis=0) - density.centers.mean(axis=0)), 4.5 * standard_error)
    np.testing.assert_allclose(np.diag(np.cov(X.T)), np.diag(covariance), rtol=0.03)


def test_mixture_fills_the_plane_as_its_density_says():
    """Chi-square of counts on a grid against the integral of the density in each cell."""
    density, n = GaussianMixture.random_spots(5, 0.3), 50_000
    edges = np.linspace(-2.5, 2.5, 11)
    counts, *_ = np.histogram2d(*density.sample(n, 2).T, bins=[edges, edges])
    axis = [stats.norm(density.centers[:, j, None], density.scale).cdf(edges) for j in (0, 1)]
    expected = n * np.mean([np.outer(np.diff(a), np.diff(b)) for a, b in zip(*axis, strict=True)], axis=0)
    busy = expected > 5
    statistic = ((counts - expected)[busy] ** 2 / expected[busy]).sum()
    assert stats.chi2.sf(statistic, busy.sum() - 1) > 1e-3


@given(st.integers(1, 6), st.floats(1e-3, 1e3))
def test_box_is_uniform_where_it_says(dimension, half_width):
    box = UniformBox(dimension, half_width)
    X = box.sample(2000, 0)
    np.testing.assert_allclose(np.exp(box.log_density(X)), (2 * half_width) ** -dimension, rtol=1e-9)
    assert stats.kstest(X.ravel(), "uniform", (-half_width, 2 * half_width)).pvalue > 1e-4
    assert (box.log_density(2 * half_width * np.ones((1, dimension))) == -math.inf).all()


def test_spots_have_a_seed_of_their_own():
    one, same, other = (GaussianMixture.random_spots(random_state=seed).centers for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert not np.isclose(one, other).any()


def test_spot_and_offset_are_independent():
    """No replay: which spot a point belongs to says nothing of where about it the point falls."""
    density = GaussianMixture([[-100.0], [0.0], [100.0]], 1.0)
    X = density.sample(20_000, 4).ravel()
    spot = np.rint(X / 100)
    assert abs(stats.spearmanr(spot, X - 100 * spot).statistic) < 4.5 / math.sqrt(len(X))


@pytest.mark.parametrize(
    ("centers", "scale", "named"),
    [([], 1.0, "centers"), ([1.0, 2.0], 1.0, "centers"), ([[math.nan]], 1.0, "centers"), ([[0.0]], 0.0, "scale")],
)
def test_a_bad_mixture_is_refused(centers, scale, named):
    with pytest.raises(ValueError, match=f"The '{named}' parameter of GaussianMixture must be"):
        GaussianMixture(centers, scale)


SPHERES = [UniformSphere(2), UniformSphere(3, (2.0,)), UniformSphere(5, (0.5, 1.0, 4.0)), UniformSphere(100)]


@pytest.mark.parametrize("density", SPHERES)
def test_points_lie_on_the_spheres_each_as_often(density):
    norms = np.linalg.norm(density.sample(5000, 0), axis=1)
    distance = np.abs(norms[:, None] / np.array(density.radii) - 1)
    assert distance.min(axis=1).max() < 1e-14
    counts = np.bincount(distance.argmin(axis=1), minlength=len(density.radii))
    np.testing.assert_allclose(counts, 5000 / len(counts), atol=4.5 * math.sqrt(5000 / 4))


@pytest.mark.parametrize("dimension", [2, 3, 10])
def test_uniform_on_the_sphere_is_uniform_along_every_direction(dimension):
    """Equal-area bands: one coordinate of a uniform point, squared, is Beta(1/2, (d - 1)/2)."""
    X = UniformSphere(dimension).sample(20_000, 1)
    direction = np.random.default_rng(2).standard_normal(dimension)
    cosine = X @ direction / np.linalg.norm(direction)
    assert stats.kstest(cosine**2, "beta", (0.5, (dimension - 1) / 2)).pvalue > 1e-4
    assert abs(np.sign(cosine).mean()) < 4.5 / math.sqrt(20_000)


def test_sphere_density_is_that_of_scipys_von_mises_fisher_without_concentration():
    X = UniformSphere(4).sample(10, 0)
    reference = stats.vonmises_fisher(np.eye(4)[0], 1e-8).logpdf(X)
    np.testing.assert_allclose(UniformSphere(4).log_density(X), reference, rtol=1e-6)
    np.testing.assert_allclose(UniformSphere(4, (2.0,)).log_density(2 * X), reference - 3 * math.log(2), rtol=1e-6)
    assert (UniformSphere(4).log_density(1.1 * X) == -math.inf).all()


@pytest.mark.parametrize("dimension", [10, 100, 500])
def test_distances_concentrate_in_high_dimension(dimension):
    """|x - y|^2 = 2 - 2 <x, y>, where <x, y> has mean 0 and variance 1/d: so sqrt(2), with variance 1/(2 d)."""
    X = UniformSphere(dimension).sample(10_000, 0)
    distance = np.linalg.norm(X[::2] - X[1::2], axis=1)
    assert distance.mean() == pytest.approx(math.sqrt(2), abs=1 / dimension)
    assert distance.var() == pytest.approx(1 / (2 * dimension), rel=0.1)


@pytest.mark.parametrize("dimension", [1, 2, 7])
def test_ball_is_filled_evenly(dimension):
    ball = UniformBall(dimension, 3.0)
    X = ball.sample(10_000, 0)
    assert stats.kstest((np.linalg.norm(X, axis=1) / 3) ** dimension, "uniform").pvalue > 1e-4
    assert (ball.log_density(1.01 * X) == -math.inf).any()


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda: UniformSphere(1), "dimension"),
        (lambda: UniformSphere(3, ()), "radii"),
        (lambda: UniformSphere(3, (1.0, 1.0)), "radii"),
        (lambda: UniformSphere(3, (-1.0,)), "radii"),
        (lambda: UniformBall(0), "dimension"),
        (lambda: UniformBall(2, math.inf), "radius"),
    ],
)
def test_a_bad_density_is_refused_by_name(build, named):
    with pytest.raises(ValueError, match=f"The '{named}' parameter of Uniform"):
        build()
