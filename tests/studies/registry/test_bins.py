import numpy as np
import pytest

from studies.registry.bins import bins, breakdown, breakdown_values
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


def test_breakdown_is_the_mean_in_each_bin():
    errors = np.random.default_rng(0).random(len(X))
    found = bins(PROBLEM, X, 5)
    for row in breakdown(errors, found).itertuples():
        inside = getattr(found, row.by) == row.bin - 1
        assert row.points == inside.sum()
        assert row.error == pytest.approx(errors[inside].mean())


def test_bins_average_to_the_whole():
    correct = np.random.default_rng(0).random(len(X)) < 0.8
    table = breakdown(~correct, bins(PROBLEM, X, 3))
    for _, part in table.groupby("by"):
        assert np.average(part["error"], weights=part["points"]) == pytest.approx(1 - correct.mean())


def test_a_learner_that_errs_at_the_boundary_does_so_in_the_nearest_bins():
    values = breakdown_values(np.abs(PROBLEM.signed_distance(X)) > 0.02, bins(PROBLEM, X))
    assert list(values) == [f"error_{by}_{k}" for by in ("density", "distance") for k in range(1, 6)]
    by_distance = [values[f"error_distance_{k}"] for k in range(1, 6)]
    assert by_distance[0] == 1
    assert by_distance[-1] == 0
    assert by_distance == sorted(by_distance, reverse=True)


def test_a_uniform_density_has_one_bin_that_is_not_empty():
    problem = spiral_problem(density="uniform")
    points, _ = problem.sample(100, 0)
    values = breakdown_values(np.zeros(100, dtype=bool), bins(problem, points))
    assert [name for name in values if "density" in name] == ["error_density_5"]


def test_what_has_no_boundary_or_no_points_is_refused():
    regression = sphere_problem(dimension=3, target="quadratic", task="regression")
    with pytest.raises(TypeError, match="no boundary"):
        bins(regression, regression.sample(10, 0)[0])
    with pytest.raises(ValueError, match="n_bins"):
        bins(PROBLEM, X[:3], 4)
    with pytest.raises(ValueError, match=r"shape \(1000,\)"):
        breakdown(np.zeros(3), bins(PROBLEM, X))
