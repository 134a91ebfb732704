import numpy as np
import pytest

from studies.registry.test_sets import N_TEST, TestSets, map_points, test_sets
from toymanifold import spiral_problem


def test_points_are_from_their_distributions():
    problem = spiral_problem()
    tests = TestSets(problem)
    for points in (tests.density, tests.uniform, tests.sparse):
        assert points.X.shape == (N_TEST, 2)
        np.testing.assert_array_equal(problem.label(points.X), points.y)
    assert np.abs(tests.uniform.X).max() <= 1
    threshold = problem.log_density(tests.sparse.X).max()
    assert np.mean(problem.log_density(tests.density.X) <= threshold) == pytest.approx(0.2, abs=0.01)


def test_labels_are_true_where_training_labels_are_noisy():
    noisy = TestSets(spiral_problem(flip_probability=0.5)).density
    np.testing.assert_array_equal(noisy.y, TestSets(spiral_problem()).density.y)


def test_sets_of_one_problem_are_drawn_once():
    tests = test_sets("spiral", {"turns": 3.0, "fill": 0.4})
    assert tests is test_sets("spiral", {"fill": 0.4, "turns": 3.0})
    assert tests.density is tests.density


def test_map_points_are_pixel_centres_from_below():
    points = map_points(2.0)
    assert points[0] == pytest.approx([-2 + 2 / 240, -2 + 2 / 240])
    assert points[1][0] > points[0][0]
    assert points[-1] == pytest.approx(-points[0])
