import pytest

from studies.registry.problems import PROBLEMS, build_problem, wrong_params


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_problem_has_defaults(name):
    assert wrong_params(name, {}) == []
    assert build_problem(name, {}).task == ("regression" if name == "gaussian" else "classification")


def test_targets_decide_the_task():
    assert build_problem("sphere", {"target": "linear", "task": "regression"}).task == "regression"


def test_wrong_names_and_values_are_told_together_each_once():
    wrong = wrong_params("sphere", {"nois": 1, "dimension": [1, 3], "target": ["linear", "quadratic"]})
    assert [found.at for found in wrong] == [("nois",), ("dimension",)]
    assert "did you mean 'noise'?" in wrong[0].message
    assert wrong[1].value == 1


@pytest.mark.parametrize(
    ("params", "value"),
    [({"dimension": 10**9}, 10**9), ({"density": 3}, 3), ({"turns": 1e400}, float("inf")), ({"fill": [0.5, 1.5]}, 1.5)],
)
def test_a_value_that_cannot_be_is_told(params, value):
    name = "spiral"
    (found,) = wrong_params(name, params)
    assert (found.at, found.value) == (tuple(params), value)
