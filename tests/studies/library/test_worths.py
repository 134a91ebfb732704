import math

from estimators.priors import KNOWLEDGE, PRIORS
from studies.library.worths import as_csv, kept_worths


def test_kept_worths_are_read_as_they_are_written(tmp_path):
    worths = kept_worths()
    assert as_csv(reversed(worths)).count("\n") == len(worths) + 1
    assert {worth.prior for worth in worths} == {*PRIORS}
    assert all(math.isnan(worth.predicted) == (worth.theory is None) for worth in worths)


def test_every_named_prior_is_described():
    assert [*KNOWLEDGE] == [*PRIORS]


def test_no_prediction_of_theory_is_refuted():
    """Those of which it is not decided are the bound of a kernel that is worth nearly as much."""
    verdicts = [worth.texts["verdict"] for worth in kept_worths() if worth.theory]
    assert len(verdicts) > 10
    assert "not supported" not in verdicts
