import heapq
import io
import threading
from collections import deque
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from studies.cli.progress import Eta, format_time, watch
from studies.execution.costs import Costs
from studies.execution.run import remaining
from studies.spec.cells import Cell, PlannedCell, plan_study
from studies.spec.study import Study
from studies.store.store import Outcome, Store

RECORDED = Path(__file__).parents[1] / "data" / "recorded"

SMALL = Cell("spiral", {}, "knn-1", None, {}, 100, 0)


def ended(cell, seconds=1.0, status="ok"):
    return Outcome(cell.key, cell.spec, status, seconds=seconds)


def cells(*sizes, learner="a"):
    return [PlannedCell(learner, replace(SMALL, n_samples=n, estimator=learner)) for n in sizes]


def test_eta_is_the_work_left_shared_among_workers():
    todo, now = cells(100, 200, 300, 400), 0.0
    eta = Eta(todo, 2, Costs(), clock=lambda: now)
    assert eta.seconds_left() is None
    eta.ended(todo[0], ended(todo[0].cell, seconds=2.0))
    assert eta.seconds_left() == pytest.approx(9.0)
    now = 1.5  # of both running cells
    assert eta.seconds_left() == pytest.approx(7.5)


def test_early_there_is_no_estimate_from_one_size_for_others_far_away():
    """A cell with 10 points takes its fixed costs: a hundred thousand times that is an estimate of an hour."""
    todo = [*cells(*[10] * 10), *cells(100_000)]
    eta = Eta(todo, 2, Costs(), clock=lambda: 0.0)
    eta.ended(todo[0], ended(todo[0].cell))
    assert eta.seconds_left() is None
    eta.ended(todo[-1], ended(todo[-1].cell, seconds=2.0))
    assert eta.seconds_left() == pytest.approx(4.5)


def test_eta_is_not_less_than_the_longest_running_cell():
    todo = cells(100, 200, 700)
    eta = Eta(todo, 2, Costs(), clock=lambda: 0.0)
    eta.ended(todo[0], ended(todo[0].cell, seconds=2.0))
    assert eta.seconds_left() == pytest.approx(14.0)


def test_eta_uses_earlier_measurements():
    todo = cells(100)
    costs = Costs()
    costs.learn(todo[0].cell, 4.0)
    assert Eta(todo, 1, costs, clock=lambda: 0.0).seconds_left() == pytest.approx(4.0)


def test_failures_do_not_change_the_times_of_cells():
    todo = cells(100, 100)
    costs = Costs()
    costs.learn(todo[0].cell, 4.0)
    eta = Eta(todo, 1, costs, clock=lambda: 0.0)
    eta.ended(todo[0], ended(todo[0].cell, seconds=0.1, status="error"))
    assert eta.seconds_left() == pytest.approx(4.0)


def recorded_run(name):
    """Return the plan of a study with --quick, as it was recorded, and the recorded seconds of its cells by key."""
    planned = plan_study(Study.from_toml(RECORDED / f"{name}.toml").reduced())
    rows = pd.read_csv(RECORDED / f"{name}-quick.csv").set_index(["learner", "n_samples", "seed"])["seconds"]
    return planned, {p.cell.key: rows[p.learner, p.cell.n_samples, p.cell.seed] for p in planned}


def replayed(planned, seconds, n_workers):
    """Replay a run on an empty store, and return its duration, and the times of cells' ends with the estimates then."""
    with Store("sqlite://") as store:
        todo = remaining(planned, store)
    now, running, waiting, estimates = 0.0, [], deque(enumerate(todo)), []
    eta = Eta(todo, n_workers, Costs(), clock=lambda: now)
    while waiting or running:
        while waiting and len(running) < n_workers:
            place, started = waiting.popleft()
            heapq.heappush(running, (now + seconds[started.cell.key], place, started))
        now, _, planned_cell = heapq.heappop(running)
        eta.ended(planned_cell, ended(planned_cell.cell, seconds[planned_cell.cell.key]))
        estimates.append((now, eta.seconds_left()))
    return now, estimates


@pytest.mark.parametrize("n_workers", [1, 2, 4])
def test_from_a_fifth_of_a_recorded_run_on_the_estimate_is_right_within_a_factor_of_one_and_a_half(n_workers):
    duration, estimates = replayed(*recorded_run("prior-vs-data"), n_workers)
    ratios = [left / (duration - now) for now, left in estimates if duration / 5 <= now < duration]
    assert len(ratios) > 20
    assert min(ratios) > 1 / 1.5
    assert max(ratios) < 1.5


def test_watch_prints_lines_while_no_cell_ends(monkeypatch):
    monkeypatch.setattr("studies.cli.progress._LINE_SECONDS", 0.01)
    todo, printed = cells(100, 200), threading.Event()

    class Output(io.StringIO):
        def write(self, text):
            if text.startswith("0/2 cells"):
                printed.set()
            return super().write(text)

    def outcomes():
        assert printed.wait(60)
        yield from ((p, ended(p.cell)) for p in todo)

    console = Console(file=Output(), force_terminal=False)
    assert len(list(watch(outcomes(), todo, Eta(todo, 1, Costs()), console))) == 2


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
