"""Problems and the generators that open onto them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from toymanifold import Problem, Spiral, UniformBox, make_sphere, make_spiral, sphere_problem, spiral_problem
from toymanifold.streams import BLOCK

PROBLEMS = [spiral_problem(), spiral_problem(density="uniform", turns=2, radius=3.0), sphere_problem(dimension=7)]
MAKERS = [make_spiral, make_sphere]


@pytest.mark.parametrize("problem", PROBLEMS)
@given(short=st.integers(1, 2 * BLOCK), longer=st.integers(0, BLOCK), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_samples_are_nested(problem, short, longer, seed):
    X, y = problem.sample(short + longer, seed)
    head, head_labels = problem.sample(short, seed)
    np.testing.assert_array_equal(X[:short], head)
    np.testing.assert_array_equal(y[:short], head_labels)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_labels_are_the_oracle_without_noise(problem):
    X, y = problem.sample(5000, 0)
    np.testing.assert_array_equal(problem.label(X), y)
    assert set(y) == {0, 1}
    assert (X.dtype, y.dtype) == (np.float64, np.int64)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_test_points_are_no_training_points(problem):
    train = {tuple(x) for seed in range(5) for x in problem.sample(2000, seed)[0]}
    test = {tuple(x) for seed in range(5) for x in problem.sample(2000, seed, split="test")[0]}
    assert not train & test
    assert len(train) == len(test) == 10_000


def test_seeds_are_independent():
    """No replay: the same row of two seeds, and neighbouring rows of one, are uncorrelated."""
    problem = spiral_problem(density="uniform")
    one, other = (problem.sample(20_000, seed)[0] for seed in (0, 1))
    pairs = [(one[:, 0], other[:, 0]), (one[:, 0], one[:, 1]), (one[:-1, 0], one[1:, 0])]
    for a, b in pairs:
        assert abs(stats.spearmanr(a, b).statistic) < 4.5 / math.sqrt(20_000)


def test_sampling_leaves_the_global_generator():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    spiral_problem().sample(100)
    make_sphere(100, random_state=0)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_generators_advance_a_generator_and_a_random_state():
    for make in (np.random.default_rng, np.random.RandomState):
        source = make(0)
        first, second = (make_spiral(10, random_state=source)[0] for _ in range(2))
        assert not np.isclose(first, second).any()
        np.testing.assert_array_equal(make_spiral(10, random_state=make(0))[0], first)


@pytest.mark.parametrize("dimension", [2, 3, 50, 500])
def test_sphere_is_balanced_in_any_dimension(dimension):
    _, y = make_sphere(4000, dimension=dimension, radius=2.0, random_state=0)
    assert abs(y.mean() - 0.5) < 4.5 * 0.5 / math.sqrt(4000)


def test_spiral_is_neither_rare_nor_everywhere():
    _, y = make_spiral(20_000, random_state=0)
    assert 0.2 < y.mean() < 0.5


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    ("n_samples", "error"), [(0, ValueError), (-3, ValueError), (2.5, TypeError), ("9", TypeError)]
)
def test_a_bad_n_samples_is_refused_in_the_name_of_the_generator(make, n_samples, error):
    with pytest.raises(error, match=f"The 'n_samples' parameter of {make.__name__} must be an int in"):
        make(n_samples)


@pytest.mark.parametrize("make", MAKERS)
def test_one_sample_is_a_sample(make):
    X, y = make(1, random_state=0)
    assert len(X) == len(y) == 1


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda: make_sphere(dimension=1), "dimension"),
        (lambda: make_sphere(radius=math.nan), "radius"),
        (lambda: make_spiral(turns=math.nan), "turns"),
        (lambda: make_spiral(density="gaussian"), "density"),
        (lambda: make_spiral(random_state=-1), "random_state"),
        (lambda: Problem(Spiral(), UniformBox(3)), "density"),
        (lambda: spiral_problem().sample(5, 0, split="validation"), "split"),
    ],
)
def test_a_bad_argument_is_refused_by_name(build, named):
    with pytest.raises(ValueError, match=f"The '{named}' parameter of"):
        build()
