import pytest

from studies.results.failures import advice
from studies.store.store import Outcome


@pytest.mark.parametrize(
    ("status", "option"), [("timeout", "--time-limit"), ("memory", "--memory-limit"), ("lost", "--jobs")]
)
def test_a_limit_that_was_reached_has_the_option_that_raises_it(status, option):
    (line,) = advice([Outcome("a", "{}", "ok"), Outcome("b", "{}", status), Outcome("c", "{}", status)])
    assert option in line


def test_errors_of_learners_have_no_advice():
    assert advice([Outcome("a", "{}", "ok"), Outcome("b", "{}", "error")]) == []
