import random
import sys
import zlib
from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.datasets import load_iris, make_moons

from toymanifold import (
    Ball,
    DataProblem,
    Problem,
    UniformBox,
    concentric_spheres_problem,
    gaussian_problem,
    modular_problem,
    sphere_problem,
    spiral_problem,
)
from toymanifold.checks import PROBLEM_CHECKS, check_problem
from toymanifold.checks.problems import line_places

try:
    import torch
except ModuleNotFoundError:  # as with the oldest numpy
    torch = None

DISC, BOX = Ball(dimension=2), UniformBox(dimension=2)


def in_this_process(problem):
    """Change a problem so that it cannot be pickled: another process would spend seconds on imports."""
    vars(problem)["lock"] = lambda: None
    return problem


def verdicts(problem, max_samples=3000):
    results = check_problem(in_this_process(problem), max_samples=max_samples, on_fail=None)
    return {result.check: result.status for result in results}


def named(status, found):
    return {check for check, verdict in found.items() if verdict == status}


def seeded(change):
    """Return a problem whose random_state passes through `change`."""

    class Spoilt(Problem):
        def sample(self, n_samples, random_state=None, **options):
            return super().sample(n_samples, change(random_state), **options)

    return Spoilt(DISC, BOX)


def moved(change):
    """Return a problem whose points pass through `change`, and are labelled then."""

    class Spoilt(Problem):
        def sample(self, n_samples, random_state=None, *, dtype=np.float64, **options):
            X = change(super().sample(n_samples, random_state, **options)[0]).astype(dtype)
            return X, self.label(X)

    return Spoilt(DISC, BOX)


def answered(change, problem=None):
    """Return a problem whose ``(X, y)`` passes through ``change(X, y, arguments)``."""

    class Spoilt(type(problem or Problem(DISC, BOX))):
        def sample(self, n_samples, random_state=None, **options):
            arguments = {"n_samples": n_samples, "random_state": random_state, **options}
            return change(*super().sample(**arguments), arguments)

    problem = problem or Problem(DISC, BOX)
    return Spoilt(**{name: vars(problem)[name] for name in (field.name for field in fields(problem))})


def aimed(**methods):
    """Return a problem whose target is a disc with some methods of its own."""
    return Problem(type("Target", (Ball,), methods)(2), BOX)


def spread(**methods):
    """Return a problem whose density is a box with some methods of its own."""
    return Problem(DISC, type("Density", (UniformBox,), methods)(2))


def values(label, **noise):
    """Return a problem of regression."""
    return Problem(type("Target", (Ball,), {"n_classes": None, "label": label})(2), BOX, **noise)


def state_or_none(random_state):
    return random_state or None


def truncated(random_state):
    return random_state % 2**16 if isinstance(random_state, int) and random_state > 0 else random_state


def not_advanced(random_state):
    return int(random_state.get_state()[1][0]) if isinstance(random_state, np.random.RandomState) else random_state


def refused_by_accident(random_state):
    if isinstance(random_state, np.random.Generator):
        raise AttributeError("no attribute 'rand'")
    return random_state


def any_seed(random_state):
    return 0 if isinstance(random_state, float | str) or random_state == -1 else random_state


def shaken(state):
    return moved(lambda X: X * (1 - 1e-9 * (zlib.crc32(str(state()).encode()) % 1000)))


def drawing(draw):
    return moved(lambda X: X if draw() is None else X + 0)


class AnyNumber(Problem):
    def sample(self, n_samples, *arguments, **options):
        return super().sample(max(1, int(n_samples)), *arguments, **options)


class Neighbouring(Problem):
    """Block i of seed s is block 0 of seed s + i."""

    def sample(self, n_samples, random_state=None, *, split="train", dtype=np.float64):
        if not isinstance(random_state, int) or not 0 <= random_state < 10 or n_samples < 1:
            return super().sample(n_samples, random_state, split=split, dtype=dtype)
        first = random_state + 1000 * (split == "test")
        blocks = [np.random.default_rng(first + i).uniform(-1, 1, (500, 2)) for i in range(-(-n_samples // 500))]
        X = np.concatenate(blocks)[:n_samples].astype(dtype)
        return X, self.label(X)


class Cached(Problem):
    def sample(self, n_samples, random_state=None, **options):
        kept = vars(self).setdefault("kept", {})
        key = n_samples, str(random_state), str(options)
        if not isinstance(random_state, int):
            return super().sample(n_samples, random_state, **options)
        return kept.setdefault(key, super().sample(n_samples, random_state, **options))


def by_columns(self, n_samples, random_state=None):
    return random_state.uniform(-1, 1, size=(2, n_samples)).T


def with_gap(self, X):
    return np.where(np.abs(X[:, 0]) < 0.97, -np.log(4), -np.inf)


def tilted(self, X):
    return np.log(np.maximum(1 + 0.9 * X[:, 0], 0)) - np.log(4)


def unnormalised(self, X):
    return UniformBox.log_density(self, X) + 0.2


def in_place(self, X):
    X *= 1.0
    return UniformBox.log_density(self, X)


def wrong_in_a_corner(X, y, arguments):
    return X, y if "dtype" in arguments else np.where(X[:, 0] > 0.95, 1 - y, y)


def flipped_too_often(X, y, arguments):
    return Problem(DISC, BOX, flip_probability=0.2).sample(**arguments)


def second_coordinate(self, X):
    return X[:, 1]


def others_in_float32(X, y, arguments):
    return Problem(DISC, BOX).sample(len(X), 7, dtype=np.float32) if "dtype" in arguments else (X, y)


def lonely(self, X):
    """Label rows by their neighbours, but only in a batch of 97."""
    return (self.contains(X) ^ (len(X) == 97)).astype(np.int64)


def nan_in_a_corner(self, X):
    return np.where(X[:, 0] > 0.9, np.nan, X[:, 1])


def of_a_smaller_disc(self, X):
    return (np.linalg.norm(X, axis=1) < 0.9).astype(np.int64)


def rescaled(factor, shift=0.0):
    return lambda self, X: factor * Ball.signed_distance(self, X) + shift


def shifted_unlabelled(X, y, _):
    return X + (y == -1)[:, None].astype(X.dtype), y


def guessed(X, y, _):
    return X, abs(y)


def reversed_unlabelled(X, y, _):
    """Return the unlabelled points in an order that depends on the number of all."""
    others = np.flatnonzero(y == -1)
    order = np.arange(len(y))
    order[others] = np.roll(others, len(y))
    return X[order], y


BROKEN = [
    ("shapes", answered(lambda X, y, _: (X.astype(np.float32), y))),
    ("shapes", answered(lambda X, y, a: (X[:-1], y[:-1]) if a.get("split") == "test" and len(X) == 97 else (X, y))),
    ("task", answered(lambda X, y, _: (X, y.astype(np.int32)))),
    ("task", Problem(Ball(2, radius=5.0), BOX)),
    ("task", aimed(n_classes=1)),
    ("finite", values(nan_in_a_corner)),
    ("same_seed", seeded(state_or_none)),
    ("seeds_bind", seeded(truncated)),
    ("random_state", seeded(not_advanced)),
    ("generator_instance", seeded(refused_by_accident)),
    ("bad_random_state", seeded(any_seed)),
    ("global_unread", shaken(random.getstate)),
    ("global_unread", shaken(lambda: np.random.get_state()[1][0])),  # noqa: NPY002
    ("global_unchanged", drawing(random.random)),
    ("global_unchanged", drawing(lambda: np.random.rand())),  # noqa: NPY002
    ("one_sample", answered(lambda X, y, _: (X, np.squeeze(y)))),
    ("bad_n_samples", AnyNumber(DISC, BOX)),
    ("nested", spread(sample=by_columns)),
    ("rows_independent", moved(lambda X: X[np.arange(len(X)) // 2 * 2])),
    ("seeds_independent", Neighbouring(DISC, BOX)),
    ("splits", answered(lambda X, y, a: Problem(DISC, BOX).sample(**{**a, "split": "train"}))),
    ("dtype", answered(others_in_float32)),
    ("labels", answered(wrong_in_a_corner)),
    ("labels", aimed(label=lonely)),
    ("labels", answered(flipped_too_often, Problem(DISC, BOX, flip_probability=0.1))),
    ("labels", answered(lambda X, y, _: (X, 2 * y - X[:, 1]), values(second_coordinate, noise=0.5))),
    ("unlabelled", answered(shifted_unlabelled, Problem(DISC, BOX, n_unlabelled=500))),
    ("unlabelled", answered(guessed, Problem(DISC, BOX, n_unlabelled=500))),
    ("unlabelled", answered(reversed_unlabelled, Problem(DISC, BOX, n_unlabelled=500))),
    ("log_density", spread(log_density=with_gap)),
    ("log_density", spread(log_density=lambda self, X: UniformBox.log_density(self, X)[:, None])),
    ("density_shape", spread(log_density=tilted)),
    ("density_total", spread(log_density=unnormalised)),
    ("signed_distance", aimed(label=of_a_smaller_disc)),
    ("signed_distance", aimed(signed_distance=rescaled(2))),
    ("signed_distance", aimed(signed_distance=rescaled(-1))),
    ("signed_distance", aimed(signed_distance=rescaled(0.5, 0.1))),
    ("read_only", spread(log_density=in_place)),
    ("read_only", Cached(DISC, BOX)),
]
if torch:
    BROKEN += [
        ("global_unread", shaken(torch.initial_seed)),
        ("global_unchanged", drawing(lambda: torch.rand(1))),
    ]


@pytest.mark.parametrize(("check", "problem"), BROKEN, ids=[f"{i}-{row[0]}" for i, row in enumerate(BROKEN)])
def test_a_broken_problem_fails_its_check_and_no_other(check, problem):
    assert named("failed", verdicts(problem)) == {check}


IRIS = DataProblem.from_data(*load_iris(return_X_y=True))
FRAME = DataProblem.from_data(pd.DataFrame({"a": range(150), "b": ["x", None, "z"] * 50}), ["in", "out", "on"] * 50)
MOONS = DataProblem.from_generator(make_moons, pool=4000, noise=0.1)


def shuffled_again(X, y, arguments):
    order = np.random.default_rng(len(X)).permutation(len(X))
    return X[order], y[order]


def as_objects(X, y, _):
    return (X.astype(object) if isinstance(X, pd.DataFrame) else X), y


BROKEN_DATA = [
    ("shapes", answered(as_objects, FRAME)),
    ("task", answered(lambda X, y, _: (X, y.astype(float)), FRAME)),
    ("nested", answered(shuffled_again, MOONS)),
    ("labels", answered(lambda X, y, _: (X, 2 - y), FRAME)),
]


@pytest.mark.parametrize(("check", "problem"), BROKEN_DATA)
def test_a_broken_data_problem_fails_its_check_and_no_other(check, problem):
    assert named("failed", verdicts(problem)) == {check}


def test_every_check_has_a_problem_that_fails_it():
    assert {check for check, *_ in BROKEN} | {"other_process"} == set(PROBLEM_CHECKS)


def test_a_problem_of_another_process_is_another_if_it_depends_on_the_hash_seed(tmp_path, monkeypatch):
    source = "from toymanifold import Problem\n\nclass Hashed(Problem):\n"
    source += "    def sample(self, n_samples, random_state=None, *, dtype=float, **options):\n"
    source += "        X = super().sample(n_samples, random_state, **options)[0] * (1 - 1e-9 * (hash('spot') % 1000))\n"
    source += "        return X.astype(dtype), self.label(X.astype(dtype))\n"
    (tmp_path / "hashed_problem.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    from hashed_problem import Hashed

    results = check_problem(Hashed(DISC, BOX), max_samples=3000, on_fail=None)
    del sys.modules["hashed_problem"]
    assert {result.check for result in results if result.status == "failed"} == {"other_process"}


NO_TARGET = {"dtype", "log_density", "density_shape", "density_total", "signed_distance"}
NO_VOLUME = {"density_total", "signed_distance"}
OWN = {
    "spiral": (spiral_problem(n_unlabelled=500), set()),
    "bands": (spiral_problem(density="bands", arms=3, start=0.5, n_unlabelled=500), set()),
    "nuisance": (spiral_problem(dimension=4, nuisance_scale=0.5, flip_probability=0.1), set()),
    "plane": (spiral_problem(density="uniform", dimension=5), set()),
    "ball": (sphere_problem(dimension=7), {"density_total"}),
    "sphere": (sphere_problem(target="harmonic", task="regression", noise=0.5), NO_VOLUME),
    "spheres": (concentric_spheres_problem(dimension=5), {"density_total"}),
    "gaussian": (gaussian_problem(noise=0.5), NO_VOLUME),
    "iris": (IRIS, NO_TARGET | {"rows_independent", "seeds_independent"}),
    "frame": (FRAME, NO_TARGET | {"rows_independent", "seeds_independent"}),
    "moons": (MOONS, NO_TARGET),
}


@pytest.mark.parametrize("name", OWN)
def test_own_problems_pass_all_that_applies(name):
    problem, skipped = OWN[name]
    found = verdicts(replace(problem), max_samples=17_000)
    assert not named("failed", found)
    unlabelled = set() if problem.n_unlabelled else {"unlabelled"}
    assert named("skipped", found) - {"other_process"} == skipped | unlabelled


def test_a_finite_table_of_points_passes_up_to_its_training_rows():
    assert not named("failed", verdicts(modular_problem(), max_samples=700))


def test_a_problem_passes_in_another_process():
    results = {result.check: result.status for result in check_problem(MOONS, max_samples=1000)}
    assert results["other_process"] == "passed"


@pytest.mark.parametrize("seed", range(3))
def test_places_on_a_line_are_uniform_for_the_density_and_not_for_another(seed):
    density, rng = spiral_problem().density, np.random.default_rng(seed)
    X, others = density.sample(10_000, rng), density.sample(100, rng)
    assert stats.kstest(line_places(density.log_density, X, others), "uniform").pvalue > 1e-3
    wider = replace(density, scale=1.5 * density.scale)
    assert stats.kstest(line_places(wider.log_density, X, others), "uniform").pvalue < 1e-6


def test_all_failures_are_raised_at_once_and_expected_ones_are_not():
    problem = in_this_process(spread(log_density=unnormalised))
    with pytest.raises(AssertionError, match=r"Problem fails 1 of 25 checks\n  density_total: 0\.6"):
        check_problem(problem, max_samples=3000)
    results = check_problem(problem, max_samples=3000, expected_failed_checks={"density_total": "up to a factor"})
    found = {result.check: result for result in results}["density_total"]
    assert found.status == "expected"
    assert found.reason.startswith("up to a factor (0.6")


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ({"problem": make_moons}, TypeError),
        ({"on_fail": "warn"}, ValueError),
        ({"expected_failed_checks": {"shape": ""}}, ValueError),
        ({"max_samples": 9}, ValueError),
    ],
)
def test_bad_arguments_are_refused_by_name(bad, error):
    with pytest.raises(error, match=f"'{next(iter(bad))}' parameter of check_problem"):
        check_problem(**{"problem": IRIS, **bad})
