import numpy as np
import pandas as pd
import pytest

from estimators import Augmented, NeighborsRegressor
from studies import built_in
from studies.analysis.claims import check_claims
from studies.analysis.findings import find
from studies.library.dimension import nearest_neighbour_mse
from studies.library.double_descent import least_squares_risk
from studies.library.symmetry import exponents, neighbour_with_turns, worth
from toymanifold import CyclicTurns, JointTurns, sphere_problem

TURNS = {"kNN": 1, "kNN + 2 turns": 2, "kNN + 3 turns": 3, "kNN + 4 turns": 4, "kNN + 6 turns": 6}
FLIPS = {"kNN": 0, "kNN + 1 flip": 1, "kNN + 2 flips": 2, "kNN + 3 flips": 3, "kNN + 5 flips": 5}
RULES = {
    "rotations": {
        "kNN": lambda n: n**-0.5,
        "kNN + SO(2)": lambda n: n ** (-2 / 3),
        "kNN + SO(3)": lambda n: n**-1.0,
        "net": lambda n: n**-1.0,
        "net + SO(3), copies": lambda n: n**-1.0 / 10,
        "net + SO(3)": lambda n: n**-1.0 / 100,
    },
    "shifts": {
        "kernel": lambda n: n**-2.0,
        "kernel + shifts": lambda n: (8 * n) ** -2.0,
        "kernel + shifts, outputs": lambda n: (1.2 * n) ** -2.0,
    },
    "linear": {
        "least squares": lambda n: least_squares_risk(n, 600, 0.5),
        "least squares + half turn": lambda n: least_squares_risk(n, 300, 0.5),
        "least squares + half turn, outputs": lambda n: least_squares_risk(n, 600, 0.5) / 2,
    },
    "spiral": {
        "kNN": lambda n: n**-0.5,
        "kNN + 30 screws": lambda n: (8 * n) ** -0.5,
        "kNN + phase": lambda n: n**-1.0,
        "kNN + wrong screws": lambda n: 0.1,
        "kNN + turns by 5°": lambda n: 0.8 * n**-0.5,
        "kNN + rotations": lambda n: 0.4,
    },
}


def theory(p):
    """Return losses as theory, or our expectation, has them."""
    n, learner = p.cell.n_samples, p.learner
    if p.problem == "spiral":
        return {"accuracy": 1 - RULES["spiral"][learner](n)}
    if p.problem == "flips":
        k = FLIPS[learner.removesuffix(", copies")]
        return {"mse": (2**k * (1 - 0.4 * n**-0.25 * (k > 0)) * n) ** -0.5}
    if p.problem in RULES:
        return {"mse": float(RULES[p.problem][learner](n))}
    if learner == "kNN + all turns":
        return {"mse": 4 / (n + 1)}
    is_wrong = learner not in TURNS or (p.problem, learner) == ("thirds", "kNN + 6 turns")
    return {"mse": 1.5 if is_wrong else float(nearest_neighbour_mse(TURNS[learner] * n, 3))}


def plain(p):
    """Return losses as if no learner knew anything."""
    learner = p.learner.partition(" +")[0]
    n = p.cell.n_samples
    rules = RULES.get(p.problem, {"kNN": lambda n: n**-0.5})
    return {"accuracy": 1 - rules[learner](n)} if p.problem == "spiral" else {"mse": float(rules[learner](n))}


def test_claims_hold_where_theory_does(invented):
    found = check_claims("symmetry", invented("symmetry", theory, noise=0))
    assert {claim.says: claim.holds for claim in found} == {claim.says: True for claim in found}
    assert len(found) == 18


def test_a_symmetry_that_is_worth_nothing_supports_no_claim_that_it_is(invented):
    found = check_claims("symmetry", invented("symmetry", plain, noise=0))
    supported = [claim.says for claim in found if claim.holds]
    assert [says.partition(",")[0] for says in supported] == [
        "It leaves the exponent of the curve as it is.",
        "The nearest neighbour among all images of the points is that of the quotient",
        "Averaged outputs of a kernel machine that knows no symmetry are worth little.",
    ]
    assert None not in {claim.holds for claim in found}


def test_a_run_that_was_cut_short_makes_claims_of_what_it_has(invented):
    frame = invented("symmetry", theory, noise=0)
    few = check_claims("symmetry", frame[frame["n_samples"] < 1000])
    without = check_claims("symmetry", frame[frame["problem"] != "spiral"])
    assert 0 < len(few) < 18
    assert len(without) == 13


def test_worth_is_read_on_the_curve_of_each_seed():
    rows = [
        ("on", learner, n, seed, "mse", 3 * (1 + seed) * (head_start * n) ** -0.7)
        for learner, head_start in (("kNN", 1), ("informed", 5))
        for n in (100, 1000, 10_000)
        for seed in (0, 1)
    ]
    frame = pd.DataFrame(rows, columns=["problem", "learner", "n_samples", "seed", "metric", "value"])
    found = worth(frame, "on", "informed")
    np.testing.assert_allclose(found, 5)
    assert list(found) == [100, 1000]  # 50,000 is beyond the plain curve
    np.testing.assert_allclose(exponents(frame, "on", "informed", [100, 10_000]), 0.7)


@pytest.mark.parametrize("order", [1, 2, 6, None])
def test_the_closed_form_is_the_nearest_neighbours_error_with_turns(order):
    """Without, with some and with all turns of both planes."""
    problem = sphere_problem(dimension=4, target="joint-turns", n_coordinates=4, task="regression")
    given = {"target": "joint-turns", "n_coordinates": 4, "estimator": "knn-1"}
    if order is None:
        turns, prior = JointTurns(4), {"prior": "joint-turns", "prior__n_coordinates": 4}
    else:
        turns = CyclicTurns(max(order, 2), 4)
        prior = {"prior": "cyclic-turns", "prior__order": order, "prior__n_coordinates": 4} if order > 1 else {}
    X, y = problem.sample(2000, 0, split="test")
    errors = []
    for seed in range(30):
        points, values = problem.sample(500, seed)
        if order is None:
            neighbour = NeighborsRegressor(1).fit(turns.coordinates(points), values)
            errors.append(np.mean((neighbour.predict(turns.coordinates(X)) - y) ** 2))
        else:
            neighbour = Augmented(NeighborsRegressor(1), turns, copies=order).fit(points, values)
            errors.append(np.mean((neighbour.predict(X) - y) ** 2))
    assert np.mean(errors) == pytest.approx(neighbour_with_turns(500, **given, **prior), rel=0.08)


def test_there_is_no_closed_form_for_another_learner_or_problem():
    given = {"target": "joint-turns", "n_coordinates": 4, "estimator": "knn-1"}
    assert np.isfinite(neighbour_with_turns(500, **given))
    for other in ({"estimator": "net"}, {"target": "rotations"}, {"prior": "cyclic-turns", "prior__order": 3}):
        assert np.isnan(neighbour_with_turns(500, **{**given, **other}))


def test_priors_of_one_name_are_named_by_their_learners(invented):
    frame = invented("symmetry", lambda p: {"mse": p.cell.n_samples**-0.5 * (0.5 if p.cell.prior else 1)})
    worths = {worth.informed: worth for found in find(built_in()["symmetry"], frame) for worth in found.worths}
    assert worths["kNN + 2 turns"].answer.startswith("kNN + 2 turns was worth")
    assert worths["kNN + all turns"].answer.startswith("the joint-turns prior was worth")
    assert worths["kNN + 2 turns"].capitalised("kNN") == "kNN"
    assert worths["kNN + all turns"].capitalised("the prior") == "The prior"
