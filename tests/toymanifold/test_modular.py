import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toymanifold import ModularOperation, ModularProblem, OneHotPairs, modular_problem
from toymanifold.strategies import seeds

MODULI = st.integers(2, 17)


def pairs(X):
    p = X.shape[1] // 2
    return X[:, :p].argmax(axis=1), X[:, p:].argmax(axis=1)


@given(modulus=MODULI, seed=seeds(), operation=st.sampled_from(["add", "subtract", "multiply"]))
def test_labels_are_the_remainders(modulus, seed, operation):
    problem = modular_problem(modulus=modulus, operation=operation)
    X, y = problem.sample(problem.n_train, seed)
    expected = {"add": lambda a, b: a + b, "subtract": lambda a, b: a - b, "multiply": lambda a, b: a * b}
    np.testing.assert_array_equal(y, expected[operation](*pairs(X)) % modulus)
    assert set(np.unique(X)) == {0.0, 1.0}
    np.testing.assert_array_equal(X.sum(axis=1), 2)


@given(modulus=MODULI, seed=seeds(), test_fraction=st.floats(0.05, 0.95))
def test_training_pairs_come_once_each_and_never_in_a_test(modulus, seed, test_fraction):
    problem = modular_problem(modulus=modulus, test_fraction=test_fraction)
    train = set(zip(*pairs(problem.sample(problem.n_train, seed)[0]), strict=True))
    test = set(zip(*pairs(problem.sample(2000, 0, split="test")[0]), strict=True))
    assert len(train) == problem.n_train < modulus**2
    assert not train & test
    assert test_fraction * modulus**2 == pytest.approx(modulus**2 - len(train), abs=1)


def test_every_cell_of_the_table_is_learnt_from_or_tested():
    problem = modular_problem(modulus=5)
    both = [problem.sample(problem.n_train, 3)[0], problem.sample(2000, 0, split="test")[0]]
    assert len(np.unique(np.concatenate(both), axis=0)) == 25


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"modulus": 1}, "modulus"),
        ({"operation": "divide"}, "operation"),
        ({"test_fraction": 0.0}, "test_fraction"),
        ({"test_fraction": 1.0}, "test_fraction"),
        ({"problem_seed": -1}, "problem_seed"),
    ],
)
def test_what_is_not_allowed_is_named(arguments, named):
    with pytest.raises(ValueError, match=f"'{named}' parameter"):
        modular_problem(**arguments)


def test_label_noise_is_rejected_rather_than_ignored():
    with pytest.raises(ValueError, match="'flip_probability' parameter of ModularProblem"):
        ModularProblem(ModularOperation(5), OneHotPairs(5), flip_probability=0.1)


def test_rows_that_are_no_pairs_have_no_density():
    pairs = OneHotPairs(3)
    X = pairs.sample(4, 0)
    X[0], X[1], X[2] = 0, 1, X[2] / 2
    assert np.isfinite(pairs.log_density(X)).tolist() == [False, False, False, True]


def test_no_more_pairs_than_there_are():
    problem = modular_problem(modulus=5)
    with pytest.raises(ValueError, match=r"'n_samples' parameter .* \[1, 19\]"):
        problem.sample(20, 0)
