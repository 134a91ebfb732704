import io
from dataclasses import replace

import pytest
from rich.console import Console

from studies.cli.progress import Eta, format_time, watch
from studies.execution.costs import Costs
from studies.spec.cells import Cell, PlannedCell
from studies.store.store import Outcome

SMALL = Cell("spiral", {}, "knn-1", None, {}, 100, 0)


def ended(cell, seconds=1.0, status="ok"):
    return Outcome(cell.key, cell.spec, status, seconds=seconds)


def cells(*sizes, learner="a"):
    return [PlannedCell(learner, replace(SMALL, n_samples=n, estimator=learner)) for n in sizes]


def test_eta_is_the_work_left_shared_among_workers():
    todo = cells(100, 200, 700)
    eta = Eta(todo, 2, Costs())
    assert eta.seconds_left() is None
    eta.ended(todo[0], ended(todo[0].cell, seconds=2.0))
    assert eta.seconds_left() == pytest.approx(9.0)


def test_eta_uses_earlier_measurements():
    todo = cells(100)
    costs = Costs()
    costs.learn(todo[0].cell, 4.0)
    assert Eta(todo, 1, costs).seconds_left() == pytest.approx(4.0)


def test_failures_do_not_change_the_times_of_cells():
    todo = cells(100, 100)
    costs = Costs()
    costs.learn(todo[0].cell, 4.0)
    eta = Eta(todo, 1, costs)
    eta.ended(todo[0], ended(todo[0].cell, seconds=0.1, status="error"))
    assert eta.seconds_left() == pytest.approx(4.0)


def test_watch_yields_all_outcomes_and_prints_a_line_at_each_tenth():
    todo = cells(*range(1, 41))
    outcomes = [(p, ended(p.cell, status="error" if p.cell.n_samples == 3 else "ok")) for p in todo]
    console = Console(file=io.StringIO(), force_terminal=False)
    assert list(watch(outcomes, todo, Eta(todo, 2, Costs()), console)) == outcomes
    lines = console.file.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == [f"{n}/40" for n in range(4, 41, 4)]
    assert lines[-1].endswith("about 0:00 left, 1 failed")


def test_watch_draws_a_bar_on_a_terminal():
    todo = cells(*range(1, 41))
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    list(watch([(p, ended(p.cell)) for p in todo], todo, Eta(todo, 2, Costs()), console))
    assert "━" in console.file.getvalue()
    assert "40/40" in console.file.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "?"), (0.4, "0:00"), (59.6, "1:00"), (3599.0, "59:59"), (3600.0, "1:00:00")]
)
def test_times_are_formatted(seconds, text):
    assert format_time(seconds) == text
