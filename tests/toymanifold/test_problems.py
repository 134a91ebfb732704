"""Label noise and memory of problems; what all of them share is in test_problem_contract.py."""

import math
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from toymanifold import (
    Problem,
    Spiral,
    UniformBox,
    concentric_spheres_problem,
    gaussian_problem,
    modular_problem,
    sphere_problem,
    spiral_problem,
    streams,
)


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


WITH_UNLABELLED = {
    "spiral": spiral_problem(n_unlabelled=70),
    "arms": spiral_problem(
        arms=3, turns=2, density="bands", start=0.5, dimension=4, flip_probability=0.3, n_unlabelled=70
    ),
    "ball": sphere_problem(n_unlabelled=70),
    "sphere": sphere_problem(target="quadratic", ambient_dimension=5, n_unlabelled=70),
    "concentric spheres": concentric_spheres_problem(n_unlabelled=70),
    "gaussian": gaussian_problem(task="classification", n_unlabelled=70),
}


@pytest.mark.parametrize("problem", WITH_UNLABELLED.values(), ids=WITH_UNLABELLED)
@given(n_samples=st.integers(1, 100), seed=st.integers(0, 2**32 - 1))
def test_unlabelled_points_follow_the_labelled_ones_and_change_none(problem, n_samples, seed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "BLOCK", 30)
        X, y = problem.sample(n_samples, seed)
        labelled = replace(problem, n_unlabelled=0).sample(n_samples, seed)
        fewer, _ = replace(problem, n_unlabelled=45).sample(1, seed)
        batches = [np.concatenate(parts) for parts in zip(*problem.batches(n_samples, 17, seed), strict=True)]
        n_test = len(problem.sample(n_samples, seed, split="test")[1])
    np.testing.assert_array_equal(X[:n_samples], labelled[0])
    np.testing.assert_array_equal(y, [*labelled[1], *[-1] * 70])
    np.testing.assert_array_equal(fewer[1:], X[n_samples:][:45])  # whatever the numbers of both are
    np.testing.assert_array_equal(batches[0], X)
    np.testing.assert_array_equal(batches[1], y)
    assert n_test == n_samples


def test_unlabelled_points_of_two_seeds_differ_and_none_is_labelled():
    problem = WITH_UNLABELLED["spiral"]
    labelled = {tuple(x) for seed in range(3) for x in problem.sample(500, seed)[0][:500]}
    others = {tuple(x) for seed in range(3) for x in problem.sample(500, seed)[0][500:]}
    assert len(others) == 210
    assert not others & labelled


@pytest.mark.parametrize(
    ("build", "error"),
    [
        (lambda: spiral_problem(n_unlabelled=-1), ValueError),
        (lambda: spiral_problem(n_unlabelled=2.5), TypeError),
        (lambda: gaussian_problem(n_unlabelled=5), ValueError),  # of regression, in which -1 is a value
        (lambda: replace(modular_problem(), n_unlabelled=5), ValueError),
    ],
)
def test_a_bad_number_of_unlabelled_points_raises(build, error):
    with pytest.raises(error, match="The 'n_unlabelled' parameter of "):
        build()
