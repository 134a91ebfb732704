import numpy as np
import pytest
from matplotlib.figure import Figure

from estimators import NeighborsRegressor
from studies.analysis.claims import check_claims
from studies.library.dimension import exponents, nearest_neighbour_mse, plot_exponents
from toymanifold import sphere_problem


@pytest.mark.parametrize("m", [2, 5])
@pytest.mark.parametrize("n", [30, 500])
def test_the_closed_form_is_the_nearest_neighbours_error(m, n):
    problem = sphere_problem(dimension=m + 1, target="quadratic", task="regression", ambient_dimension=9)
    X, y = problem.sample(2000, 0, split="test")
    errors = []
    for seed in range(60):
        neighbour = NeighborsRegressor(1).fit(*problem.sample(n, seed))
        errors.append(np.mean((neighbour.predict(X) - y) ** 2))
    tolerance = 4 * np.std(errors) / np.sqrt(60) + 0.02 * np.mean(errors)  # the seeds share the test points
    assert np.mean(errors) == pytest.approx(nearest_neighbour_mse(n, m), abs=tolerance)


def test_the_closed_form_has_its_known_limits():
    assert nearest_neighbour_mse(1, 3) == pytest.approx(2)  # one point: two independent labels of variance 1
    n = np.array([1e4, 1e5])
    for m in (2, 4):
        (slope,) = np.diff(np.log(nearest_neighbour_mse(n, m))) / np.diff(np.log(n))
        assert slope == pytest.approx(-2 / m, abs=0.01)


def power_laws(p):
    """Return losses with the exponents of theory; nearest neighbours of regressions by their closed form."""
    n, m = p.cell.n_samples, p.axes["dimension"] - 1
    if p.problem.startswith("sphere,"):
        if p.family.startswith("kNN"):
            return {"mse": float(nearest_neighbour_mse(n, m))}
        return {"mse": n ** -(4 / m if p.family == "net" else 2 * (m + 1) / m)}
    share = n**-0.5 if p.problem.startswith("spiral") else n ** (-1 / m)
    worse = 1.5 if p.family == "net" and m == 49 else 1
    return {"accuracy": 1 - worse * share}


def test_exponents_are_recovered(invented):
    frame = invented("dimension", power_laws, noise=0)
    assert exponents(frame, "sphere, dimension=9", "net", "mse").mean() == pytest.approx(0.5)
    assert exponents(frame, "sign on a sphere, dimension=5", "kNN, k=1", "error").mean() == pytest.approx(0.25)


def test_claims_hold_where_theory_does(invented):
    found = check_claims("dimension", invented("dimension", power_laws, noise=1e-4))
    assert [claim.holds for claim in found] == [True] * len(found)


def test_claims_fail_where_the_ambient_dimension_counts(invented):
    def cursed(p):
        loss = p.cell.n_samples ** (-2 / 50)
        return {"mse": loss} if p.problem.startswith("sphere,") else {"accuracy": 1 - loss}

    found = check_claims("dimension", invented("dimension", cursed, noise=1e-3))
    assert {claim.holds for claim in found} <= {False, None}


def test_a_run_that_was_cut_short_makes_claims_of_what_it_has(invented):
    frame = invented("dimension", power_laws, noise=1e-3)
    spiral = (frame["problem"] == "spiral, dimension=50") & (frame["learner"] == "net")
    cut = frame[~(spiral & (frame["n_samples"] > 1000))]
    assert "at n = 100, 316, 1,000" in check_claims("dimension", cut)[-1].measured
    assert len(check_claims("dimension", frame[~spiral])) == len(check_claims("dimension", frame)) - 1


def test_exponents_are_named_beside_theory(invented, shown):
    ax = plot_exponents(shown(invented("dimension", power_laws)), Figure().subplots())
    assert [text.get_text() for text in ax.texts] == ["kNN, k=1", "kernel", "net", "RFM"]
    assert [line.get_label() for line in ax.lines].count("_reference") == 3
    assert ax.get_xscale() == ax.get_yscale() == "log"


@pytest.mark.slow
def test_nearest_neighbours_and_kernels_are_as_fast_as_theory_says(measured):
    found = check_claims("dimension", measured("dimension").frame())
    assert [claim.holds for claim in found[:4]] == [True] * 4
