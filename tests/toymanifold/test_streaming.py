"""A sample does not depend on how it is asked for: in one piece, in batches, by several threads."""

import tracemalloc

import numpy as np
import pytest

from toymanifold import concentric_spheres_problem, sphere_problem, spiral_problem
from toymanifold.streams import BLOCK

N = 3 * BLOCK + 100
PROBLEMS = {
    "spiral": spiral_problem(),
    "arms in bands": spiral_problem(arms=3, density="bands", flip_probability=0.1),
    "embedded": spiral_problem(density="uniform", dimension=5, nuisance_scale=0.1),
    "function on a sphere": sphere_problem(dimension=4, target="quadratic", task="regression", noise=0.1),
    "two spheres": concentric_spheres_problem(dimension=10),
}


@pytest.fixture(params=PROBLEMS)
def problem(request):
    return PROBLEMS[request.param]


def assert_same(sample, expected):
    for got, wanted in zip(sample, expected, strict=True):
        assert got.dtype == wanted.dtype
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("batch_size", [999, BLOCK // 4, BLOCK, BLOCK + 1, 2 * BLOCK, N, 2 * N])
def test_batches_put_together_are_the_sample(problem, batch_size):
    Xs, ys = zip(*problem.batches(N, batch_size, 7), strict=True)
    assert [len(X) for X in Xs[:-1]] == [batch_size] * (len(Xs) - 1)
    assert 0 < len(Xs[-1]) <= batch_size
    assert_same((np.concatenate(Xs), np.concatenate(ys)), problem.sample(N, 7))


def test_single_rows_put_together_are_the_sample():
    problem = spiral_problem()
    Xs, ys = zip(*problem.batches(50, 1, 7), strict=True)
    assert_same((np.concatenate(Xs), np.concatenate(ys)), problem.sample(50, 7))


def test_single_precision_and_the_test_split_stream_too(problem):
    options = {"dtype": np.float32, "split": "test"}
    Xs, ys = zip(*problem.batches(N, 5000, 7, **options), strict=True)
    assert Xs[0].dtype == np.float32
    assert_same((np.concatenate(Xs), np.concatenate(ys)), problem.sample(N, 7, **options))


@pytest.mark.parametrize("n_jobs", [2, 3])
def test_threads_draw_the_same_sample(problem, n_jobs):
    assert_same(problem.sample(N, 7, n_jobs=n_jobs), problem.sample(N, 7))


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
    """Five million points are 120 MB; a stream of them holds no more than one of 200,000."""
    assert peak_memory(5 * 10**6, batch_size) < peak_memory(2 * 10**5, batch_size) + 10**6
