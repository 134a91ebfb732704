import io

import pytest
from rich.console import Console

from studies.cli.progress import dry_run_summary, tally, time_needed
from studies.execution.costs import Costs
from studies.execution.run import remaining
from studies.spec.cells import plan_study
from studies.spec.study import Study
from studies.store.store import Outcome, Store


@pytest.fixture
def store():
    with Store("sqlite://") as store:
        yield store


def end(store, planned, status="ok", seconds=1.0):
    store.add(Outcome(planned.cell.key, planned.cell.spec, status, seconds=seconds))


def rows(table):
    console = Console(file=io.StringIO(), width=100)
    console.print(table)
    return [line.strip().split("  ") for line in console.file.getvalue().splitlines()]


def test_the_table_contains_counts_and_times_of_cells_to_do(tiny, store):
    planned = plan_study(tiny)
    end(store, planned[0], seconds=65.0)
    end(store, planned[2], "lost")
    cells = [
        [word.strip() for word in row if word.strip()]
        for row in rows(dry_run_summary(planned, remaining(planned, store), store, Costs.from_store(planned, store)))
    ]
    assert cells == [
        ["learner", "n", "to do", "done", "failed", "time"],
        ["kNN", "20", "1", "1", "0", "1:05"],
        ["kNN", "200", "1", "0", "1", "10:50"],
        ["kNN + phase", "20", "2", "0", "0", "?"],
    ]


def test_long_learners_are_folded_and_numbers_are_not(store):
    name = "a nearest neighbour with a long and descriptive name"
    study = Study.from_dict(
        {"name": "x", "question": "?", "seeds": 1, "sizes": [1_000_000], "learners": {name: {"estimator": "knn-1"}}}
    )
    console = Console(file=io.StringIO(), width=60)
    console.print(dry_run_summary(plan_study(study), [], store, Costs()))
    first, *rest = console.file.getvalue().splitlines()[1:]
    assert first.split()[-5:] == ["1,000,000", "0", "0", "0", "0:00"]
    assert " ".join([first.split("  ")[0], *map(str.strip, rest)]) == name


def test_failed_cells_that_are_tried_again_are_to_do(tiny, store):
    planned = plan_study(tiny)
    end(store, planned[0], "error")
    todo = remaining(planned, store, retry_failed=True)
    assert "6 cells to do; their time is unknown" in time_needed(todo, Costs.from_store(planned, store), 2)
    assert tally(tiny, store) == "tiny: 10 cells, 0 measured before, 1 failed (--retry-failed tries them again)"


def test_the_time_of_mostly_unknown_learners_is_unknown(tiny, store):
    """The average of a baseline says nothing of a net."""
    planned = plan_study(tiny)
    end(store, planned[0], seconds=10.0)
    costs = Costs.from_store(planned, store)
    unknown = [p for p in planned if costs.known(p.cell) is None]
    expected = (
        f"{len(unknown)} cells to do; their time is unknown, since the learners of {len(unknown)} are not measured"
    )
    assert time_needed(unknown, costs, 2).startswith(expected)


def test_the_time_is_shared_by_the_workers_and_unknown_learners_are_counted(tiny, store):
    planned = plan_study(tiny)
    for p in planned[:2]:
        end(store, p, seconds=10.0)
    todo = remaining(planned, store)
    sentence = time_needed(todo, Costs.from_store(planned, store), 2)
    assert sentence.startswith("4 cells to do, about 1:50 on 2 workers; 2 of them have learners not measured yet")
    for p in planned[4:]:
        end(store, p)
    assert (
        time_needed(remaining(planned, store), Costs.from_store(planned, store), None)
        == "2 cells to do, about 3:20 on one worker."
    )
