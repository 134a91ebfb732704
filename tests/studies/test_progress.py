import io
from dataclasses import replace

from rich.console import Console

from studies import Cell, Outcome, Planned
from studies.progress import Eta, watch

SMALL = Cell("spiral", {}, "knn-1", None, {}, 100, 0)


def ended(cell, seconds=1.0, status="ok"):
    return Outcome(cell.key, cell.spec, status, seconds=seconds)


def cells(*sizes, learner="a"):
    return [Planned(learner, replace(SMALL, n_samples=n, estimator=learner)) for n in sizes]


def test_eta_learns_seconds_a_sample():
    todo = cells(100, 200, 700)
    eta = Eta(todo, n_workers=1)
    assert eta.seconds_left() is None
    eta.ended(todo[0], ended(todo[0].cell, seconds=2.0))
    assert eta.seconds_left() == 18.0


def test_eta_takes_an_unseen_learner_to_be_like_the_others_and_shares_among_workers():
    todo = cells(100, 100) + cells(300, learner="b")
    eta = Eta(todo, n_workers=2)
    eta.ended(todo[0], ended(todo[0].cell, seconds=1.0))
    assert eta.seconds_left() == 2.0


def test_watch_passes_everything_on_and_prints_a_line_at_each_tenth():
    todo = cells(*range(1, 41))
    outcomes = [(p, ended(p.cell, status="error" if p.cell.n_samples == 3 else "ok")) for p in todo]
    console = Console(file=io.StringIO(), force_terminal=False)
    assert list(watch(outcomes, todo, 2, console)) == outcomes
    lines = console.file.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == [f"{n}/40" for n in range(4, 41, 4)]
    assert lines[-1].endswith("about 0:00 left, 1 failed")
