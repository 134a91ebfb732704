import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from toymanifold import GaussianMixture, UniformBox

DENSITIES = [
    GaussianMixture.random_spots(),
    GaussianMixture.random_spots(3, 0.5, half_width=4.0, dimension=5, random_state=1),
    GaussianMixture([[10.0, -3.0]], 0.1),
    UniformBox(),
    UniformBox(4, 3.0),
]


@pytest.mark.parametrize("density", DENSITIES)
def test_a_short_sample_is_the_head_of_a_long_one(density):
    short, long = (density.sample(n, np.random.default_rng(3)) for n in (17, 1000))
    np.testing.assert_array_equal(short, long[:17])


@pytest.mark.parametrize("density", DENSITIES[:3])
def test_mixture_log_density_is_that_of_scipy(density):
    X = density.sample(200, 0)
    cov = density.scale**2 * np.eye(density.dimension)
    reference = np.mean([stats.multivariate_normal(center, cov).pdf(X) for center in density.centers], axis=0)
    np.testing.assert_allclose(density.log_density(X), np.log(reference), rtol=1e-10)


@pytest.mark.parametrize("density", DENSITIES[:3])
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
