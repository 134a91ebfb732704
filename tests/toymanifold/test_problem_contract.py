"""The contract of `toymanifold.Problem`, kept by the problems of every builder."""

import pickle
from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toymanifold import (
    UniformBall,
    concentric_spheres_problem,
    gaussian_problem,
    modular_problem,
    sphere_problem,
    spiral_problem,
    streams,
)
from toymanifold.protocols import TASKS
from toymanifold.strategies import seeds

BLOCK = 100

PROBLEMS = {
    "spiral": spiral_problem(),
    "spiral, uniform": spiral_problem(density="uniform", turns=2, radius=3.0),
    "spiral, bands": spiral_problem(density="bands"),
    "spiral, density of one's own": spiral_problem(density=UniformBall()),
    "spiral, plane in 5 dimensions": spiral_problem(dimension=5),
    "spiral, nuisance": spiral_problem(density="uniform", dimension=4, nuisance_scale=0.5),
    "spiral, mirrored": spiral_problem(turns=2, mirrored=True),
    "spiral, flipped labels": spiral_problem(flip_probability=0.1),
    "arms": spiral_problem(arms=3, density="uniform"),
    "arms, every option": spiral_problem(
        arms=3, density="bands", dimension=4, nuisance_scale=0.5, flip_probability=0.3, problem_seed=1
    ),
    "arms with gaps": spiral_problem(arms=2, turns=2, fill=0.25, density="bands", start=0.5),
    "ball": sphere_problem(dimension=7),
    "ball, flipped labels": sphere_problem(flip_probability=0.1, ambient_dimension=5),
    "sphere, noise": sphere_problem(target="linear", task="regression", noise=0.5, ambient_dimension=5),
    "sphere, flipped labels": sphere_problem(target="quadratic", flip_probability=0.1),
    "concentric spheres": concentric_spheres_problem(dimension=20),
    "concentric spheres, flipped labels": concentric_spheres_problem(flip_probability=0.1),
    "gaussian, noise": gaussian_problem(noise=0.5),
    "gaussian, turned": gaussian_problem(cosine=-0.3),
    "gaussian, flipped labels": gaussian_problem(task="classification", flip_probability=0.1),
}
PROBLEMS |= {
    f"{target}, {task}": sphere_problem(dimension=4, target=target, task=task, degree=3)
    for target, task in product(("linear", "quadratic", "harmonic", "joint-turns", "cyclic-turns", "random"), TASKS)
}
PROBLEMS |= {
    f"{function}, {task}": gaussian_problem(function=function, task=task)
    for function, task in product(("linear", "product", "low-rank"), TASKS)
}
PROBLEMS |= {
    f"modular, {operation}": modular_problem(operation=operation) for operation in ("add", "subtract", "multiply")
}


@pytest.fixture(autouse=True, scope="module")
def _small_blocks():
    """Make blocks so small that a few hundred rows fill several; the battery checks blocks of full size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "BLOCK", BLOCK)
        yield


@pytest.fixture(scope="module", params=PROBLEMS)
def problem(request):
    return PROBLEMS[request.param]


sizes = st.integers(1, 2 * BLOCK + 1) | st.sampled_from([BLOCK - 1, BLOCK, BLOCK + 1])
options = st.fixed_dictionaries(
    {"split": st.sampled_from(["train", "test"]), "dtype": st.sampled_from([np.float64, np.float32])}
)
a_few = settings(max_examples=settings().max_examples // 10, deadline=None)


def assert_same(sample, expected):
    for got, wanted in zip(sample, expected, strict=True):
        assert got.dtype == wanted.dtype
        np.testing.assert_array_equal(got, wanted)


def test_points_and_labels_have_their_shapes_and_types(problem):
    n_classes = problem.target.n_classes
    for split, dtype in product(("train", "test"), (np.float64, np.float32)):
        X, y = problem.sample(300, 0, split=split, dtype=dtype)
        assert (X.shape, X.dtype) == ((300, problem.dimension), dtype)
        assert np.isfinite(X).all()
        assert (y.shape, y.dtype) == ((300,), np.float64 if n_classes is None else np.int64)
        assert n_classes is None or set(y) <= set(range(n_classes))


def test_the_task_is_that_of_the_labels(problem):
    assert problem.task == ("regression" if problem.target.n_classes is None else "classification")
    assert problem.task == getattr(problem.target, "task", problem.task)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_labels_without_noise_are_those_of_the_points_as_returned(problem, dtype):
    noise_free = replace(problem, flip_probability=0.0, noise=0.0)
    X, y = noise_free.sample(300, 0, dtype=dtype)
    np.testing.assert_array_equal(noise_free.label(X), y)
    noisy = problem.sample(300, 0, dtype=dtype)
    np.testing.assert_array_equal(noisy[0], X)  # label noise moves no point
    assert np.array_equal(noisy[1], y) == (problem.flip_probability == problem.noise == 0)


def test_float32_points_are_the_float64_points_rounded(problem):
    np.testing.assert_array_equal(
        problem.sample(300, 0, dtype=np.float32)[0], problem.sample(300, 0)[0].astype(np.float32)
    )


@a_few
@given(n_samples=sizes, n_more=sizes, seed=seeds(), options=options)
def test_samples_are_nested(problem, n_samples, n_more, seed, options):
    X, y = problem.sample(n_samples + n_more, seed, **options)
    assert_same(problem.sample(n_samples, seed, **options), (X[:n_samples], y[:n_samples]))


@a_few
@given(n_samples=sizes, batch_size=sizes, seed=seeds(), options=options)
def test_batches_concatenated_are_the_sample(problem, n_samples, batch_size, seed, options):
    Xs, ys = zip(*problem.batches(n_samples, batch_size, seed, **options), strict=True)
    assert [len(X) for X in Xs[:-1]] == [batch_size] * (len(Xs) - 1)
    assert 0 < len(Xs[-1]) <= batch_size
    assert_same((np.concatenate(Xs), np.concatenate(ys)), problem.sample(n_samples, seed, **options))


def test_the_sample_does_not_depend_on_the_number_of_threads(problem):
    for n_jobs in (2, 5):
        assert_same(problem.sample(3 * BLOCK + 5, 7, n_jobs=n_jobs), problem.sample(3 * BLOCK + 5, 7))


def test_no_test_point_is_a_training_point(problem):
    train, test = (
        {tuple(x) for seed in range(3) for x in problem.sample(500, seed, split=split)[0]}
        for split in ("train", "test")
    )
    assert not train & test


def test_an_int_repeats_a_sample_and_another_int_does_not(problem):
    X, y = problem.sample(200, 0)
    assert_same(problem.sample(200, np.int64(0)), (X, y))
    assert not np.array_equal(problem.sample(200, 1)[0], X)


def test_a_random_generator_repeats_from_its_state_and_is_advanced(problem):
    for make in (np.random.default_rng, np.random.RandomState):
        source = make(0)
        first, second = problem.sample(100, source), problem.sample(100, source)
        assert_same(problem.sample(100, make(0)), first)
        assert not np.array_equal(first[0], second[0])


BAD_ARGUMENTS = [
    {"random_state": -1},
    {"random_state": np.random.SeedSequence(0)},
    {"n_samples": 0},
    {"n_samples": 2.5},
    {"split": "validation"},
    {"dtype": "int32"},
    {"dtype": None},
]


@pytest.mark.parametrize("name", ["spiral", "modular, add"])
def test_a_bad_argument_raises_by_name(name):
    """Before anything is drawn: batches raise when they are asked for, not when the first is taken."""
    problem = PROBLEMS[name]
    calls = [(partial(problem.sample, n_samples=5), bad) for bad in [*BAD_ARGUMENTS, {"n_jobs": 0}]]
    calls += [(partial(problem.batches, n_samples=5, batch_size=2), bad) for bad in [*BAD_ARGUMENTS, {"batch_size": 0}]]
    for call, bad in calls:
        with pytest.raises((TypeError, ValueError), match=f"The '{next(iter(bad))}' parameter of "):
            call(**bad)


def test_without_a_seed_the_global_generator_is_left(problem):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    assert not np.array_equal(problem.sample(100)[0], problem.sample(100)[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_a_pickled_problem_draws_the_same_sample(problem):
    assert_same(pickle.loads(pickle.dumps(problem)).sample(100, 3), problem.sample(100, 3))


def test_the_log_density_is_finite_at_the_points_of_a_sample(problem):
    X, _ = problem.sample(500, 0)
    log_density = problem.log_density(X)
    assert log_density.shape == (500,)
    assert np.isfinite(log_density).mean() > 0.99  # rounding puts a point of the bands outside, now and then


REGIONS = {name: problem for name, problem in PROBLEMS.items() if hasattr(problem.target, "contains")}


@pytest.mark.parametrize("name", REGIONS)
def test_the_signed_distance_agrees_with_the_region_and_its_boundary(name):
    problem, region = REGIONS[name], REGIONS[name].target
    X, _ = problem.sample(500, 0)
    own = X if problem.embedding is None else problem.embedding.project(X)
    distance, inside = problem.signed_distance(X), region.contains(own)
    assert (distance[inside] <= 0).all()
    assert (distance[~inside] >= 0).all()
    boundary = region.boundary(100)
    assert boundary.shape == (100, region.dimension)
    assert np.abs(region.signed_distance(boundary)).max() < 1e-12 * region.radius
    assert region.intrinsic_dimension == region.dimension - 1


@pytest.mark.parametrize("name", sorted(PROBLEMS.keys() - REGIONS.keys()))
def test_other_targets_have_no_signed_distance(name):
    with pytest.raises(TypeError, match="needs a target that is a Region"):
        PROBLEMS[name].signed_distance(np.ones((1, PROBLEMS[name].dimension)))
