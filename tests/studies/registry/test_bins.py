import numpy as np
import pytest

from studies.registry.bins import bins, mean_by_bin
from toymanifold import sphere_problem, spiral_problem

PROBLEM = spiral_problem()
X, _ = PROBLEM.sample(1000, 0)


def test_bins_are_the_quantiles():
    found = bins(PROBLEM, X, 4)
    for values, labels, edges in (
        (PROBLEM.log_density(X), found.density, found.density_edges),
        (np.abs(PROBLEM.signed_distance(X)), found.distance, found.distance_edges),
    ):
        order = np.argsort(values)
        for k in range(4):
            np.testing.assert_array_equal(labels[order[250 * k : 250 * (k + 1)]], k)
        assert (edges[0], edges[-1]) == (values.min(), values.max())
        assert np.all((edges[labels] <= values) & (values <= edges[labels + 1]))


@pytest.mark.parametrize("by", ["density", "distance"])
def test_the_mean_in_each_bin_is_that_of_its_points(by):
    errors = np.random.default_rng(0).random(len(X))
    labels = getattr(bins(PROBLEM, X, 5), by)
    means = mean_by_bin(errors, labels)
    assert list(means) == list("12345")
    for k in range(5):
        assert means[str(k + 1)] == pytest.approx(errors[labels == k].mean())


def test_a_learner_that_errs_at_the_boundary_does_so_in_the_nearest_bins():
    means = mean_by_bin(np.abs(PROBLEM.signed_distance(X)) <= 0.02, bins(PROBLEM, X).distance)
    assert (means["1"], means["5"]) == (1, 0)
    assert list(means.values()) == sorted(means.values(), reverse=True)


def test_a_uniform_density_has_one_bin_that_is_not_empty():
    problem = spiral_problem(density="uniform")
    points, _ = problem.sample(100, 0)
    assert mean_by_bin(np.zeros(100), bins(problem, points).density) == {"5": 0.0}


def test_a_target_without_boundary_and_fewer_points_than_bins_raise():
    regression = sphere_problem(dimension=3, target="quadratic", task="regression")
    with pytest.raises(TypeError, match="target that is a Region"):
        bins(regression, regression.sample(10, 0)[0])
    with pytest.raises(ValueError, match="n_bins"):
        bins(PROBLEM, X[:3], 4)
