"""The strategies draw and shrink as documented, and the library's laws hold for what they draw."""

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import find as hypothesis_find
from hypothesis import strategies as st

from toymanifold import Ball, Problem, Shells, Spiral, UniformSphere, concentric_spheres_problem, spiral_problem
from toymanifold.strategies import (
    Dataset,
    concentric_spheres_problems,
    datasets,
    densities,
    embeddings,
    problems,
    sample_sizes,
    scales,
    seeds,
    sphere_problems,
    spiral_problems,
    spirals,
)
from toymanifold.streams import BLOCK

quick = settings(deadline=None, max_examples=settings().max_examples * 3 // 5)
# Without a database, whose examples count as shrunk already.
from_scratch = settings(database=None, max_examples=2_000, report_multiple_bugs=False)
dtypes = st.sampled_from([np.float64, np.float32])


def find(strategy, condition=lambda _: True):
    """Find the simplest."""
    return hypothesis_find(strategy, condition, settings=from_scratch)


def reach(strategy, condition=lambda _: True):
    """Find any."""
    return hypothesis_find(strategy, condition, settings=settings(from_scratch, phases=[Phase.generate]))


def is_off_the_origin(X):
    return np.linalg.norm(X.mean(axis=0)) > 5 * X.std(axis=0).max()


def regions(dimension):
    pairs = st.tuples(scales(), st.floats(1.01, 10))
    shells = pairs.map(lambda pair: Shells(dimension, pair[0], pair[0] * pair[1]))
    balls = st.builds(Ball, st.just(dimension), scales())
    return balls | shells | spirals() if dimension == 2 else balls | shells


region_problems = st.integers(1, 5).flatmap(
    lambda dimension: st.builds(Problem, regions(dimension), densities(dimension), embeddings(dimension))
)


@quick
@given(problems(), sample_sizes(), sample_sizes(0), seeds(), dtypes)
def test_any_problem_is_nested_and_labelled_by_its_target(problem, n_samples, n_more, seed, dtype):
    X, y = problem.sample(n_samples + n_more, seed, dtype=dtype)
    head, labels = problem.sample(n_samples, seed, dtype=dtype)
    np.testing.assert_array_equal(X[:n_samples], head)
    np.testing.assert_array_equal(y[:n_samples], labels)
    assert np.isfinite(problem.log_density(X)).all()
    if problem.flip_probability == problem.noise == 0:
        np.testing.assert_array_equal(y, problem.label(X))  # to the bit: all rows at once, within one block


@settings(deadline=None, max_examples=settings().max_examples * 3 // 20)
@given(problems(), sample_sizes(BLOCK - 1, BLOCK + 1), seeds())
def test_samples_are_nested_across_the_seam_of_blocks(problem, n_samples, seed):
    X, y = problem.sample(n_samples, seed)
    more_X, more_y = problem.sample(BLOCK + 2, seed)
    np.testing.assert_array_equal(more_X[:n_samples], X)
    np.testing.assert_array_equal(more_y[:n_samples], y)


@quick
@given(region_problems, sample_sizes(), seeds())
def test_the_sign_of_the_distance_is_the_side_of_the_boundary_in_any_embedding(problem, n_samples, seed):
    X, y = problem.sample(n_samples, seed)
    distance = problem.signed_distance(X)
    inside = problem.target.contains(problem.embedding.project(X))
    assert (distance[inside] <= 0).all()
    assert (distance[~inside] >= 0).all()
    assert np.isfinite(problem.log_density(X)).all()
    if getattr(problem.target, "arms", 1) == 1:
        np.testing.assert_array_equal(inside, y == 1)


@quick
@given(spirals(turns=st.floats(0.06, 1)))
def test_a_spiral_of_few_turns_is_filtered_not_refused(spiral):
    assert spiral.band < spiral.turns
    assert 0 < spiral.tip <= 2 * math.pi * (spiral.turns - spiral.band)


def test_the_simplest_are_as_documented():
    assert find(seeds()) == 0
    assert find(sample_sizes(3)) == 3
    assert find(scales()) == 1.0
    assert find(spirals()) == Spiral(turns=1.0)
    assert find(embeddings(2)).dimension == 2
    assert find(datasets()) == Dataset(concentric_spheres_problem(dimension=2, outer=2.0), n_samples=1, seed=0)


def test_the_simplest_spiral_problem_is_the_default_with_one_turn():
    simplest, default = find(spiral_problems()), spiral_problem(turns=1.0)
    np.testing.assert_array_equal(simplest.density.centers, default.density.centers)
    assert replace(simplest, density=default.density) == default


def test_the_simplest_sphere_problem_is_the_unit_disc():
    simplest = find(sphere_problems())
    assert simplest.target == Ball(dimension=2, radius=1.0)
    assert simplest.flip_probability == 0


@pytest.mark.parametrize("threshold", [7, BLOCK, BLOCK + 1])
def test_sizes_shrink_to_the_threshold_of_a_fault(threshold):
    assert find(sample_sizes(max_size=3 * BLOCK), lambda n_samples: n_samples >= threshold) == threshold


def test_a_part_shrinks_while_another_stays():
    small, drawn = concentric_spheres_problem(dimension=2, outer=2.0), datasets(problems=concentric_spheres_problems())
    assert find(drawn, lambda dataset: dataset.n_samples > 20) == Dataset(small, n_samples=21, seed=0)


@pytest.mark.parametrize(
    ("strategy", "corner"),
    [
        (problems(), lambda problem: isinstance(problem.target, Spiral) and problem.target.arms > 1),
        (problems(), lambda problem: problem.embedding is not None and problem.embedding.nuisance_scale > 0),
        (problems(), lambda problem: problem.task == "regression" and problem.noise > 0),
        (problems(), lambda problem: problem.dimension > 4 and 0.1 < problem.flip_probability < 0.5),
        (spirals(), lambda spiral: spiral.turns < 0.5),
        (spirals(), lambda spiral: spiral.tip == 2 * math.pi * (spiral.turns - spiral.band)),
        (scales(), lambda length: length < 0.01),
        (scales(), lambda length: length > 100),
        (seeds(), lambda seed: seed >= 2**31),
        (sample_sizes(max_size=2 * BLOCK), lambda n_samples: n_samples == BLOCK + 1),
        (sample_sizes(max_size=4 * BLOCK), lambda n_samples: n_samples > 2 * BLOCK),
        (densities(3), lambda density: isinstance(density, UniformSphere) and len(density.radii) == 3),
        (densities(2), lambda density: is_off_the_origin(density.sample(100, 0))),
    ],
)
def test_corners_are_reached(strategy, corner):
    assert corner(reach(strategy, corner))


@pytest.mark.parametrize("name", ["UniformBox", "UniformBall", "UniformSphere", "GaussianMixture", "SpiralBands"])
def test_every_density_is_reached(name):
    reach(spiral_problems(), lambda problem: type(problem.density).__name__ == name)


@pytest.mark.parametrize("target", ["linear", "quadratic", "harmonic", "random"])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_every_part_can_be_replaced(task, target):
    drawn = reach(sphere_problems(tasks=st.just(task), targets=st.just(target), dimensions=st.just(4)))
    assert drawn.dimension == 4
    assert drawn.task == task


@pytest.mark.parametrize(
    ("call", "named", "error"),
    [
        (lambda: sample_sizes(-1), "'min_size' parameter of sample_sizes", ValueError),
        (lambda: sample_sizes(5, 4), "'max_size' parameter of sample_sizes", ValueError),
        (lambda: sample_sizes(max_size=10.0), "'max_size' parameter of sample_sizes", TypeError),
        (lambda: scales(-1), "'decades' parameter of scales", ValueError),
        (lambda: densities(0), "'dimension' parameter of densities", ValueError),
        (lambda: densities(2, lengths=1.0), "'lengths' parameter of densities", TypeError),
        (lambda: embeddings("2"), "'n_directions' parameter of embeddings", TypeError),
        (lambda: spirals(turns=4.0), "'turns' parameter of spirals", TypeError),
        (lambda: spiral_problems(densities="bands"), "'densities' parameter of spiral_problems", TypeError),
        (lambda: sphere_problems(noises=0.1), "'noises' parameter of sphere_problems", TypeError),
        (lambda: problems(dimensions=3), "'dimensions' parameter of problems", TypeError),
        (lambda: datasets(problems=spiral_problem()), "'problems' parameter of datasets", TypeError),
        (lambda: reach(spiral_problems(dimensions=st.just(1))), "'dimension' parameter of spiral_problem", ValueError),
    ],
)
def test_a_bad_argument_is_refused_by_name(call, named, error):
    with pytest.raises(error, match=f"The {named} must be"):
        call()


def test_a_failing_example_prints_as_the_call_that_builds_it():
    @settings(database=None, deadline=None, phases=[Phase.generate, Phase.shrink], print_blob=False)
    @given(dataset=datasets(problems=spiral_problems(dimensions=st.just(3))))
    def fails(dataset):
        assert len(dataset.X) < 5

    with pytest.raises(AssertionError) as caught:
        fails()
    printed = "".join(caught.value.__notes__)
    names = {"Dataset": Dataset, "spiral_problem": spiral_problem, "fails": lambda dataset: dataset}
    again = eval(printed[printed.index("fails(") :], names)
    assert (again.n_samples, again.seed) == (5, 0)
    np.testing.assert_array_equal(again.X, Dataset(spiral_problem(turns=1.0, dimension=3), 5, 0).X)


def test_without_hypothesis_the_import_says_what_to_install():
    program = "import sys; sys.modules['hypothesis'] = None; import toymanifold, toymanifold.strategies"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.stderr.strip().endswith("ImportError: toymanifold.strategies needs Hypothesis: pip install hypothesis")
