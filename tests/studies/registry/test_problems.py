import pytest

from studies.registry.problems import (
    PROBLEMS,
    build_problem,
    builder_issues,
    canonical_problem,
    is_drawn,
    problem_issues,
)


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_problem_has_defaults(name):
    assert problem_issues(name, {}) == []
    assert build_problem(name, {}).task == ("regression" if name == "gaussian" else "classification")


def test_targets_decide_the_task():
    assert build_problem("sphere", {"target": "linear", "task": "regression"}).task == "regression"


def test_unknown_names_and_invalid_values_are_reported_together_each_once():
    issues = problem_issues("sphere", {"nois": 1, "dimension": [1, 3], "target": ["linear", "quadratic"]})
    assert [issue.at for issue in issues] == [("nois",), ("dimension",)]
    assert "did you mean 'noise'?" in issues[0].message
    assert issues[1].value == 1


@pytest.mark.parametrize(
    ("params", "value"),
    [({"dimension": 10**9}, 10**9), ({"density": 3}, 3), ({"turns": 1e400}, float("inf")), ({"fill": [0.5, 1.5]}, 1.5)],
)
def test_an_invalid_value_is_reported(params, value):
    (issue,) = problem_issues("spiral", params)
    assert (issue.at, issue.value) == (tuple(params), value)


MINE = """
import numpy as np
from toymanifold import spiral_problem

def wound(turns=2.0, problem_seed=0):
    return spiral_problem(turns=turns, problem_seed=problem_seed)

def nothing():
    return 3

def make_stripes(n_samples, width, random_state=None):
    X = np.random.default_rng(random_state).uniform(size=(n_samples, 2))
    return X, (X[:, 0] / width % 2).astype(int)
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "my_problems.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)
    return ("my_problems",)


def test_a_function_may_return_a_problem(mine):
    name = "my_problems:wound"
    assert problem_issues(name, {"turns": [1, 2]}, mine) == []
    built = build_problem(name, {"turns": 3}, mine)
    assert built.target.turns == 3
    assert is_drawn(built)
    assert canonical_problem(name, {"turns": 2.0}, mine) == {}


def test_a_generator_is_a_problem_of_one_pool(mine):
    name, params = "my_problems:make_stripes", {"width": 0.25, "pool": 400, "problem_seed": 5}
    built = build_problem(name, params, mine)
    assert (built.n_train_rows, built.n_test_rows, is_drawn(built)) == (300, 100, False)
    assert canonical_problem(name, {**params, "task": None}, mine) == params


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("my_problems:nothing", {}, "must return a Problem or DataProblem. Got int"),
        ("my_problems:make_stripes", {}, "is missing"),
        ("my_problems:make_stripes", {"width": 0.25, "n_samples": 3}, "unknown parameter 'n_samples'"),
        ("my_problems:make_stripes", {"width": 0.25, "pool": 2}, "'pool' parameter"),
        ("my_problems:make_stripes", {"width": 10.0, "pool": 100}, "two classes"),
    ],
)
def test_a_wrong_problem_of_ones_own_is_one_clear_error(mine, name, params, message):
    (issue,) = problem_issues(name, params, mine)
    assert message in issue.message
    assert "\n" not in issue.message


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("spirall", "did you mean 'spiral'"),
        ("sklearn.svm:SVC", "is an estimator, and a problem is needed"),
        ("sklearn.datasets:fetch_openml", "is not a scikit-learn estimator, a generator"),
        ("other:thing", "--allow other"),
    ],
)
def test_what_is_not_a_problem_is_refused(name, message):
    (issue,) = builder_issues(name)
    assert message in issue.message
