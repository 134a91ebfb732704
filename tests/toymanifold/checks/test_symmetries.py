from dataclasses import replace

import numpy as np
import pytest

from toymanifold import (
    Antipodal,
    Ball,
    CyclicShifts,
    CyclicTurns,
    DataProblem,
    FunctionSymmetry,
    Harmonic,
    JointTurns,
    Problem,
    Quadratic,
    Rotations,
    Screw,
    SignFlips,
    SmallTurns,
    Symmetry,
    UniformBox,
    UniformSphere,
    sphere_problem,
    spiral_problem,
)
from toymanifold.checks import SYMMETRY_CHECKS, check_symmetry

DISC = Problem(Ball(dimension=2), UniformBox(dimension=2))
HALF = Problem(Harmonic(), UniformSphere(dimension=2))
SLOPE = Problem(Harmonic("regression"), UniformSphere(dimension=2))


def verdicts(symmetry, problem=DISC, **options):
    return {result.check: result for result in check_symmetry(symmetry, problem, on_fail=None, **options)}


def named(status, found):
    return {check for check, result in found.items() if result.status == status}


def turned(X, angles):
    (x, y), cos, sin = X.T, np.cos(angles), np.sin(angles)
    return np.column_stack([cos * x - sin * y, sin * x + cos * y]).astype(X.dtype)


def spoilt(base, **members):
    """Return a symmetry with some members of its own."""
    return type("Spoilt", (type(base),), members)(**vars(base))


def turns(X, g):
    return turned(X, np.pi / 2 * g)


def all_turns(X, t):
    return turned(X, 2 * np.pi * t[:, 0])


def small_turns(X, t):
    return turned(X, np.pi / 36 * (2 * t[:, 0] - 1))


def in_place(self, X, elements):
    X *= (1 - 2 * elements[:, None]).astype(X.dtype)
    return X


def unless_in_a_batch_of_97(self, X, elements):
    return X if len(X) == 97 else Antipodal.act(self, X, elements)


def with_global_draws(self, n_elements, rng):
    return np.random.random((n_elements, 1))  # noqa: NPY002


def stretched(X, g):
    return np.column_stack([2 * X[:, 1], X[:, 0] / 2]) if g else X


BROKEN = [
    ("shapes", FunctionSymmetry(turns, order=5, min_features=3), DISC),
    ("shapes", spoilt(Antipodal(), act=lambda self, X, g: X * (1.0 - 2 * g[:, None])), DISC),
    ("shapes", spoilt(Antipodal(), act=lambda self, X, g: X[:, :1]), DISC),
    ("read_only", spoilt(Antipodal(), act=in_place), DISC),
    ("same_seed", spoilt(FunctionSymmetry(all_turns), draw=with_global_draws), DISC),
    ("rows", spoilt(Antipodal(), act=unless_in_a_batch_of_97), DISC),
    ("identity", spoilt(CyclicTurns(4), act=lambda self, X, g: CyclicTurns.act(self, X, g + 1)), DISC),
    ("distinct", FunctionSymmetry(turns, order=8), DISC),
    ("group", FunctionSymmetry(turns, order=3), DISC),
    ("group", FunctionSymmetry(small_turns), DISC),
    ("group", SmallTurns(), DISC),
    ("group", FunctionSymmetry(lambda X, t: all_turns(X, t)[:, ::-1]), DISC),
    ("isometry", FunctionSymmetry(stretched, order=2, is_isometric=True), None),
    ("isometry", FunctionSymmetry(lambda X, g: 1 - X if g else X, order=2, is_isometric=True), None),
    ("invariants", FunctionSymmetry(turns, order=4, invariants=lambda X: X), DISC),
    ("invariants", FunctionSymmetry(turns, order=4, invariants=lambda X: (X**2).sum(axis=1)), DISC),
    ("labels", Antipodal(), HALF),
    ("labels", CyclicTurns(3), SLOPE),
]


@pytest.mark.parametrize(
    ("check", "symmetry", "problem"), BROKEN, ids=[f"{i}-{row[0]}" for i, row in enumerate(BROKEN)]
)
def test_a_broken_symmetry_fails_its_check_and_no_other(check, symmetry, problem):
    assert named("failed", verdicts(symmetry, problem)) == {check}


def test_every_check_has_a_symmetry_that_fails_it():
    assert {check for check, *_ in BROKEN} == set(SYMMETRY_CHECKS)


class Mirror(Symmetry):
    """A symmetry of one's own with the fewest methods."""

    size = 2

    def act(self, X, elements):
        return np.where(elements[:, None] == 1, X[:, ::-1], X)


OWN = {
    "antipodal": (Antipodal(), Problem(Quadratic(), UniformSphere(dimension=2)), set()),
    "one flip": (SignFlips(1), DISC, set()),
    "many flips": (SignFlips(12), None, {"distinct", "group", "labels"}),
    "turns": (CyclicTurns(3), DISC, set()),
    "shifts": (CyclicShifts(5), None, {"labels"}),
    "rotations": (Rotations(2), DISC, {"identity", "distinct"}),
    "turns of two planes": (CyclicTurns(5, 4), None, {"invariants", "labels"}),
    "joint turns": (JointTurns(4), None, {"identity", "distinct", "labels"}),
    "rotations of three": (Rotations(3), None, {"identity", "distinct", "labels"}),
    "screw": (Screw(), spiral_problem(), {"identity", "distinct", "isometry"}),
    "screw of a wide band": (
        Screw(2.5, 0.7, 1.0, 3.0),
        spiral_problem(turns=2.5, fill=0.7, tip=1.0, radius=3.0),
        {"identity", "distinct", "isometry"},
    ),
    "function": (FunctionSymmetry(turns, order=4), DISC, {"isometry", "invariants"}),
    "function of a number": (FunctionSymmetry(all_turns), DISC, {"identity", "distinct", "isometry", "invariants"}),
    "mirror": (Mirror(), DISC, {"isometry", "invariants"}),
}


TARGETS = {
    "sign-flips": SignFlips(4),
    "rotations": Rotations(4),
    "joint-turns": JointTurns(4),
    "cyclic-turns": CyclicTurns(5, 4),
    "cyclic-shifts": CyclicShifts(4),
}


@pytest.mark.parametrize("target", TARGETS)
def test_targets_by_the_name_of_a_symmetry_are_kept_by_it(target):
    problem = sphere_problem(dimension=6, target=target, n_coordinates=4, degree=5, task="regression")
    check_symmetry(TARGETS[target], problem)
    with pytest.raises(AssertionError, match="labels"):
        check_symmetry(FunctionSymmetry(lambda X, g: X[:, ::-1] if g else X, order=2), problem)


@pytest.mark.parametrize("name", OWN)
def test_own_symmetries_pass_all_that_applies(name):
    symmetry, problem, skipped = OWN[name]
    found = verdicts(symmetry, problem)
    assert not named("failed", found)
    assert named("skipped", found) == skipped


@pytest.mark.parametrize(
    ("symmetry", "problem", "message"),
    [
        (CyclicTurns(3), HALF, r"\d+ of 1000 labels change: [01] at \[.+, .+\], and [01] at its image \[.+, .+\]"),
        (
            FunctionSymmetry(turns, order=3),
            None,
            r"the orbit of \[.+, .+\] is not that of \[.+, .+\], of which it is an",
        ),
        (FunctionSymmetry(small_turns), None, r"images of images of \[.+, .+\] are distributed otherwise"),
        (FunctionSymmetry(turns, order=8), None, r"8 elements give 4 different images of \[.+, .+\]"),
    ],
)
def test_a_failure_names_a_point_that_shows_it(symmetry, problem, message):
    with pytest.raises(AssertionError, match=message):
        check_symmetry(symmetry, problem)


def test_a_screw_of_a_wrong_pitch_moves_labels():
    assert named("failed", verdicts(replace(Screw(), radius=1.1), spiral_problem())) == {"labels"}


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ({"symmetry": Antipodal}, TypeError),
        ({"problem": DataProblem.from_data([[0.0], [1.0]] * 10, [0, 1] * 10)}, TypeError),
        ({"max_samples": 9}, ValueError),
        ({"n_features": 0}, ValueError),
        ({"on_fail": "warn"}, ValueError),
        ({"expected_failed_checks": {"label": ""}}, ValueError),
    ],
)
def test_bad_arguments_are_refused_by_name(bad, error):
    with pytest.raises(error, match=f"'{next(iter(bad))}' parameter of check_symmetry"):
        check_symmetry(**{"symmetry": Antipodal(), **bad})
