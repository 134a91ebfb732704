import pytest

from studies.results.failures import advice, missing_seeds
from studies.spec.cells import plan_study
from studies.store.store import Outcome


@pytest.mark.parametrize(
    ("status", "option"), [("timeout", "--time-limit"), ("memory", "--memory-limit"), ("lost", "--jobs")]
)
def test_a_limit_that_was_reached_has_the_option_that_raises_it(status, option):
    (line,) = advice([Outcome("a", "{}", "ok"), Outcome("b", "{}", status), Outcome("c", "{}", status)])
    assert option in line


def test_errors_of_learners_have_no_advice():
    assert advice([Outcome("a", "{}", "ok"), Outcome("b", "{}", "error")]) == []


@pytest.mark.parametrize(
    ("lost", "lines"),
    [
        (lambda p: False, []),
        (
            lambda p: p.learner == "kNN" and p.cell.n_samples == 10_000 and p.cell.seed in (3, 7),
            ["kNN at n = 10,000: seeds 3 and 7 of 10 are missing"],
        ),
        (lambda p: p.cell.seed > 2, ["all learners: seeds 3 to 9 of 10 are missing"]),
        (
            lambda p: p.cell.seed == 9 or (p.learner == "net" and p.cell.n_samples < 1000 and p.cell.seed == 0),
            ["all learners: seed 9 of 10 is missing", "net at n = 100 and 316: seed 0 of 10 is missing"],
        ),
        (lambda p: p.learner == "net" and p.cell.n_samples == 100, ["net at n = 100: seeds 0 to 9 of 10 are missing"]),
    ],
)
def test_missing_seeds_are_named(worth, lost, lines):
    planned = plan_study(worth.with_seeds(10))
    assert missing_seeds(planned, {p for p in planned if not lost(p)}) == lines


def test_many_missing_seeds_are_counted(worth):
    planned = plan_study(worth.with_seeds(10))
    measured = {p for p in planned if p.cell.seed != len(p.learner + str(p.cell.n_samples))}
    assert missing_seeds(planned, measured)[5] == "and 2 more of other learners or sizes"
