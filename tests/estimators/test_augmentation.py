import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from estimators import (
    PRIORS,
    Augmented,
    Invariance,
    KernelClassifier,
    KernelRegressor,
    NeighborsClassifier,
    NeighborsRegressor,
    NetRegressor,
    Symmetrized,
    make_learner,
)
from estimators.priors import FORMS, NAMED_SYMMETRIES, as_prior, invariance_builder
from toymanifold import (
    Antipodal,
    CyclicShifts,
    CyclicTurns,
    FunctionSymmetry,
    Rotations,
    Screw,
    SignFlips,
    make_spiral,
    sphere_problem,
)

PAIRS = SVC(decision_function_shape="ovo")
GROUPS = [Antipodal(), SignFlips(3), CyclicTurns(6), CyclicShifts(5)]
SEEDS = st.integers(0, 2**32 - 1)
SPHERE = sphere_problem(dimension=5, target="quadratic", task="regression")


def sample(seed, n_samples=60):
    return SPHERE.sample(n_samples, seed)


@given(st.sampled_from(GROUPS), SEEDS)
@settings(max_examples=settings().max_examples // 4)
def test_the_nearest_neighbour_among_all_images_is_that_of_the_quotient(group, seed):
    (X, y), (Z, _) = sample(seed), sample(seed ^ 1)
    distances = np.min([cdist(Z, image) for image in group.orbit(X, group.size)], axis=0)
    exact = y[distances.argmin(axis=1)]
    augmented = make_learner("knn-1", task="regression", prior=Invariance(group, "augmentation", copies=group.size))
    np.testing.assert_array_equal(augmented.fit(X, y).predict(Z), exact)


@pytest.mark.parametrize("group", [Antipodal(), SignFlips(3)], ids=str)
def test_the_nearest_neighbour_in_the_coordinates_is_that_of_the_quotient(group):
    (X, y), (Z, _) = sample(0, 2000), sample(1, 1000)
    learners = [make_learner("knn-1", task="regression", prior=Invariance(group, form)) for form in FORMS[:2]]
    one, other = (learner.fit(X, y).predict(Z) for learner in learners)
    np.testing.assert_array_equal(one, other)


@given(
    st.sampled_from(GROUPS),
    st.sampled_from(["laplace", "gaussian", "arc-cosine", "ntk"]),
    st.floats(1e-3, 10),
    st.sampled_from([Augmented, "weighted"]),
    SEEDS,
)
@settings(max_examples=settings().max_examples // 4)
def test_augmentation_by_the_whole_orbit_is_the_averaged_kernel_with_the_ridge_divided(group, kernel, ridge, how, seed):
    (X, y), (Z, _) = sample(seed), sample(seed ^ 1)
    weights = {"sample_weight": np.linspace(0.5, 2, len(X))} if how == "weighted" else {}
    augmented = Augmented(KernelRegressor(kernel, 1.5, ridge), group, group.size).fit(X, y, **weights)
    averaged = KernelRegressor(kernel, 1.5, ridge / group.size, symmetry=group).fit(X, y, **weights)
    np.testing.assert_allclose(averaged.predict(Z), augmented.predict(Z), rtol=0, atol=1e-9)
    np.testing.assert_allclose(averaged.gradients(Z), augmented.estimator_.gradients(Z), rtol=0, atol=1e-9)


def unevenness(machine, symmetry, X):
    """Return how much the predictions change along orbits."""
    return np.std([machine.predict(image) for image in symmetry.orbit(X, 8, 1)], axis=0).mean()


@pytest.mark.parametrize("solver", ["exact", "nystroem"])
@pytest.mark.parametrize("bandwidth", [1.0, "median", "marginal-likelihood"])
def test_functions_of_a_kernel_averaged_over_a_group_are_invariant(bandwidth, solver):
    (X, y), group = sample(0), SignFlips(3)
    machine = KernelRegressor(bandwidth=bandwidth, symmetry=group, solver=solver, random_state=0).fit(X, y)
    assert unevenness(machine, group, X) < 1e-9


def test_a_kernel_averaged_over_random_elements_changes_the_less_along_orbits_the_more_there_are():
    (X, y), group = sample(0), Rotations(3)
    few, many = (KernelRegressor(bandwidth=1.0, symmetry=group, copies=n, random_state=0).fit(X, y) for n in (1, 25))
    images = group.orbit(X, 8, 1)
    change_of_few, change_of_many = (
        np.std([machine.kernel_(Z, X) for Z in images], axis=0).mean() for machine in (few, many)
    )
    assert change_of_many < change_of_few / 3


def test_an_averaged_kernel_is_the_mean_over_images_of_both_points():
    X, Z, symmetry = sample(0)[0], sample(1)[0], Rotations(3)
    for group, copies in ((CyclicTurns(3), 30), (symmetry, 4)):
        machine = KernelRegressor(bandwidth=1.0, symmetry=group, copies=copies, random_state=0).fit(X, X[:, 0])
        kernel = machine.kernel_
        images = [
            [group.act(points, kernel.elements[i : i + 1]) for i in range(len(kernel.elements))] for points in (X, Z)
        ]
        expected = np.mean([[kernel.kernel(x, z) for z in images[1]] for x in images[0]], axis=(0, 1))
        np.testing.assert_allclose(kernel(X, Z), expected, atol=1e-12)
        np.testing.assert_allclose(kernel.product(X, Z, Z[:, :2]), expected @ Z[:, :2], atol=1e-12)
        np.testing.assert_allclose(np.triu(kernel.triangle(X)), np.triu(kernel(X, X)), atol=1e-12)
    with pytest.raises(ValueError, match=r"a finite group of isometries with all its elements.* Got Rotations"):
        machine.gradients(X)


def test_a_metric_that_a_group_does_not_keep_is_averaged_over_both_points():
    (X, y), group, metric = sample(0), CyclicTurns(4), np.arange(1.0, 6.0)
    machine = KernelRegressor(bandwidth=1.0, symmetry=group, metric=metric).fit(X, y)
    for image in group.orbit(X, 4):
        np.testing.assert_allclose(machine.predict(image), machine.predict(X), atol=1e-12)


def test_the_outputs_of_a_learner_are_averaged():
    (X, y), (Z, _) = sample(0), sample(1)
    group, knn = SignFlips(2), NeighborsRegressor(3).fit(X, y)
    expected = np.mean([knn.predict(image) for image in group.orbit(Z, 4)], axis=0)
    learner = make_learner("knn", n_neighbors=3, task="regression", prior=Invariance(group, "outputs"))
    np.testing.assert_allclose(learner.fit(X, y).predict(Z), expected)
    assert np.ptp([learner.predict(image) for image in group.orbit(Z, 4)], axis=0).max() < 1e-12
    labels = np.array(["low", "mid", "high"])[np.digitize(y, [-0.5, 0.5])]
    for classifier in (NeighborsClassifier(3), LinearSVC()):
        predicted = Symmetrized(classifier, group).fit(X, labels).predict(Z)
        assert set(predicted) <= set(labels)


@pytest.mark.parametrize("symmetry", [Rotations(3), SignFlips(20), Screw()], ids=str)
@pytest.mark.parametrize("wrapper", [Augmented, Symmetrized])
def test_random_images_are_those_of_the_seed(wrapper, symmetry):
    rng = np.random.default_rng(0)
    X, Z = rng.uniform(-0.6, 0.6, (2, 60, 20))
    y = X[:, 0]
    one, same, other = (
        wrapper(NeighborsRegressor(), symmetry, 4, random_state=s).fit(X, y).predict(Z) for s in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


@pytest.mark.parametrize(
    ("estimator", "n_classes"),
    [(PAIRS, 2), (BaggingClassifier(PAIRS, 3), 3), (GridSearchCV(SVC(), {"C": [1.0]}, cv=2), 3)],
)
def test_classifiers_with_an_output_for_each_class_are_averaged(estimator, n_classes):
    """Two classes have one output in any case, and probabilities have one for each class."""
    X, y = np.repeat(np.arange(3.0) - 1, 10)[:, None], np.repeat([0, 1, 2], 10) % n_classes
    identity = FunctionSymmetry(lambda X, g: X, order=1)
    found = Symmetrized(estimator, identity).fit(X, y)
    np.testing.assert_array_equal(found.predict(X), found.estimator_.predict(X))


def test_a_search_that_chooses_votes_of_pairs_is_refused():
    search = GridSearchCV(SVC(), {"decision_function_shape": ["ovo"]}, cv=2)
    with pytest.raises(
        ValueError, match=r"'estimator' parameter of Symmetrized must be .* Got .decision_function_shape='ovo'"
    ):
        Symmetrized(search, FLIP).fit(np.arange(12.0)[:, None], np.arange(12) % 3)


def test_outputs_are_averaged_under_the_symmetry_of_the_fit():
    X, y = sample(0)
    learner = Symmetrized(NeighborsRegressor(1), CyclicTurns(4, 4)).fit(X, y)
    before = learner.predict(X)
    np.testing.assert_array_equal(learner.set_params(symmetry=Antipodal()).predict(X), before)


def test_one_copy_is_the_learner_itself():
    (X, y), (Z, _) = sample(0), sample(1)
    plain = NeighborsRegressor().fit(X, y).predict(Z)
    np.testing.assert_array_equal(Augmented(NeighborsRegressor(), Rotations(2), 1).fit(X, y).predict(Z), plain)


def test_fit_parameters_of_points_are_repeated_and_others_are_not():
    X, y = sample(0)
    weight = np.linspace(0, 1, len(X))
    found = Augmented(LinearRegression(), SignFlips(1)).fit(X, y, sample_weight=weight).estimator_
    images = SignFlips(1).orbit(X, 2).reshape(-1, 5)
    expected = LinearRegression().fit(images, np.tile(y, 2), sample_weight=np.tile(weight, 2))
    np.testing.assert_allclose(found.coef_, expected.coef_)


@pytest.mark.parametrize("wrapper", [Augmented, Symmetrized])
def test_a_wrapper_is_what_its_learner_is_in_pipelines_grids_and_pickles(wrapper):
    X, y = make_spiral(120, random_state=0)
    learner = wrapper(NeighborsClassifier(), Screw(), 5, random_state=0)
    assert is_classifier(learner)
    assert is_regressor(wrapper(KNeighborsRegressor(), Screw()))
    assert not hasattr(learner, "decision_function")
    assert not hasattr(wrapper(KernelClassifier(), Screw()), "predict_proba")
    grid = GridSearchCV(learner, {"copies": [1, 5], "estimator__n_neighbors": [1, 3]}, cv=3, error_score="raise")
    grid.fit(X, y)
    pipeline = clone(make_pipeline(StandardScaler(), learner)).fit(X, y)
    for fitted in (grid, pipeline):
        again = pickle.loads(pickle.dumps(fitted))
        np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
        assert fitted.score(X, y) == (fitted.predict(X) == y).mean()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NAMED_SYMMETRIES)
def test_every_named_symmetry_is_a_prior_in_every_form(name, form):
    X, y = sample(0, 30)
    prior = invariance_builder(NAMED_SYMMETRIES[name])(form=form, copies=3)
    learner = make_learner("kernel", task="regression", prior=prior).fit(X, y)
    assert np.isfinite(learner.predict(X)).all()
    assert repr(clone(learner)) == repr(learner)


@pytest.mark.parametrize("name", NAMED_SYMMETRIES)
def test_a_symmetry_is_a_layer_of_a_net_by_name_and_by_itself(name):
    X, y = sample(0, 30)
    options = {"epochs": 2, "width": 4, "activation": "tanh", "dtype": "float64", "random_state": 0}
    one, other = (NetRegressor(prior=prior, **options).fit(X, y) for prior in (name, NAMED_SYMMETRIES[name]()))
    np.testing.assert_array_equal(one.predict(X), other.predict(X))
    h = 1e-6 * np.eye(5)
    differences = np.stack([(one.predict(X + step) - one.predict(X - step)) / 2e-6 for step in h], axis=1)
    np.testing.assert_allclose(one.gradients(X)[:, :, 0], differences, atol=1e-6)
    assert as_prior(name, "f").symmetry == PRIORS[name].symmetry


def test_coordinates_that_keep_lengths_are_not_scaled():
    steps = make_learner("svm", prior=SignFlips(2)).named_steps
    assert list(steps) == ["invariance", "svc"]
    tuned = make_learner("svm-tuned", prior=SignFlips(2)).named_steps
    assert list(tuned) == ["invariance", "standardscaler", "gridsearchcv"]


def test_a_builder_has_the_parameters_of_group_and_form():
    build = invariance_builder(CyclicTurns)
    made = build(order=4, form="outputs", copies=2)
    assert (made.symmetry, made.form, made.copies) == (CyclicTurns(4), "outputs", 2)
    with pytest.raises(TypeError, match="angle"):
        build(angle=1)


FLIP = FunctionSymmetry(lambda X, g: -X if g else X, order=2)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: make_learner("knn", prior=Invariance(Antipodal(), "kernel")),
            ValueError,
            "'form' parameter of Invariance for NeighborsClassifier",
        ),
        (
            lambda: make_learner("rfm", prior=Invariance(Antipodal(), "kernel")),
            ValueError,
            "'form' parameter of Invariance for RFMClassifier",
        ),
        (lambda: make_learner("knn", prior=Invariance(Antipodal(), "copies")), ValueError, "'form' parameter"),
        (lambda: make_learner("knn", prior=Invariance(Antipodal(), copies=0)), ValueError, "'copies' parameter"),
        (lambda: make_learner("knn", prior=Invariance("antipodal")), TypeError, "'symmetry' parameter"),
        (lambda: make_learner("knn", prior=FLIP), ValueError, "'form' parameter of Invariance must be another than"),
        (
            lambda: NetRegressor(prior=Invariance(Antipodal(), "augmentation")).fit([[0.0]], [0.0]),
            ValueError,
            "'prior' parameter of NetRegressor must be of the form 'coordinates'",
        ),
        (
            lambda: Invariance(Antipodal(), "outputs").fit([[0.0]]),
            ValueError,
            "'form' parameter of Invariance must be 'coordinates'",
        ),
        (
            lambda: Augmented(NeighborsRegressor(), "screw").fit([[0.0]], [0.0]),
            TypeError,
            "'symmetry' parameter of Augmented",
        ),
        (
            lambda: Augmented(NeighborsRegressor(), FLIP, 0).fit([[0.0]], [0.0]),
            ValueError,
            "'copies' parameter of Augmented",
        ),
        (lambda: Symmetrized(NeighborsRegressor(), Screw()).fit([[0.0]], [0.0]), ValueError, "minimum of 2"),
        (
            lambda: Symmetrized(make_pipeline(PAIRS), FLIP).fit([[0.0], [1.0], [2.0]], [0, 1, 2]),
            ValueError,
            "'estimator' parameter of Symmetrized must be .* Got \"svc__decision_function_shape='ovo'",
        ),
        (
            lambda: Symmetrized(VotingClassifier([("svm", LinearSVC())]), FLIP).fit([[0.0], [1.0]], [0, 1]),
            TypeError,
            "'estimator' parameter of Symmetrized must be a classifier with predict_proba or decision_function",
        ),
        (
            lambda: Symmetrized(NeighborsClassifier(), FLIP).fit([[0.0], [1.0]], [[0, 1], [1, 0]]),
            ValueError,
            "'y' parameter of Symmetrized must be of one output for a classifier",
        ),
        (
            lambda: KernelRegressor(symmetry="screw").fit([[0.0]], [0.0]),
            TypeError,
            "'symmetry' parameter of KernelRegressor",
        ),
        (lambda: KernelRegressor(copies=0).fit([[0.0]], [0.0]), ValueError, "'copies' parameter of KernelRegressor"),
        (
            lambda: KernelRegressor(symmetry=Screw()).fit([[0.0]], [0.0]),
            ValueError,
            "'X' parameter of KernelRegressor must be of 2 features",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_name(make, error, message):
    with pytest.raises(error, match=message):
        make()
