import numpy as np
import pytest
from scipy.special import ndtr

from studies.analysis.claims import check_claims
from studies.library.graphs import block_model_error, convolution_error, nearest_mean_error
from toymanifold import block_model_problem

GRAPHS = {"informative": (15.0, 5.0), "useless": (10.0, 10.0), "heterophilous": (5.0, 15.0)}


@pytest.mark.parametrize("n", [30, 300])
def test_the_nearest_mean_errs_as_its_closed_form_says(n):
    """Within a point, at a threshold that has noise, too."""
    rng = np.random.default_rng(0)
    means = rng.standard_normal((2, 20_000, 20)) * np.sqrt(2 / n)
    means[:, :, 0] += [[-0.5], [0.5]]
    direction, middle = means[1] - means[0], means.mean(axis=0)
    length = np.linalg.norm(direction, axis=1)
    threshold, shift = np.einsum("ij,ij->i", direction, middle) / length, 0.5 * direction[:, 0] / length
    found = (ndtr(threshold - shift) + ndtr(-threshold - shift)) / 2
    assert found.mean() == pytest.approx(nearest_mean_error(n, dimension=20, mean=0.5), abs=0.01)


@pytest.mark.parametrize("name", GRAPHS)
def test_a_convolution_errs_as_its_closed_form_says(name):
    """Within a point: the best rule along the first axis, on the mean over a node and its neighbours."""
    inside, across = GRAPHS[name]
    problem = block_model_problem(n_nodes=20_000, dimension=1, inside=inside, across=across)
    summed = problem.X[:, 0] + problem.graph @ problem.X[:, 0]
    wrong = np.mean((summed > 0) != problem.y)
    expected = convolution_error(n_nodes=20_000, mean=0.5, inside=inside, across=across)
    assert min(wrong, 1 - wrong) == pytest.approx(expected, abs=0.01)


def test_closed_forms_have_their_known_values():
    assert nearest_mean_error(np.inf, dimension=20, mean=0.5) == pytest.approx(ndtr(-0.5))
    assert convolution_error(n_nodes=4000, mean=0.5, inside=15.0, across=5.0) == pytest.approx(0.137, abs=5e-4)
    assert convolution_error(n_nodes=4000, mean=0.5, inside=10.0, across=10.0) == pytest.approx(0.460, abs=5e-4)
    assert convolution_error(n_nodes=4000, mean=0.5, inside=0.0, across=0.0) == pytest.approx(ndtr(-0.5))


def test_reference_curves_are_of_the_learners_that_have_a_closed_form():
    assert block_model_error(1000, "sklearn.neighbors:NearestCentroid") == pytest.approx(0.315, abs=1e-3)
    assert block_model_error(10, "estimators:GraphConvClassifier", n_layers=1) == pytest.approx(0.137, abs=5e-4)
    assert np.isnan(block_model_error(10, "estimators:GraphConvClassifier"))


def as_expected(p):
    """Return errors that all claims are about."""
    plain = float(nearest_mean_error(p.cell.n_samples, dimension=20, mean=0.5))
    inside, across = GRAPHS[p.problem]
    net = {"informative": 0.1, "useless": 0.48, "heterophilous": 0.15}[p.problem]
    errors = {
        "nearest mean": plain,
        "one convolution": convolution_error(n_nodes=3000, mean=0.5, inside=inside, across=across),
        "graph net": net,
        "harmonic": 0.7 if p.problem == "heterophilous" else 0.3,
    }
    return {"accuracy": 1 - errors[p.family]}


def test_claims_hold_where_theory_does(invented):
    found = check_claims("graphs", invented("graphs", as_expected, noise=1e-4))
    assert [claim.holds for claim in found] == [True] * 7


def test_claims_fail_where_a_graph_changes_nothing(invented):
    def blind(p):
        return {"accuracy": 0.5}

    found = check_claims("graphs", invented("graphs", blind, noise=1e-3))
    assert not any(claim.holds for claim in found)


@pytest.mark.slow
def test_no_closed_form_is_refuted(measured):
    found = check_claims("graphs", measured("graphs").frame())
    assert False not in [claim.holds for claim in found[:5]]
