from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsClassifier

from estimators import Invariance, KernelClassifier, KernelRegressor, NeighborsRegressor, NetRegressor, Prior
from estimators.worths import PredictedWorth
from toymanifold import (
    Antipodal,
    Ball,
    Constant,
    CyclicShifts,
    CyclicTurns,
    DataProblem,
    JointTurns,
    Problem,
    Rotations,
    Screw,
    SignFlips,
    SmallTurns,
    Symmetry,
    UniformBox,
    UniformSphere,
    concentric_spheres_problem,
    gaussian_problem,
    sphere_problem,
    spiral_problem,
)

NEIGHBOUR, LEAST_SQUARES = NeighborsRegressor(1), LinearRegression(fit_intercept=False)
TURNS = sphere_problem(dimension=4, target="joint-turns", n_coordinates=4, task="regression")
FLIPS = sphere_problem(dimension=5, target="sign-flips", n_coordinates=5, task="regression")
SHIFTS = sphere_problem(dimension=10, target="cyclic-shifts", n_coordinates=10, task="regression")
CIRCLE = Problem(Constant(task="regression"), UniformSphere(dimension=2))
LINEAR = gaussian_problem(dimension=200, function="last", noise=0.5)


class ManyTurns(Symmetry):
    """A group of one's own that says that it is free."""

    size, min_features, is_isometric = 60, 4, True

    def act(self, X, elements):
        return CyclicTurns(60, 4).act(X, elements)

    def coordinates(self, X):
        return JointTurns(4).coordinates(X)

    def free_orbit(self, n_features):
        return 0, 60.0


@pytest.mark.parametrize(
    ("symmetry", "form", "problem", "learner", "low", "times", "high"),
    [
        (CyclicTurns(2, 4), "augmentation", TURNS, NEIGHBOUR, 1.7, 2, 2.3),
        (CyclicTurns(6, 4), "augmentation", TURNS, NEIGHBOUR, 5.1, 6, 6.9),
        (Antipodal(), "coordinates", TURNS, NEIGHBOUR, 1.7, 2, 2.3),
        (SignFlips(3), "coordinates", FLIPS, NEIGHBOUR, 1, 8, 9.2),  # near fixed points images are one neighbour
        (CyclicTurns(60, 4), "coordinates", TURNS, NEIGHBOUR, 1, 60, 69),  # closer than neighbours: the circle is 69.6
        (ManyTurns(), "coordinates", TURNS, NEIGHBOUR, 1, 60, 69),
        (JointTurns(4), "augmentation", TURNS, NEIGHBOUR, 1, 30, 34.5),  # 30 copies of infinitely many images
        (CyclicShifts(10), "kernel", SHIFTS, KernelRegressor(), 1, 10, 11.5),
        (CyclicShifts(10), "outputs", SHIFTS, KernelRegressor(), 1 / 1.6, 1, 1.6),
        (CyclicTurns(2, 100), "augmentation", LINEAR, LEAST_SQUARES, 0.85 * 1.999, 1.999, 1.15 * 1.999),
        (CyclicTurns(2, 100), "outputs", LINEAR, LEAST_SQUARES, 0.85 * 1.799, 1.799, 1.15 * 1.799),
    ],
)
def test_worths_of_theory(symmetry, form, problem, learner, low, times, high):
    found = Invariance(symmetry, form).predicted_worth(problem, learner, 1_000)
    np.testing.assert_allclose([found.low, found.times, found.high], [low, times, high])


@pytest.mark.parametrize("n_samples", [300, 1_000, 10_000])
def test_the_worth_of_a_circle_is_that_of_closed_forms_of_both_curves(n_samples):
    """On S^2 the error is 4 / (n + 1); on S^3 it is a sum over n whose limit is the distance of a Poisson process."""
    from studies.library.dimension import nearest_neighbour_mse

    found = Invariance(JointTurns(4)).predicted_worth(TURNS, NEIGHBOUR, n_samples)
    assert nearest_neighbour_mse(found.times * n_samples, 3) == pytest.approx(4 / (n_samples + 1), rel=0.01)


@pytest.mark.parametrize("n_samples", [250, 1_000])
def test_the_worth_to_least_squares_solves_its_closed_forms(n_samples):
    needed = (
        n_samples
        * Invariance(CyclicTurns(2, 100), "augmentation").predicted_worth(LINEAR, LEAST_SQUARES, n_samples).times
    )
    assert 200 / (needed - 200 - 1) == pytest.approx(100 / (n_samples - 100 - 1))


@pytest.mark.parametrize(
    ("symmetry", "form", "problem", "learner"),
    [
        (CyclicTurns(3), "augmentation", TURNS, NEIGHBOUR),  # moves labels
        (Rotations(2), "coordinates", FLIPS, NEIGHBOUR),  # moves labels
        (Rotations(3), "coordinates", sphere_problem(dimension=5, target="rotations", n_coordinates=3), NEIGHBOUR),
        (SmallTurns(), "augmentation", spiral_problem(), KNeighborsClassifier(1)),
        (Screw(), "augmentation", spiral_problem(), KNeighborsClassifier(1)),  # stretches
        (Antipodal(), "coordinates", spiral_problem(), KNeighborsClassifier(1)),  # moves the density
        (CyclicTurns(2, 4), "augmentation", TURNS, NeighborsRegressor(5)),
        (CyclicTurns(2, 4), "outputs", TURNS, NEIGHBOUR),
        (CyclicTurns(2, 4), "augmentation", TURNS, NetRegressor()),
        (CyclicTurns(2, 4), "coordinates", FLIPS, LinearRegression()),
        (CyclicTurns(2, 100), "augmentation", LINEAR, LinearRegression()),
        (CyclicTurns(2, 100), "augmentation", LINEAR, LinearRegression(fit_intercept=False, positive=True)),
        (CyclicShifts(10), "kernel", replace(SHIFTS, noise=1.0), KernelRegressor()),
        (CyclicShifts(10), "outputs", replace(SHIFTS, noise=1.0), KernelRegressor()),
        (JointTurns(2), "coordinates", CIRCLE, NEIGHBOUR),
        (SignFlips(6), "coordinates", FLIPS, NEIGHBOUR),  # more coordinates than the problem has
        (Antipodal(), "coordinates", DataProblem.from_data([[0.0], [1.0]] * 10, [0, 1] * 10), NEIGHBOUR),
    ],
)
def test_without_a_theory_there_is_no_prediction(symmetry, form, problem, learner):
    assert Invariance(symmetry, form).predicted_worth(problem, learner, 1_000) is None


def test_least_squares_without_noise_or_with_too_few_points_has_none():
    half_turn = Invariance(CyclicTurns(2, 100), "augmentation")
    assert half_turn.predicted_worth(LINEAR, LEAST_SQUARES, 101) is None
    assert half_turn.predicted_worth(gaussian_problem(dimension=200, function="last"), LEAST_SQUARES, 300) is None


def test_a_ball_has_the_bound_of_a_finite_group_only():
    """The antipodal map leaves the centre where it is."""
    ball = Problem(Ball(dimension=2), UniformBox(dimension=2))
    found = Invariance(Antipodal(), "augmentation").predicted_worth(ball, KNeighborsClassifier(1), 100)
    assert found == PredictedWorth.at_most(2, found.source)


def test_coordinates_off_one_sphere_have_no_prediction():
    """Their distances are those of orbits among points of one norm only."""
    for problem in (Problem(Ball(dimension=2), UniformBox(dimension=2)), concentric_spheres_problem(dimension=6)):
        assert Invariance(Antipodal()).predicted_worth(problem, KNeighborsClassifier(1), 100) is None


def test_averaged_outputs_of_a_classifier_have_no_prediction():
    """Theory is about squared errors: averaged outputs halve the errors of a kernel classifier with few points."""
    labels = replace(SHIFTS, target=replace(SHIFTS.target, task="classification"))
    assert Invariance(CyclicShifts(10), "outputs").predicted_worth(labels, KernelClassifier(), 1_000) is None
    assert Invariance(CyclicShifts(10), "kernel").predicted_worth(labels, KernelClassifier(), 1_000).is_bound


def test_a_prior_without_a_theory_predicts_nothing():
    class Radius(Prior):
        def coordinates(self, X):
            return (X**2).sum(1)[:, None]

    assert Radius().predicted_worth(TURNS, NEIGHBOUR, 100) is None


@pytest.mark.parametrize(
    ("worth", "text"),
    [
        (PredictedWorth.near(4, ""), "4 times (tolerated: 3.4 to 4.6)"),
        (PredictedWorth.near(20_000, ""), "20,000 times (tolerated: 17,000 to 23,000)"),
        (PredictedWorth.at_most(1_024, ""), "at most 1,024 times (tolerated: 1 to 1,178)"),
        (PredictedWorth.at_most(1, ""), "at most 1 time (tolerated: 1 to 1.15)"),
        (PredictedWorth(1.0, 0.625, 1.6, ""), "1 time (tolerated: 0.625 to 1.6)"),
    ],
)
def test_text(worth, text):
    assert str(worth) == text


@pytest.mark.parametrize("times", [0, -1, np.nan, np.inf, "2", None, True])
@pytest.mark.parametrize("kind", ["near", "at_most"])
def test_a_worth_is_a_positive_number(kind, times):
    with pytest.raises((TypeError, ValueError), match=f"The 'times' parameter of PredictedWorth.{kind} must be"):
        getattr(PredictedWorth, kind)(times, "a theorem")
