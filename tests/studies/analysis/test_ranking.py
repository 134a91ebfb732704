import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studies.analysis.comparisons import _groups, rank_learners

# Areas under the ROC curve in Table 6 of Demsar 2006: C4.5 with neither, either or both of two parameters tuned. The
# ranks there say that a tie of .975 in the last row but one is of rounding.
DEMSAR = """
    .763 .768 .771 .798  .599 .591 .590 .569  .954 .971 .968 .967  .628 .661 .654 .657  .882 .888 .886 .898
    .936 .931 .916 .931  .661 .668 .609 .685  .583 .583 .563 .625  .775 .838 .866 .875  1 1 1 1
    .940 .962 .965 .962  .619 .666 .614 .669  .972 .981 .97501 .975  .957 .978 .946 .970
"""


@pytest.fixture
def demsar():
    accuracy = np.array(DEMSAR.split(), dtype=float).reshape(14, 4)
    return pd.DataFrame(1 - accuracy, columns=["C4.5", "+m", "+cf", "+m+cf"])


def test_ranks_and_critical_difference_are_those_of_demsar(demsar):
    ranking = rank_learners(demsar)
    assert ranking.ranks.round(3).to_dict() == {"+m+cf": 1.964, "+m": 2.0, "+cf": 2.893, "C4.5": 3.143}
    assert ranking.critical_difference == pytest.approx(1.25, abs=0.005)
    assert ranking.p < 0.05
    assert ranking.groups == (("+m+cf", "+m", "+cf", "C4.5"),)


@pytest.mark.parametrize(("n_learners", "q"), [(3, 2.343), (4, 2.569), (5, 2.728), (10, 3.164)])
def test_critical_values_are_those_in_demsars_table(n_learners, q):
    errors = pd.DataFrame(np.random.default_rng(0).random((6, n_learners)))
    critical = rank_learners(errors).critical_difference
    assert critical == pytest.approx(q * np.sqrt(n_learners * (n_learners + 1) / 36), abs=2e-3)


def test_order_of_problems_and_scale_of_errors_do_not_count(demsar):
    other = rank_learners(demsar.iloc[::-1] ** 2)
    pd.testing.assert_series_equal(other.ranks, rank_learners(demsar).ranks)


@given(st.lists(st.floats(1, 6), min_size=3, max_size=7), st.floats(0.1, 3))
@settings(max_examples=settings().max_examples // 2, deadline=None)
def test_groups_are_the_largest_within_one_critical_difference(ranks, critical):
    ranks = pd.Series(sorted(ranks), index=[f"l{i}" for i in range(len(ranks))])
    runs = [set(ranks.index[i:j]) for i in range(len(ranks)) for j in range(i + 2, len(ranks) + 1)]
    within = [run for run in runs if ranks[list(run)].max() <= ranks[list(run)].min() + critical]
    largest = [run for run in within if not any(run < other for other in within)]
    assert [set(group) for group in _groups(ranks, critical)] == largest


def test_learners_that_never_differ_are_alike():
    ranking = rank_learners(pd.DataFrame(np.full((4, 3), 0.1)))
    assert ranking.p == 1
    assert len(ranking.groups[0]) == 3


@pytest.mark.parametrize("errors", [np.ones((1, 3)), np.ones((4, 2)), np.full((4, 3), np.nan)])
def test_too_little_is_refused(errors):
    with pytest.raises(ValueError, match="2 or more problems"):
        rank_learners(pd.DataFrame(errors))
