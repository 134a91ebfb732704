import functools

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy import stats

from estimators import NeighborsClassifier, NetClassifier
from studies.analysis.claims import check_claims
from studies.library.adversarial_spheres import (
    attacked,
    cap_distance,
    error_distance,
    nearest_error,
    nearest_neighbour_error,
    plot_nearest_errors,
)
from studies.registry.metrics import METRICS, Fitted
from studies.registry.test_sets import TestSets
from toymanifold import concentric_spheres_problem, spiral_problem


def uniform(n, d, seed=0):
    X = np.random.default_rng(seed).standard_normal((n, d))
    return X / np.linalg.norm(X, axis=1, keepdims=True)


@pytest.mark.parametrize(("d", "n"), [(2, 40), (10, 100), (30, 300)])
def test_the_closed_form_is_the_nearest_neighbours_error(d, n):
    problem = concentric_spheres_problem(dimension=d)
    X, y = problem.sample(4000, 0, split="test")
    errors = [np.mean(NeighborsClassifier(1).fit(*problem.sample(n, s)).predict(X) != y) for s in range(40)]
    expected = nearest_neighbour_error(n, d)
    tolerance = 4 * np.std(errors) / np.sqrt(40) + 4 * np.sqrt(expected * (1 - expected) / 4000)
    assert np.mean(errors) == pytest.approx(expected, abs=tolerance)


def test_the_nearest_neighbour_is_lost_in_high_dimension():
    assert nearest_neighbour_error(1000, 2) < 1e-6
    assert nearest_neighbour_error([100, 10_000], 1000) == pytest.approx([0.5, 0.5], abs=1e-3)


def test_the_distance_to_a_cap_is_that_of_random_points():
    d, share = 12, 0.05
    x = uniform(400_000, d)[:, 0]
    edge = np.arccos(np.quantile(x, 1 - share))
    distances = 2 * np.sin(np.maximum(np.arccos(x) - edge, 0) / 2)
    assert cap_distance(share, d) == pytest.approx(distances.mean(), rel=5e-3)


def test_the_distance_to_a_cap_has_the_papers_limit():
    share = np.array([0.001, 0.01, 0.1])
    assert cap_distance(share, 5000) == pytest.approx(-stats.norm.ppf(share) / np.sqrt(5000), rel=0.05)


class Hyperplane:
    """Says 1 below a height; its margin is the distance from there, in the first coordinate."""

    def __init__(self, height):
        self.height = height

    def predict(self, X):
        return (X[:, 0] <= self.height).astype(int)

    def gradients(self, X):
        G = np.zeros((*X.shape, 2))
        G[:, 0, 0], G[:, 0, 1] = 0.5, -0.5
        return G


def test_the_nearest_error_beyond_a_hyperplane_is_found_along_the_sphere():
    X, height = uniform(100, 6), 0.5
    found = error_distance(Hyperplane(height), X, 1.0, n_steps=400)
    angles = np.maximum(np.arccos(X[:, 0]) - np.arccos(height), 0)
    np.testing.assert_allclose(found, 2 * np.sin(angles / 2), atol=0.006)


def test_where_no_error_is_there_is_no_distance():
    assert np.isinf(error_distance(Hyperplane(2.0), uniform(5, 3), 1.0, n_steps=3)).all()


@pytest.fixture(scope="module")
def net():
    problem = concentric_spheres_problem(dimension=20)
    estimator = NetClassifier(epochs=30, random_state=0).fit(*problem.sample(300, 0))
    return Fitted(estimator, TestSets(problem), seconds=0.0, n_samples=300, seed=0)


def test_the_nearest_error_of_a_net_is_nearer_than_a_cap(net):
    found = nearest_error(net)
    inner = net.tests.density.y == 1
    assert found["share"] == np.mean(net.estimator.predict(net.tests.density.X[inner]) != 1)
    assert 0 < found["distance"] < cap_distance(found["share"], 20)
    assert found["found"] > 0.9


def test_only_nets_are_attacked(net):
    neighbour = NeighborsClassifier(1).fit(*net.problem.sample(50, 0))
    assert nearest_error(Fitted(neighbour, net.tests, seconds=0.0, n_samples=50, seed=0)) == {}
    assert METRICS["nearest_error"].supports(net.problem)
    assert not METRICS["nearest_error"].supports(spiral_problem())


expected_error = functools.cache(lambda n, d: float(nearest_neighbour_error(n, d)))


def as_in_theory(p):
    d, n = p.axes["dimension"], p.cell.n_samples
    if p.learner == "kNN, k=1, prior=none":
        return {"accuracy": 1 - expected_error(n, d)}
    if p.learner == "stump, prior=polar":
        return {"accuracy": 1.0}
    nearest = {"share": 0.01, "found": 1.0, "distance": 0.9 * float(cap_distance(0.01, d))}
    return {"accuracy": 0.9} | ({f"nearest_error_{k}": v for k, v in nearest.items()} if p.family == "net" else {})


def test_claims_hold_where_theory_does(invented):
    found = check_claims("adversarial-spheres", invented("adversarial-spheres", as_in_theory, noise=0))
    assert [claim.holds for claim in found] == [True] * 4


def test_claims_fail_for_good_neighbours_and_robust_nets(invented):
    def clever(p):
        nearest = {"nearest_error_share": 0.01, "nearest_error_distance": 1.2, "nearest_error_found": 1.0}
        return {"accuracy": 0.98} | (nearest if p.family == "net" else {})

    found = check_claims("adversarial-spheres", invented("adversarial-spheres", clever, noise=1e-3))
    assert [claim.holds for claim in found] == [False] * 4


@pytest.mark.parametrize(("share", "found"), [(0.3, 1.0), (0.01, 0.5)])
def test_only_rare_errors_that_are_found_are_compared_with_a_cap(invented, share, found):
    def erring(p):
        nearest = {"share": share, "found": found, "distance": 0.1}
        return {"accuracy": 0.9} | ({f"nearest_error_{k}": v for k, v in nearest.items()} if p.family == "net" else {})

    assert attacked(invented("adversarial-spheres", erring)).empty


def test_seeds_are_means_of_the_same_nets(invented):
    """A net whose errors are rare in one seed only says nothing."""

    def lucky(p):
        rare = p.cell.n_samples == 1000 or (p.cell.n_samples == 3162 and p.cell.seed == 0)
        nearest = {"share": 0.01 if rare else 0.3, "found": 1.0, "distance": 0.1}
        return as_in_theory(p) | ({f"nearest_error_{k}": v for k, v in nearest.items()} if p.family == "net" else {})

    frame = invented("adversarial-spheres", lucky, noise=0)
    once = frame[~((frame["n_samples"] == 3162) & (frame["seed"] == 0))]
    assert check_claims("adversarial-spheres", frame)[-1] == check_claims("adversarial-spheres", once)[-1]


def test_nearest_errors_are_drawn_beside_the_bound_of_their_dimension(invented, shown):
    ax = plot_nearest_errors(shown(invented("adversarial-spheres", as_in_theory, noise=0)), Figure().subplots())
    bounds = [line for line in ax.lines if line.get_label() == "_reference"]
    points = [ax.lines[ax.lines.index(bound) - 1] for bound in bounds]
    assert len(points) == len(bounds) == 4
    for below, bound in zip(points, bounds, strict=True):
        assert below.get_ydata().max() < bound.get_ydata().max()


@pytest.mark.slow
def test_neighbours_fail_the_radius_cures_and_nets_err_nearby(measured):
    found = check_claims("adversarial-spheres", measured("adversarial-spheres").frame())
    assert [claim.holds for claim in found] == [True] * 4
