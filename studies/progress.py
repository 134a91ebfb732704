"""How a run is getting on: a bar on a terminal, a line at each tenth elsewhere."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from studies.costs import Costs
from studies.plan import Planned
from studies.store import Outcome

_RETHINK = 0.5  # seconds between estimates of the time left


class Eta:
    """Time left, from what cells like those left have taken.

    Parameters
    ----------
    todo : iterable of Planned
        All cells of the run.
    n_workers : int
    costs : Costs
        What is known beforehand; it learns from the cells that end.
    """

    def __init__(self, todo: Iterable[Planned], n_workers: int, costs: Costs) -> None:
        self._left = Counter(replace(planned.cell, seed=0) for planned in todo)
        self._n_workers = n_workers
        self._costs = costs

    def ended(self, planned: Planned, outcome: Outcome) -> None:
        """Take note of a cell that has ended."""
        self._left[replace(planned.cell, seed=0)] -= 1
        if outcome.status == "ok":
            self._costs.learn(planned.cell, outcome.seconds)

    def seconds_left(self) -> float | None:
        """Return an estimate, or None while no cell is known."""
        if not self._costs:
            return None
        return sum(count * self._costs.estimate(cell) for cell, count in self._left.items()) / self._n_workers


def watch(
    outcomes: Iterable[tuple[Planned, Outcome]], todo: list[Planned], eta: Eta, console: Console
) -> Iterator[tuple[Planned, Outcome]]:
    """Pass on the outcomes of a run while showing how it is getting on.

    Parameters
    ----------
    outcomes : iterable of (Planned, Outcome)
        As `studies.runner.run` yields them.
    todo : list of Planned
        All cells of the run.
    eta : Eta
    console : rich.console.Console
    """
    failed, shown = 0, 0.0
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        bar = progress.add_task("starting workers", total=len(todo))
        for ended, (planned, outcome) in enumerate(outcomes, 1):
            eta.ended(planned, outcome)
            failed += outcome.status != "ok"
            tenth = (ended * 10 // len(todo)) > ((ended - 1) * 10 // len(todo))
            if tenth or time.monotonic() - shown > _RETHINK:
                shown = time.monotonic()
                line = f"about {clock(eta.seconds_left())} left" + (f", {failed} failed" if failed else "")
                progress.update(bar, description=line)
                if tenth and not console.is_terminal:
                    console.print(f"{ended}/{len(todo)} cells, {line}")
            progress.advance(bar)
            yield planned, outcome


def clock(seconds: float | None) -> str:
    """Return a time as it is read off a clock, or a question mark for None."""
    if seconds is None:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
