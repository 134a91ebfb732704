import math
import pickle
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from array_api_compat import array_namespace
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.kernel_approximation import RBFSampler
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, SplineTransformer
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import check_estimator

from estimators import (
    PRIORS,
    Invariance,
    NetClassifier,
    NetRegressor,
    PolarCoordinates,
    Prior,
    SpiralPhase,
    agop,
    make_learner,
)
from estimators.catalog import with_prior
from estimators.polar import to_polar
from estimators.priors import as_prior
from toymanifold import FunctionSymmetry, make_spiral, spiral_problem

X, Y = make_spiral(200, random_state=0)
SMALL = {"epochs": 5, "width": 8, "random_state": 0}


class Squares(Prior):
    """A prior of one's own, with `coordinates` alone."""

    def coordinates(self, X):
        return array_namespace(X).concat([X, X**2], axis=1)


class Wave(Prior):
    """A prior of one's own, with everything."""

    min_features = 3

    def __init__(self, frequency=1.0):
        self.frequency = frequency

    def coordinates(self, X):
        return array_namespace(X).sin(self.frequency * X[:, :1])

    def coordinate_names(self):
        return ["wave"]

    def check_parameters(self):
        if self.frequency <= 0:
            raise ValueError("frequency must be positive")


class Centred:
    """A transformer that is neither a `Prior` nor an estimator, and learns a mean."""

    def fit(self, X, y=None):
        self.mean = np.asarray(X).mean(axis=0)
        return self

    def coordinates(self, X):
        return (X - array_namespace(X).asarray(self.mean)) ** 2

    def transform(self, X):
        return self.coordinates(np.asarray(X))


LAYERS = [Squares(), Centred()]
STEPS = [PCA(1), RBFSampler(random_state=0), FunctionTransformer(to_polar), SplineTransformer()]


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
        ValueError,
        match="The 'prior' parameter of f must be None, a transformer, a Symmetry or one of 'none', 'polar-sincos'",
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


def test_a_prior_with_coordinates_alone_is_a_transformer():
    check_estimator(Squares())
    frame = pd.DataFrame(X, columns=["a", "b"])
    new = Squares().set_output(transform="pandas").fit_transform(frame)
    assert list(new.columns) == ["x0", "x1", "x2", "x3"]
    np.testing.assert_array_equal(new, np.hstack([X, X**2]))
    assert Squares().fit(X[:, :1]).transform(X[:, :1]).shape == (200, 2)


def test_names_parameters_and_features_of_a_prior_are_its_own():
    points = np.ones((4, 3))
    assert Wave().fit(points).get_feature_names_out().tolist() == ["wave"]
    for refuse in (Wave(frequency=-1).fit, lambda _: as_prior(Wave(frequency=-1), "f")):
        with pytest.raises(ValueError, match="frequency must be positive"):
            refuse(points)
    for learner in (Wave(), NetRegressor(prior=Wave(), epochs=1)):
        with pytest.raises(ValueError, match=r"minimum of 3|'X' parameter of Wave must be of 3 features at least"):
            learner.fit(points[:, :2], [0.0, 1.0, 2.0, 3.0])


@pytest.mark.parametrize("wrong", [lambda X: X[:, 0], lambda X: X[:, :, None], lambda X: X.T])
def test_coordinates_that_are_not_a_table_are_refused(wrong):
    prior = type("Wrong", (Prior,), {"coordinates": lambda self, X: wrong(X)})()
    for learner in (prior, NetRegressor(prior=prior, epochs=1)):
        with pytest.raises(ValueError, match=r"Wrong\.coordinates must return an array of shape"):
            learner.fit(X, X[:, 0])


@pytest.mark.parametrize("prior", LAYERS)
@pytest.mark.parametrize("name", ["knn", "kernel", "net"])
def test_any_learner_takes_a_prior_of_ones_own(name, prior):
    learner = make_learner(name, prior=prior, **(SMALL if name == "net" else {}))
    for copy in (clone(learner), pickle.loads(pickle.dumps(learner))):
        predicted = copy.fit(X, Y).predict(X)
        np.testing.assert_array_equal(predicted, clone(learner).fit(X, Y).predict(X))
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(copy)).predict(X), predicted)


@pytest.mark.parametrize("prior", LAYERS)
def test_a_prior_with_coordinates_is_a_layer_with_gradients_of_the_raw_input(prior):
    net = NetRegressor(prior=prior, activation="tanh", dtype="float64", **SMALL).fit(X, X[:, 0] * X[:, 1])
    steps = 1e-6 * np.eye(2)
    differences = np.stack([(net.predict(X + h) - net.predict(X - h)) / 2e-6 for h in steps], axis=1)
    np.testing.assert_allclose(net.gradients(X)[:, :, 0], differences, rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(agop(net.gradients(X)), differences.T @ differences / len(X), rtol=1e-4)
    new = clone(net).set_params(prior=None).fit(clone(prior, safe=False).fit(X).transform(X), X[:, 0] * X[:, 1])
    np.testing.assert_allclose(new.predict(clone(prior, safe=False).fit(X).transform(X)), net.predict(X), atol=1e-12)


@pytest.mark.parametrize("prior", STEPS, ids=lambda prior: type(prior).__name__)
@pytest.mark.parametrize("options", [{}, {"early_stopping": True}], ids=str)
def test_a_transformer_without_coordinates_is_a_step_before_a_net(prior, options):
    net = NetClassifier(prior=prior, **SMALL, **options).fit(X, Y)
    pipeline = with_prior(NetClassifier(**SMALL, **options), prior).fit(X, Y)
    assert [type(step) for _, step in pipeline.steps] == [type(prior), NetClassifier]
    np.testing.assert_array_equal(net.predict_proba(X), pipeline.predict_proba(X))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(net)).predict_proba(X), net.predict_proba(X))
    with pytest.raises(ValueError, match=r"'prior' parameter of NetClassifier.gradients must be a layer"):
        net.gradients(X)


def test_a_step_before_a_net_is_fitted_once_and_anew_with_the_net():
    net = NetClassifier(prior=PCA(1), warm_start=True, **SMALL).fit(X, Y)
    first = net._step.mean_.copy()
    net.fit(X + 1, Y)
    np.testing.assert_array_equal(net._step.mean_, first)
    net.set_params(warm_start=False).fit(X + 1, Y)
    np.testing.assert_allclose(net._step.mean_, first + 1)
    assert net.set_params(prior="polar").fit(X, Y)._step is None
    assert net.gradients(X).shape == (200, 2, 2)


@pytest.mark.parametrize("prior", [*STEPS, *LAYERS], ids=lambda prior: type(prior).__name__)
def test_every_prior_before_another_learner_is_followed_by_a_scaler(prior):
    learner = with_prior(SVC(), prior)
    assert [name for name, _ in learner.steps][1:] == ["standardscaler", "svc"]
    expected = make_pipeline(clone(prior, safe=False), *(clone(step) for _, step in learner.steps[1:]))
    np.testing.assert_array_equal(learner.fit(X, Y).predict(X), expected.fit(X, Y).predict(X))


def test_a_frame_reaches_the_step_before_a_net_as_it_is():
    frame = pd.DataFrame({"kind": ["a", "b"] * 10, "size": np.linspace(0, 1, 20)})
    encoder = make_column_transformer((OneHotEncoder(sparse_output=False), ["kind"]), remainder="passthrough")
    learner = make_learner("net", prior=encoder, epochs=60, learning_rate=0.03, random_state=0)
    assert learner.fit(frame, frame["kind"]).score(frame, frame["kind"]) == 1


def test_the_page_has_the_table_of_the_kept_numbers():
    root = Path(__file__).parents[2]
    script = runpy.run_path(str(root / "benchmarks" / "transformer_priors.py"))
    assert script["table"](pd.read_csv(script["KEPT"])) in (root / "docs" / "priors.md").read_text()


@pytest.mark.parametrize(
    ("invariants", "got"), [(lambda X: X.tolist(), "a list"), (lambda X: 1.0, "a float"), (lambda X: X[:, :0], "shape")]
)
def test_invariants_that_are_not_a_table_are_refused(invariants, got):
    swap = FunctionSymmetry(lambda X, g: X[:, ::-1] if g else X, order=2, invariants=invariants)
    for name in ("knn", "net"):
        learner = make_learner(name, prior=Invariance(swap))
        with pytest.raises((TypeError, ValueError), match=rf"Invariance\.coordinates must return an array.*Got {got}"):
            learner.fit([[0.0, 1.0], [1.0, 1.0]], [0, 1])


@pytest.mark.parametrize("invariants", [lambda X: X * np.nan, lambda X: X * 1j, lambda X: X.astype(str)])
def test_coordinates_that_are_not_finite_numbers_are_refused_by_a_net(invariants):
    swap = FunctionSymmetry(lambda X, g: X[:, ::-1] if g else X, order=2, invariants=invariants)
    with pytest.raises((TypeError, ValueError), match="The 'coordinates' parameter of Invariance must be"):
        make_learner("net", prior=Invariance(swap)).fit([[0.0, 1.0], [1.0, 1.0]], [0, 1])
