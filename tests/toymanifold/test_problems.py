"""Label noise and memory of problems; what all of them share is in test_problem_contract.py."""

import math
import tracemalloc

import numpy as np
import pytest
from scipy import stats

from toymanifold import Problem, Spiral, UniformBox, concentric_spheres_problem, sphere_problem, spiral_problem


@pytest.mark.parametrize(("arms", "flip_probability"), [(1, 0.1), (4, 0.3), (1, 1.0)])
def test_labels_are_flipped_as_often_as_asked_and_to_each_other_class(arms, flip_probability):
    noisy = spiral_problem(arms=arms, density="uniform", flip_probability=flip_probability)
    X, y = noisy.sample(20_000, 0)
    truth, n_classes = noisy.label(X), noisy.target.n_classes
    shift = (y - truth) % n_classes
    expected = np.array([1 - flip_probability, *[flip_probability / (n_classes - 1)] * (n_classes - 1)])
    spread = np.sqrt(20_000 * expected * (1 - expected))
    np.testing.assert_array_less(
        np.abs(np.bincount(shift, minlength=n_classes) - 20_000 * expected), 4.5 * spread + 1e-9
    )


def test_noise_has_its_size_and_knows_nothing_of_points_or_values():
    problem = sphere_problem(target="harmonic", degree=3, task="regression", noise=0.25)
    X, y = problem.sample(20_000, 0)
    residual = y - problem.label(X)
    assert stats.kstest(residual, "norm", (0, 0.25)).pvalue > 1e-4
    for other in (*X.T, problem.label(X)):
        assert abs(stats.spearmanr(residual, other).statistic) < 4.5 / math.sqrt(20_000)


def test_random_labels_depend_on_nothing():
    X, y = sphere_problem(target="random", dimension=5).sample(20_000, 0)
    _, value = sphere_problem(target="random", dimension=5, task="regression").sample(20_000, 0)
    assert abs(y.mean() - 0.5) < 4.5 * 0.5 / math.sqrt(20_000)
    assert stats.kstest(value, "norm").pvalue > 1e-4
    correlation = stats.spearmanr(np.column_stack([X, y, value])).statistic
    assert np.abs(correlation[:5, 5:]).max() < 4.5 / math.sqrt(20_000)


def peak_memory(n_samples, batch_size):
    """Return the most bytes held at once while points are streamed; numpy reports its arrays to tracemalloc."""
    tracemalloc.start()
    for _ in spiral_problem().batches(n_samples, batch_size, 0):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("batch_size", [1000, 10**5])
def test_memory_does_not_grow_with_the_stream(batch_size):
    """A stream of two million points, which are 48 MB, holds no more than one of 200,000."""
    assert peak_memory(2 * 10**6, batch_size) < peak_memory(2 * 10**5, batch_size) + 10**6


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda: Problem(Spiral(), UniformBox(3)), "density"),
        (lambda: spiral_problem(turns=math.nan), "turns"),
        (lambda: spiral_problem(density="gaussian"), "density"),
        (lambda: spiral_problem(density=3), "density"),
        (lambda: spiral_problem(arms=0), "arms"),
        (lambda: spiral_problem(flip_probability=1.1), "flip_probability"),
        (lambda: spiral_problem(problem_seed=-1), "problem_seed"),
        (lambda: spiral_problem(problem_seed=2**32), "problem_seed"),
        (lambda: sphere_problem(dimension=1), "dimension"),
        (lambda: sphere_problem(radius=math.nan), "radius"),
        (lambda: sphere_problem(target="cubic"), "target"),
        (lambda: sphere_problem(target="harmonic", degree=0), "degree"),
        (lambda: sphere_problem(task="regression"), "task"),
        (lambda: sphere_problem(noise=-1.0, target="linear", task="regression"), "noise"),
        (lambda: sphere_problem(noise=1.0), "noise"),
        (lambda: sphere_problem(target="random", noise=1.0), "noise"),
        (lambda: sphere_problem(target="linear", task="regression", flip_probability=0.1), "flip_probability"),
        (lambda: concentric_spheres_problem(dimension=1), "dimension"),
        (lambda: concentric_spheres_problem(inner=2.0, outer=1.0), "outer"),
    ],
)
def test_a_bad_argument_is_refused_by_name(build, named):
    with pytest.raises(ValueError, match=f"The '{named}' parameter of"):
        build()
