"""How a run is getting on: a bar on a terminal, a line at each tenth elsewhere."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from studies.plan import Planned
from studies.store import Outcome


class Eta:
    """Time left, learnt from the cells that have ended: each learner's seconds a sample.

    Cells differ a thousandfold in cost, so counting them says little. A learner that has not been seen yet is taken to
    be as fast as the others on average.

    Parameters
    ----------
    todo : iterable of Planned
        All cells of the run.
    n_workers : int
    """

    def __init__(self, todo: Iterable[Planned], n_workers: int) -> None:
        self._samples_left: dict[str, int] = defaultdict(int)
        for planned in todo:
            self._samples_left[planned.learner] += planned.cell.n_samples
        self._samples: dict[str, int] = defaultdict(int)
        self._seconds: dict[str, float] = defaultdict(float)
        self._n_workers = n_workers

    def ended(self, planned: Planned, outcome: Outcome) -> None:
        """Take note of a cell that has ended."""
        self._samples_left[planned.learner] -= planned.cell.n_samples
        self._samples[planned.learner] += planned.cell.n_samples
        self._seconds[planned.learner] += outcome.seconds

    def seconds_left(self) -> float | None:
        """Return an estimate, or None before any cell has ended."""
        if not self._samples:
            return None
        rates = {learner: self._seconds[learner] / n for learner, n in self._samples.items()}
        average = sum(rates.values()) / len(rates)
        work = sum(n * rates.get(learner, average) for learner, n in self._samples_left.items())
        return work / self._n_workers


def watch(
    outcomes: Iterable[tuple[Planned, Outcome]], todo: list[Planned], n_workers: int, console: Console
) -> Iterator[tuple[Planned, Outcome]]:
    """Pass on the outcomes of a run while showing how it is getting on.

    Parameters
    ----------
    outcomes : iterable of (Planned, Outcome)
        As `studies.runner.run` yields them.
    todo : list of Planned
        All cells of the run.
    n_workers : int
    console : rich.console.Console
    """
    eta = Eta(todo, n_workers)
    failed = ended = 0
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        bar = progress.add_task("starting workers", total=len(todo))
        for planned, outcome in outcomes:
            eta.ended(planned, outcome)
            ended += 1
            failed += outcome.status != "ok"
            line = f"about {_clock(eta.seconds_left())} left" + (f", {failed} failed" if failed else "")
            progress.update(bar, advance=1, description=line)
            if not console.is_terminal and (ended * 10 // len(todo)) > ((ended - 1) * 10 // len(todo)):
                console.print(f"{ended}/{len(todo)} cells, {line}")
            yield planned, outcome


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
