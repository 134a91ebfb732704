import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from studies.registry import test_sets
from studies.registry.metrics import Fitted, measure
from studies.registry.test_sets import N_TEST, TestSets, map_points, shared_test_sets
from toymanifold import spiral_problem


def test_points_are_from_their_distributions():
    problem = spiral_problem()
    tests = TestSets(problem)
    for points in (tests.density, tests.uniform):
        assert points.X.shape == (N_TEST, 2)
        np.testing.assert_array_equal(problem.label(points.X), points.y)
    assert np.abs(tests.uniform.X).max() <= 1


def test_labels_are_true_where_training_labels_are_noisy():
    noisy = TestSets(spiral_problem(flip_probability=0.5)).density
    np.testing.assert_array_equal(noisy.y, TestSets(spiral_problem()).density.y)


def test_sets_of_one_problem_are_drawn_once():
    with shared_test_sets("spiral", {"turns": 3.0, "fill": 0.4}) as tests:
        density = tests.density
    with shared_test_sets("spiral", {"fill": 0.4, "turns": 3.0}) as again:
        assert again is tests
        assert again.density is density


def test_test_sets_of_two_seeds_share_no_random_numbers():
    firsts = [
        getattr(TestSets(spiral_problem(density="uniform"), seed), kind).X[0]
        for seed in range(4)
        for kind in ("density", "uniform")
    ]
    assert len(np.unique(np.round(firsts, 12), axis=0)) == 8


def test_test_sets_are_kept_as_long_as_they_are_small():
    def drawn(dimension):
        with shared_test_sets("sphere", {"dimension": dimension, "target": "linear"}) as tests:
            return tests.density

    small = [drawn(d) for d in range(2, 9)]
    assert [drawn(d) is points for d, points in zip(range(2, 9), small, strict=True)] == [True] * 7
    for dimension in (200, 201, 202, 9):
        drawn(dimension)
    assert len(test_sets._KEPT) == 4
    assert drawn(2) is not small[0]


class Subtracts(KNeighborsClassifier):
    """A learner that changes the points in place."""

    def predict(self, X):
        X -= X.mean(axis=0)
        return super().predict(X)


class SubtractsByTorch(KNeighborsClassifier):
    """A learner that changes the points in place by a library that ignores NumPy's flag."""

    def predict(self, X):
        torch.from_numpy(X).sub_(0.5)
        return super().predict(X)


def accuracies(learner):
    with shared_test_sets("spiral", {"turns": 3.0}) as tests:
        learner.fit(*tests.problem.sample(500, 0))
        return measure(["accuracy", "accuracy_uniform"], Fitted(learner, tests, 1.0, 500, 0))


@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
@pytest.mark.parametrize(("learner", "reason"), [(Subtracts, "read-only"), (SubtractsByTorch, "changed the points")])
def test_a_learner_that_changes_the_points_fails_and_no_other_learner_notices(learner, reason):
    before = accuracies(KNeighborsClassifier(1))
    with pytest.raises(ValueError, match=reason):
        accuracies(learner())
    assert accuracies(KNeighborsClassifier(1)) == before


def test_map_points_are_pixel_centres_from_below():
    points = map_points(2.0)
    assert points[0] == pytest.approx([-2 + 2 / 240, -2 + 2 / 240])
    assert points[1][0] > points[0][0]
    assert points[-1] == pytest.approx(-points[0])
