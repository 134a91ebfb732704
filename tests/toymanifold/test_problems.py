"""Problems and the generators that open onto them."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score

from toymanifold import (
    Problem,
    Spiral,
    UniformBox,
    concentric_spheres_problem,
    make_concentric_spheres,
    make_sphere,
    make_spiral,
    sphere_problem,
    spiral_problem,
)
from toymanifold.streams import BLOCK

PROBLEMS = [
    spiral_problem(),
    spiral_problem(density="uniform", turns=2, radius=3.0),
    spiral_problem(arms=3, density="bands", dimension=4, nuisance_scale=0.5),
    sphere_problem(dimension=7),
    sphere_problem(dimension=4, target="harmonic", degree=3),
    sphere_problem(dimension=4, target="quadratic", task="regression"),
    concentric_spheres_problem(dimension=20),
]
NOISY = [
    spiral_problem(flip_probability=0.1),
    spiral_problem(arms=4, flip_probability=0.3),
    sphere_problem(target="linear", task="regression", noise=0.5),
    sphere_problem(target="random"),
    sphere_problem(target="random", task="regression"),
]
MAKERS = [make_spiral, make_sphere, make_concentric_spheres]


@pytest.mark.parametrize("problem", [*PROBLEMS, *NOISY])
@given(short=st.integers(1, 2 * BLOCK), longer=st.integers(0, BLOCK), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=settings().max_examples // 12, deadline=None)
def test_samples_are_nested(problem, short, longer, seed):
    X, y = problem.sample(short + longer, seed)
    head, head_labels = problem.sample(short, seed)
    np.testing.assert_array_equal(X[:short], head)
    np.testing.assert_array_equal(y[:short], head_labels)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_labels_are_the_oracle_without_noise(problem):
    X, y = problem.sample(5000, 0)
    np.testing.assert_array_equal(problem.label(X), y)
    n_classes = problem.target.n_classes
    assert (X.dtype, y.dtype) == (np.float64, np.float64 if n_classes is None else np.int64)
    assert n_classes is None or set(y) == set(range(n_classes))


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


@pytest.mark.parametrize("problem", [*PROBLEMS, *NOISY])
@given(
    n_samples=st.integers(1, 3 * BLOCK), batch_size=st.integers(1000, 2 * BLOCK), dtype=st.sampled_from(["f4", "f8"])
)
@settings(max_examples=settings().max_examples // 20, deadline=None)
def test_batches_put_together_are_the_sample(problem, n_samples, batch_size, dtype):
    X, y = problem.sample(n_samples, 3, dtype=dtype)
    batches = list(problem.batches(n_samples, batch_size, 3, dtype=dtype))
    assert [len(part) for part, _ in batches[:-1]] == [batch_size] * (len(batches) - 1)
    np.testing.assert_array_equal(np.vstack([part for part, _ in batches]), X)
    np.testing.assert_array_equal(np.concatenate([part for _, part in batches]), y)


@pytest.mark.parametrize("problem", [*PROBLEMS, *NOISY])
def test_sample_does_not_depend_on_the_number_of_threads(problem):
    X, y = problem.sample(3 * BLOCK + 5, 7)
    for n_jobs in (2, 5):
        again, labels = problem.sample(3 * BLOCK + 5, 7, n_jobs=n_jobs)
        np.testing.assert_array_equal(X, again)
        np.testing.assert_array_equal(y, labels)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_float32_is_the_sample_rounded_and_labelled_as_rounded(problem):
    X, _ = problem.sample(2000, 0)
    single, y = problem.sample(2000, 0, dtype=np.float32)
    np.testing.assert_array_equal(single, X.astype(np.float32))
    np.testing.assert_array_equal(problem.label(single), y)


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


@pytest.mark.parametrize("noisy", NOISY)
def test_label_noise_moves_no_point(noisy):
    clean = replace(noisy, flip_probability=0.0, noise=0.0)
    np.testing.assert_array_equal(noisy.sample(1000, 0)[0], clean.sample(1000, 0)[0])
    assert not np.array_equal(noisy.sample(1000, 0)[1], clean.sample(1000, 0)[1])


def test_random_labels_depend_on_nothing():
    X, y = sphere_problem(target="random", dimension=5).sample(20_000, 0)
    _, value = sphere_problem(target="random", dimension=5, task="regression").sample(20_000, 0)
    assert abs(y.mean() - 0.5) < 4.5 * 0.5 / math.sqrt(20_000)
    assert stats.kstest(value, "norm").pvalue > 1e-4
    correlation = stats.spearmanr(np.column_stack([X, y, value])).statistic
    assert np.abs(correlation[:5, 5:]).max() < 4.5 / math.sqrt(20_000)


def test_the_linear_target_is_linear_and_others_are_not():
    fits = {}
    for target in ("linear", "quadratic", "harmonic"):
        X, y = make_sphere(2000, dimension=6, target=target, degree=3, task="regression", random_state=0)
        fits[target] = LinearRegression().fit(X, y).score(X, y)
    assert fits["linear"] == pytest.approx(1)
    assert max(fits["quadratic"], fits["harmonic"]) < 0.1


@pytest.mark.parametrize("make", MAKERS)
def test_a_generator_returns_its_problem_and_frames_when_asked(make):
    X, y, problem = make(50, return_problem=True, random_state=0)
    np.testing.assert_array_equal(problem.label(X), y)
    frame, series = make(50, as_frame=True, random_state=0)
    assert list(frame.columns) == [f"x{i}" for i in range(X.shape[1])]
    np.testing.assert_array_equal(frame.to_numpy(), X)
    np.testing.assert_array_equal(series.to_numpy(), y)


def test_a_target_without_a_boundary_has_no_distance():
    with pytest.raises(TypeError, match="Harmonic is no region"):
        sphere_problem(target="linear").signed_distance(np.ones((1, 3)))


DIFFICULTY = {
    "spiral": (lambda: make_spiral(1000, random_state=0), 2.0, 0.97),
    "spiral in 5 dimensions": (lambda: make_spiral(1000, dimension=5, random_state=0), 1.4, 0.97),
    "4 arms": (lambda: make_spiral(1000, arms=4, density="uniform", turns=2, random_state=0), 1.4, 0.97),
    "sphere": (lambda: make_sphere(1000, dimension=5, random_state=0), 1.4, 0.97),
    "harmonic": (lambda: make_sphere(1000, target="harmonic", degree=3, random_state=0), 2.0, 0.97),
    "concentric spheres": (lambda: make_concentric_spheres(1000, dimension=20, random_state=0), 1.2, 0.97),
}


@pytest.mark.parametrize("name", DIFFICULTY)
def test_a_forest_learns_something_and_not_everything(name):
    """Balanced within bounds; the dummy errs `factor` times as often as a forest, which stays below `ceiling`."""
    make, factor, ceiling = DIFFICULTY[name]
    X, y = make()
    shares = np.bincount(y) / len(y)
    assert shares.min() > 0.4 / len(shares)
    forest, dummy = (
        cross_val_score(model, X, y, cv=4).mean()
        for model in (RandomForestClassifier(100, random_state=0), DummyClassifier())
    )
    assert (1 - dummy) > factor * (1 - forest)
    assert forest < ceiling


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
        (lambda: make_spiral(density=3), "density"),
        (lambda: make_spiral(random_state=-1), "random_state"),
        (lambda: Problem(Spiral(), UniformBox(3)), "density"),
        (lambda: spiral_problem().sample(5, 0, split="validation"), "split"),
        (lambda: spiral_problem().sample(5, 0, dtype="int32"), "dtype"),
        (lambda: spiral_problem().sample(5, 0, dtype=None), "dtype"),
        (lambda: spiral_problem().sample(5, 0, n_jobs=0), "n_jobs"),
        (lambda: spiral_problem().batches(5, 0), "batch_size"),
        (lambda: make_spiral(arms=0), "arms"),
        (lambda: make_spiral(flip_probability=1.1), "flip_probability"),
        (lambda: make_spiral(problem_seed=-1), "problem_seed"),
        (lambda: make_sphere(target="cubic"), "target"),
        (lambda: make_sphere(target="harmonic", degree=0), "degree"),
        (lambda: make_sphere(task="regression"), "task"),
        (lambda: make_sphere(noise=-1.0, target="linear", task="regression"), "noise"),
        (lambda: make_sphere(noise=1.0), "noise"),
        (lambda: make_sphere(target="random", noise=1.0), "noise"),
        (lambda: make_sphere(target="linear", task="regression", flip_probability=0.1), "flip_probability"),
        (lambda: make_concentric_spheres(dimension=1), "dimension"),
        (lambda: make_concentric_spheres(inner=2.0, outer=1.0), "outer"),
    ],
)
def test_a_bad_argument_is_refused_by_name(build, named):
    with pytest.raises(ValueError, match=f"The '{named}' parameter of"):
        build()
