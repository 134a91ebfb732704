import pytest

from studies.registry.problems import PROBLEMS, build_problem, problem_issues


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
