import math

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from estimators import PRIORS, PolarCoordinates, SpiralPhase
from estimators.priors import as_prior
from toymanifold import make_spiral, spiral_problem


@pytest.mark.parametrize(
    ("prior", "names"),
    [
        (PolarCoordinates(), ["r", "theta1", "theta2"]),
        (PolarCoordinates("sincos"), ["r", "cos(theta1)", "cos(theta2)", "sin(theta1)", "sin(theta2)"]),
        (SpiralPhase(), ["phase"]),
    ],
)
def test_coordinates_have_names(prior, names):
    X = pd.DataFrame(np.random.default_rng(0).standard_normal((10, 3)), columns=["x", "y", "z"])
    new = clone(prior).set_output(transform="pandas").fit_transform(X)
    assert list(new.columns) == list(prior.fit(X).get_feature_names_out()) == names


@pytest.mark.parametrize("encoding", ["raw", "sincos"])
def test_polar_inverse_restores_the_points(encoding):
    X = np.random.default_rng(0).standard_normal((20, 4))
    prior = PolarCoordinates(encoding).fit(X)
    np.testing.assert_allclose(prior.inverse_transform(prior.transform(X)), X, rtol=1e-12, atol=1e-12)
    with pytest.raises(ValueError, match=r"The 'X' parameter of PolarCoordinates\.inverse_transform"):
        prior.inverse_transform(X[:, :2])


def test_in_the_phase_the_spiral_is_one_interval():
    X, y = make_spiral(5000, random_state=0)
    phase = SpiralPhase().fit_transform(X).ravel()
    np.testing.assert_array_equal(phase <= 0.5, y == 1)


def test_phase_follows_the_parameters_of_its_spiral():
    X, y = spiral_problem(turns=2.5, fill=0.3, tip=1.0, radius=3.0).sample(5000, 0)
    phase = SpiralPhase(turns=2.5, fill=0.3, tip=1.0, radius=3.0).fit_transform(X).ravel()
    np.testing.assert_array_equal(phase <= 0.3, y == 1)


def test_phase_ignores_features_beyond_the_plane():
    X = np.random.default_rng(0).uniform(-1, 1, (20, 5))
    np.testing.assert_array_equal(SpiralPhase().fit_transform(X), SpiralPhase().fit_transform(X[:, :2]))


def test_a_prior_is_a_name_an_object_or_nothing():
    assert as_prior(None, "f") is as_prior("none", "f") is None
    for name in PRIORS:
        assert as_prior(name, "f") is not PRIORS[name]
    mine = SpiralPhase(turns=2)
    assert as_prior(mine, "f").turns == 2


@pytest.mark.parametrize("bad", ["cartesian", 3, PolarCoordinates])
def test_what_is_no_prior_is_refused(bad):
    with pytest.raises(
        ValueError, match="The 'prior' parameter of f must be None, a Prior or one of 'none', 'polar-sincos'"
    ):
        as_prior(bad, "f")


def test_a_centre_moves_the_origin():
    X, center = np.random.default_rng(0).standard_normal((20, 3)), np.array([1.0, -2.0, 0.5])
    prior = PolarCoordinates(center=center).fit(X)
    np.testing.assert_allclose(prior.transform(X + center), PolarCoordinates().fit_transform(X), atol=1e-12)
    np.testing.assert_allclose(prior.inverse_transform(prior.transform(X)), X, atol=1e-12)


@pytest.mark.parametrize(
    ("params", "named"),
    [({"center": [1.0]}, "center"), ({"center": [0.0, np.nan]}, "center"), ({"learn_center": True}, "learn_center")],
)
def test_a_bad_centre_is_refused(params, named):
    with pytest.raises(ValueError, match=f"The '{named}' parameter of PolarCoordinates must be"):
        PolarCoordinates(**params).fit(np.ones((3, 2)))


@pytest.mark.parametrize("prior", [PolarCoordinates("degrees"), SpiralPhase(turns=math.nan), SpiralPhase(fill=2)])
def test_a_bad_parameter_is_refused_in_fit_and_not_before(prior):
    with pytest.raises(ValueError, match="must be"):
        prior.fit(np.ones((3, 2)))
    with pytest.raises(ValueError, match="must be"):
        as_prior(prior, "f")
