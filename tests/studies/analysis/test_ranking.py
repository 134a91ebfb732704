import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.analysis.intervals import holm
from studies.analysis.ranking import _groups, errors_by_problem, fewest_problems, rank_learners

# Areas under the ROC curve in Table 6 of Demsar 2006: C4.5 with neither, either or both of two parameters tuned. The
# ranks there say that a tie of .975 in the last row but one is of rounding.
DEMSAR = """
    .763 .768 .771 .798  .599 .591 .590 .569  .954 .971 .968 .967  .628 .661 .654 .657  .882 .888 .886 .898
    .936 .931 .916 .931  .661 .668 .609 .685  .583 .583 .563 .625  .775 .838 .866 .875  1 1 1 1
    .940 .962 .965 .962  .619 .666 .614 .669  .972 .981 .97501 .975  .957 .978 .946 .970
"""
PAIRS = list(itertools.combinations("abcdefg", 2))


@pytest.fixture
def demsar():
    accuracy = np.array(DEMSAR.split(), dtype=float).reshape(14, 4)
    return pd.DataFrame(1 - accuracy, columns=["C4.5", "+m", "+cf", "+m+cf"])


def test_mean_ranks_are_those_of_demsar(demsar):
    means = rank_learners(demsar).ranks["mean"]
    assert means.round(3).to_dict() == {"+m+cf": 1.964, "+m": 2.0, "+cf": 2.893, "C4.5": 3.143}


def test_pairs_are_compared_by_exact_sign_tests_corrected_by_holm(demsar):
    """Against C4.5 with neither parameter tuned, both tuned win 11 times, lose 2 and tie once."""
    tests = rank_learners(demsar).tests.set_index(["a", "b"])
    assert tests.loc[("+m+cf", "C4.5"), "won"] == pytest.approx(11.5 / 14)
    assert tests.loc[("+m+cf", "C4.5"), "p"] == pytest.approx(2 * 92 / 2**13)
    np.testing.assert_allclose(tests["p_holm"], holm(tests["p"]))


def test_order_of_problems_and_scale_of_errors_do_not_count(demsar):
    one, other = rank_learners(demsar), rank_learners(demsar.iloc[::-1] ** 2)
    pd.testing.assert_frame_equal(other.ranks, one.ranks)
    pd.testing.assert_frame_equal(other.tests, one.tests)


def test_a_test_of_two_learners_does_not_depend_on_the_others():
    errors = pd.DataFrame(np.random.default_rng(0).random((9, 3)), columns=["a", "b", "c"])
    errors["d"], errors["e"] = (errors["a"] + errors["b"]) / 2, errors["b"] - 1e-6
    pairs = [rank_learners(errors[list(names)]).tests for names in ("ab", "abcde")]
    p = [tests.set_index(tests[["a", "b"]].apply(frozenset, axis=1))["p"][frozenset("ab")] for tests in pairs]
    assert p[0] == p[1]


@given(st.integers(2, 7).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.sampled_from(PAIRS)))))
def test_groups_are_the_largest_without_a_significant_difference(drawn):
    n, differing = drawn
    learners = list("abcdefg"[:n])
    tests = pd.DataFrame(
        [(a, b, 0.01 * ((a, b) not in differing) + 0.045) for a, b in PAIRS], columns=["a", "b", "p_holm"]
    )
    tests = tests[tests["b"].isin(learners)]
    sets = [set(group) for size in range(1, n + 1) for group in itertools.combinations(learners, size)]
    alike = [group for group in sets if not any({a, b} <= group for a, b in differing)]
    largest = [group for group in alike if not any(group < other for other in alike)]
    found = _groups(tests, learners)
    assert sorted(map(sorted, found)) == sorted(map(sorted, largest))
    assert list(found) == sorted(found)


def test_learners_that_never_differ_are_alike():
    ranking = rank_learners(pd.DataFrame(np.full((4, 3), 0.1)))
    assert (ranking.tests["p"] == 1).all()
    assert len(ranking.groups) == 1
    assert (ranking.ranks["mean"] == 2).all()


def test_from_the_fewest_problems_on_two_learners_can_differ():
    for n in (3, 5):
        always = pd.DataFrame([range(n)] * fewest_problems(n))
        assert rank_learners(always).tests["p_holm"].min() < 0.05
        assert rank_learners(always[1:]).tests["p_holm"].min() >= 0.05


def test_errors_are_means_over_the_seeds_that_all_learners_have():
    rows = [
        (p, "b a"[i], 100, seed, "accuracy", 0.9 - 0.1 * seed - i / 100)
        for p in "xyz"
        for i in (0, 2)
        for seed in (0, 1)
    ]
    frame = pd.DataFrame(rows, columns=["problem", "learner", "n_samples", "seed", "metric", "value"])
    lacking = (frame["learner"] == "a") & (
        (frame["problem"] == "y") | ((frame["problem"] == "x") & (frame["seed"] == 1))
    )
    errors = errors_by_problem(frame[~lacking], 100)
    assert errors.to_dict("index") == {"x": {"b": 0.1, "a": 0.12}, "z": {"b": 0.15, "a": 0.17}}
    assert errors_by_problem(frame[~lacking], 200).empty
    with pytest.raises(ValueError, match="must be of several problems"):
        errors_by_problem(frame.drop(columns="problem"), 100)


@pytest.mark.parametrize("errors", [np.ones((1, 3)), np.ones((4, 1)), np.full((4, 3), np.nan)])
def test_too_little_is_refused(errors):
    with pytest.raises(ValueError, match="2 or more problems"):
        rank_learners(pd.DataFrame(errors))
