"""The `make_*` functions: what they return, and how hard their data are."""

import math

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score

from toymanifold import make_concentric_spheres, make_sphere, make_spiral

MAKERS = [make_spiral, make_sphere, make_concentric_spheres]


@pytest.mark.parametrize("make", MAKERS)
def test_a_generator_returns_its_problem_and_frames_when_asked(make):
    X, y, problem = make(50, return_problem=True, random_state=0)
    np.testing.assert_array_equal(problem.label(X), y)
    frame, series = make(50, as_frame=True, random_state=0)
    assert list(frame.columns) == [f"x{i}" for i in range(X.shape[1])]
    np.testing.assert_array_equal(frame.to_numpy(), X)
    np.testing.assert_array_equal(series.to_numpy(), y)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    ("n_samples", "error"), [(0, ValueError), (-3, ValueError), (2.5, TypeError), ("9", TypeError)]
)
def test_a_bad_n_samples_is_refused_in_the_name_of_the_generator(make, n_samples, error):
    with pytest.raises(error, match=f"The 'n_samples' parameter of {make.__name__} must be an int in"):
        make(n_samples)


def test_the_linear_target_is_linear_and_others_are_not():
    fits = {}
    for target in ("linear", "quadratic", "harmonic"):
        X, y = make_sphere(2000, dimension=6, target=target, degree=3, task="regression", random_state=0)
        fits[target] = LinearRegression().fit(X, y).score(X, y)
    assert fits["linear"] == pytest.approx(1)
    assert max(fits["quadratic"], fits["harmonic"]) < 0.1


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
        for model in (RandomForestClassifier(50, random_state=0), DummyClassifier())
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
