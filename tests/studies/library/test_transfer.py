import numpy as np
import pytest

from estimators import MinimumNorm, Pretrained
from studies.analysis.claims import NotMeasured, check_claims
from studies.library.double_descent import least_squares_risk
from studies.library.transfer import errors, log_worth, transfer_risk
from studies.registry.learners import make_learner
from studies.spec.cells import plan_study
from studies.spec.study import Study
from toymanifold import gaussian_problem, spiral_problem

D, SIGMA = 40, 0.5


def risk(learner, n, cosine):
    """Return the squared errors of coefficients over 400 samples."""
    problem = gaussian_problem(dimension=D, noise=SIGMA, cosine=cosine)
    true = problem.target.frame[:, 0]
    return [np.sum((learner(seed).fit(*problem.sample(n, seed)).coef_ - true) ** 2) for seed in range(400)]


@pytest.mark.parametrize(("n", "cosine"), [(10, 0.3), (20, 0.9), (60, 0.5)])
def test_the_closed_form_is_the_error_from_a_known_source(n, cosine):
    found = risk(lambda _: MinimumNorm(np.eye(D)[0]), n, cosine)
    expected = transfer_risk(n, D, SIGMA, cosine, D + 2)  # without noise
    assert np.mean(found) == pytest.approx(expected, abs=4 * np.std(found) / np.sqrt(400))


def test_the_closed_form_is_the_error_from_a_source_of_its_own_sample():
    source = {"dimension": D, "noise": SIGMA}

    def learner(seed):
        return Once(Pretrained(MinimumNorm(), "gaussian", source_params=source, n_source=70, random_state=seed))

    found = risk(learner, 15, 0.8)
    expected = transfer_risk(15, D, SIGMA, 0.8, 70, source)
    assert np.mean(found) == pytest.approx(expected, abs=4 * np.std(found) / np.sqrt(400))


class Once:
    def __init__(self, pretrained):
        self.pretrained = pretrained

    def fit(self, X, y):
        return self.pretrained.fit(X, y).estimator_


@pytest.mark.parametrize("n", [10, 60])
def test_a_cosine_of_one_half_is_worth_nothing_and_points_enough_forget(n):
    assert transfer_risk(n, D, SIGMA, 0.5, 100) == pytest.approx(least_squares_risk(n, D, SIGMA))
    assert (transfer_risk(n, D, SIGMA, 0.9, 100) == least_squares_risk(n, D, SIGMA)) == (n > D)


WITHOUT = ("from scratch", "mirrored", "classes swapped", "random labels")


def as_in_theory(p):
    n, params = p.cell.n_samples, p.cell.params
    if p.problem != "spiral":
        source = {name: params[name] for name in ("n_source", "source_params") if name in params}
        return {"mse": float(transfer_risk(n, 400, 0.5, p.axes.get("cosine", 1.0), **source))}
    head_start = 0 if p.family in WITHOUT else 300
    return {"accuracy": 1 - (0.05 if p.family == "untouched" else 2 * (n + head_start) ** -0.55)}


def invent(invented, values, noise=1e-3):
    """Return invented results in which a seed is as lucky with every learner of a problem."""
    frame = invented("transfer", values, noise=0)
    luck = np.exp(noise * np.random.default_rng(0).standard_normal(12))[frame["seed"]]
    frame["value"] = np.where(frame["metric"] == "mse", frame["value"] * luck, 1 - (1 - frame["value"]) * luck)
    return frame


def as_dict(found):
    return {claim.says: claim.holds for claim in found}


def test_claims_hold_where_theory_does(invented):
    assert set(as_dict(check_claims("transfer", invent(invented, as_in_theory))).values()) == {True}


def test_claims_fail_where_every_source_harms(invented):
    def harmful(p):
        values = as_in_theory(p)
        if p.family in ("from scratch", "least squares"):
            return values
        return {name: 2 * value if name == "mse" else 1 - 2 * (1 - value) for name, value in values.items()}

    found = as_dict(check_claims("transfer", invent(invented, harmful)))
    assert not any(holds for says, holds in found.items() if "related" in says or "forgotten" in says)
    assert not any(holds for says, holds in found.items() if "not harm" in says or "nothing" in says)


def test_claims_of_other_sizes_are_not_measured(invented):
    frame = invent(invented, as_in_theory)
    assert check_claims("transfer", frame[frame["n_samples"] == 3000]) == []
    assert not any("same norm" in says for says in as_dict(check_claims("transfer", frame[frame["n_samples"] != 40])))


def test_a_worth_is_read_where_the_errors_are_equal(invented):
    frame = invent(invented, as_in_theory)
    scratch, own = errors(frame, "from scratch"), errors(frame, "same spiral")
    both = 300 + 300  # points, and those that the source is worth
    assert np.exp(log_worth(own, scratch, 300).mean) == pytest.approx(both / 300, rel=0.02)
    with pytest.raises(NotMeasured, match="outside"):
        log_worth(own / 100, scratch, 300)


def test_a_source_is_plain_data_and_an_axis(tmp_path):
    params = {"freeze": [0, 2], "width": 8, "source": ["none", "spiral"], "source_params": {"turns": 2}, "n_source": 30}
    learner = {"estimator": "pretrained", "prior": ["none", "polar"], "params": params}
    study = Study.from_dict({"name": "a", "question": "?", "sizes": [20], "seeds": 1, "learners": {"net": learner}})
    (tmp_path / "a.toml").write_text(study.to_toml())
    assert Study.from_toml(tmp_path / "a.toml") == study
    assert len({p.cell.key for p in plan_study(study)}) == 8


def test_a_search_of_a_pretrained_net_has_its_prior_inside():
    search = {"params": {"freeze": [0, 1]}, "cv": 2}
    params = {"source": "spiral"}
    found = make_learner("pretrained", spiral_problem(), prior="polar", params=params, search=search, seed=4).estimator
    assert (found.estimator.prior, found.random_state, found.estimator.random_state) == ("polar", 4, 4)
